"""Triangle meshes: normals, areas, points on the surface."""

from __future__ import annotations

import numpy as np


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit vertex normals, each the area-weighted mean of the normals around it.

    Args:
        vertices: (n_vertices, 3).
        triangles: (n_triangles, 3) indices, counter-clockwise from outside.

    Returns:
        (n_vertices, 3); zero where a vertex has no triangle.
    """
    corner = vertices[triangles]
    face_normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normal = np.zeros_like(vertices)
    for axis in range(3):
        normal[:, axis] = np.bincount(
            triangles.ravel(), np.repeat(face_normal[:, axis], 3), minlength=len(vertices)
        )
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return normal / np.where(length > 0, length, 1)


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
