"""Errors of landmarks in an image."""

from __future__ import annotations

import numpy as np

from lib.errors import ShapeError

# Of iBUG-68: eye corners, nose base, mouth corners, by which the NoW protocol aligns faces.
NOW_POINTS = np.array([36, 39, 42, 45, 33, 48, 54])
OUTER_EYE_CORNERS = (36, 45)
JAW = 17


def normalised_mean_error(
    found_px: np.ndarray, true_px: np.ndarray, scale_px: float | None = None, inner: bool = False
) -> float:
    """Mean distance of landmarks over a scale, in percent; points that are NaN do not count.

    Args:
        found_px: (68, 2).
        true_px: (68, 2).
        scale_px: None = distance of the true outer eye corners.
        inner: only the 51 points inside the face, without the jaw.

    Raises:
        ShapeError: the sets are not both (68, 2).
    """
    for name, points in (("found_px", found_px), ("true_px", true_px)):
        if np.shape(points) != (68, 2):
            raise ShapeError(name, np.shape(points), "(68, 2)")
    if scale_px is None:
        right, left = OUTER_EYE_CORNERS
        scale_px = float(np.linalg.norm(true_px[right] - true_px[left]))
    distance = np.linalg.norm(found_px - true_px, axis=1)[JAW if inner else 0 :]
    return float(100 * np.nanmean(distance) / scale_px)
