"""How skin and light deviate from a smooth face under a distant light, band by band.

Covariances of log red, green and blue, about the fitted head's albedo under a light of nine
harmonics, measured on 64 single photos of made-up people of all skin classes (seeds 500, 501).
In the finer bands the
truth is not as sharp as the photos, and lies a millimetre beside what the fitted head shows: there
skin is raised up to sixfold and light lowered to a fifth, so that moles and freckles stay.
"""

from __future__ import annotations

import numpy as np

# Of the chart's side: sigma of the Gaussians between bands.
SIZES = (0.0015, 0.003, 0.006, 0.012, 0.024, 0.048, 0.096)

_SKIN = [  # 1e-4 log^2: RR, RG, RB, GG, GB, BB; finest band first
    [1.22, 1.51, 1.68, 2.09, 2.31, 2.58],
    [1.74, 2.13, 2.37, 2.93, 3.24, 3.62],
    [3.62, 4.35, 4.77, 5.87, 6.44, 7.13],
    [3.79, 4.45, 4.8, 5.85, 6.33, 6.94],
    [5.33, 6.22, 6.66, 8.12, 8.76, 9.56],
    [5.63, 6.62, 7.14, 8.8, 9.57, 10.6],
    [4.23, 4.97, 5.44, 6.73, 7.5, 8.54],
    [12.6, 14.4, 15.6, 18.5, 20.9, 24.4],
]
_LIGHT = [
    [1.36, 1.66, 1.89, 2.23, 2.55, 3.13],
    [1.94, 2.26, 2.54, 2.92, 3.28, 3.93],
    [5.67, 6.18, 6.6, 7.64, 8.26, 9.61],
    [20.2, 20.7, 20.7, 24.1, 24.8, 27.5],
    [39.5, 39.6, 38.4, 44.3, 44.6, 47.6],
    [53.9, 54.6, 53.4, 60.6, 61.5, 65],
    [47.1, 48.1, 47.4, 53.8, 55.4, 59.3],
    [79.1, 79.9, 80, 92.1, 97, 106],
]


def _full(rows: list[list[float]]) -> np.ndarray:
    """(n, 3, 3) symmetric matrices."""
    order = [[0, 1, 2], [1, 3, 4], [2, 4, 5]]
    return 1e-4 * np.array(rows)[:, order]


SKIN, LIGHT = _full(_SKIN), _full(_LIGHT)
