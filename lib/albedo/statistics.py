"""How skin and light deviate from a smooth face under a distant light, band by band.

Covariances of log red, green and blue, about the fitted head's albedo under a light of nine
harmonics, measured on 64 single photos of made-up people of all skin classes (seeds 500, 501).
In the finer bands the
truth is not as sharp as the photos, and lies a millimetre beside what the fitted head shows: there
skin is raised up to fourfold and light lowered to a half, so that moles and freckles stay.
"""

from __future__ import annotations

import numpy as np

# Of the chart's side: sigma of the Gaussians between bands.
SIZES = (0.0015, 0.003, 0.006, 0.012, 0.024, 0.048, 0.096)

_SKIN = [  # 1e-4 log^2: RR, RG, RB, GG, GB, BB; finest band first
    [0.816, 1, 1.12, 1.39, 1.54, 1.72],
    [1.16, 1.42, 1.58, 1.96, 2.16, 2.41],
    [2.35, 2.83, 3.1, 3.82, 4.18, 4.64],
    [3.79, 4.45, 4.8, 5.85, 6.33, 6.94],
    [5.33, 6.22, 6.66, 8.12, 8.76, 9.56],
    [5.63, 6.62, 7.14, 8.8, 9.57, 10.6],
    [4.23, 4.97, 5.44, 6.73, 7.5, 8.54],
    [12.6, 14.4, 15.6, 18.5, 20.9, 24.4],
]
_LIGHT = [
    [3.39, 4.14, 4.72, 5.56, 6.38, 7.83],
    [4.65, 5.43, 6.09, 7, 7.88, 9.44],
    [10.6, 11.6, 12.4, 14.3, 15.5, 18],
    [22.7, 23.2, 23.3, 27.1, 27.9, 30.9],
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
