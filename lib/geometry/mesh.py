"""Triangle meshes: normals, areas, points on the surface."""

from __future__ import annotations

import numpy as np
from numba import njit


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray, by_area: bool = True) -> np.ndarray:
    """Unit vertex normals, each the mean of the normals around it.

    Args:
        vertices: (n_vertices, 3).
        triangles: (n_triangles, 3) indices, counter-clockwise from outside.
        by_area: large triangles count for more; False = all alike.

    Returns:
        (n_vertices, 3); zero where a vertex has no triangle.
    """
    if triangles.size and (triangles.min() < 0 or triangles.max() >= len(vertices)):
        found = f"values {triangles.min()}..{triangles.max()}"
        raise IndexError(f"triangles has {found}, expected indices into {len(vertices)} vertices.")
    total = np.zeros(vertices.shape)
    _add_normals(vertices, triangles, by_area, total)
    normal = total.astype(vertices.dtype)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return normal / np.where(length > 0, length, 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _add_normals(vertices, triangles, by_area, total):
    """Add each triangle's normal, as long as twice its area or 1, to its corners: total (n, 3)."""
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x, y, z = (
            vertices[b, 0] - vertices[a, 0],
            vertices[b, 1] - vertices[a, 1],
            vertices[b, 2] - vertices[a, 2],
        )
        u, v, w = (
            vertices[c, 0] - vertices[a, 0],
            vertices[c, 1] - vertices[a, 1],
            vertices[c, 2] - vertices[a, 2],
        )
        across, up, out = y * w - z * v, z * u - x * w, x * v - y * u
        if not by_area:
            length = max(np.sqrt(across * across + up * up + out * out), 1e-30)
            across, up, out = across / length, up / length, out / length
        for corner in (a, b, c):
            total[corner, 0] += across
            total[corner, 1] += up
            total[corner, 2] += out


def triangle_areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Areas of triangles in the plane (signed, counter-clockwise positive) or in space.

    Args:
        points: (n, 2) or (n, 3).
        triangles: (n_triangles, 3) indices.

    Returns:
        (n_triangles,)
    """
    first = points[triangles[:, 1]] - points[triangles[:, 0]]
    second = points[triangles[:, 2]] - points[triangles[:, 0]]
    if points.shape[1] == 2:
        return 0.5 * (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
    return 0.5 * np.linalg.norm(np.cross(first, second), axis=1)


def split_quads(polygons: np.ndarray) -> np.ndarray:
    """Triangles of polygons with up to four corners.

    Args:
        polygons: (n, 4) indices; the last one is -1 for a triangle.

    Returns:
        (n_triangles, 3): the first halves of all polygons, then the second halves of the quads.
    """
    quads = polygons[polygons[:, 3] >= 0]
    return np.concatenate([polygons[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
