"""Compiled loops of `SurfaceTree` that follow rays; see `proximity_kernels` for the tree."""

from __future__ import annotations

import numpy as np
from numba import njit

from lib.geometry.proximity_kernels import DEPTH, ROUNDING

MISS = -1
FAR = 1e300  # no hit is as far; a box that is missed is at inf


@njit(cache=True, nogil=True)
def first_hits(origins, directions, start, limit, corners, order, bounds, first, count):
    """The first triangle along each ray, from either side, and how far it is.

    Args:
        origins: (n, 3) float64.
        directions: (n, 3) float64, unit.
        start: hits before this do not count.
        limit: (n,) hits after this do not count.
        corners: (t, 3, 3) float64 in the order of the tree.
        order, bounds, first, count: of `proximity_kernels.build`.

    Returns:
        (n,) triangle, -1 for none; the lowest where several are met at the same place. (n,)
        distance, inf for none.
    """
    found, distance = np.full(len(origins), MISS), np.full(len(origins), np.inf)
    stack, ahead = np.empty(DEPTH, np.int64), np.empty(DEPTH)
    for row in range(len(origins)):
        ray, best = _prepared(origins[row], directions[row]), min(limit[row], FAR)
        depth, stack[0], ahead[0] = 1, 0, _enters(ray, bounds[0], start, best)
        while depth:
            depth -= 1
            if ahead[depth] > best:
                continue
            node = stack[depth]
            if count[node]:
                for i in range(first[node], first[node] + count[node]):
                    along = meet(ray, corners[i])[0]
                    if start <= along < best or (
                        along == best and (found[row] == MISS or order[i] < found[row])
                    ):
                        best, found[row], distance[row] = along, order[i], along
                continue
            near, far = 2 * node + 1, 2 * node + 2
            to_near = _enters(ray, bounds[near], start, best)
            to_far = _enters(ray, bounds[far], start, best)
            if to_far < to_near:
                near, far, to_near, to_far = far, near, to_far, to_near
            if to_far <= best:
                stack[depth], ahead[depth] = far, to_far
                depth += 1
            if to_near <= best:
                stack[depth], ahead[depth] = near, to_near
                depth += 1
    return found, distance


@njit(cache=True, nogil=True)
def visible(vertices, cameras, start, corners, bounds, first, count):
    """(n_cameras, n_vertices) bool: no triangle lies between vertex and camera centre.

    Args:
        vertices: (n_vertices, 3) float64.
        cameras: (n_cameras, 3) float64 centres.
        start: triangles nearer to the vertex than this hide nothing.
        corners, bounds, first, count: as for `first_hits`.
    """
    seen = np.ones((len(cameras), len(vertices)), np.bool_)
    stack = np.empty(DEPTH, np.int64)
    for camera in range(len(cameras)):
        last = 0
        for row in range(len(vertices)):
            way = cameras[camera] - vertices[row]
            length = np.sqrt((way * way).sum())
            if length <= start:
                continue
            ray = _prepared(vertices[row], way / length)
            if start <= meet(ray, corners[last])[0] < length:  # what hid the neighbour
                seen[camera, row] = False
                continue
            blocker = _any_hit(ray, start, length, corners, bounds, first, count, stack)
            if blocker != MISS:
                seen[camera, row], last = False, blocker
    return seen


@njit(cache=True, nogil=True)
def _any_hit(ray, start, limit, corners, bounds, first, count, stack):
    """Some triangle, in the order of the tree, that a ray meets before `limit`; -1 for none."""
    depth, stack[0] = 1, 0
    while depth:
        depth -= 1
        node = stack[depth]
        if not _enters(ray, bounds[node], start, limit) <= limit:
            continue
        for i in range(first[node], first[node] + count[node]):
            if start <= meet(ray, corners[i])[0] < limit:
                return i
        if not count[node]:
            stack[depth], stack[depth + 1] = 2 * node + 2, 2 * node + 1
            depth += 2
    return MISS


@njit(cache=True, nogil=True)
def meetings(origins, directions, found, corners):
    """(n,) distance along the rays, signed, and (n, 3) barycentric weights in given triangles.

    Args:
        origins: (n, 3) float64.
        directions: (n, 3) float64, unit.
        found: (n,) triangle, -1 for none; there and where a triangle is missed the distance is
            inf and the weights are NaN.
        corners: (t, 3, 3) float64 in the order of the mesh.
    """
    distance, barycentric = np.full(len(found), np.inf), np.full((len(found), 3), np.nan)
    for row in range(len(found)):
        if found[row] != MISS:
            along, one, two, three = meet(
                _prepared(origins[row], directions[row]), corners[found[row]]
            )
            if along < np.inf:
                distance[row] = along
                barycentric[row, 0], barycentric[row, 1], barycentric[row, 2] = one, two, three
    return distance, barycentric


@njit(cache=True, nogil=True, error_model="numpy")
def _prepared(origin, direction):
    """A ray with its inverse direction, its main axes and the shear that makes it the last of them.

    Returns:
        origin (x, y, z), inverse (x, y, z), axes (a, b, c), shear (a, b, c)
    """
    x, y, z = direction[0] + 0.0, direction[1] + 0.0, direction[2] + 0.0  # no negative zeros
    c = 0
    if abs(y) > abs(x):
        c = 1
    if abs(z) > max(abs(x), abs(y)):
        c = 2
    a, b = (c + 1) % 3, (c + 2) % 3
    shear = (direction[a] / direction[c], direction[b] / direction[c], 1 / direction[c])
    return (origin[0], origin[1], origin[2]), (1 / x, 1 / y, 1 / z), (a, b, c), shear


@njit(cache=True, nogil=True)
def _enters(ray, box, start, limit):
    """Where a ray enters a box; inf where it does not between `start` and `limit`."""
    origin, inverse, _, _ = ray
    into, out = start, limit
    for axis in range(3):
        one, two = (
            (box[axis] - origin[axis]) * inverse[axis],
            (box[axis + 3] - origin[axis]) * inverse[axis],
        )
        if one > two:
            one, two = two, one
        if one > into:  # a NaN, of a ray inside a side of the box, changes nothing
            into = one
        if two * ROUNDING < out:
            out = two * ROUNDING
    return into / ROUNDING if into <= out * ROUNDING else np.inf


@njit(cache=True, nogil=True, error_model="numpy")
def meet(ray, corners):
    """Distance along a ray, inf where it misses, and three barycentric weights of a triangle.

    Neighbours get equal and opposite values at their common edge, so no ray slips between them.
    A triangle seen exactly from its edge is missed.

    Source: Woop, Benthin & Wald 2013, Watertight ray/triangle intersection, JCGT 2(1).
    """
    origin, _, axes, shear = ray
    i, j, k = axes
    az, bz, cz = corners[0, k] - origin[k], corners[1, k] - origin[k], corners[2, k] - origin[k]
    ax, ay = corners[0, i] - origin[i] - shear[0] * az, corners[0, j] - origin[j] - shear[1] * az
    bx, by = corners[1, i] - origin[i] - shear[0] * bz, corners[1, j] - origin[j] - shear[1] * bz
    cx, cy = corners[2, i] - origin[i] - shear[0] * cz, corners[2, j] - origin[j] - shear[1] * cz
    one, two, three = cx * by - cy * bx, ax * cy - ay * cx, bx * ay - by * ax
    if (one < 0 or two < 0 or three < 0) and (one > 0 or two > 0 or three > 0):
        return np.inf, np.nan, np.nan, np.nan
    total = one + two + three
    if total == 0:
        return np.inf, np.nan, np.nan, np.nan
    along = shear[2] * (one * az + two * bz + three * cz) / total
    return along, one / total, two / total, three / total
