"""How skin and light deviate from a smooth face under a distant light, band by band.

Covariances of log red, green and blue, about the fitted head's albedo under a light of nine
harmonics, measured on 64 single photos of made-up people of all skin classes (seeds 500, 501).
In the finer bands the
truth is not as sharp as the photos, and lies a millimetre beside what the fitted head shows: there
skin is raised up to sixfold and light lowered to a third, so that moles and freckles stay.
"""

from __future__ import annotations

import numpy as np

# Of the chart's side: sigma of the Gaussians between bands.
SIZES = (0.0015, 0.003, 0.006, 0.012, 0.024, 0.048, 0.096)

_SKIN = [  # 1e-4 log^2: RR, RG, RB, GG, GB, BB; finest band first
    [1.22, 1.51, 1.68, 2.09, 2.31, 2.58],
    [1.74, 2.13, 2.37, 2.93, 3.24, 3.62],
    [3.62, 4.35, 4.77, 5.87, 6.44, 7.13],
    [5.69, 6.67, 7.2, 8.77, 9.49, 10.4],
    [6.4, 7.46, 7.99, 9.75, 10.5, 11.5],
    [5.63, 6.62, 7.14, 8.8, 9.57, 10.6],
    [4.23, 4.97, 5.44, 6.73, 7.5, 8.54],
    [12.6, 14.4, 15.6, 18.5, 20.9, 24.4],
]
_LIGHT = [
    [2.37, 2.9, 3.3, 3.9, 4.47, 5.48],
    [2.71, 3.17, 3.55, 4.08, 4.6, 5.5],
    [6.38, 6.95, 7.42, 8.6, 9.29, 10.8],
    [15.2, 15.5, 15.5, 18.1, 18.6, 20.6],
    [31.6, 31.7, 30.7, 35.4, 35.7, 38.1],
    [53.9, 54.6, 53.4, 60.6, 61.5, 65],
    [47.1, 48.1, 47.4, 53.8, 55.4, 59.3],
    [79.1, 79.9, 80, 92.1, 97, 106],
]


def _full(rows: list[list[float]]) -> np.ndarray:
    """(n, 3, 3) symmetric matrices."""
    order = [[0, 1, 2], [1, 3, 4], [2, 4, 5]]
    return 1e-4 * np.array(rows)[:, order]


SKIN, LIGHT = _full(_SKIN), _full(_LIGHT)
