"""A head's mesh cut finer, so that outlines are round and relief becomes geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.facemodel import FaceModel
from lib.geometry import vertex_normals

ROUNDING = 0.5  # how far new vertices follow the tangent planes of the old ones; 1/2 keeps spheres


@dataclass(frozen=True)
class Cut:
    """One halving of edges.

    Args:
        edges: (n_edges, 2) vertices whose middles become vertices n, n + 1, ...
        uv_edges: (n_uv_edges, 2) likewise in the chart.
        triangles: (t, 3) after the cut.
        uv_triangles: (t, 3) after the cut.
        parent: (t,) triangle before the cut.
    """

    edges: np.ndarray
    uv_edges: np.ndarray
    triangles: np.ndarray
    uv_triangles: np.ndarray
    parent: np.ndarray


@dataclass(frozen=True)
class Tessellation:
    """Triangles of a face model, each cut into 4 ** level.

    Args:
        cuts: from coarse to fine.
        triangles: (t, 3) finest.
        uv: (n_uv, 2) finest.
        uv_triangles: (t, 3) finest.
        model_triangle: (t,) triangle of the model.
    """

    cuts: tuple[Cut, ...]
    triangles: np.ndarray
    uv: np.ndarray
    uv_triangles: np.ndarray
    model_triangle: np.ndarray

    @property
    def n_vertices(self) -> int:
        """Number of finest vertices; the model's own come first."""
        return int(self.triangles.max()) + 1

    def values(self, field: np.ndarray) -> np.ndarray:
        """(n_fine, C) values of (n_vertices, C) ones, linear along edges."""
        for cut in self.cuts:
            field = np.concatenate([field, (field[cut.edges[:, 0]] + field[cut.edges[:, 1]]) / 2])
        return field

    def rounded(self, vertices: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """(n_fine, 3) mm vertices of a smooth surface through the given ones.

        Args:
            vertices: (n_vertices, 3) mm; they stay where they are.
            normals: (n_vertices, 3) unit.

        Source: Boubekeur & Alexa 2008, Phong tessellation (SIGGRAPH Asia), for the middle of an
            edge; with shape factor 1/2, at which spheres stay spheres.
        """
        for cut in self.cuts:
            a, b = cut.edges.T
            chord = vertices[b] - vertices[a]
            na, nb = normals[a], normals[b]
            lift = (chord * na).sum(1)[:, None] * na - (chord * nb).sum(1)[:, None] * nb
            middle = (vertices[a] + vertices[b]) / 2 - np.float32(ROUNDING / 4) * lift
            turned = na + nb
            length = np.linalg.norm(turned, axis=1, keepdims=True)
            vertices = np.concatenate([vertices, middle])
            normals = np.concatenate([normals, turned / np.maximum(length, 1e-9)])
        return vertices


def tessellate(model: FaceModel, level: int) -> Tessellation:
    """Cut every triangle of a model into 4 ** level, chart and all."""
    triangles, uv_triangles, uv = model.triangles, model.uv_triangles, model.uv
    source = np.arange(len(triangles))
    cuts, n_vertices = [], model.n_vertices
    for _ in range(level):
        edges, middle = _halved(triangles, n_vertices)
        uv_edges, uv_middle = _halved(uv_triangles, len(uv))
        parent = np.tile(np.arange(len(triangles)), 4)
        triangles, uv_triangles = _children(triangles, middle), _children(uv_triangles, uv_middle)
        uv = np.concatenate([uv, (uv[uv_edges[:, 0]] + uv[uv_edges[:, 1]]) / 2])
        n_vertices += len(edges)
        source = source[parent]
        cuts.append(Cut(edges, uv_edges, triangles, uv_triangles, parent))
    return Tessellation(tuple(cuts), triangles, uv, uv_triangles, source)


def _halved(triangles: np.ndarray, n_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Edges (n_edges, 2), and the index of the new vertex on each side (t, 3) of the triangles."""
    sides = np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=2).reshape(-1, 2)
    sides = np.sort(sides, axis=1).astype(np.int64)
    _, first, side_of = np.unique(
        sides[:, 0] * n_vertices + sides[:, 1], return_index=True, return_inverse=True
    )
    return sides[first].astype(np.int32), (n_vertices + side_of.reshape(-1, 3)).astype(np.int32)


def _children(triangles: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """(4 t, 3): the three at the corners, then the one in the middle."""
    corner = [np.stack([triangles[:, k], middle[:, k], middle[:, k - 1]], axis=1) for k in range(3)]
    return np.concatenate([*corner, middle]).astype(np.int32)


def smooth_head(
    tessellation: Tessellation,
    vertices: np.ndarray,
    triangles: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """(n_fine, 3) mm vertices and (n_fine, 3) unit normals of a rounded head."""
    fine = tessellation.rounded(vertices, vertex_normals(vertices, triangles).astype(np.float32))
    return fine, vertex_normals(fine, tessellation.triangles).astype(np.float32)
