"""The mouth's pouch kept behind the skin, which the shape bases of some models do not do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from lib.facemodel.model import FaceModel
from lib.geometry import SurfaceTree

DEPTH_MM = 3.0  # that the pouch keeps below the skin, beyond its first way in from the lips
SLOPE = 0.3  # of that depth, per mm along the pouch from the lips' inner border
PUSHES = 6  # towards the middle of the mouth; each sees the distance that is left
REACH_MM = 25.0  # parts of the pouch that lie deeper in the mean head cannot come through
ON_RIM = 0.99  # weight of the rim in a nearest point


@dataclass(frozen=True, eq=False)
class Pouch:
    """Which vertices of a model may come through which skin, and how deep they belong.

    Args:
        rows: (n,) vertices inside the mouth that lie near the skin; empty without a mouth.
        depth_mm: (n,) that each keeps below the skin.
        skin: (t, 3) triangles of the face around the lips, without them.
        rim: (n_vertices,) bool: where that skin ends. What is nearest to it lies between the lips
            or far away, on neither side of the skin.
    """

    rows: np.ndarray
    depth_mm: np.ndarray
    skin: np.ndarray
    rim: np.ndarray

    def tucked(self, vertices: np.ndarray) -> np.ndarray:
        """(n_vertices, 3) mm: what comes through the skin, or nearly so, lies below it.

        Args:
            vertices: (n_vertices, 3) mm, posed.
        """
        result = vertices.copy()
        if not len(self.rows):
            return result
        tree = SurfaceTree(vertices, self.skin, "numba")
        points = vertices[self.rows].astype(np.float64)
        inward = points.mean(axis=0) - points
        inward /= np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), 1e-9)
        left = np.arange(len(points))
        for _ in range(PUSHES):
            if not len(left):
                break
            found = tree.nearest(points[left], signed=True)
            on_rim = (found.barycentric * self.rim[self.skin[found.triangles]]).sum(axis=1)
            short = found.distance_mm + self.depth_mm[left]
            move = (short > 0) & (on_rim < ON_RIM)
            left, short = left[move], short[move]
            points[left] += short[:, None] * inward[left]
        result[self.rows] = points.astype(vertices.dtype)
        return result


def find_pouch(model: FaceModel) -> Pouch:
    """The pouch of a model; nothing for one without a region `mouth`."""
    triangles = model.triangles
    lips = np.zeros(model.n_vertices, bool)
    for part in ("upper_lip", "lower_lip"):
        lips[model.parts.get(part, [])] = True
    skin = triangles[model.region("skin")]
    skin = skin[~lips[skin].any(axis=1)]
    if "mouth" not in model.region_names:
        return Pouch(np.zeros(0, np.int64), np.zeros(0), skin, lips)
    inside = model.region("mouth")
    rows = np.setdiff1d(triangles[inside], triangles[~inside])
    rows = rows[
        SurfaceTree(model.mean, skin, "numba").nearest(model.mean[rows]).distance_mm < REACH_MM
    ]
    skin = _around(model.mean, skin, rows)
    rim = np.zeros(model.n_vertices, bool)
    rim[_open_edges(skin)] = True
    way = _way_from_lips(model.mean, triangles[inside], triangles[~inside])
    return Pouch(rows, np.minimum(SLOPE * way[rows], DEPTH_MM), skin, rim)


def _around(mean: np.ndarray, skin: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Triangles of the skin in the box of these vertices, and as far again around it."""
    middle = mean[skin].mean(axis=1)
    low = mean[rows].min(axis=0) - REACH_MM
    high = mean[rows].max(axis=0) + REACH_MM
    return skin[((middle > low) & (middle < high)).all(axis=1)]


def _way_from_lips(mean: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """(n_vertices,) mm along the pouch from where it meets the lips; inf where nothing leads."""
    edges = np.concatenate([inside[:, [0, 1]], inside[:, [1, 2]], inside[:, [2, 0]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    length = np.linalg.norm(mean[edges[:, 0]] - mean[edges[:, 1]], axis=1)
    graph = sparse.coo_matrix((length, edges.T), (len(mean),) * 2).tocsr()
    border = np.intersect1d(inside, outside)
    if not len(border):
        return np.full(len(mean), np.inf)
    return dijkstra(graph, directed=False, indices=border, min_only=True)


def _open_edges(triangles: np.ndarray) -> np.ndarray:
    """(n, 2) vertices of the edges that only one triangle has."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges, count = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    return edges[count == 1]
