"""Smoothing that keeps to the edges of the photo."""

from __future__ import annotations

import cv2
import numpy as np


def guided_lines(
    guide: np.ndarray, values: np.ndarray, radius: int, tolerance: float
) -> np.ndarray:
    """Local linear maps from a guide image to values, averaged over windows.

    Args:
        guide: (h, w, 3) float32, 0..1.
        values: (h, w) float32.
        radius: of the square windows in px.
        tolerance: variance of the guide below which a window is flat.

    Returns:
        (h, w, 4) float32: slope per channel and offset; `apply_lines` gives the smoothed values,
        also with a guide of higher resolution.

    Source: He, Sun & Tang 2013, Guided image filtering, IEEE PAMI 35(6), eqs. 14-16.
    """
    mean_guide, mean_values = _box(guide, radius), _box(values, radius)
    product = _box(guide * values[..., None], radius) - mean_guide * mean_values[..., None]
    outer = guide[..., :, None] * guide[..., None, :]
    flat = _box(outer.reshape(*values.shape, 9), radius).reshape(outer.shape)
    covariance = flat - mean_guide[..., :, None] * mean_guide[..., None, :]
    covariance = covariance + tolerance * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(covariance, product[..., None])[..., 0]
    offset = mean_values - (slope * mean_guide).sum(-1)
    return _box(np.dstack([slope, offset]), radius)


def apply_lines(lines: np.ndarray, guide: np.ndarray) -> np.ndarray:
    """(h, w) values of local linear maps (h, w, 4) at a guide (h, w, 3)."""
    return np.einsum("hwc,hwc->hw", lines[..., :3], guide) + lines[..., 3]


def _box(image: np.ndarray, radius: int) -> np.ndarray:
    side = (2 * radius + 1, 2 * radius + 1)
    if image.ndim == 2 or image.shape[2] <= 4:
        return cv2.blur(image, side, borderType=cv2.BORDER_REFLECT_101)
    channels = [cv2.blur(image[..., c], side) for c in range(image.shape[2])]
    return np.stack(channels, axis=-1)
