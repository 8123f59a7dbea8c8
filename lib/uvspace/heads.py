"""Vertices of a head and fields on its texel grid, one from the other."""

from __future__ import annotations

import cv2
import numpy as np

from lib.facemodel import FaceModel
from lib.render import sample_image, uv_to_texel
from lib.uvspace.grid import outer_skin


def spread_beyond(values: np.ndarray, mask: np.ndarray, sigma: float = 3.0) -> np.ndarray:
    """(rows, cols, C) values whose mask's border is carried on a little to all sides."""
    inside = mask.astype(np.float32)
    near = cv2.GaussianBlur(inside, (0, 0), sigma)
    around = cv2.GaussianBlur(
        np.where(mask[..., None], values, 0).astype(np.float32), (0, 0), sigma
    )
    around = around.reshape(*mask.shape, -1) / np.maximum(near, 1e-4)[..., None]
    return np.where(mask[..., None], values, around).astype(np.float32)


def at_vertices(
    model: FaceModel, values: np.ndarray, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values of a texel grid at the vertices of the outer skin; of a seam, the mean of its sides.

    Args:
        model: the head model.
        values: (rows, cols, C).
        mask: (rows, cols) bool: where they are known.

    Returns:
        (n_vertices, C) float64, 0 at other vertices; (n_vertices,) bool: those of the skin.
    """
    skin = outer_skin(model)
    corner = np.unique(
        np.column_stack([model.triangles[skin].ravel(), model.uv_triangles[skin].ravel()]), axis=0
    )
    place = uv_to_texel(model.uv[corner[:, 1]].astype(np.float64), mask.shape)
    found = sample_image(spread_beyond(values, mask), place).astype(np.float64)
    result = np.zeros((model.n_vertices, values.shape[2]))
    count = np.bincount(corner[:, 0], minlength=model.n_vertices)
    for channel in range(values.shape[2]):
        total = np.bincount(corner[:, 0], found[:, channel], minlength=model.n_vertices)
        result[:, channel] = total / np.maximum(count, 1)
    return result, count > 0


def resized(values: np.ndarray, mask: np.ndarray, size: int) -> np.ndarray:
    """(size, size, C) float32 smooth enlargement or reduction of (rows, cols, C) values."""
    filled = spread_beyond(values, mask)
    kind = cv2.INTER_CUBIC if size > mask.shape[0] else cv2.INTER_AREA
    return cv2.resize(filled, (size, size), interpolation=kind).reshape(size, size, -1)
