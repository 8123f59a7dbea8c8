"""Compiled loops: coverage, barycentrics, interpolation and texture sampling.

All are serial and release the GIL: equal inputs give equal bytes whatever else runs, and callers
that want two cores run two images. numba compiles each on its first use and caches it on disk.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Vertices are rounded to this fraction of a pixel, so that coverage is decided in exact integers
# and neighbouring triangles share their edge without gap or overlap. (nvdiffrast: 16.)
SUBPIXELS = 256

# Edge functions stay within int64 for triangles inside +-LIMIT_PX; larger ones are skipped.
LIMIT_PX = 2**21


@njit(cache=True, nogil=True)
def cover(grid, key, drawable, triangles, origin, cull, ids, nearest):
    """Fill `ids` with the visible triangle per pixel and `nearest` with its key.

    Args:
        grid: (V, 2) int64, (x, y) of the vertices in 1/SUBPIXELS px.
        key: (V,) float64, depth order that is affine in the image; small is near.
        drawable: (V,) bool; a triangle with a vertex that is not is skipped.
        triangles: (T, 3) int32.
        origin: (2,) int64, (x, y) of the first pixel of `ids`.
        cull: 0 = draw both windings; 1 = only those counter-clockwise in an image with y down.
        ids: (h, w) int32, -1 where nothing is; changed in place.
        nearest: (h, w) float32, inf where nothing is; changed in place. Equal keys: the triangle
            with the higher index wins.
    """
    height, width = ids.shape
    left, top = origin[0], origin[1]
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        if not (drawable[a] and drawable[b] and drawable[c]):
            continue
        ax, ay = grid[a, 0], grid[a, 1]
        area = (grid[b, 0] - ax) * (grid[c, 1] - ay) - (grid[b, 1] - ay) * (grid[c, 0] - ax)
        if area == 0 or (cull == 1 and area > 0):
            continue
        if area < 0:
            b, c = c, b
        bx, by, cx, cy = grid[b, 0], grid[b, 1], grid[c, 0], grid[c, 1]
        x0 = max(-(-min(ax, bx, cx) // SUBPIXELS), left)
        y0 = max(-(-min(ay, by, cy) // SUBPIXELS), top)
        x1 = min(max(ax, bx, cx) // SUBPIXELS, left + width - 1)
        y1 = min(max(ay, by, cy) // SUBPIXELS, top + height - 1)
        if x0 > x1 or y0 > y1:
            continue
        # Edge functions at the first pixel; an edge that is neither top nor left excludes 0.
        px, py = x0 * SUBPIXELS, y0 * SUBPIXELS
        ux, uy, vx, vy, wx, wy = cx - bx, cy - by, ax - cx, ay - cy, bx - ax, by - ay
        bu = 0 if uy < 0 or (uy == 0 and ux > 0) else 1
        bv = 0 if vy < 0 or (vy == 0 and vx > 0) else 1
        bw = 0 if wy < 0 or (wy == 0 and wx > 0) else 1
        u = ux * (py - by) - uy * (px - bx)
        v = vx * (py - cy) - vy * (px - cx)
        w = wx * (py - ay) - wy * (px - ax)
        scale = 1.0 / abs(area)
        ka, kb, kc = key[a], key[b], key[c]
        low, high = min(ka, kb, kc), max(ka, kb, kc)
        for y in range(y0, y1 + 1):
            eu, ev, ew = u, v, w
            for x in range(x0, x1 + 1):
                if eu >= bu and ev >= bv and ew >= bw:
                    depth = min(max((eu * ka + ev * kb + ew * kc) * scale, low), high)
                    depth = np.float32(depth)
                    if depth <= nearest[y - top, x - left]:
                        nearest[y - top, x - left] = depth
                        ids[y - top, x - left] = t
                eu -= uy * SUBPIXELS
                ev -= vy * SUBPIXELS
                ew -= wy * SUBPIXELS
            u += ux * SUBPIXELS
            v += vx * SUBPIXELS
            w += wx * SUBPIXELS


@njit(cache=True, nogil=True)
def resolve(position, inverse_w, triangles, origin, ids, barycentric, depth):
    """Perspective-correct weights and depth of the triangle in each pixel.

    Args:
        position: (V, 2) float64, (x, y) px, not rounded.
        inverse_w: (V,) float64, 1 / distance along the optical axis.
        triangles: (T, 3) int32.
        origin: (2,) int64.
        ids: (h, w) int32.
        barycentric: (h, w, 3) float32; changed in place, 0 on the background.
        depth: (h, w) float32; changed in place, inf on the background.
    """
    height, width = ids.shape
    for row in range(height):
        for column in range(width):
            t = ids[row, column]
            if t < 0:
                barycentric[row, column, :] = 0.0
                depth[row, column] = np.inf
                continue
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
