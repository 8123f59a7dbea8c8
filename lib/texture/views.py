"""What one calibrated view shows of a measured head, and how far each of its texels is trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from lib.artefacts import Capture, Rig, SkinMask
from lib.facemodel.model import FaceModel
from lib.geometry import project
from lib.imaging import Photo
from lib.render import Buffers, Camera, facing, sample_image, visible
from lib.texture.chart import Chart
from lib.texture.measured import CUTS, MeasuredHead
from lib.texture.observe import free_of_skin, texels_per_px
from lib.texture.options import TextureOptions
from lib.uvspace.photos import FaceCrop, crop_face, open_photo
from lib.uvspace.shown import depth_buffer, distance_to_edges, ramp, sample_skin

MARGIN_MM = (1.0, 0.7)  # the least distance to an outline and to an inner edge, where measured
MARGIN_PX = 1.5  # pixels next to an edge show both sides
TOLERANCE_MM = 0.8  # behind the nearest surface what still counts as seen
ANGLE_POWER = 1.5  # of the cosine to the view
RESOLUTION_POWER = 2.0  # of pixels per texel, up to one pixel per texel
MASK_SOFT = (0.6, 0.95)  # of the foreground mask given by the user
CLIPPED = (0.93, 0.985)  # linear; a channel that is brighter tells no colour


@dataclass(frozen=True)
class View:
    """One view of the coarse chart.

    Args:
        rgb: (n, 3) float32 linear RGB; 0 where the trust is 0.
        trust: (n,) float32 0..1: how far the pixel is known to show this texel.
        quality: (n,) float32 0..1: the same, lowered by angle, resolution and clipping.
        expected_skin: (n,) float32 0..1 skin mask there; 1 without a mask.
    """

    rgb: np.ndarray
    trust: np.ndarray
    quality: np.ndarray
    expected_skin: np.ndarray


def rig_camera(rig: Rig, view: int) -> Camera:
    """The calibrated camera of a view."""
    return Camera(rig.world_to_camera[view], float(rig.focal_px[view]), rig.centre_px[view])


def look(
    model: FaceModel,
    chart: Chart,
    head: MeasuredHead,
    texels: tuple[np.ndarray, np.ndarray, np.ndarray],
    capture: Capture,
    camera: Camera,
    skin: SkinMask | None,
    view: int,
    px_per_mm: float,
    options: TextureOptions,
) -> View:
    """Sample the working image of a view on a coarse chart, and weigh what it shows.

    Args:
        model: the head model.
        chart: coarse chart.
        head: its measured shape.
        texels: what `head` gives for all texels of the chart.
        capture: the images.
        camera: of the view.
        skin: where bare skin is; None = not known.
        view: which one.
        px_per_mm: resolution of the original that counts fully.
        options: settings.
    """
    buffers = depth_buffer(head.fine, head.fine_triangles, camera)
    n = len(chart.texel)
    points, normals, measured = texels
    image = capture.image[view]
    height, width = image.shape[:2]
    position = project(points, *camera)
    cosine = facing(points, normals, camera).astype(np.float32)
    seen = visible(points, normals, buffers, camera, TOLERANCE_MM)
    seen &= (position > -0.5).all(axis=1) & (position < (width - 0.5, height - 0.5)).all(axis=1)
    of = np.flatnonzero(seen & (cosine > np.cos(np.radians(options.grazing_deg))))
    made = [np.zeros((n, 3), np.float32), *(np.zeros(n, np.float32) for _ in range(2))]
    made.append(np.ones(n, np.float32))
    if len(of):
        position, cosine = position[of], cosine[of]
        photo = Photo(image, float("nan"), "none")
        crop = crop_face(photo, np.ones(2), position, texels_per_px(chart, of, position))
        rgb = crop.sample(position)
        distance = sample_image(
            distance_to_edges(_of_model(buffers), camera, model), buffers.to_buffer(position)
        )
        scale = float(capture.working_to_original[view].mean())
        own_px_per_mm = camera.focal_px / _depth(points[of], camera)
        trust = _trust(distance, cosine, measured[of], own_px_per_mm, options)
        trust *= free_of_skin(distance[:, 2], chart, of) * _inside_mask(capture, view, position)
        resolved = np.minimum(own_px_per_mm * scale / px_per_mm, 1) ** RESOLUTION_POWER
        unclipped = 1 - 0.95 * ramp(rgb.max(axis=1), *CLIPPED)
        quality = trust * np.maximum(cosine, 0) ** ANGLE_POWER * resolved * unclipped
        for whole, part in zip(made, (rgb, trust, quality), strict=False):
            whole[of] = part
        if skin is not None:
            made[3][of] = sample_skin(skin.probability[view], image, position)
    return View(*made)


def _depth(points: np.ndarray, camera: Camera) -> np.ndarray:
    return points @ camera.world_to_camera[2, :3] + camera.world_to_camera[2, 3]


def _of_model(buffers: Buffers) -> Buffers:
    """The same with triangles of the model instead of their parts; its weights stay the parts'."""
    whole = np.where(buffers.mask, buffers.triangle_id >> (2 * CUTS), buffers.triangle_id)
    return replace(buffers, triangle_id=whole)


def _trust(
    distance: np.ndarray,
    cosine: np.ndarray,
    measured: np.ndarray,
    px_per_mm: np.ndarray,
    options: TextureOptions,
) -> np.ndarray:
    """(k,) 0..1 by distances (k, 3) mm to edges and cosines (k,); closer to them where measured."""
    trust = ramp(cosine, *np.cos(np.radians([options.grazing_deg, options.frontal_deg])))
    wide = (options.silhouette_mm, options.occlusion_mm)
    for column, (unsure, least) in enumerate(zip(wide, MARGIN_MM, strict=True)):
        margin = unsure + (min(least, unsure) - unsure) * measured
        margin = np.maximum(margin, MARGIN_PX / px_per_mm)
        trust = trust * ramp(distance[:, column] / margin, 1, 3)
    return trust


def _inside_mask(capture: Capture, view: int, position: np.ndarray) -> np.ndarray:
    """(k,) 0..1 at points (k, 2) px of the working image: foreground as the user gave it."""
    mask = capture.mask[view]
    if not mask.size:
        return np.ones(len(position), np.float32)
    inner = cv2.erode(mask, np.ones((3, 3), np.uint8)).astype(np.float32)[..., None] / 255
    return ramp(sample_image(inner, position)[:, 0], *MASK_SOFT)


def original_crop(
    capture: Capture, view: int, position: np.ndarray, texels_per_px: float
) -> FaceCrop:
    """The part of the original photo that holds points (k, 2) px of the working image.

    Raises:
        CaptureFailure: `original_missing`.
    """
    scale = capture.working_to_original[view]
    photo = open_photo(capture, view)
    density = texels_per_px / float(scale.mean())
    return crop_face(photo, scale, position, density)
