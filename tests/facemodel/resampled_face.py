"""The default head's face as a height field: one surface with eyes in it and a slit for a mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from lib.facemodel import FaceModel
from lib.facemodel.dense_landmarks import OPPOSITE106, OPPOSITE134
from lib.facemodel.frontal import FrontalView
from lib.facemodel.landmark_rules import OPPOSITE
from lib.facemodel.parts import mouth_line_height
from lib.imaging import linear_to_srgb, srgb_to_linear_slope

STEP = 2.2  # mm
BACK = -50.0  # mm: neck and ears lie behind
LEFT, LOW, HIGH = 76.0, -116.0, 62.0  # mm: half the breadth, below the chin, the forehead
LIP = 0.8  # mm above and below the line where the lips meet
LIP_REACH = 12.0  # mm: rows of the grid bend along that line within
OPPOSITES = {
    "ibug68": np.array([OPPOSITE[point] for point in range(68)]),
    "ldm106": OPPOSITE106,
    "ldm134": OPPOSITE134,
}


@dataclass(frozen=True)
class ResampledFace:
    """Arrays in mm of a face whose coefficients are N(0, 1).

    Args:
        mean: (n, 3).
        identity: (k, n, 3).
        expression: (e, n, 3).
        albedo_mean: (n, 3) encoded, 0..1.
        albedo: (a, n, 3).
        triangles: (t, 3).
        ibug68: (68,) vertices.
        ldm106, ldm134: vertices likewise.
    """

    mean: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    albedo_mean: np.ndarray
    albedo: np.ndarray
    triangles: np.ndarray
    ibug68: np.ndarray
    ldm106: np.ndarray
    ldm134: np.ndarray


def resampled_face(
    head: FaceModel, n_identity: int = 10, n_expression: int = 12, n_albedo: int = 5
) -> ResampledFace:
    """What a frontal view of the head shows, at every node of a grid that is symmetric in x."""
    marks = head.landmarks["ibug68"].on(head.mean, head.triangles).astype(np.float64)
    view = FrontalView(
        head.mean.astype(np.float64),
        head.triangles,
        head.region(*(name for name in head.region_names if not name.startswith("teeth"))),
    )
    nodes, slit = _grid(marks)
    inside = _inside(nodes, view)
    places, triangles = _mesh(nodes, inside, slit)
    triangle, weights = view.surface_points(places)

    def on(field: np.ndarray) -> np.ndarray:
        corners = field[..., head.triangles[triangle], :]
        return np.einsum("...pkc,pk->...pc", corners.astype(np.float64), weights)

    moves = head.expression_basis[head.free_expressions].reshape(-1, 3 * head.n_vertices)
    _, turn = np.linalg.eigh(moves @ moves.T)
    modes = (turn[:, ::-1][:, :n_expression].T @ moves).reshape(-1, head.n_vertices, 3)
    encoded, mean = linear_to_srgb(on(head.albedo())), on(head.mean)
    mirror = cKDTree(places).query(places * [-1, 1])[1]
    mean = (mean + mean[mirror] * [-1, 1, 1]) / 2
    nearest = {name: _nearest(head, mean, mirror, name) for name in ("ibug68", "ldm106", "ldm134")}
    return ResampledFace(
        mean=mean,
        identity=on(head.identity_basis[:n_identity]),
        expression=0.35 * on(modes),
        albedo_mean=encoded,
        albedo=on(head.albedo_basis[:n_albedo]) / srgb_to_linear_slope(encoded),
        triangles=triangles,
        **nearest,
    )


def _nearest(head: FaceModel, mean: np.ndarray, mirror: np.ndarray, scheme: str) -> np.ndarray:
    """Vertices nearest to the points of a scheme; those of the left side mirror the right ones."""
    found = cKDTree(mean).query(head.landmarks[scheme].on(head.mean, head.triangles))[1]
    opposite = OPPOSITES[scheme]
    left = mean[found, 0] > 0
    return np.where(left, mirror[found[opposite]], found)


def _grid(marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (rows, columns, 2) in mm, and (rows, columns) bool of those on the mouth's slit."""
    half = int(LEFT / STEP)
    x = STEP * (np.arange(2 * half + 1.0) - half)
    row = int((marks[[48, 54, 62, 66], 1].mean() - LOW) / STEP)
    corner = marks[54, 0] - 2
    line = mouth_line_height(np.clip(np.abs(x), 0, corner), marks)
    y = LOW + STEP * np.arange(int((HIGH - LOW) / STEP))
    bend = np.exp(-(((y - y[row]) / LIP_REACH) ** 2))[:, None]
    nodes = np.stack(np.broadcast_arrays(x, y[:, None] + bend * (line - y[row])), axis=-1)
    slit = np.zeros(nodes.shape[:2], bool)
    slit[row] = np.abs(x) < corner - STEP
    return nodes, slit


def _inside(nodes: np.ndarray, view: FrontalView) -> np.ndarray:
    """Nodes on the face, before ears and neck."""
    height = (nodes[..., 1] - (LOW + HIGH) / 2) / ((HIGH - LOW) / 2)
    inside = np.abs(nodes[..., 0] / LEFT) ** 2.6 + np.abs(height) ** 2.6 < 1
    depth = view.depth(nodes.reshape(-1, 2)).reshape(inside.shape)
    inside &= np.nan_to_num(depth, nan=-np.inf) > BACK
    return inside & inside[:, ::-1]


def _mesh(nodes: np.ndarray, inside: np.ndarray, slit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places (n, 2) mm and triangles; the slit's nodes come twice, the lower ones last."""
    above = np.full(inside.shape, -1)
    above[inside] = np.arange(inside.sum())
    below = above.copy()
    below[slit] = inside.sum() + np.arange(slit.sum())
    # a cell's lower corners belong to what lies above them, its upper corners to what lies below
    a, b, c, d = above[:-1, :-1], above[:-1, 1:], below[1:, 1:], below[1:, :-1]
    whole = (np.stack([a, b, c, d]) >= 0).all(axis=0)
    left = (np.arange(whole.shape[1]) < whole.shape[1] // 2) & whole  # diagonals are mirrored
    triangles = [
        np.stack(corners, axis=-1)[where]
        for where, two in ((left, ((a, b, c), (a, c, d))), (whole & ~left, ((a, b, d), (b, c, d))))
        for corners in two
    ]
    upper = nodes + slit[..., None] * [0, LIP]
    places = np.concatenate([upper[inside], nodes[slit] - [0, LIP]])
    used, compact = np.unique(np.concatenate(triangles), return_inverse=True)
    return places[used], compact.reshape(-1, 3)
