"""What the displacement needs to know of a chart: bare skin, and millimetres per texel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree

from lib.artefacts import Surface
from lib.errors import CaptureFailure
from lib.facemodel import FaceModel
from lib.render import fill_margins, interpolate, uv_buffers
from lib.uvspace.grid import outer_skin

EYE_MM, BROW_MM = (1.5, 4.0), (1.0, 4.0)  # no relief up to the first distance, all of it beyond
LIP_BORDER_MM = (0.8, 2.5)
NOSTRIL_MM = (4.0, 7.0)
FACE_BORDER_MM = (2.0, 10.0)  # inside the face, where hair begins
SMOOTH_MM = 3.0  # of the metric, so that single noisy texels do not count
LEAST_MM = 1e-3
FAR_MM = 1e3


@dataclass(frozen=True)
class SkinChart:
    """Bare skin on a head model's chart.

    Args:
        mask: (rows, cols) bool: texels of the outer skin.
        bare: (rows, cols) float32 0..1: skin whose dark detail may be relief; 0 at eyes, brows,
            nostrils, the border of the lips, ears, hair and neck.
    """

    mask: np.ndarray
    bare: np.ndarray


def skin_chart(model: FaceModel, uv_size: int) -> SkinChart:
    """The skin of a head model at `uv_size` texels a side; one serves all captures."""
    skin = outer_skin(model)
    buffers = uv_buffers(model.uv, model.uv_triangles[skin], (uv_size, uv_size))
    bare = interpolate(buffers, bare_skin(model)[:, None], model.triangles[skin])[..., 0]
    return SkinChart(buffers.mask, (bare * buffers.mask).astype(np.float32))


def bare_skin(model: FaceModel) -> np.ndarray:
    """(n_vertices,) float32 0..1, of `SkinChart.bare`."""
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    face = np.zeros(model.n_vertices, bool)
    face[model.parts["face_mask"]] = True
    result = _rise(_distance(model, np.flatnonzero(~face & _is_skin(model))), FACE_BORDER_MM)
    result = result * face
    for parts, reach in (
        (("right_eye", "left_eye"), EYE_MM),
        (("right_eyebrow", "left_eyebrow"), BROW_MM),
    ):
        result = result * _rise(_distance(model, _members(model, parts)), reach)
    result = result * _rise(cKDTree(marks[31:36]).query(model.mean)[0], NOSTRIL_MM)
    lips = _members(model, ("upper_lip", "lower_lip"))
    if len(lips):
        others = np.setdiff1d(np.arange(model.n_vertices), lips)
        to_lips, from_lips = _distance(model, lips), _distance(model, others)
        result = result * _rise(np.maximum(to_lips, from_lips), LIP_BORDER_MM)
    return result.astype(np.float32)


def _is_skin(model: FaceModel) -> np.ndarray:
    result = np.zeros(model.n_vertices, bool)
    result[model.triangles[outer_skin(model)]] = True
    return result


def _members(model: FaceModel, parts: tuple[str, ...]) -> np.ndarray:
    found = [model.parts[part] for part in parts if part in model.parts]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _distance(model: FaceModel, members: np.ndarray) -> np.ndarray:
    """(n_vertices,) mm to the nearest of some vertices."""
    if not len(members):
        return np.full(model.n_vertices, FAR_MM)
    return cKDTree(model.mean[members]).query(model.mean)[0]


def _rise(distance: np.ndarray, reach: tuple[float, float]) -> np.ndarray:
    return np.clip((distance - reach[0]) / (reach[1] - reach[0]), 0, 1)


@dataclass(frozen=True)
class Metric:
    """Millimetres on the skin per texel, at some size of the chart.

    Args:
        across: (rows, cols) float32 mm to the next column.
        down: (rows, cols) float32 mm to the next row.
    """

    across: np.ndarray
    down: np.ndarray

    @property
    def mm_per_texel(self) -> np.ndarray:
        """(rows, cols) float32, of both directions together."""
        return np.sqrt(self.across * self.down)

    def resized(self, uv_size: int) -> Metric:
        """The metric of the same surface at another size of the chart."""
        factor = np.float32(len(self.across) / uv_size)
        planes = (resized(plane, uv_size) * factor for plane in (self.across, self.down))
        return Metric(*planes)


def surface_metric(surface: Surface) -> Metric:
    """The metric of a surface's grid, continued over texels that it does not have.

    Raises:
        CaptureFailure: `no_surface`, not a single texel has a place.
    """
    points = surface.points_mm
    known = np.isfinite(points).all(axis=2)
    if not (known[1:, 1:] & known[:-1, 1:] & known[1:, :-1]).any():
        raise CaptureFailure(
            "no_surface", "No texel of surface.h5 has a place. Force that stage to run again."
        )
    return Metric(*(_steps(points, known, axis) for axis in (1, 0)))


def _steps(points: np.ndarray, known: np.ndarray, axis: int) -> np.ndarray:
    """(rows, cols) smoothed distance to the next texel along an axis."""
    both = known & np.roll(known, -1, axis)
    both[(slice(None), -1) if axis else -1] = False
    step = np.linalg.norm(np.roll(points, -1, axis) - points, axis=2)
    step = np.where(both, step, 0).astype(np.float32)
    sigma = SMOOTH_MM / max(float(np.median(step[both])), LEAST_MM)
    weight = cv2.GaussianBlur(both.astype(np.float32), (0, 0), sigma)
    smooth = cv2.GaussianBlur(step, (0, 0), sigma) / np.maximum(weight, 1e-6)
    near = both & (weight > 1e-3)
    filled = fill_margins(smooth[..., None], near)[..., 0]
    return np.maximum(filled, LEAST_MM).astype(np.float32)


def resized(image: np.ndarray, uv_size: int) -> np.ndarray:
    """(uv_size, uv_size[, c]) float32: texels are averaged where the chart shrinks."""
    image = image.astype(np.float32)
    if len(image) == uv_size:
        return image
    way = cv2.INTER_AREA if len(image) > uv_size else cv2.INTER_LINEAR
    return cv2.resize(image, (uv_size, uv_size), interpolation=way)
