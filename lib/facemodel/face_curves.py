"""The lines that a face is drawn with - lids, lips, brows, nose - traced by rule on its model.

All curves are of the subject's right half (x < 0) of the neutral mean head, which is symmetric, and
lie on its skin; they start at the side of the face and end towards its middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy import ndimage
from scipy.sparse.csgraph import dijkstra

from lib.facemodel.chart import border_loops
from lib.facemodel.frontal import FrontalView
from lib.facemodel.landmark_rules import (
    INNER_CORNER_INSET,
    nose_half_breadth,
    nose_points,
)
from lib.facemodel.model import FaceModel

STEP = 0.1  # mm per cell of the views
NOSE_STEP = 0.25
EYE_REACH = (24.0, 16.0)  # mm to the sides, and up and down, from the middle of the lids
MOUTH_REACH = 26.0  # mm up and down from the corners of the mouth
BROW_REACH = 8.0  # mm about the vertices of the brow
LOOP_WIDEST = 90.0  # mm; the border of a face is wider
LOOP_AT_MOST = 30.0  # mm from a feature to the middle of the opening that it surrounds
LID_SPACING = 0.25  # mm between columns that lids are traced in
LID_SMOOTHING = 0.8  # mm, standard deviation
ONTO_SKIN = 2  # cells from the very edge of an opening onto the skin
LIP_SEARCH = 2.0  # mm before the line where the lips meet, to find the edge of either
LIP_BAND = 12.0  # mm that it is looked for
SPACING = 0.5  # mm between columns that lips and brows are traced in
SMOOTHING = 1.6  # mm along lips, standard deviation
BROW_SMOOTHING = 2.0
BROW_END_INSET = 0.7  # mm from the head of a brow to where its two edges are taken to end
PART_ROUNDS = 2  # of averaging over neighbours, before the border of a part is traced
BRIDGE_SIDE = (0.46, 0.60)  # of the way from the first to the second point of the bridge; of the
# half distance between the inner corners of the eyes
SILL = ((0.70, 0.46), (0.37, 0.26))  # from the base to the side of the wing: across, and up
WING_TOP = (0.86, 0.79)  # of the way from the root of the nose to its tip; of half its breadth


@dataclass(frozen=True)
class FaceCurves:
    """Curves (k, 3) in mm on the right half of the neutral face.

    Args:
        lid_upper: outer to inner corner of the eye, where the skin of the lid ends.
        lid_lower: likewise.
        brow_upper: tip of the tail to the head of the brow, where its hair ends.
        brow_lower: likewise.
        lip_upper: corner of the mouth to the middle, where the red of the lip ends.
        lip_lower: likewise.
        inner_upper: where the lips part to the middle; the edge of the upper lip that a front
            view shows.
        inner_lower: likewise, of the lower lip; starts at the first point of `inner_upper`.
        bridge: root to tip of the nose, on the midline.
        nose: (6, 3) points: side of the bridge, top of the wing, side of the wing, below the wing,
            below the nostril, base on the midline.
        on_upper_lip: (t,) bool, skin that hangs on the upper side of the mouth's opening.
        on_lower_lip: (t,) bool, likewise; the lips touch, so that space does not tell them apart.
    """

    lid_upper: np.ndarray
    lid_lower: np.ndarray
    brow_upper: np.ndarray
    brow_lower: np.ndarray
    lip_upper: np.ndarray
    lip_lower: np.ndarray
    inner_upper: np.ndarray
    inner_lower: np.ndarray
    bridge: np.ndarray
    nose: np.ndarray
    on_upper_lip: np.ndarray
    on_lower_lip: np.ndarray


def face_curves(model: FaceModel) -> FaceCurves | None:
    """The curves of a model; None where its skin has no openings for eyes and mouth."""
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles).astype(np.float64)
    head = _Head(model.mean.astype(np.float64), model.triangles, model.region("skin"))
    loops = border_loops(head.triangles[head.skin])
    mouth = _loop_about(head, loops, marks[48:68].mean(axis=0))
    if _loop_about(head, loops, marks[36:42].mean(axis=0)) is None or mouth is None:
        return None
    lid_upper, lid_lower = _lids(head, marks)
    brow_upper, brow_lower = _brow(head, model)
    sides = _lip_sides(head, mouth)
    inner_upper, inner_lower = _inner_lips(head, marks, sides)
    lip_upper, lip_lower = _lip_borders(head, model, marks)
    bridge, nose = _nose(head, lip_upper[-1, 1], marks)
    return FaceCurves(
        lid_upper, lid_lower, brow_upper, brow_lower, lip_upper, lip_lower,
        inner_upper, inner_lower, bridge, nose, *sides,
    )  # fmt: skip


@dataclass(frozen=True)
class _Head:
    vertices: np.ndarray
    triangles: np.ndarray
    skin: np.ndarray

    def view(
        self, low: np.ndarray, high: np.ndarray, of: np.ndarray | None = None, step: float = STEP
    ) -> FrontalView:
        """What a front view of the skin shows between two corners (x, y)."""
        seen = self.skin if of is None else of
        return FrontalView(self.vertices, self.triangles, seen, (*low[:2], *high[:2]), step)


def _loop_about(head: _Head, loops: list[np.ndarray], centre: np.ndarray) -> np.ndarray | None:
    """The border loop whose middle is nearest to a point, if near enough; not that of the face."""
    loops = [loop for loop in loops if np.ptp(head.vertices[loop, 0]) < LOOP_WIDEST]
    away = [np.linalg.norm(head.vertices[loop].mean(axis=0) - centre) for loop in loops]
    if not away or min(away) > LOOP_AT_MOST:
        return None
    return loops[int(np.argmin(away))]


def _lids(head: _Head, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the skin of each lid is first seen from the straight line between the corners."""
    outer, inner = marks[36], marks[39]
    middle = marks[36:42].mean(axis=0)
    view = head.view(middle[:2] - EYE_REACH, middle[:2] + EYE_REACH)
    share = np.linspace(0, 1, round(np.linalg.norm(inner - outer) / LID_SPACING))[1:-1, None]
    start = outer[:2] + share * (inner - outer)[:2]
    start = start[view.triangle_at(start) < 0]  # the corners, and the flesh in the inner one
    arcs = []
    for way in (1.0, -1.0):
        arc = _first_skin(view, start, np.tile([0.0, way], (len(start), 1)), EYE_REACH[1])
        arc = np.concatenate([outer[None], arc, inner[None]])
        smooth = ndimage.gaussian_filter1d(arc, LID_SMOOTHING / LID_SPACING, axis=0)
        arcs.append(np.concatenate([outer[None], smooth[1:-1], inner[None]]))
    return arcs[0], arcs[1]


def _first_skin(
    view: FrontalView, start: np.ndarray, direction: np.ndarray, reach: float
) -> np.ndarray:
    """(k, 3) where skin first shows, and goes on, along each ray (k, 2) from an opening."""
    way = np.atleast_2d(start)[:, None] + np.arange(0, reach, STEP)[:, None] * direction[:, None]
    seen = (view.triangle_at(way.reshape(-1, 2)) >= 0).reshape(way.shape[:2])
    lasting = seen[:, : -2 * ONTO_SKIN] & seen[:, ONTO_SKIN:-ONTO_SKIN] & seen[:, 2 * ONTO_SKIN :]
    onto = lasting.argmax(axis=1) + ONTO_SKIN
    found = way[np.arange(len(way)), onto][lasting.any(axis=1)]
    return np.concatenate([found, view.depth(found)[:, None]], axis=1)


def _part_cover(head: _Head, vertices: np.ndarray) -> np.ndarray:
    """(n,) 0..1, a part's vertices with a soft border."""
    corners = head.triangles[head.skin]
    cover = np.zeros(len(head.vertices))
    cover[vertices] = 1
    count = np.maximum(np.bincount(corners.ravel(), minlength=len(cover)), 1)
    for _ in range(PART_ROUNDS):
        mean = np.repeat(cover[corners].mean(axis=1), 3)
        cover = np.bincount(corners.ravel(), mean, len(cover)) / count
    return cover


def _brow(head: _Head, model: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    """The two edges of the right brow, by the columns of a front view."""
    rows = model.parts["right_eyebrow"]
    low = head.vertices[rows, :2].min(axis=0) - BROW_REACH
    high = head.vertices[rows, :2].max(axis=0) + BROW_REACH
    view = head.view(low, high)
    x, y = np.arange(low[0], high[0], SPACING), np.arange(low[1] + STEP, high[1] - STEP, STEP)
    grid = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    cover = view.value(grid.reshape(-1, 2), _part_cover(head, rows)).reshape(grid.shape[:2])
    inside = np.nan_to_num(cover) > 0.5
    columns = np.flatnonzero(inside.any(axis=1))
    bottom = y[inside[columns].argmax(axis=1)]
    top = y[len(y) - 1 - inside[columns, ::-1].argmax(axis=1)]
    smooth = [
        ndimage.gaussian_filter1d(edge, BROW_SMOOTHING / SPACING, mode="nearest")
        for edge in (top, bottom)
    ]
    tip = np.array([x[columns[0]], (smooth[0][0] + smooth[1][0]) / 2])
    body = x[columns] < x[columns[-1]] - BROW_END_INSET
    body[:2] = False  # the tip stands for the rounded end
    edges = []
    for edge in smooth:
        line = np.concatenate([tip[None], np.stack([x[columns], edge], axis=1)[body]])
        edges.append(np.concatenate([line, view.depth(line)[:, None]], axis=1))
    return edges[0], edges[1]


def _lip_sides(head: _Head, loop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(t,) bool each: skin nearer to the upper, and nearer to the lower arc of the mouth."""
    start = int(head.vertices[loop, 0].argmin())
    loop = np.roll(loop, -start)
    end = int(head.vertices[loop, 0].argmax())
    arcs = sorted(
        (loop[1:end], loop[end + 1 :]), key=lambda arc: -float(head.vertices[arc, 1].mean())
    )
    low = head.vertices[loop].min(axis=0) - MOUTH_REACH
    high = head.vertices[loop].max(axis=0) + MOUTH_REACH
    near = ((head.vertices > low) & (head.vertices < high)).all(axis=1)
    corners = head.triangles[head.skin & near[head.triangles].all(axis=1)]
    edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    length = np.linalg.norm(np.subtract(*head.vertices[edges].swapaxes(0, 1)), axis=1) + 1e-6
    n = len(head.vertices)
    graph = sp.coo_matrix((length, edges.T), shape=(n, n)).tocsr()
    up, down = (dijkstra(graph, directed=False, indices=arc, min_only=True) for arc in arcs)
    above, below = (
        head.skin & side[head.triangles].all(axis=1) & near[head.triangles].all(axis=1)
        for side in (up < down, down < up)
    )
    return above, below


def _inner_lips(
    head: _Head, marks: np.ndarray, sides: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The edges that a front view shows of each lip where it is seen alone."""
    first = marks[48, 0] + INNER_CORNER_INSET
    x = np.linspace(first, 0, round(-first / SPACING))
    slit = np.array([marks[[62, 66], 1].mean(), marks[[60, 64], 1].mean()])
    y = np.interp(x, [first, 0], slit[::-1])
    low, high = np.array([first - 3, y.min() - 15]), np.array([3.0, y.max() + 15])
    lines = []
    for side, way in zip(sides, (1.0, -1.0)):
        view = head.view(low, high, side)
        start = np.stack([x, y - way * LIP_SEARCH], axis=1)
        start = start[view.triangle_at(start) < 0]  # beside the opening there is skin all along
        line = _first_skin(view, start, np.tile([0.0, way], (len(start), 1)), LIP_BAND)
        whole = np.concatenate([line, line[-2::-1] * [-1, 1, 1]])
        smooth = ndimage.gaussian_filter1d(whole, SMOOTHING / SPACING, axis=0, mode="nearest")
        lines.append(smooth[: len(line)])
    inner = max(lines[0][0, 0], lines[1][0, 0])
    ends = [line[line[:, 0] >= inner] for line in lines]
    begin = (ends[0][0] + ends[1][0]) / 2
    if first < begin[0] - SPACING:
        begin = marks[48] + (begin - marks[48]) * (first - marks[48, 0]) / (begin - marks[48])[0]
    return tuple(np.concatenate([begin[None], line[line[:, 0] > begin[0]]]) for line in ends)


def _lip_borders(head: _Head, model: FaceModel, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the red of the lips ends above and below the mouth."""
    corner = marks[48]
    red = _part_cover(head, np.concatenate([model.parts["upper_lip"], model.parts["lower_lip"]]))
    view = head.view(corner[:2] - [4, MOUTH_REACH], np.array([4, corner[1] + MOUTH_REACH]))
    x = np.arange(corner[0] + 4 * SPACING, SPACING / 2, SPACING)
    step = np.arange(0, MOUTH_REACH - 1, STEP)
    lines = []
    for way in (1.0, -1.0):
        column = np.stack(np.broadcast_arrays(x[:, None], corner[1] + way * step), axis=-1)
        cover = view.value(column.reshape(-1, 2), red).reshape(column.shape[:2])
        last = len(step) - 1 - (np.nan_to_num(cover) > 0.5)[:, ::-1].argmax(axis=1)
        y = corner[1] + way * step[last]
        whole = np.concatenate([y, y[-2::-1]])  # the other half, so that the middle is smooth
        y = ndimage.gaussian_filter1d(whole, SMOOTHING / SPACING, mode="nearest")[: len(x)]
        line = np.stack([x, y], axis=1)
        line = np.concatenate([line, view.depth(line)[:, None]], axis=1)
        lines.append(np.concatenate([corner[None], line]))
    return lines[0], lines[1]


def _nose(head: _Head, upper_lip: float, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bridge, and the six points of the right half."""
    view = head.view(np.array([-32.0, -76.0]), np.array([32.0, 14.0]), step=NOSE_STEP)
    found = nose_points(view, upper_lip)
    root, tip, base = found[27], found[30], found[33]
    y = np.arange(root[1], tip[1], -NOSE_STEP / 2)
    profile = np.stack([np.zeros_like(y), y], axis=1)
    bridge = np.concatenate([profile, view.depth(profile)[:, None]], axis=1)
    half = nose_half_breadth(view, tip, base)
    second = np.interp(1 / 3, np.linspace(0, 1, len(y)), y)
    wing = np.array([-half, (tip[1] + base[1]) / 2])
    flat = np.array(
        [
            [marks[39, 0] * BRIDGE_SIDE[1], root[1] + BRIDGE_SIDE[0] * (second - root[1])],
            [-half * WING_TOP[1], root[1] + WING_TOP[0] * (tip[1] - root[1])],
            wing,
            *(base[:2] + share * (wing - base[:2]) for share in SILL),
        ]
    )
    side = np.concatenate([flat, view.depth(flat)[:, None]], axis=1)
    return np.concatenate([bridge, tip[None]]), np.concatenate([side, base[None]])
