"""Which triangle covers each cell of a plane: for charts, and for points of a frontal view."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np


@dataclass(frozen=True)
class Coverage:
    """Cells of a plane and the triangle seen in each.

    Args:
        triangle: (h, w) int32 index, -1 where none.
        barycentric: (h, w, 3) float32 weights of its corners.
    """

    triangle: np.ndarray
    barycentric: np.ndarray

    def blend(self, values: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        """(h, w, k) interpolation of (n, k) vertex values; zero where nothing is covered."""
        corners = triangles[np.maximum(self.triangle, 0)]
        result = np.einsum("hwc,hwck->hwk", self.barycentric, values[corners])
        return np.where(self.triangle[..., None] >= 0, result, 0)


def cover(
    points: np.ndarray,
    triangles: np.ndarray,
    size: tuple[int, int],
    depth: np.ndarray | None = None,
) -> Coverage:
    """Cells whose centre lies in a counter-clockwise triangle; the highest depth wins.

    Args:
        points: (n, 2) in cells: x right, y up, the centre of cell (row 0 = top, column 0) lies at
            x = 0.5, y = h - 0.5.
        triangles: (t, 3).
        size: (h, w).
        depth: (n,) height above the plane; without it the first triangle keeps the cell.
    """
    height = np.zeros(len(points)) if depth is None else np.asarray(depth, np.float64)
    index, weights = _cover(
        np.ascontiguousarray(points, np.float64),
        np.ascontiguousarray(triangles, np.int64),
        np.ascontiguousarray(height),
        *size,
    )
    return Coverage(index, weights)


@nb.njit(cache=True)
def _cover(points, triangles, height, rows, columns):
    index = np.full((rows, columns), -1, np.int32)
    weights = np.zeros((rows, columns, 3), np.float32)
    top = np.full((rows, columns), -np.inf)
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        xa, ya, xb, yb, xc, yc = (
            points[a, 0],
            points[a, 1],
            points[b, 0],
            points[b, 1],
            points[c, 0],
            points[c, 1],
        )
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if not area > 1e-12:
            continue
        first_row = max(0, int(np.floor(rows - 0.5 - max(ya, yb, yc))))
        last_row = min(rows - 1, int(np.ceil(rows - 0.5 - min(ya, yb, yc))))
        first_column = max(0, int(np.floor(min(xa, xb, xc) - 0.5)))
        last_column = min(columns - 1, int(np.ceil(max(xa, xb, xc) - 0.5)))
        for row in range(first_row, last_row + 1):
            y = rows - 0.5 - row
            for column in range(first_column, last_column + 1):
                x = column + 0.5
                wa = ((xb - x) * (yc - y) - (xc - x) * (yb - y)) / area
                wb = ((xc - x) * (ya - y) - (xa - x) * (yc - y)) / area
                wc = 1.0 - wa - wb
                if wa < -1e-9 or wb < -1e-9 or wc < -1e-9:
                    continue
                z = wa * height[a] + wb * height[b] + wc * height[c]
                if z > top[row, column]:
                    top[row, column] = z
                    index[row, column] = t
                    weights[row, column, 0] = wa
                    weights[row, column, 1] = wb
                    weights[row, column, 2] = wc
    return index, weights
