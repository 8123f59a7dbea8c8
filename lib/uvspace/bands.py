"""Gaussian filters whose width is millimetres on the skin, on texel grids of varying scale."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

STEP = np.sqrt(2.0)  # between the widths that a varying width is mixed from
LEAST_TEXELS = 0.35  # a narrower Gaussian is no filter
RANGE = (2.0, 98.0)  # percentiles of the widths that are filtered for
REACH = 3.5  # standard deviations that a kernel covers
LEAST_WEIGHT = 1e-3


def blur_mm(
    values: np.ndarray, weight: np.ndarray, mm_per_texel: np.ndarray, sigma_mm: np.ndarray | float
) -> np.ndarray:
    """Weighted Gaussian average on the surface.

    Args:
        values: (rows, cols) or (rows, cols, c) float32.
        weight: (rows, cols) of at least 0; texels of weight 0 neither give nor matter.
        mm_per_texel: (rows, cols) distance of neighbouring texels, over 0.
        sigma_mm: standard deviation, one or (rows, cols); 0 = as it is.

    Returns:
        Of the shape of `values`, float32; 0 where no weight is near. The width at each texel is
        mixed from Gaussians of fixed widths in texels, so it is the surface's to a few percent.
    """
    planes = np.atleast_3d(values).astype(np.float32, copy=False)
    texels = np.broadcast_to(sigma_mm / mm_per_texel, weight.shape).astype(np.float32)
    used = texels[weight > 0]
    result = np.zeros(planes.shape, np.float32)
    if not used.size:
        return result.reshape(values.shape)
    variance = texels**2
    steps = _steps(*np.percentile(used, RANGE))
    lower = _average(planes, weight, steps[0])
    _mix(result, lower, np.where(variance <= steps[0] ** 2, 1, 0))
    for narrow, wide in pairwise(steps):
        upper = _average(planes, weight, wide)
        share = (variance - narrow**2) / (wide**2 - narrow**2)
        inside = (variance > narrow**2) & (variance <= wide**2)
        _mix(result, lower, np.where(inside, 1 - share, 0))
        _mix(result, upper, np.where(inside, share, 0))
        lower = upper
    _mix(result, lower, np.where(variance > steps[-1] ** 2, 1, 0))
    return result.reshape(values.shape)


def _steps(least: float, most: float) -> list[float]:
    """Widths in texels from `least` to `most`, 0 first where no filter is needed."""
    least, most = (0.0 if sigma < LEAST_TEXELS else float(sigma) for sigma in (least, most))
    if most == 0:
        return [0.0]
    first = max(least, LEAST_TEXELS)
    count = int(np.ceil(np.log(most / first) / np.log(STEP) - 1e-9))
    inner = [first * (most / first) ** (k / max(count, 1)) for k in range(count + 1)]
    return [0.0, *inner] if least == 0 else inner


def _average(planes: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """(rows, cols, c) weighted average with one width in texels, 0 where no weight is near."""
    if sigma == 0:
        return planes * (weight > 0)[..., None]
    weight = np.ascontiguousarray(weight, np.float32)
    total = _gaussian(weight, sigma)
    scale = np.where(total > LEAST_WEIGHT, 1 / np.maximum(total, LEAST_WEIGHT), 0)
    result = np.empty(planes.shape, np.float32)
    for channel in range(planes.shape[2]):
        result[..., channel] = _gaussian(planes[..., channel] * weight, sigma) * scale
    return result


def _gaussian(plane: np.ndarray, sigma: float) -> np.ndarray:
    size = 2 * int(np.ceil(REACH * sigma)) + 1
    return cv2.GaussianBlur(plane, (size, size), sigma, borderType=cv2.BORDER_CONSTANT)


def _mix(result: np.ndarray, planes: np.ndarray, share: np.ndarray) -> None:
    """Add planes with a share per texel."""
    result += planes * share[..., None].astype(np.float32)
