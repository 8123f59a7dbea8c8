"""Vertices of a head and fields on its texel grid, one from the other."""

from __future__ import annotations

import cv2
import numpy as np
import scipy.sparse as sp

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
    """(size, size, C) float32 smooth enlargement or reduction of (rows, cols, C) values.

    A ramp stays a ramp: OpenCV's own cubic enlargement would put ripples on every slope.
    """
    filled = spread_beyond(values, mask)
    if size <= mask.shape[0]:
        reduced = cv2.resize(filled, (size, size), interpolation=cv2.INTER_AREA)
        return reduced.reshape(size, size, -1)
    down, across = (_cubic(side, size) for side in mask.shape)
    tall = (down @ filled.reshape(mask.shape[0], -1)).reshape(size, *filled.shape[1:])
    turned = tall.swapaxes(0, 1).reshape(mask.shape[1], -1)
    wide = (across @ turned).reshape(size, *tall.shape[::2])
    return np.ascontiguousarray(wide.swapaxes(0, 1))


def _cubic(side: int, size: int) -> sp.csr_matrix:
    """(size, side) weights of a cubic convolution that keeps polynomials to the second degree.

    Source: Keys 1981, eq. 15 (a = -1/2).
    """
    place = (np.arange(size) + 0.5) * side / size - 0.5
    first = np.floor(place).astype(int) - 1
    taps = first[:, None] + np.arange(4)
    far = np.abs(place[:, None] - taps)
    near = (1.5 * far - 2.5) * far**2 + 1
    weight = np.where(far <= 1, near, ((2.5 - 0.5 * far) * far - 4) * far + 2)
    entry = np.repeat(np.arange(size), 4), np.clip(taps, 0, side - 1).ravel()
    return sp.csr_matrix((weight.ravel().astype(np.float32), entry), (size, side))
