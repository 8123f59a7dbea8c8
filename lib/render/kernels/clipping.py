"""Compiled loops that cut triangles which leave the view volume.

The pieces are drawn under the id of their triangle; its barycentric weights are those of the whole
triangle. An edge that two triangles share is cut from the same end by both, hence at one point.

Source: Sutherland & Hodgman 1974, Reentrant polygon clipping; Blinn & Newell 1978, Clipping using
homogeneous coordinates.
"""

from __future__ import annotations

import numpy as np
from numba import njit

PLANES = 6  # near, far, and four far beyond the image
CORNERS = 3 + PLANES  # of a clipped triangle, at most


@njit(cache=True, nogil=True, error_model="numpy")
def count_crossing(clip, triangles, outside, limit_x, limit_y):
    """How many triangles have a vertex outside and are not wholly beyond one plane."""
    count = 0
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        if outside[a] or outside[b] or outside[c]:
            count += _crosses(clip, a, b, c, limit_x, limit_y)
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def cut(clip, triangles, outside, limit_x, limit_y, corners, ids):
    """Cut triangles at near plane, far plane and limits; returns the number n of pieces.

    Args:
        clip: (V, 4) x, y, z, w.
        triangles: (T, 3) uint32.
        outside: (V,) bool; only triangles with such a vertex are cut.
        limit_x: largest |x| / w that a piece may reach.
        limit_y: likewise for y.
        corners: (7 * M, 3, 4) float64, out: the first n are the pieces; M of `count_crossing`.
        ids: (7 * M,) int32, out: their triangles.
    """
    polygon, rest = np.empty((CORNERS, 4)), np.empty((CORNERS, 4))
    n = 0
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        if not (outside[a] or outside[b] or outside[c]):
            continue
        if not _crosses(clip, a, b, c, limit_x, limit_y):
            continue
        for k in range(4):
            polygon[0, k], polygon[1, k], polygon[2, k] = clip[a, k], clip[b, k], clip[c, k]
        size = 3
        for plane in range(PLANES):
            size = _cut_by(polygon, size, plane, limit_x, limit_y, rest)
            polygon, rest = rest, polygon
        for k in range(1, size - 1):
            corners[n, 0], corners[n, 1], corners[n, 2] = polygon[0], polygon[k], polygon[k + 1]
            ids[n] = t
            n += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _inside(x, y, z, w, plane, limit_x, limit_y):
    """How far a point is on the inner side of a plane."""
    if plane == 0:
        return w + z
    if plane == 1:
        return w - z
    if plane == 2:
        return limit_x * w - x
    if plane == 3:
        return limit_x * w + x
    if plane == 4:
        return limit_y * w - y
    return limit_y * w + y


@njit(cache=True, nogil=True, error_model="numpy")
def _crosses(clip, a, b, c, limit_x, limit_y):
    for i in (a, b, c):
        for k in range(4):
            if not np.isfinite(clip[i, k]):
                return False
    for plane in range(PLANES):
        beyond = 0
        for i in (a, b, c):
            x, y, z, w = clip[i, 0], clip[i, 1], clip[i, 2], clip[i, 3]
            beyond += _inside(x, y, z, w, plane, limit_x, limit_y) <= 0
        if beyond == 3:
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _cut_by(polygon, size, plane, limit_x, limit_y, rest):
    """Write the part of a polygon on the inner side of a plane; returns its number of corners."""
    n = 0
    for i in range(size):
        p, q = polygon[i], polygon[(i + 1) % size]
        of_p = _inside(p[0], p[1], p[2], p[3], plane, limit_x, limit_y)
        of_q = _inside(q[0], q[1], q[2], q[3], plane, limit_x, limit_y)
        if of_p >= 0:
            rest[n] = p
            n += 1
        if (of_p >= 0) != (of_q >= 0):
            if of_p >= 0:
                rest[n] = p + (q - p) * (of_p / (of_p - of_q))
            else:
                rest[n] = q + (p - q) * (of_q / (of_q - of_p))
            n += 1
    return n
