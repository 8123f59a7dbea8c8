"""Where a head's ears are: what stands out from a head whose sides were drawn tight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve
from scipy.spatial import ConvexHull

from lib.facemodel import FaceModel
from lib.facemodel.parts import inside_polygon
from lib.geometry import SurfaceTree

BOX = (42.0, 30.0)  # mm up and back from the ear's middle: all of the ear lies within
OUTER_MM = 10.0  # what lies this near to the outermost point gives the middle
STANDS_OUT = 5.0  # mm from the tight side
RING = 1  # rings of triangles about the ears that count as near them


@dataclass(frozen=True)
class Ears:
    """Both ears on the mean head.

    Args:
        near: (n_vertices,) bool, on an ear or next to it.
        on: (n_vertices,) bool.
        top: mm, y of the highest point.
        bottom: mm, y of the lobe.
        front: mm, z.
        back: mm, z.
        half_width: mm, of the head where the ears begin.
    """

    near: np.ndarray
    on: np.ndarray
    top: float
    bottom: float
    front: float
    back: float
    half_width: float


def find_ears(model: FaceModel) -> Ears:
    """The ears of a model's mean head, between the height of its mouth and of its brows."""
    mean = model.mean.astype(np.float64)
    marks = model.landmarks["ibug68"].on(mean, model.triangles)
    skin = model.triangles[model.region("skin")]
    on_skin = np.zeros(len(mean), bool)
    on_skin[skin] = True
    level = on_skin & (mean[:, 1] > marks[48, 1]) & (mean[:, 1] < marks[17:27, 1].max() + 10)
    outermost = np.abs(mean[level, 0]).max()
    outer = mean[level & (np.abs(mean[:, 0]) > outermost - OUTER_MM)].mean(axis=0)
    far = ((mean[:, 1:] - outer[1:]) / BOX) ** 2
    box = on_skin & (far.sum(axis=1) < 1) & (np.abs(mean[:, 0]) > 0.4 * outermost)
    tight = _drawn_tight(mean, skin, box)
    inner = np.flatnonzero(box)
    near_box = skin[box[skin].any(axis=1)]
    away = SurfaceTree(tight, near_box, backend="numba").nearest(mean[inner], signed=True)
    out = inner[away.distance_mm > STANDS_OUT]
    outline = mean[out][ConvexHull(mean[out][:, 1:]).vertices][:, 1:]
    on = box & inside_polygon(mean[:, 1:], outline)
    on[out] = True
    near = on.copy()
    for _ in range(RING):
        near[skin[near[skin].any(axis=1)]] = True
    place = mean[on]
    low, high = place.min(axis=0), place.max(axis=0)
    edge = np.abs(tight[on, 0])
    return Ears(near, on, high[1], low[1], high[2], low[2], float(np.median(edge)))


def _drawn_tight(vertices: np.ndarray, triangles: np.ndarray, free: np.ndarray) -> np.ndarray:
    """(n, 3) vertices of which the free ones lie in the middle of their neighbours."""
    n = len(vertices)
    ends = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    joined = sp.coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), (n, n)).tocsr()
    joined = ((joined + joined.T) > 0).astype(np.float64)
    laplacian = sp.diags(np.asarray(joined.sum(axis=1)).ravel()) - joined
    inner = np.flatnonzero(free)
    outer = np.flatnonzero(~free)
    rows = laplacian[inner].tocsc()
    result = vertices.copy()
    result[inner] = spsolve(rows[:, inner], -(rows[:, outer] @ vertices[outer]))
    return result
