"""Where on a head model's chart bare skin lies, whose dark detail may be relief."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from lib.facemodel import FaceModel
from lib.render import interpolate, uv_buffers
from lib.uvspace.grid import outer_skin

EYE_MM, BROW_MM = (1.5, 4.0), (1.0, 4.0)  # no relief up to the first distance, all of it beyond
LIP_BORDER_MM = (0.8, 2.5)
NOSTRIL_MM = (4.0, 7.0)
FACE_BORDER_MM = (2.0, 10.0)  # inside the face, where hair begins
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
