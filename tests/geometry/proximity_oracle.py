"""Small shapes, and answers by looking at every triangle, for the tests of `SurfaceTree`."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

TRIANGLE = np.array([[0.0, 0, 0], [4, 0, 0], [0, 3, 0]]), np.array([[0, 1, 2]])


def nearest_distance(points: np.ndarray, corners: np.ndarray, chunk: int = 200) -> np.ndarray:
    """(n,) distance of points (n, 3) to the nearest of all triangles (t, 3, 3).

    Of all triangles, those are computed exactly whose surrounding sphere comes nearer than the
    nearest centre, which lies on the surface.
    """
    centre = corners.mean(axis=1)
    radius = np.linalg.norm(corners - centre[:, None], axis=2).max(axis=1)
    result = np.empty(len(points))
    for start in range(0, len(points), chunk):
        part = points[start : start + chunk]
        to_centre = cdist(part, centre)
        bound = to_centre.min(axis=1, keepdims=True) * (1 + 1e-9)
        row, triangle = np.nonzero(to_centre - radius <= bound)
        exact = _to_triangle(part[row], corners[triangle])
        best = np.full(len(part), np.inf)
        np.minimum.at(best, row, exact)
        result[start : start + chunk] = best
    return result


def _to_triangle(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(n,) distance of each point to its triangle: least of three edges and, inside, the plane."""
    best = np.full(len(points), np.inf)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    inside = np.ones(len(points), bool)
    for one in range(3):
        start, edge = corners[:, one], corners[:, (one + 1) % 3] - corners[:, one]
        square = (edge**2).sum(axis=1)
        along = ((points - start) * edge).sum(axis=1) / np.where(square > 0, square, 1)
        foot = start + np.clip(along, 0, 1)[:, None] * edge
        best = np.minimum(best, np.linalg.norm(points - foot, axis=1))
        inside &= (np.cross(edge, points - start) * normal).sum(axis=1) > 0
    length = np.linalg.norm(normal, axis=1)
    height = np.abs(((points - corners[:, 0]) * normal).sum(axis=1)) / np.where(length, length, 1)
    return np.where(inside, np.minimum(best, height), best)


def ray_distances(origin: np.ndarray, direction: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(t,) signed distance along one unit direction to every triangle (t, 3, 3), inf for a miss.

    Source: Moeller & Trumbore 1997.
    """
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(direction, two)
    determinant = (one * across).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = origin - corners[:, 0]
        second = (offset * across).sum(axis=1) / determinant
        around = np.cross(offset, one)
        third = around @ direction / determinant
        distance = (two * around).sum(axis=1) / determinant
        hit = (second >= 0) & (third >= 0) & (second + third <= 1)
    return np.where(hit, distance, np.inf)


def first_distance(
    origins: np.ndarray, directions: np.ndarray, corners: np.ndarray, both_ways: bool
) -> np.ndarray:
    """(n,) signed distance to the first hit, or to the nearest of both ways, inf for none."""
    result = np.full(len(origins), np.inf)
    for row in range(len(origins)):
        unit = directions[row] / np.linalg.norm(directions[row])
        along = ray_distances(origins[row], unit, corners)
        if not both_ways:
            along[along < 0] = np.inf
        result[row] = along[np.abs(along).argmin()]
    return result


def seen(vertices: np.ndarray, chosen: np.ndarray, camera: np.ndarray, corners: np.ndarray):
    """(n,) bool: no triangle between 1e-3 mm before the chosen vertices and the camera."""
    result = np.empty(len(chosen), bool)
    for row, vertex in enumerate(vertices[chosen]):
        way = camera - vertex
        length = np.linalg.norm(way)
        along = ray_distances(vertex, way / length, corners)
        result[row] = not ((along >= 1e-3) & (along < length)).any()
    return result


def box(half: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A closed cube about the origin, faces outwards."""
    sign = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    quads = np.array(
        [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    )
    return half * sign, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def ball(rows: int = 12, columns: int = 17) -> tuple[np.ndarray, np.ndarray]:
    """A closed unit sphere of uneven triangles, faces outwards."""
    polar, turn = np.arange(1, rows) * np.pi / rows, np.arange(columns) * 2 * np.pi / columns
    theta, phi = (a.ravel() for a in np.meshgrid(polar, turn, indexing="ij"))
    ring = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], 1)
    vertices = np.concatenate([ring, [[0, 0, 1], [0, 0, -1]]])
    triangles = []
    for column in range(columns):
        right = (column + 1) % columns
        triangles.append([len(ring), column, right])
        triangles.append([len(ring) + 1, len(ring) - columns + right, len(ring) - columns + column])
        for row in range(rows - 2):
            a, b = row * columns + column, row * columns + right
            triangles += [[a, a + columns, b + columns], [a, b + columns, b]]
    return vertices, np.array(triangles)


def rotation(generator: np.random.Generator) -> np.ndarray:
    """(3, 3) random rotation."""
    matrix, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))
