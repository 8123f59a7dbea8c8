"""Compiled loops of numpy buffers: barycentrics, interpolation and texture sampling.

All are serial and release the GIL: equal inputs give equal bytes whatever else runs, and callers
that want two cores run two images. numba compiles each on its first use and caches it on disk.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lib.render.kernels.coverage import EMPTY, LAST_ID


@njit(cache=True, nogil=True)
def resolve(keys, position, inverse_w, triangles, origin, ids, barycentric, depth):
    """Perspective-correct weights and depth of the triangle in each pixel.

    Args:
        keys: (h, w) int64, see `coverage.cover`.
        position: (V, 2) float64, (x, y) px, not rounded.
        inverse_w: (V,) float64, 1 / distance along the optical axis.
        triangles: (T, 3) int32.
        origin: (2,) int64.
        ids: (h, w) int32, out: visible triangle, -1 = background.
        barycentric: (h, w, 3) float32, out: 0 on the background.
        depth: (h, w) float32, out: inf on the background.
    """
    height, width = ids.shape
    for row in range(height):
        for column in range(width):
            if keys[row, column] == EMPTY:
                ids[row, column] = -1
                barycentric[row, column, :] = 0.0
                depth[row, column] = np.inf
                continue
            t = LAST_ID - (keys[row, column] & LAST_ID)
            ids[row, column] = t
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            x, y = origin[0] + column, origin[1] + row
            ax, ay = position[a, 0] - x, position[a, 1] - y
            bx, by = position[b, 0] - x, position[b, 1] - y
            cx, cy = position[c, 0] - x, position[c, 1] - y
            area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            sign = 1.0 if area > 0 else -1.0
            # Rounding to the grid can put a pixel centre just outside: hence the clamp at 0.
            u = max(sign * (bx * cy - by * cx), 0.0)
            v = max(sign * (cx * ay - cy * ax), 0.0)
            w = max(sign * (ax * by - ay * bx), 0.0)
            total = u + v + w
            if total > 0.0:
                u, v, w = u / total, v / total, w / total
            else:
                u = v = w = 1.0 / 3.0
            u, v, w = u * inverse_w[a], v * inverse_w[b], w * inverse_w[c]
            total = u + v + w
            barycentric[row, column, 0] = u / total
            barycentric[row, column, 1] = v / total
            barycentric[row, column, 2] = w / total
            depth[row, column] = 1.0 / total


@njit(cache=True, nogil=True)
def blend_corners(ids, barycentric, attributes, triangles, result):
    """Attributes (V, C) of the visible surface, written to `result` (h, w, C) float32."""
    height, width = ids.shape
    channels = attributes.shape[1]
    for y in range(height):
        for x in range(width):
            t = ids[y, x]
            if t < 0:
                result[y, x, :] = 0.0
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            u, v, w = barycentric[y, x, 0], barycentric[y, x, 1], barycentric[y, x, 2]
            for k in range(channels):
                result[y, x, k] = u * attributes[a, k] + v * attributes[b, k] + w * attributes[c, k]


@njit(cache=True, nogil=True)
def sample_bilinear(image, points, result):
    """Values of `image` (H, W, C) at `points` (N, 2) px, clamped at the border, into (N, C)."""
    height, width, channels = image.shape
    for n in range(len(points)):
        x = min(max(points[n, 0], 0.0), width - 1.0)
        y = min(max(points[n, 1], 0.0), height - 1.0)
        if not (x >= 0.0 and y >= 0.0):  # NaN
            result[n, :] = np.nan
            continue
        x0, y0 = int(x), int(y)
        x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
        fx, fy = x - x0, y - y0
        for k in range(channels):
            above = (1.0 - fx) * image[y0, x0, k] + fx * image[y0, x1, k]
            below = (1.0 - fx) * image[y1, x0, k] + fx * image[y1, x1, k]
            result[n, k] = (1.0 - fy) * above + fy * below
