"""A head's surface on its UV chart: one point and one normal per texel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from lib.errors import ShapeError
from lib.facemodel import FaceModel
from lib.geometry import vertex_normals
from lib.render import Buffers, interpolate, uv_buffers, uv_to_texel

ROUNDING = 0.75  # of Phong tessellation; 0 = flat triangles
SMOOTH_NORMALS = 0.004  # standard deviation of the smoothing of normals, in chart units


@dataclass(frozen=True)
class Grid:
    """Texels of a chart; row 0 is v = 1.

    Args:
        position: (rows, cols, 3) float32 mm, world frame; 0 off the mask.
        normal: (rows, cols, 3) float32 unit, outwards; 0 off the mask.
        mask: (rows, cols) bool: texels that lie on the surface.
    """

    position: np.ndarray
    normal: np.ndarray
    mask: np.ndarray

    def __post_init__(self) -> None:
        shape = self.mask.shape
        for name in ("position", "normal"):
            found = getattr(self, name).shape
            if found != (*shape, 3):
                raise ShapeError(name, found, f"{(*shape, 3)}, as the mask says")

    @property
    def spacing_mm(self) -> float:
        """Median distance of neighbouring texels."""
        both = self.mask[:, 1:] & self.mask[:, :-1]
        step = np.linalg.norm(np.diff(self.position, axis=1), axis=2)[both]
        return float(np.median(step)) if len(step) else 0.0

    def moved(self, distance_mm: np.ndarray, smooth: float = SMOOTH_NORMALS) -> Grid:
        """The grid moved along its normals by (rows, cols) mm, with normals of the new shape."""
        return grid_of(self.position + self.normal * distance_mm[..., None], self.mask, smooth)


def outer_skin(model: FaceModel) -> np.ndarray:
    """(n_triangles,) bool: the skin that one sees from outside."""
    inner = ("mouth", "socket", "teeth", "tongue", "gums", "eye")
    names = [name for name in model.region_names if not name.startswith(inner)]
    return model.region(*names)


def chart_grid(
    model: FaceModel, vertices: np.ndarray, uv_size: int, smooth: float = SMOOTH_NORMALS
) -> Grid:
    """The outer skin of a head on its chart, and a membrane between the lids of each eye.

    Args:
        model: the head model.
        vertices: (n_vertices, 3) mm, world frame.
        uv_size: texels along each side.
        smooth: standard deviation of the normals' smoothing, in chart units.

    Raises:
        ShapeError: `vertices` do not belong to the model.
    """
    if vertices.shape != model.mean.shape:
        raise ShapeError("vertices", vertices.shape, f"{model.mean.shape} of {model.name}")
    skin = outer_skin(model)
    buffers = uv_buffers(model.uv, model.uv_triangles[skin], (uv_size, uv_size))
    triangles = model.triangles[skin]
    values = rounded(buffers, vertices, triangles)
    mask = buffers.mask
    for hole in _eye_holes(model, buffers.mask):
        filled = _membrane(values, buffers.mask, hole)
        values[hole] = np.column_stack(
            [_over_eyeball(model, vertices, filled[:, :3]), filled[:, 3:]]
        )
        mask = mask | hole
    normal = smooth_directions(values[..., 3:], mask, smooth * uv_size)
    return Grid(values[..., :3] * mask[..., None], normal, mask)


def rounded(buffers: Buffers, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Points and normals of a mesh at the texels of its chart, rounded off between the vertices.

    p* = p + a sum_i b_i n_i n_i^T (v_i - p): a point moves towards the tangent planes of its
    corners, so that the facets of the model's mesh do not stay in surfaces.

    Args:
        buffers: rasterised chart, (rows, cols).
        vertices: (n, 3) mm.
        triangles: (t, 3), row by row those of the chart.

    Returns:
        (rows, cols, 6) float32: mm, and normals, not of length 1 between the vertices.

    Source: Boubekeur & Alexa 2008, Phong tessellation (SIGGRAPH Asia).
    """
    normals = vertex_normals(vertices, triangles).astype(np.float64)
    middle = vertices.mean(axis=0, dtype=np.float64)  # float32 is too coarse far from the origin
    centred = vertices - middle
    across = normals[:, :, None] * normals[:, None, :]
    offset = (across @ centred[..., None])[..., 0]
    columns = np.column_stack([centred, normals, offset, across.reshape(-1, 9)])
    values = interpolate(buffers, columns, triangles)
    points = values[..., :3]
    to_planes = (
        values[..., 6:9]
        - (values[..., 9:].reshape(*buffers.mask.shape, 3, 3) @ points[..., None])[..., 0]
    )
    points = points + np.float32(ROUNDING) * to_planes + middle.astype(np.float32)
    return np.concatenate([points, values[..., 3:6]], axis=2)


def _eye_holes(model: FaceModel, mask: np.ndarray) -> list[np.ndarray]:
    """(rows, cols) bool of each eye: the opening between its lids, where the chart has no skin."""
    _, label = cv2.connectedComponents((~mask).astype(np.uint8), connectivity=4)
    corners = model.landmarks["ibug68"]
    uv = model.uv[model.uv_triangles[corners.triangle]]
    place = uv_to_texel((uv * corners.barycentric[..., None]).sum(axis=1), mask.shape)
    holes = []
    outside = set(np.unique(np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]])))
    for eye in (slice(36, 42), slice(42, 48)):
        column, row = np.rint(place[eye].mean(axis=0)).astype(int)
        number = label[row, column]
        if number > 0 and number not in outside:
            holes.append(label == number)
    return holes


def _over_eyeball(model: FaceModel, vertices: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n, 3) points of a membrane between two lids, lifted to the eyeball where they lie in it."""
    eyes = [name for name in model.region_names if name.startswith("eye")]
    if not eyes:
        return points
    balls = [vertices[np.unique(model.triangles[model.region(name)])] for name in eyes]
    middle = points.mean(axis=0)
    ball = min(balls, key=lambda ball: float(np.linalg.norm(ball.mean(axis=0) - middle)))
    centre = 0.5 * (ball.min(axis=0) + ball.max(axis=0))
    radius = np.median(np.linalg.norm(ball - centre, axis=1))
    off = points - centre
    length = np.linalg.norm(off, axis=1, keepdims=True)
    return centre + off * np.maximum(radius / np.maximum(length, 1e-6), 1)


def _membrane(values: np.ndarray, mask: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """(n, C) harmonic continuation of (rows, cols, C) values into the n texels of a hole."""
    rows, cols = np.nonzero(hole)
    number = np.full(hole.shape, -1)
    number[rows, cols] = np.arange(len(rows))
    count = np.zeros(len(rows))
    right_side = np.zeros((len(rows), values.shape[2]))
    links = []
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        row, col = rows + down, cols + right
        other = number[row, col]
        links.append((np.flatnonzero(other >= 0), other[other >= 0]))
        held = (other < 0) & mask[row, col]
        right_side[held] += values[row[held], col[held]]
        count += (other >= 0) | held
    here, there = (np.concatenate(part) for part in zip(*links, strict=True))
    size = (len(rows), len(rows))
    system = sp.diags(count) - sp.csr_matrix((np.ones(len(here)), (here, there)), size)
    return splu(system.tocsc()).solve(right_side)


def grid_of(position: np.ndarray, mask: np.ndarray, smooth: float = SMOOTH_NORMALS) -> Grid:
    """A grid of points (rows, cols, 3), its normals from differences between neighbours.

    Args:
        position: (rows, cols, 3) mm.
        mask: (rows, cols) bool.
        smooth: standard deviation of the normals' smoothing, in chart units.
    """
    position = np.where(mask[..., None], position, 0).astype(np.float32)
    # Columns run along +u, rows along -v; the chart is not mirrored, so u x v points outwards.
    normal = np.cross(_slope(position, mask, 1), -_slope(position, mask, 0))
    return Grid(position, smooth_directions(normal, mask, smooth * mask.shape[1]), mask)


def _slope(values: np.ndarray, mask: np.ndarray, axis: int) -> np.ndarray:
    """(rows, cols, 3) central difference along an axis, one-sided at the border of the mask."""
    step = np.diff(values, axis=axis)
    both = np.take(mask, range(1, mask.shape[axis]), axis) & np.take(
        mask, range(mask.shape[axis] - 1), axis
    )
    step = step * both[..., None]
    pad = [(0, 0)] * 3
    before, after = list(pad), list(pad)
    before[axis], after[axis] = (1, 0), (0, 1)
    total = np.pad(step, before) + np.pad(step, after)
    count = np.pad(both, before[:2]).astype(np.float32) + np.pad(both, after[:2])
    return total / np.maximum(count, 1)[..., None]


def smooth_directions(values: np.ndarray, mask: np.ndarray, sigma: float) -> np.ndarray:
    """(rows, cols, 3) unit vectors, averaged over their neighbours on the mask."""
    values = np.where(mask[..., None], values, 0).astype(np.float32)
    length = np.linalg.norm(values, axis=2, keepdims=True)
    values = values / np.maximum(length, 1e-12)
    if sigma > 0.3:
        values = cv2.GaussianBlur(values, (0, 0), sigma)
        values = np.where(mask[..., None], values, 0)
    return values / np.maximum(np.linalg.norm(values, axis=2, keepdims=True), 1e-12)
