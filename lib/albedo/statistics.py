"""How skin and light deviate from a smooth face under a distant light, band by band.

Covariances of log red, green and blue on 80 single photos of made-up people of all skin classes
(seeds 500, 501 and 503), each laid on the chart by its true shape, so that neither counts what a
fitted head would shift. Skin: true albedo about the fitted head's. Light: what is left of the true
light, without mirrored light and noise, after one of nine harmonics.
`python -m tests.benchmarks.albedo_statistics FOLDER` makes these numbers.
"""

from __future__ import annotations

import numpy as np

# Of the chart's side: sigma of the Gaussians between bands.
SIZES = (0.0015, 0.003, 0.006, 0.012, 0.024, 0.048, 0.096)

_SKIN = [  # 1e-4 log^2: RR, RG, RB, GG, GB, BB; finest band first
    [3.18, 3.83, 4.17, 5.24, 5.7, 6.25],
    [1.42, 1.8, 2.03, 2.55, 2.85, 3.21],
    [2.22, 2.74, 3.05, 3.78, 4.2, 4.7],
    [3.14, 3.77, 4.13, 5.11, 5.61, 6.21],
    [4.08, 4.87, 5.28, 6.61, 7.19, 7.92],
    [4.41, 5.16, 5.57, 6.95, 7.55, 8.3],
    [3.26, 3.61, 3.87, 4.71, 5.1, 5.64],
    [10.8, 10.7, 10.5, 11.7, 11.8, 12.4],
]
_LIGHT = [
    [15.1, 15.6, 15.8, 17.3, 17.6, 18.3],
    [8.19, 8.4, 8.5, 9.3, 9.39, 9.72],
    [11.7, 11.9, 11.9, 13.1, 13.1, 13.5],
    [17, 17.3, 17.3, 18.6, 18.7, 19.1],
    [24.9, 25.2, 25, 26.7, 26.6, 27],
    [33.2, 33.3, 33, 35, 34.7, 35],
    [28.4, 28.5, 28.3, 30.8, 30.3, 30.4],
    [57.2, 58.6, 55.9, 72.8, 66.3, 63.2],
]


def _full(rows: list[list[float]]) -> np.ndarray:
    """(n, 3, 3) symmetric matrices."""
    order = [[0, 1, 2], [1, 3, 4], [2, 4, 5]]
    return 1e-4 * np.array(rows)[:, order]


SKIN, LIGHT = _full(_SKIN), _full(_LIGHT)
