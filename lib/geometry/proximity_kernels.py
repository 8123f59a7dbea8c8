"""Compiled loops of `SurfaceTree`: a tree of boxes over triangles, and what is asked of it.

All are serial, float64 and without fast-math: equal inputs give equal bytes whatever else runs.
numba compiles each on its first use and caches it on disk.
"""

from __future__ import annotations

import numpy as np
from numba import njit

LEAF = 4  # triangles at most in a box that is not divided further
DEPTH = 96  # of the stacks; a balanced tree over 2^31 triangles is 30 deep
SNAP = 1e-12  # a barycentric weight below this is 0: the point lies on an edge or a corner
SLIVER = 1e-16  # squared sine of a corner below which a triangle is no more than its edges
ROUNDING = 1 + 1e-14  # boxes are met a little later, so that none is missed by rounding


@njit(cache=True, nogil=True, error_model="numpy")
def build(corners):
    """A balanced tree, every box halved at the median triangle along its centres' widest axis.

    Node i has the children 2i + 1 and 2i + 2 and holds the triangles order[first[i]:first[i] +
    count[i]].

    Args:
        corners: (t, 3, 3) float64, t > 0.

    Returns:
        order (t,) int64, bounds (nodes, 6) low then high, first (nodes,), count (nodes,) int64;
        count is 0 where a node is divided further.
    """
    total = len(corners)
    levels = 0
    while (total - 1) // (1 << levels) + 1 > LEAF:
        levels += 1
    nodes = (2 << levels) - 1
    order, first = np.arange(total), np.zeros(nodes, np.int64)
    size, count = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    size[0] = total
    centres = (corners[:, 0] + corners[:, 1] + corners[:, 2]) / 3
    inner = (1 << levels) - 1
    for node in range(inner):
        start, stop = first[node], first[node] + size[node]
        widest, width = 0, -1.0
        for axis in range(3):
            low, high = np.inf, -np.inf
            for i in range(start, stop):
                low, high = min(low, centres[order[i], axis]), max(high, centres[order[i], axis])
            if high - low > width:
                widest, width = axis, high - low
        half = start + (size[node] + 1) // 2
        _divide(order, centres[:, widest], start, stop - 1, half)
        first[2 * node + 1], size[2 * node + 1] = start, half - start
        first[2 * node + 2], size[2 * node + 2] = half, stop - half
    count[inner:] = size[inner:]
    return order, _bounds(corners, order, first, count, inner), first, count


@njit(cache=True, nogil=True)
def _bounds(corners, order, first, count, inner):
    """(nodes, 6) boxes, low then high; the first `inner` nodes hold two others."""
    bounds = np.empty((len(first), 6))
    for node in range(len(first) - 1, -1, -1):
        for axis in range(3):
            low, high = np.inf, -np.inf
            if node < inner:
                low = min(bounds[2 * node + 1, axis], bounds[2 * node + 2, axis])
                high = max(bounds[2 * node + 1, axis + 3], bounds[2 * node + 2, axis + 3])
            for i in range(first[node], first[node] + count[node]):
                for corner in range(3):
                    value = corners[order[i], corner, axis]
                    low, high = min(low, value), max(high, value)
            bounds[node, axis], bounds[node, axis + 3] = low, high
    return bounds


@njit(cache=True, nogil=True)
def _divide(order, key, low, high, middle):
    """Reorder order[low:high + 1] so that no key before `middle` is larger than one after it."""
    while low < high:
        pivot = key[order[(low + high) // 2]]
        i, j = low, high
        while i <= j:
            while key[order[i]] < pivot:
                i += 1
            while key[order[j]] > pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i, j = i + 1, j - 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@njit(cache=True, nogil=True)
def nearest(points, corners, order, bounds, first, count):
    """(n,) nearest triangle of points (n, 3); the lowest number where distances are equal.

    Args:
        points: (n, 3) float64.
        corners: (t, 3, 3) float64 in the order of the tree.
        order, bounds, first, count: of `build`.
    """
    found = np.empty(len(points), np.int64)
    stack, ahead = np.empty(DEPTH, np.int64), np.empty(DEPTH)
    last = 0
    for row in range(len(points)):
        x, y, z = points[row]
        best = _squared_distance(x, y, z, corners[last])  # neighbours in a list are often near
        depth, stack[0], ahead[0] = 1, 0, 0.0
        while depth:
            depth -= 1
            if ahead[depth] > best:
                continue
            node = stack[depth]
            if count[node]:
                for i in range(first[node], first[node] + count[node]):
                    gap = _squared_distance(x, y, z, corners[i])
                    if gap < best or (gap == best and order[i] < order[last]):
                        best, last = gap, i
                continue
            near, far = 2 * node + 1, 2 * node + 2
            to_near, to_far = _gap(x, y, z, bounds[near]), _gap(x, y, z, bounds[far])
            if to_far < to_near:
                near, far, to_near, to_far = far, near, to_far, to_near
            stack[depth], ahead[depth] = far, to_far
            stack[depth + 1], ahead[depth + 1] = near, to_near
            depth += 2
        found[row] = order[last]
    return found


@njit(cache=True, nogil=True)
def _gap(x, y, z, box):
    """Squared distance of a point to a box, a little less than it is."""
    dx = max(box[0] - x, 0.0, x - box[3])
    dy = max(box[1] - y, 0.0, y - box[4])
    dz = max(box[2] - z, 0.0, z - box[5])
    return (dx * dx + dy * dy + dz * dz) / ROUNDING


@njit(cache=True, nogil=True)
def _squared_distance(x, y, z, corners):
    return closest(x, y, z, corners)[0]


@njit(cache=True, nogil=True, error_model="numpy")
def closest(x, y, z, corners):
    """Squared distance, three barycentric weights and part of the nearest point of a triangle.

    The plane tells on which side of which edges the point lies; the nearest point of a triangle
    lies on an edge that has the point on its outer side, if there is one.
    """
    ax, ay, az = corners[0, 0], corners[0, 1], corners[0, 2]
    ux, uy, uz = corners[1, 0] - ax, corners[1, 1] - ay, corners[1, 2] - az
    vx, vy, vz = corners[2, 0] - ax, corners[2, 1] - ay, corners[2, 2] - az
    px, py, pz = x - ax, y - ay, z - az
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    area = nx * nx + ny * ny + nz * nz
    second, third, first = 0.0, 0.0, 0.0
    flat = area <= SLIVER * (ux * ux + uy * uy + uz * uz) * (vx * vx + vy * vy + vz * vz)
    if not flat:
        cx, cy, cz = py * vz - pz * vy, pz * vx - px * vz, px * vy - py * vx
        second = (nx * cx + ny * cy + nz * cz) / area
        cx, cy, cz = uy * pz - uz * py, uz * px - ux * pz, ux * py - uy * px
        third = (nx * cx + ny * cy + nz * cz) / area
        first = 1 - second - third
        if first > SNAP and second > SNAP and third > SNAP:
            height = (nx * px + ny * py + nz * pz) / np.sqrt(area)
            return height * height, first, second, third, 0
    best, start, weight = np.inf, 0, 0.0
    for edge in range(3):  # ab, bc, ca; the weight of the corner opposite is negative outside
        opposite = third if edge == 0 else (first if edge == 1 else second)
        if flat or opposite <= SNAP:
            gap, along = _on_edge(x, y, z, corners[edge], corners[(edge + 1) % 3])
            if gap < best:
                best, start, weight = gap, edge, along
    first, second, third = 0.0, 0.0, 0.0
    end = (start + 1) % 3
    for corner in range(3):
        share = 1 - weight if corner == start else (weight if corner == end else 0.0)
        if corner == 0:
            first = share
        elif corner == 1:
            second = share
        else:
            third = share
    part = 1 + start
    if weight == 0:
        part = 4 + start
    elif weight == 1:
        part = 4 + end
    return best, first, second, third, part


@njit(cache=True, nogil=True, error_model="numpy")
def _on_edge(x, y, z, start, end):
    """Squared distance to a segment, and how far along it 0..1 its nearest point lies."""
    ex, ey, ez = end[0] - start[0], end[1] - start[1], end[2] - start[2]
    px, py, pz = x - start[0], y - start[1], z - start[2]
    square = ex * ex + ey * ey + ez * ez
    along = (px * ex + py * ey + pz * ez) / square if square > 0 else 0.0
    if along <= SNAP:
        along = 0.0
    elif along >= 1 - SNAP:
        along = 1.0
    dx, dy, dz = px - along * ex, py - along * ey, pz - along * ez
    return dx * dx + dy * dy + dz * dz, along


@njit(cache=True, nogil=True)
def around(triangles, n_vertices):
    """Triangles at each vertex: numbers[start[v]:start[v + 1]], ascending.

    Args:
        triangles: (t, 3) int64.
        n_vertices: count.
    """
    start = np.zeros(n_vertices + 1, np.int64)
    for triangle in triangles:
        for vertex in triangle:
            start[vertex + 1] += 1
    for vertex in range(n_vertices):
        start[vertex + 1] += start[vertex]
    filled, numbers = start[:-1].copy(), np.empty(triangles.size, np.int64)
    for number in range(len(triangles)):
        for vertex in triangles[number]:
            numbers[filled[vertex]] = number
            filled[vertex] += 1
    return start, numbers


@njit(cache=True, nogil=True)
def settle(points, found, corners, triangles, start, numbers, signed):
    """The nearest points of given triangles; of those that share the point, the lowest counts.

    Args:
        points: (n, 3) float64.
        found: (n,) triangle that holds the nearest point; changed in place.
        corners: (t, 3, 3) float64 in the order of the mesh.
        triangles: (t, 3) int64.
        start, numbers: of `around`.
        signed: whether a distance is negative behind the surface.

    Returns:
        barycentric (n, 3), distance (n,), part (n,) uint8.

    Source: Baerentzen & Aanaes 2005, Signed distance computation using the angle weighted
    pseudonormal.
    """
    barycentric, distance = np.empty((len(points), 3)), np.empty(len(points))
    parts = np.empty(len(points), np.uint8)
    for row in range(len(points)):
        x, y, z = points[row]
        triangle = found[row]
        square, first, second, third, part = closest(x, y, z, corners[triangle])
        if part:
            one, other = _held_by(part)
            vertex, end = triangles[triangle, one], triangles[triangle, other]
            for number in numbers[start[vertex] : start[vertex + 1]]:
                if _has(triangles[number], end):
                    triangle = number
                    break
            square, first, second, third, part = closest(x, y, z, corners[triangle])
        found[row], parts[row], distance[row] = triangle, part, np.sqrt(square)
        barycentric[row, 0], barycentric[row, 1], barycentric[row, 2] = first, second, third
        if signed:
            normal = _outwards(triangle, part, corners, triangles, start, numbers)
            height = 0.0
            for axis in range(3):
                height += normal[axis] * (
                    (points[row, axis] - corners[triangle, 0, axis]) * first
                    + (points[row, axis] - corners[triangle, 1, axis]) * second
                    + (points[row, axis] - corners[triangle, 2, axis]) * third
                )
            if height < 0:
                distance[row] = -distance[row]
    return barycentric, distance, parts


@njit(cache=True, nogil=True)
def _held_by(part):
    """The corners that hold an edge (1, 2, 3) or a corner (4, 5, 6), twice the same there."""
    if part < 4:
        return part - 1, part % 3
    return part - 4, part - 4


@njit(cache=True, nogil=True)
def _has(triangle, vertex):
    return triangle[0] == vertex or triangle[1] == vertex or triangle[2] == vertex


@njit(cache=True, nogil=True, error_model="numpy")
def _outwards(triangle, part, corners, triangles, start, numbers):
    """The normal of a face, or the sum around an edge or, weighted by angle, around a vertex."""
    total = np.zeros(3)
    if part == 0:
        return _unit_normal(corners[triangle])
    one, other = _held_by(part)
    vertex, end = triangles[triangle, one], triangles[triangle, other]
    for number in numbers[start[vertex] : start[vertex + 1]]:
        if part < 4:
            if _has(triangles[number], end):
                total += _unit_normal(corners[number])
        else:
            for corner in range(3):
                if triangles[number, corner] == vertex:
                    middle = corners[number, corner]
                    a = corners[number, (corner + 1) % 3] - middle
                    b = corners[number, (corner + 2) % 3] - middle
                    cross = np.cross(a, b)
                    angle = np.arctan2(np.sqrt((cross * cross).sum()), (a * b).sum())
                    total += angle * _unit_normal(corners[number])
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _unit_normal(corners):
    """(3,) of a triangle; zero where it has no area."""
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    length = np.sqrt((normal * normal).sum())
    return normal / length if length > 0 else np.zeros(3)
