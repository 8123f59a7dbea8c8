"""Compiled loops of mip maps: footprints to levels, images to halves, and both gradients.

P pixels have `derivatives` (P, 4), du/dX, du/dY, dv/dX, dv/dY per pixel. In texels of an image they
are the Jacobian J; the square root of the larger eigenvalue of J J^T is the longer axis of the
ellipse that a round pixel covers.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _footprint(derivatives, p, width, height):
    """Entries a, b, c of J J^T in texels, and the difference of its eigenvalues."""
    sx, sy = width * np.float64(derivatives[p, 0]), width * np.float64(derivatives[p, 1])
    tx, ty = height * np.float64(derivatives[p, 2]), height * np.float64(derivatives[p, 3])
    a, b, c = sx * sx + sy * sy, sx * tx + sy * ty, tx * tx + ty * ty
    return sx, sy, tx, ty, a, b, c, math.sqrt((a - c) * (a - c) + 4.0 * b * b)


@njit(cache=True, nogil=True)
def footprint_levels(derivatives, bias, width, height, level):
    """Mip level of each pixel, not clamped: log2 of the longer axis of its footprint, plus bias.

    Args:
        derivatives: (P, 4), or (0, 4): the bias alone is the level.
        bias: (P,), or (0,): none.
        width: texels of the image.
        height: texels of the image.
        level: (P,); changed in place. -inf where the footprint is a point.
    """
    for p in range(len(level)):
        value = 0.0
        if len(derivatives) > 0:
            _, _, _, _, a, _, c, gap = _footprint(derivatives, p, width, height)
            longest = 0.5 * (a + c + gap)
            value = 0.5 * math.log2(longest) if longest != 0.0 else -np.inf
        if len(bias) > 0:
            value += np.float64(bias[p])
        level[p] = value


@njit(cache=True, nogil=True)
def footprint_slopes(derivatives, level_slope, width, height, result):
    """Gradient of the derivatives (P, 4), given that of the level (P,), into `result`.

    Where the footprint is a circle, the larger eigenvalue has a kink: half of the trace counts.
    """
    for p in range(len(level_slope)):
        sx, sy, tx, ty, a, b, c, gap = _footprint(derivatives, p, width, height)
        longest = 0.5 * (a + c + gap)
        if level_slope[p] == 0.0 or not longest > 0.0:
            for k in range(4):
                result[p, k] = 0.0
            continue
        skew, turn = ((a - c) / gap, 2.0 * b / gap) if gap > 0.0 else (0.0, 0.0)
        da, db, dc = 0.5 * (1.0 + skew), turn, 0.5 * (1.0 - skew)
        scale = np.float64(level_slope[p]) * 0.5 / (math.log(2.0) * longest)
        result[p, 0] = scale * width * (2.0 * da * sx + db * tx)
        result[p, 1] = scale * width * (2.0 * da * sy + db * ty)
        result[p, 2] = scale * height * (2.0 * dc * tx + db * sx)
        result[p, 3] = scale * height * (2.0 * dc * ty + db * sy)


@njit(cache=True, nogil=True)
def halve(fine, first, coarse):
    """Means of 2 x 2 texels (of 2 where a side is 1), for the rows of `coarse` from `first` on.

    Args:
        fine: (h, w, C).
        first: row of the whole coarse level that is row 0 of `coarse`.
        coarse: (rows, max(w // 2, 1), C); changed in place.
    """
    down, right = min(fine.shape[0] - 1, 1), min(fine.shape[1] - 1, 1)
    quarter = fine.dtype.type(0.25)
    for row in range(coarse.shape[0]):
        above = (first + row) * (1 + down)
        for column in range(coarse.shape[1]):
            left = column * (1 + right)
            for k in range(fine.shape[2]):
                top = fine[above, left, k] + fine[above, left + right, k]
                bottom = fine[above + down, left, k] + fine[above + down, left + right, k]
                coarse[row, column, k] = quarter * (top + bottom)


@njit(cache=True, nogil=True)
def unhalve(coarse, down, first, fine):
    """Add to the rows of `fine` from `first` on the gradient of the means in `coarse`.

    Args:
        coarse: (h, w, C) float64.
        down: fine rows per coarse row, 2 or 1.
        first: row of the whole fine level that is row 0 of `fine`.
        fine: (rows, width, C); changed in place.
    """
    right = 2 if fine.shape[1] > coarse.shape[1] else 1
    share = 1.0 / (down * right)
    for row in range(fine.shape[0]):
        source = (first + row) // down
        for column in range(fine.shape[1]):
            for k in range(fine.shape[2]):
                fine[row, column, k] += share * coarse[source, column // right, k]
