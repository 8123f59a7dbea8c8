"""Carrying the movement of the outer skin over to what lies inside the head."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from lib.facemodel import FaceModel

NEIGHBOURS = 200  # vertices of the skin that a loose part, such as an eyeball, goes along with


def extend_movement(
    model: FaceModel, vertices: np.ndarray, moved: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Movement of all vertices from that of some.

    Parts joined to known vertices follow harmonically; loose ones (eyeballs, teeth, tongue) are
    shifted whole by the mean movement of the nearest known vertices, so they keep their shape.

    Args:
        model: the head model.
        vertices: (n_vertices, 3) mm before the movement.
        moved: (n_vertices, 3) mm; where not known it does not matter.
        known: (n_vertices,) bool.
    """
    result = np.where(known[:, None], moved, 0.0)
    edges = np.concatenate([model.triangles[:, [0, 1]], model.triangles[:, [1, 2]]])
    n = model.n_vertices
    links = sp.coo_matrix((np.ones(len(edges)), edges.T), shape=(n, n))
    links = ((links + links.T) > 0).astype(float).tocsr()
    _, component = connected_components(links, directed=False)
    anchored = np.isin(component, np.unique(component[known]))
    joined = np.flatnonzero(anchored & ~known)
    if len(joined):
        laplacian = sp.diags(np.asarray(links.sum(axis=1)).ravel()) - links
        inner = laplacian[joined][:, joined].tocsc()
        border = -(laplacian[joined][:, np.flatnonzero(known)] @ result[known])
        result[joined] = splu(inner).solve(np.ascontiguousarray(border))
    tree, steps = cKDTree(vertices[known]), moved[known]
    for number in np.unique(component[~anchored]):
        part = np.flatnonzero(component == number)
        count = min(NEIGHBOURS, len(steps))
        _, near = tree.query(vertices[part].mean(axis=0), k=count)
        result[part] = steps[np.atleast_1d(near)].mean(axis=0)
    return result
