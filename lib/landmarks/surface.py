"""Points on a mesh: the nearest surface point, normals there, distances along the surface."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from lib.facemodel import SurfacePoints
from lib.geometry import vertex_normals

_CANDIDATES = 24  # triangles whose centre is nearest; enough where triangles are about equal


def nearest_on_surface(
    points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray, usable: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest surface point of each point.

    Args:
        points: (n, 3) mm.
        vertices: (n_vertices, 3) mm.
        triangles: (n_triangles, 3) vertex indices.
        usable: (n_triangles,) bool; only these triangles are looked at.

    Returns:
        (n,) triangle and (n, 3) barycentric weights. Among the 24 triangles whose centres are
        nearest, which is exact for points near a surface of about equal triangles.
    """
    index = np.flatnonzero(usable)
    corners = vertices[triangles[index]].astype(np.float64)
    _, near = cKDTree(corners.mean(1)).query(points, k=min(_CANDIDATES, len(index)))
    weights = _closest_weights(points[:, None], corners[near])
    distance = np.linalg.norm(
        np.einsum("nkc,nkcd->nkd", weights, corners[near]) - points[:, None], axis=2
    )
    best = distance.argmin(1)
    rows = np.arange(len(points))
    return index[near[rows, best]], weights[rows, best]


def _closest_weights(point: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentric weights (..., 3) of the point of triangles (..., 3, 3) nearest to `point`."""
    a, b, c = (corners[..., i, :] for i in range(3))
    edge_b, edge_c, offset = b - a, c - a, point - a
    bb, bc, cc = (edge_b**2).sum(-1), (edge_b * edge_c).sum(-1), (edge_c**2).sum(-1)
    ob, oc = (offset * edge_b).sum(-1), (offset * edge_c).sum(-1)
    area = np.maximum(bb * cc - bc**2, 1e-12)
    second, third = (cc * ob - bc * oc) / area, (bb * oc - bc * ob) / area
    inside = np.stack([1 - second - third, second, third], -1)
    options, gaps = [inside], [np.where((inside >= 0).all(-1), 0.0, np.inf)]
    for start, end in ((0, 1), (1, 2), (2, 0)):
        first, edge = corners[..., start, :], corners[..., end, :] - corners[..., start, :]
        along = ((point - first) * edge).sum(-1) / np.maximum((edge**2).sum(-1), 1e-12)
        along = np.clip(along, 0, 1)
        weight = np.zeros_like(inside)
        weight[..., start], weight[..., end] = 1 - along, along
        options.append(weight)
        gaps.append(((first + along[..., None] * edge - point) ** 2).sum(-1) + 1e-15)
    choice = np.argmin(gaps, axis=0)
    return np.take_along_axis(np.stack(options), choice[None, ..., None], 0)[0]


def normals_at(points: SurfacePoints, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(n_points, 3) unit normals of a mesh (n_vertices, 3) at surface points."""
    normals = points.on(vertex_normals(vertices, triangles), triangles)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)


def geodesic_distances(
    sources: SurfacePoints,
    targets: SurfacePoints,
    vertices: np.ndarray,
    triangles: np.ndarray,
    usable: np.ndarray,
) -> np.ndarray:
    """Distances along the edges of the mesh, so that the upper lip is far from the lower one.

    Args:
        sources: n points.
        targets: m points.
        vertices: (n_vertices, 3) mm.
        triangles: (n_triangles, 3) vertex indices.
        usable: (n_triangles,) bool; paths run over these triangles.

    Returns:
        (n, m) mm; an upper bound of the true distance, inf where no path exists.
    """
    used = triangles[usable]
    edges = np.concatenate([used[:, [0, 1]], used[:, [1, 2]], used[:, [2, 0]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    size = (len(vertices), len(vertices))
    graph = coo_array((length, (edges[:, 0], edges[:, 1])), shape=size).tocsr()
    starts, start_gap = _corner_gaps(sources, vertices, triangles)
    ends, end_gap = _corner_gaps(targets, vertices, triangles)
    unique, inverse = np.unique(starts, return_inverse=True)
    between = dijkstra(graph, directed=False, indices=unique)[inverse.reshape(starts.shape)]
    paths = between[:, :, ends] + start_gap[:, :, None, None] + end_gap[None, None]
    return paths.min(axis=(1, 3))


def _corner_gaps(
    points: SurfacePoints, vertices: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3) corner vertices of each point's triangle and (n, 3) distances to them."""
    corners = triangles[points.triangle]
    positions = points.on(vertices, triangles)
    return corners, np.linalg.norm(vertices[corners] - positions[:, None], axis=2)
