"""What the UV network is given of a photo: its colours on the face's chart, and a model's albedo.

Source: 3DFaceTexture, prior generation.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.albedo.face_chart import FaceChart
from lib.artefacts import FaceFit
from lib.geometry import project, vertex_normals
from lib.imaging import linear_to_srgb, srgb_to_linear
from lib.render import Camera, facing, sample_image, visible
from lib.render.encoded_light import encoded_light
from lib.uvspace.shown import depth_buffer, posed_vertices, ramp, sample_skin

GRAZING_DEG = (80.0, 65.0)  # seen at a steeper angle, a texel counts nothing; up to the second, all
LEAST = 0.2  # weight below which a texel counts as unseen
FEATURE = 0.35  # of the distance of the outer eye corners: lips, brows and eyes are no larger
HEAD = np.eye(3)  # the published light is tied to the head, too


@dataclass(frozen=True)
class Prior:
    """One view on the face's chart; row 0 is v = 1, colours are sRGB-encoded 0..1.

    Args:
        photo: (side, side, 3) float32 colours of the photo; 0 where it does not show the skin.
        seen: (side, side) float32 0..1: how far it shows it.
        coarse: (side, side, 3) float32 albedo of the fitted head model; 0 off the face.
        normal: (side, side, 3) float32 unit, model frame, with expression; 0 off the face.
        gamma: (27,) float32 the fit's light on encoded colour, without the ambient part.
    """

    photo: np.ndarray
    seen: np.ndarray
    coarse: np.ndarray
    normal: np.ndarray
    gamma: np.ndarray


def prior_of(
    chart: FaceChart,
    fit: FaceFit,
    view: int,
    image: np.ndarray,
    skin: np.ndarray | None = None,
) -> Prior:
    """What a view shows on the chart of its fitted head.

    Args:
        chart: of the fitted head model.
        fit: the fitted head.
        view: which one, fitted.
        image: (h, w, 3) uint8 sRGB working image, or what is left of it without highlights.
        skin: (h, w) uint8 where the face is seen, of `whole_face`; None = everywhere.
    """
    model = chart.model
    vertices = posed_vertices(model, fit, view)
    normals = chart.drawn(vertex_normals(vertices, model.triangles))
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    camera = Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view])
    photo, seen = _look_up(chart, vertices, normals, camera, image, skin)
    albedo = model.albedo(fit.albedo if model.n_albedo else None)
    coarse = linear_to_srgb(np.clip(chart.drawn(albedo), 0, 1)) * chart.mask[..., None]
    return Prior(
        photo=photo,
        seen=seen,
        coarse=coarse.astype(np.float32),
        normal=normals.astype(np.float32),
        gamma=encoded_light(np.nan_to_num(fit.light[view]), HEAD),
    )


def whole_face(skin: np.ndarray, interocular_px: float) -> np.ndarray:
    """(h, w) uint8 skin mask with the holes that lips, brows and eyes leave in it closed.

    Args:
        skin: (h, w) uint8 probability of bare skin.
        interocular_px: distance of the outer eye corners.
    """
    step = max(1, int(FEATURE * interocular_px) // 24)  # closed at a smaller size
    small = cv2.resize(skin, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
    size = max(3, round(FEATURE * interocular_px / step))
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    padded = cv2.copyMakeBorder(small, *(size,) * 4, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, window)[size:-size, size:-size]
    return np.maximum(skin, cv2.resize(closed, skin.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _look_up(
    chart: FaceChart,
    vertices: np.ndarray,
    normals: np.ndarray,
    camera: Camera,
    image: np.ndarray,
    skin: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Colours (side, side, 3) of the photo and how far it shows each texel."""
    mask = chart.mask
    points = chart.drawn(vertices)[mask].astype(np.float64)
    towards = normals[mask].astype(np.float64)
    place = project(points, *camera)
    height, width = image.shape[:2]
    inside = ((place > 0) & (place < np.array([width, height]) - 1)).all(axis=1)
    buffers = depth_buffer(vertices, chart.model.triangles, camera)
    weight = ramp(facing(points, towards, camera), *np.cos(np.radians(GRAZING_DEG)))
    of = np.flatnonzero(inside & (weight > 0) & visible(points, towards, buffers, camera))
    photo = np.zeros((*mask.shape, 3), np.float32)
    seen = np.zeros(mask.shape, np.float32)
    if not len(of):
        return photo, seen
    shown = weight[of]
    if skin is not None:
        shown = shown * sample_skin(skin, image, place[of])
    rows, columns = (axis[of] for axis in np.nonzero(mask))
    low = np.maximum(np.floor(place[of].min(axis=0)).astype(int) - 8, 0)
    high = np.ceil(place[of].max(axis=0)).astype(int) + 9
    part = srgb_to_linear(image[low[1] : high[1], low[0] : high[0]])
    texel_px = float(np.sqrt(np.ptp(place[of], axis=0).prod() / max(mask.sum(), 1)))
    if texel_px > 1:  # no pixel is skipped between texels
        part = cv2.GaussianBlur(part, (0, 0), max(0.5 * np.sqrt(texel_px**2 - 1), 0.1))
    kept = shown > LEAST
    colours = linear_to_srgb(np.clip(sample_image(part, place[of] - low), 0, 1))
    seen[rows, columns] = shown * kept
    photo[rows, columns] = np.maximum(colours, 1 / 255) * kept[:, None]
    return photo, seen


def network_input(prior: Prior, mask: np.ndarray, seed: int = 0) -> np.ndarray:
    """(6, side, side) float32: 2 x - 1 of photo and model albedo, with noise where nothing is seen.

    The noise is N(0, 1) as published, and the same for one seed.

    Args:
        prior: of a view.
        mask: (side, side) bool: the face on the chart.
        seed: of the noise.
    """
    noise = np.random.default_rng([seed, 27]).standard_normal(prior.photo.shape, np.float32)
    unseen = prior.photo.sum(axis=2, keepdims=True) == 0
    photo = np.where(unseen, noise, prior.photo) * mask[..., None]
    both = np.concatenate([2 * photo - 1, 2 * prior.coarse - 1], axis=2)
    return np.ascontiguousarray(both.transpose(2, 0, 1), np.float32)
