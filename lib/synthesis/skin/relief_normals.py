"""Normals of a surface with a height on it."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def tilt(normal, along_u, along_v, height, inside, result):
    """Write the unit normals (h, w, 3) of a surface raised by `height` (h, w) mm.

    `normal` (h, w, 3) need not be unit; `along_u` and `along_v` (h, w, 3) are mm from a texel to
    the next in its row and column. Texels off `inside` are left as they are.
    """
    rows, columns = inside.shape
    half = np.float32(0.5)
    for row in range(rows):
        for column in range(columns):
            if not inside[row, column]:
                continue
            here = height[row, column]
            left = right = up = down = here
            if column > 0 and inside[row, column - 1]:
                left = height[row, column - 1]
            if column < columns - 1 and inside[row, column + 1]:
                right = height[row, column + 1]
            if row > 0 and inside[row - 1, column]:
                up = height[row - 1, column]
            if row < rows - 1 and inside[row + 1, column]:
                down = height[row + 1, column]
            du, dv = half * (right - left), half * (down - up)
            n0, n1, n2 = normal[row, column, 0], normal[row, column, 1], normal[row, column, 2]
            length = np.sqrt(n0 * n0 + n1 * n1 + n2 * n2)
            if length < 1e-6:
                continue
            n0, n1, n2 = n0 / length, n1 / length, n2 / length
            u0, u1, u2 = along_u[row, column, 0], along_u[row, column, 1], along_u[row, column, 2]
            v0, v1, v2 = along_v[row, column, 0], along_v[row, column, 1], along_v[row, column, 2]
            # dual directions in the tangent plane: v x n and n x u over the area
            a0, a1, a2 = v1 * n2 - v2 * n1, v2 * n0 - v0 * n2, v0 * n1 - v1 * n0
            b0, b1, b2 = n1 * u2 - n2 * u1, n2 * u0 - n0 * u2, n0 * u1 - n1 * u0
            area = u0 * a0 + u1 * a1 + u2 * a2
            if abs(area) > 1e-9:
                n0 -= (du * a0 + dv * b0) / area
                n1 -= (du * a1 + dv * b1) / area
                n2 -= (du * a2 + dv * b2) / area
                length = np.sqrt(n0 * n0 + n1 * n1 + n2 * n2)
            else:
                length = np.float32(1)
            result[row, column, 0] = n0 / length
            result[row, column, 1] = n1 / length
            result[row, column, 2] = n2 / length
