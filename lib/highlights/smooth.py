"""Smooth fields from pixels that count more or less, at the cost of a small picture."""

from __future__ import annotations

import cv2
import numpy as np

COARSE = 2.0  # sigma in px at which a picture is small enough
LEAST = 1e-6


def around(values: np.ndarray, weight: np.ndarray, sigma_px: float) -> np.ndarray:
    """(h, w, C) float32 weighted Gaussian means.

    Args:
        values: (h, w, C) or (h, w).
        weight: (h, w), not negative.
        sigma_px: of the Gaussian.
    """
    values = values[..., None] if values.ndim == 2 else values
    layers = np.dstack([values * weight[..., None], weight]).astype(np.float32)
    blurred = blur(layers, sigma_px)
    return blurred[..., :-1] / np.maximum(blurred[..., -1:], LEAST)


def blur(layers: np.ndarray, sigma_px: float) -> np.ndarray:
    """Gaussian means of (h, w) or (h, w, C), zero outside; wide ones of a smaller picture."""
    factor = int(sigma_px / COARSE)
    if factor < 2:
        return cv2.GaussianBlur(layers, (0, 0), max(sigma_px, 0.3), borderType=cv2.BORDER_CONSTANT)
    height, width = layers.shape[:2]
    small = (-(-width // factor), -(-height // factor))
    pad = [(0, small[1] * factor - height), (0, small[0] * factor - width)]
    padded = np.pad(layers, pad + [(0, 0)] * (layers.ndim - 2))
    reduced = cv2.resize(padded, small, interpolation=cv2.INTER_AREA)
    reduced = cv2.GaussianBlur(reduced, (0, 0), sigma_px / factor, borderType=cv2.BORDER_CONSTANT)
    full = cv2.resize(reduced, padded.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return full[:height, :width]


def lower_level(
    values: np.ndarray, weight: np.ndarray, sigma_px: float, share: float, spread: float
) -> np.ndarray:
    """(h, w) smooth field below most values: of residuals r, weighted squares, share above.

    Args:
        values: (h, w).
        weight: (h, w).
        sigma_px: reach.
        share: of a value above the field, beside one below; 1 = their mean.
        spread: a value so far above counts half of that again.
    """
    level = around(values, weight, sigma_px)[..., 0]
    for _ in range(4):
        off = (values - level) / spread
        trust = np.where(off > 0, share / (1 + np.maximum(off, 0) ** 2), 1)
        level = around(values, weight * trust, sigma_px)[..., 0]
    return level


def follow(
    guide: np.ndarray, values: np.ndarray, weight: np.ndarray, sigma_px: float, texture: float
) -> np.ndarray:
    """(h, w) values made smooth, except where the guide has detail that they share.

    Args:
        guide: (h, w).
        values: (h, w).
        weight: (h, w).
        sigma_px: reach.
        texture: detail of the guide of that contrast is followed by half.

    Source: He, Sun & Tang 2010, Guided image filtering (ECCV), with weights.
    """
    moments = around(
        np.dstack([guide, values, guide * guide, guide * values]), weight + 1e-4, sigma_px
    )
    mean, level, square, product = np.moveaxis(moments, 2, 0)
    slope = (product - mean * level) / (
        np.maximum(square - mean**2, 0) + np.square(texture * mean) + 1e-6
    )
    slope = np.clip(slope, 0, 1)
    line = around(np.dstack([slope, level - slope * mean]), weight + 1e-4, sigma_px)
    return line[..., 0] * guide + line[..., 1]
