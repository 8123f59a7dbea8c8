"""How skin and light deviate from a smooth face under a distant light, band by band.

Covariances of log red, green and blue on made-up people of all skin classes, each photo laid on the
chart by its true shape, so that neither counts what a fitted head would shift. Light: what is left
of the true light after one of nine harmonics. Skin: true albedo about the fitted head's. The three
finest bands are of 16 people whose albedo is known at 0.4 mm (seed 503), the others of 64 (seeds
500 and 501).
"""

from __future__ import annotations

import numpy as np

# Of the chart's side: sigma of the Gaussians between bands.
SIZES = (0.0015, 0.003, 0.006, 0.012, 0.024, 0.048, 0.096)

_SKIN = [  # 1e-4 log^2: RR, RG, RB, GG, GB, BB; finest band first
    [2.05, 2.67, 3.02, 3.94, 4.4, 4.95],
    [2.46, 3.14, 3.57, 4.48, 5.05, 5.74],
    [3.08, 3.71, 4.14, 4.91, 5.5, 6.22],
    [5.15, 5.86, 6.24, 7.36, 7.91, 8.6],
    [6.9, 7.81, 8.28, 9.83, 10.5, 11.4],
    [5.66, 6.7, 7.29, 8.98, 9.83, 10.9],
    [3.8, 4.59, 5.15, 6.54, 7.4, 8.56],
    [8.46, 10.6, 12.1, 14.7, 17.3, 20.7],
]
_LIGHT = [
    [22.6, 22.1, 21.4, 22.3, 22, 22],
    [14.4, 14.3, 14.1, 14.9, 15, 15.5],
    [14.9, 14.8, 14.5, 15.7, 15.8, 16.3],
    [27.6, 27.6, 27.3, 28.7, 28.8, 29.2],
    [34.6, 34.6, 34.2, 35.6, 35.6, 36],
    [36.5, 36.6, 36.3, 37.7, 37.9, 38.4],
    [28.2, 28.4, 28.3, 29.6, 29.9, 30.6],
    [26.5, 26.5, 26.4, 28.2, 28.9, 30.5],
]


def _full(rows: list[list[float]]) -> np.ndarray:
    """(n, 3, 3) symmetric matrices."""
    order = [[0, 1, 2], [1, 3, 4], [2, 4, 5]]
    return 1e-4 * np.array(rows)[:, order]


SKIN, LIGHT = _full(_SKIN), _full(_LIGHT)
