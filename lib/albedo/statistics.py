"""How skin and light deviate from a smooth face under a distant light, band by band.

Covariances of log red, green and blue, about the fitted head's albedo under a light of nine
harmonics, measured on 32 single photos of made-up people of all skin classes (world of seed 500).
The maps of their truth are coarser than the two finest bands, whose skin is scaled up for that.
"""

from __future__ import annotations

import numpy as np

# Of the chart's side: sigma of the Gaussians between bands.
SIZES = (
    0.0015,
    0.003,
    0.006,
    0.012,
    0.024,
    0.048,
    0.096,
)

_SKIN = [  # 1e-4 log^2: RR, RG, RB, GG, GB, BB; finest band first
    [0.734, 0.901, 1.01, 1.24, 1.38, 1.55],
    [0.968, 1.18, 1.32, 1.6, 1.78, 2.01],
    [1.85, 2.21, 2.44, 2.96, 3.28, 3.67],
    [3.67, 4.29, 4.66, 5.65, 6.18, 6.86],
    [5.01, 5.83, 6.28, 7.71, 8.38, 9.27],
    [5.3, 6.23, 6.76, 8.38, 9.21, 10.3],
    [4.11, 4.86, 5.32, 6.67, 7.46, 8.58],
    [12.8, 15.1, 16.3, 19.7, 22.3, 26],
]
_LIGHT = [
    [5.04, 6.07, 6.96, 8.09, 9.31, 11.5],
    [7.23, 8.47, 9.54, 10.8, 12.3, 14.8],
    [14, 15.2, 16.3, 18.5, 20.1, 23.3],
    [25.9, 26.2, 26.1, 29.5, 30.1, 33.1],
    [40.9, 40.2, 38.8, 43.2, 42.9, 45],
    [56.2, 55.6, 53.9, 59, 59, 61.5],
    [47.3, 46, 44.6, 49, 49.7, 52.7],
    [88, 80.5, 77.6, 82.6, 84.1, 90.2],
]


def _full(rows: list[list[float]]) -> np.ndarray:
    """(n, 3, 3) symmetric matrices."""
    order = [[0, 1, 2], [1, 3, 4], [2, 4, 5]]
    return 1e-4 * np.array(rows)[:, order]


SKIN, LIGHT = _full(_SKIN), _full(_LIGHT)
