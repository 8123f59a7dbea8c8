"""Gaussian means over known texels alone."""

from __future__ import annotations

import cv2
import numpy as np

COARSE = 6.0  # texels; a wider Gaussian is taken of a reduced picture
LEAST = 1e-6


def masked_gaussian(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """(rows, cols, C) float32 weighted Gaussian means; 0 where no weight is near.

    Args:
        values: (rows, cols, C).
        weight: (rows, cols) of at least 0.
        sigma: texels. Wide ones are computed on a smaller picture.
    """
    weight = weight.astype(np.float32)
    planes = np.concatenate([values * weight[..., None], weight[..., None]], axis=2)
    planes = np.ascontiguousarray(planes, np.float32)
    factor = 1
    while sigma / (2 * factor) >= COARSE / 2 and min(weight.shape) // (2 * factor) >= 16:
        factor *= 2
    height, width = weight.shape
    if factor > 1:
        small = (max(width // factor, 1), max(height // factor, 1))
        planes = cv2.resize(planes, small, interpolation=cv2.INTER_AREA)
    planes = cv2.GaussianBlur(planes, (0, 0), sigma / factor, borderType=cv2.BORDER_CONSTANT)
    mean = planes[..., :-1] / np.maximum(planes[..., -1:], LEAST)
    mean = np.where(planes[..., -1:] > LEAST, mean, 0).astype(np.float32)
    if factor > 1:
        mean = cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR)
    return mean.reshape(*weight.shape, -1)
