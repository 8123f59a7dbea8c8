"""The 68 iBUG points from the 106 points of `ldm106`.

Contour, brows, nose and lips of iBUG-68 are among the 106. Of the lids, iBUG marks thirds and the
106 quarters: a third lies on the line between two of them.
"""

from __future__ import annotations

import numpy as np

_LIDS = {37: (67, 68), 38: (69, 68), 40: (71, 72), 41: (73, 72)}
_LEFT_LIDS = {43: (76, 77), 44: (78, 77), 46: (80, 81), 47: (82, 81)}
_SHARE = 2 / 3  # of the quarter point of a pair; the rest is of the middle of the lid


def _weights() -> np.ndarray:
    weights = np.zeros((68, 106))
    same = {row: 2 * row for row in range(17)}
    same |= {17 + k: 33 + k for k in range(5)} | {22 + k: 42 + k for k in range(5)}
    same |= {27 + k: 51 + k for k in range(4)} | {31 + k: 58 + k for k in range(5)}
    same |= {36: 66, 39: 70, 42: 75, 45: 79}
    same |= {48 + k: 84 + k for k in range(20)}
    for row, column in same.items():
        weights[row, column] = 1
    for row, (quarter, middle) in (_LIDS | _LEFT_LIDS).items():
        weights[row, [quarter, middle]] = _SHARE, 1 - _SHARE
    return weights


WEIGHTS = _weights()


def ibug68_of_106(points_px: np.ndarray) -> np.ndarray:
    """(68, 2) of (106, 2) points; a point that rests on one that is NaN is NaN."""
    filled = np.where(np.isfinite(points_px), points_px, 0)
    lost = WEIGHTS @ ~np.isfinite(points_px).all(1) > 0
    return np.where(lost[:, None], np.nan, WEIGHTS @ filled)


def ibug68_sigma_of_106(sigma_px: np.ndarray) -> np.ndarray:
    """(68,) of (106,) standard deviations, as if errors of neighbours were the same."""
    filled = np.where(np.isfinite(sigma_px), sigma_px, 0)
    return np.where(WEIGHTS @ ~np.isfinite(sigma_px) > 0, np.nan, WEIGHTS @ filled)
