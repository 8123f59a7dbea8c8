"""What all views of a capture show of a head, in logarithms of colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seen:
    """What all views together show.

    Args:
        log_rgb: (n, 3) float32.
        weight: (n,) 0..1: how far it is known to belong to the texel.
        expected_skin: (n,) 0..1 skin mask.
        mouth_open_mm: how much further than in the neutral face the lips are apart.
    """

    log_rgb: np.ndarray
    weight: np.ndarray
    expected_skin: np.ndarray
    mouth_open_mm: float


def log_colour(rgb: np.ndarray, offset: float) -> np.ndarray:
    """(..., 3) float32 logarithm of linear RGB plus an offset, which keeps noise in black small."""
    return np.log(np.maximum(rgb, 0) + np.float32(offset)).astype(np.float32)


def linear_colour(log_rgb: np.ndarray, offset: float) -> np.ndarray:
    """Inverse of `log_colour`, not below black."""
    return np.maximum(np.exp(log_rgb) - np.float32(offset), 0)
