"""The error at each vertex, signed, for heat maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.metrics.surface import Mesh


@dataclass(frozen=True)
class VertexErrors:
    """Errors of the vertices of an aligned reconstruction.

    Args:
        signed_mm: (n,) distance to the truth; positive = outside of it, NaN = not comparable.
        comparable: (n,) bool: the truth has surface there.
    """

    signed_mm: np.ndarray
    comparable: np.ndarray


def vertex_errors(vertices: np.ndarray, truth: Mesh, farthest_mm: float = 20.0) -> VertexErrors:
    """Signed distance of each vertex to the true surface.

    A vertex whose nearest true point lies on an open rim of the truth, or is farther than
    `farthest_mm`, is not comparable: a scan ends somewhere, and what it does not show is no error.

    Args:
        vertices: (n, 3) mm, aligned.
        truth: mm; triangles must share their vertices, for at a seam of doubled vertices the
            surface counts as open.
        farthest_mm: of a comparable vertex.
    """
    found = truth.surface.tree.nearest(vertices, signed=True)
    on_rim = rim_parts(np.asarray(truth.triangles))[found.triangles, found.part]
    comparable = ~on_rim & (np.abs(found.distance_mm) <= farthest_mm)
    return VertexErrors(np.where(comparable, found.distance_mm, np.nan), comparable)


def rim_parts(triangles: np.ndarray) -> np.ndarray:
    """(t, 7) bool: which parts of each triangle, numbered as in `NearestPoints`, are on a rim.

    An edge is on a rim if one triangle has it; a corner if an edge on a rim ends there.
    """
    edges = np.sort(np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=2), axis=2)
    number = edges[..., 0].astype(np.int64) * (int(triangles.max()) + 1) + edges[..., 1]
    _, inverse, count = np.unique(number.ravel(), return_inverse=True, return_counts=True)
    edge_on_rim = (count[inverse.ravel()] == 1).reshape(-1, 3)
    vertex_on_rim = np.zeros(triangles.max() + 1, bool)
    vertex_on_rim[edges[edge_on_rim].ravel()] = True
    inside = np.zeros((len(triangles), 1), bool)
    return np.concatenate([inside, edge_on_rim, vertex_on_rim[triangles]], axis=1)
