"""One Catmull-Clark step of a quad mesh as a sparse matrix, to act on every basis alike."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def catmull_clark(n_vertices: int, quads: np.ndarray) -> tuple[sp.csr_matrix, np.ndarray]:
    """Operator and topology of one subdivision step; open borders follow the cubic B-spline.

    Args:
        n_vertices: number of coarse vertices.
        quads: (n_quads, 4) coarse quads.

    Returns:
        operator: (n_fine, n_vertices); rows are the coarse vertices, then the edges, then the
            quads.
        fine_quads: (4 * n_quads, 4), the four children of a quad side by side; corner 0 is a
            coarse vertex and corner 2 the centre of the quad, so that a split along 0-2 is
            mirror-symmetric wherever the quads are.

    Source: Catmull & Clark 1978, Computer-Aided Design 10(6), with the border rule of
        Hoppe et al. 1994 (SIGGRAPH).
    """
    n_quads = len(quads)
    half_edges = np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2)
    edges, edge_of = np.unique(np.sort(half_edges, axis=1), axis=0, return_inverse=True)
    edge_of = edge_of.reshape(n_quads, 4)
    n_edges = len(edges)
    quad_rows = np.repeat(np.arange(n_quads), 4)
    face_points = _sparse(np.full(4 * n_quads, 0.25), quad_rows, quads, (n_quads, n_vertices))
    midpoints = _sparse(
        np.full(2 * n_edges, 0.5), np.repeat(np.arange(n_edges), 2), edges, (n_edges, n_vertices)
    )
    inner = np.bincount(edge_of.ravel(), minlength=n_edges) == 2
    faces_of_edge = _sparse(np.ones(4 * n_quads), edge_of, quad_rows, (n_edges, n_quads))
    edge_points = (
        sp.diags(np.where(inner, 0.5, 1.0)) @ midpoints
        + sp.diags(np.where(inner, 0.25, 0.0)) @ faces_of_edge @ face_points
    )
    vertex_points = _vertex_points(n_vertices, quads, edges, inner, midpoints, face_points)
    operator = sp.vstack([vertex_points, edge_points, face_points]).tocsr()
    operator.sum_duplicates()
    centre = n_vertices + n_edges + np.arange(n_quads)
    edge_index = n_vertices + edge_of
    children = [
        np.stack([quads[:, k], edge_index[:, k], centre, edge_index[:, k - 1]], axis=1)
        for k in range(4)
    ]
    return operator, np.stack(children, axis=1).reshape(-1, 4)


def _vertex_points(
    n_vertices: int,
    quads: np.ndarray,
    edges: np.ndarray,
    inner: np.ndarray,
    midpoints: sp.csr_matrix,
    face_points: sp.csr_matrix,
) -> sp.csr_matrix:
    n_edges, n_quads = len(edges), len(quads)
    valence = np.bincount(edges.ravel(), minlength=n_vertices)
    border_valence = np.bincount(edges[~inner].ravel(), minlength=n_vertices)
    on_border, lonely = border_valence > 0, valence == 0
    n = np.maximum(valence, 1).astype(float)
    ends = np.repeat(np.arange(n_edges), 2)
    to_edges = _sparse(np.ones(2 * n_edges), edges, ends, (n_vertices, n_edges))
    to_faces = _sparse(
        np.ones(4 * n_quads), quads, np.repeat(np.arange(n_quads), 4), (n_vertices, n_quads)
    )
    smooth = (
        sp.diags(1 / n**2) @ to_faces @ face_points
        + sp.diags(2 / n**2) @ to_edges @ midpoints
        + sp.diags((n - 3) / n)
    )
    crease = sp.identity(n_vertices) * 0.5 + 0.25 * (
        to_edges @ sp.diags((~inner).astype(float)) @ midpoints
    )
    plain = on_border & (border_valence == 2)
    fixed = (on_border & ~plain) | lonely
    return (
        sp.diags((~on_border & ~lonely).astype(float)) @ smooth
        + sp.diags(plain.astype(float)) @ crease
        + sp.diags(fixed.astype(float))
    )


def _sparse(
    values: np.ndarray, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]
) -> sp.csr_matrix:
    return sp.csr_matrix((values, (np.ravel(rows), np.ravel(columns))), shape=shape)
