"""Looking up textures, and growing their charts."""

from __future__ import annotations

import cv2
import numpy as np

from lib.render.kernels import buffers as kernels
from lib.render.rasterise import uv_to_texel


def sample_texture(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Bilinear texture look-up, clamped at the border.

    Args:
        texture: (H, W, C); row 0 is v = 1, texel centres at half-integers of the grid.
        uv: (..., 2), origin bottom-left.

    Returns:
        (..., C) float32.
    """
    return sample_image(texture, uv_to_texel(np.asarray(uv, np.float64), texture.shape[:2]))


def sample_image(image: np.ndarray, points_px: np.ndarray) -> np.ndarray:
    """Bilinear look-up at pixel positions, clamped at the border; NaN at NaN points.

    Args:
        image: (h, w, C).
        points_px: (..., 2) points (x, y); integers are pixel centres.

    Returns:
        (..., C) float32.
    """
    flat = np.ascontiguousarray(points_px, np.float64).reshape(-1, 2)
    result = np.empty((len(flat), image.shape[2]), np.float32)
    kernels.sample_bilinear(np.ascontiguousarray(image, np.float32), flat, result)
    return result.reshape(*points_px.shape[:-1], image.shape[2])


def fill_margins(texture: np.ndarray, mask: np.ndarray, pixels: float = np.inf) -> np.ndarray:
    """Copy each filled texel's value into the empty ones around it.

    Filtering near the border of a chart then sees the chart's own colours.

    Args:
        texture: (H, W, C).
        mask: (H, W) bool, filled texels.
        pixels: how far; texels farther from any filled one keep their value.
    """
    if mask.all() or not mask.any():
        return texture.copy()
    empty = np.where(mask, 0, 255).astype(np.uint8)
    distance, label = cv2.distanceTransformWithLabels(
        empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    source = np.zeros(label.max() + 1, np.int64)
    source[label[mask]] = np.flatnonzero(mask)
    result = texture.copy()
    grow = ~mask & (distance <= pixels)
    result[grow] = texture.reshape(-1, texture.shape[2])[source[label[grow]]]
    return result
