"""The published texture of one photo: what is seen is copied over the fitted model's colour.

Colours are blended as sRGB values, eight bits each, as the published system does.
"""

from __future__ import annotations

import cv2
import numpy as np

from lib.artefacts import Capture, FaceFit
from lib.facemodel.model import FaceModel
from lib.geometry import project
from lib.geometry.aligned_crop import align_face, standard_five
from lib.imaging import srgb_to_linear
from lib.imaging.colour import linear_to_srgb8
from lib.networks.aligned import cut_aligned
from lib.render import Camera, corners_seen, fill_margins, render_buffers, sample_image
from lib.texture.chart import Chart
from lib.texture.observe import texels_in_view, texels_per_px
from lib.texture.options import TextureOptions
from lib.uvspace.photos import crop_face, open_photo
from lib.uvspace.shown import depth_buffer, posed_vertices

MEDIAN = 31 / 1024  # of the chart's side
LEAST_CLONE = 8  # px: a smaller region has no inside after the clone's own erosion


def extract_texture(
    model: FaceModel,
    chart: Chart,
    capture: Capture,
    fit: FaceFit,
    own: np.ndarray,
    options: TextureOptions,
) -> tuple[np.ndarray, np.ndarray]:
    """Linear RGB (n, 3) of all texels, and how much of each was seen (n,).

    The view that looks most straight into the face is taken, and no other.

    Args:
        model: the fitted head model.
        chart: of the model.
        capture: the photos.
        fit: shape, pose and light.
        own: (n, 3) linear colours of the fitted model under its light.
        options: settings; `extract` and `extract_upstream` choose the published variant.

    Raises:
        CaptureFailure: `original_missing`.

    Source: Wang et al. 2024 (3DDFA-V3), its texture extraction.
    """
    view = fit.frontal_view
    look = _by_vertices if options.extract_upstream else _by_texels
    rgb, seen = look(model, chart, capture, fit, view, options)
    layers = np.column_stack([linear_to_srgb8(rgb), linear_to_srgb8(np.clip(own, 0, 1))])
    picture = chart.picture(layers).astype(np.uint8)
    mask = np.rint(255 * chart.picture(seen[:, None])[..., 0]).astype(np.uint8)
    photo, modelled = picture[..., :3], picture[..., 3:]
    if not options.extract_upstream:
        photo = fill_margins(photo, mask > 0)
        modelled = fill_margins(modelled, chart.buffers.mask)
    if options.extract == "median":
        blended, weight = median_blend(photo, modelled, mask)
    else:
        centre = middle(mask.shape) if options.extract_upstream else None
        blended = poisson_clone(photo, modelled, mask, centre)
        weight = mask / np.float32(255)
    colours = srgb_to_linear(blended.reshape(-1, 3)[chart.texel])
    return colours.astype(np.float32), weight.reshape(-1)[chart.texel]


def median_blend(
    photo: np.ndarray, modelled: np.ndarray, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The variant of the paper: a mask freed of specks by a median of 31 texels of 1024.

    Args:
        photo: (h, w, 3) uint8.
        modelled: (h, w, 3) uint8.
        mask: (h, w) uint8, 255 = seen.

    Returns:
        (h, w, 3) uint8, and (h, w) float32 share of the photo.
    """
    side = max(2 * int(MEDIAN * mask.shape[0] / 2) + 1, 3)
    share = 1 - cv2.medianBlur(255 - mask, side).astype(np.float32) / 255
    mixed = modelled + share[..., None] * (photo.astype(np.float32) - modelled)
    return np.rint(mixed).astype(np.uint8), share


def poisson_clone(
    photo: np.ndarray,
    modelled: np.ndarray,
    mask: np.ndarray,
    centre: tuple[int, int] | None = None,
) -> np.ndarray:
    """The photo's gradients within the mask, continued into the model's colours at its border.

    Args:
        photo: (h, w, 3) uint8.
        modelled: (h, w, 3) uint8.
        mask: (h, w) uint8, 0 = not seen.
        centre: (x, y) to which the middle of the mask's bounding box is moved. None leaves it where
            it is; the published system gives the middle of the chart, so that a region whose box
            is not in the middle is pasted where it does not belong.

    Returns:
        (h, w, 3) uint8.
    """
    mask = np.pad(mask[1:-1, 1:-1], 1)  # a copy, as the clone changes it; it ignores the border
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if min(len(rows), len(columns)) < LEAST_CLONE:
        return modelled.copy()
    size = (int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    if centre is None:
        centre = (int(columns[0]) + size[0] // 2, int(rows[0]) + size[1] // 2)
    return cv2.seamlessClone(photo, modelled, mask, centre, cv2.NORMAL_CLONE)


def middle(size: tuple[int, int]) -> tuple[int, int]:
    """(x, y) of the middle of a chart of (h, w) texels, as published: (512, 512) of 1024."""
    return size[1] // 2, size[0] // 2


def _by_texels(
    model: FaceModel,
    chart: Chart,
    capture: Capture,
    fit: FaceFit,
    view: int,
    options: TextureOptions,
) -> tuple[np.ndarray, np.ndarray]:
    """Linear RGB (n, 3) of the original photo and 0 or 1 (n,): the texel is seen."""
    vertices = posed_vertices(model, fit, view)
    camera = Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view])
    buffers = depth_buffer(vertices, model.triangles, camera)
    of, position, cosine = texels_in_view(chart, vertices, model.triangles, buffers, camera)
    height, width = capture.image[view].shape[:2]
    inside = ((position > -0.5) & (position < np.array([width, height]) - 0.5)).all(axis=1)
    inside &= cosine > np.cos(np.radians(options.grazing_deg))
    of, position = of[inside], position[inside]
    rgb = np.zeros((len(chart.texel), 3), np.float32)
    seen = np.zeros(len(chart.texel), np.float32)
    if len(of):
        photo, scale = open_photo(capture, view), capture.working_to_original[view]
        density = texels_per_px(chart, of, position) / float(scale.mean())
        rgb[of] = crop_face(photo, scale, position, density).sample(position)
        seen[of] = 1
    return rgb, seen


def _by_vertices(
    model: FaceModel,
    chart: Chart,
    capture: Capture,
    fit: FaceFit,
    view: int,
    _: TextureOptions,
) -> tuple[np.ndarray, np.ndarray]:
    """The same as published: sampled at the vertices, on a crop of 224 px a side."""
    image = capture.image[view]
    crop = align_face(standard_five(fit.landmarks_px[view]), image.shape[:2])
    focal, centre = float(fit.focal_px[view]), fit.centre_px[view]
    camera = Camera(fit.world_to_camera[view], focal * crop.scale, crop.to_crop(centre))
    vertices = posed_vertices(model, fit, view)
    size = (crop.side, crop.side)
    buffers = render_buffers(vertices, model.triangles, *camera, size, cull_back_faces=False)
    seen = corners_seen(vertices, model.triangles, buffers, camera)
    encoded = cut_aligned(image, crop).astype(np.float32) / 255
    rgb = srgb_to_linear(np.nan_to_num(sample_image(encoded, project(vertices, *camera))))
    return chart.spread(rgb), chart.spread(seen[:, None].astype(np.float32))[:, 0]
