"""Where hair grows on a face: triangles about the brows, the rims of the lids, and the beard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.spatial import cKDTree

from lib.facemodel import FaceModel
from lib.facemodel.parts import inside_polygon
from lib.synthesis.hair.ears import Ears, find_ears
from lib.synthesis.hair.spread import spread_roots

BROW_REACH = (9.0, 14.0)  # mm to the sides of a brow's points, and up and down
EYE_DEPTH = 13.0  # mm, middle of the eyeball behind the lids
EDGE_SLOPE = 1.2  # the front edge of a lid is foremost on a slope like this
EDGE_REACH, EDGE_BESIDE = 7.5, 1.3  # mm from the rim to that edge, in all and along the lid
EDGE_OVER = 0.6  # mm beyond the line between an eye's corners where that edge may still lie
RIM_REACH = 5.0  # mm about the points of an eye where its rim is looked for
LID_STEPS = 64
LIDS = {"right": (36, 39), "left": (45, 42)}  # outer and inner corner
BEARD_SEED = 21
MM_PER_DEGREE = 1.25
SOFT_MM = 11.0  # over which a beard begins
CHEEK_LINE = ((0, 16), (24, 15), (34, 10), (45, 13), (57, 26), (66, 44), (72, 66))
THROAT_LINE = ((90, 4), (72, -6), (58, -24), (40, -52), (22, -70), (0, -74))


@dataclass(frozen=True)
class Lid:
    """The line on which lashes stand, from the inner to the outer corner.

    Args:
        triangle: (steps,) int32 of the skin.
        barycentric: (steps, 3).
        upper: upper or lower lid.
        left: of the subject's left eye.
    """

    triangle: np.ndarray
    barycentric: np.ndarray
    upper: bool
    left: bool


@dataclass(frozen=True)
class FacialRoots:
    """Where the hair of a face may grow on a model.

    Args:
        brows: right and left, indices of triangles about them.
        lids: the four lids.
        triangle: (n,) int32 of places in the beard; any first part is spread evenly.
        barycentric: (n, 3) float32.
        place: (n, 3) float32 mm on the mean head.
        beard: (n,) float32 0..1, a full beard's density.
        moustache: (n,) float32 0..1.
        chin: (n,) float32 0..1, what a goatee takes.
        corners: (n,) float32 0..1, from the moustache to the chin.
        luck: (n,) float32 0..1.
        vertex_beard: (4, n_vertices) float32, the four fields above on the vertices.
        area_mm2: of the beard.
    """

    brows: tuple[np.ndarray, np.ndarray]
    lids: tuple[Lid, ...]
    triangle: np.ndarray
    barycentric: np.ndarray
    place: np.ndarray
    beard: np.ndarray
    moustache: np.ndarray
    chin: np.ndarray
    corners: np.ndarray
    luck: np.ndarray
    vertex_beard: np.ndarray
    area_mm2: float


def facial_roots(model: FaceModel, n: int = 16000, seed: int = BEARD_SEED) -> FacialRoots:
    """Places for hair on the face of a model, the same for the same arguments.

    Args:
        model: the head.
        n: places in the beard.
        seed: of their places.
    """
    chance = np.random.default_rng([seed, n])
    mean = model.mean.astype(np.float64)
    marks = model.landmarks["ibug68"].on(mean, model.triangles)
    skin = np.flatnonzero(model.region("skin"))
    ears = find_ears(model)
    lips = np.zeros(model.n_vertices, bool)
    lips[model.parts["upper_lip"]] = lips[model.parts["lower_lip"]] = True
    fields = _beard_fields(mean, marks, ears)
    fields = fields * ~(lips | ears.near)
    rows = skin[(fields[0][model.triangles[skin]] > 0).any(axis=1)]
    rows = rows[~(lips | ears.near)[model.triangles[rows]].any(axis=1)]
    corners = mean[model.triangles[rows]]
    triangle, weights = spread_roots(corners, n, chance)
    place = np.einsum("nk,nkd->nd", weights, corners[triangle])
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    at_roots = _beard_fields(place, marks, ears) * _off_lips(place, mean[lips])
    return FacialRoots(
        tuple(_about_brow(model, skin, marks[first : first + 5]) for first in (17, 22)),
        tuple(_lid(model, skin, marks, side, upper) for side in LIDS for upper in (True, False)),
        rows[triangle].astype(np.int32),
        weights.astype(np.float32),
        place.astype(np.float32),
        *at_roots.astype(np.float32),
        chance.random(n).astype(np.float32),
        fields.astype(np.float32),
        float(0.5 * area.sum()),
    )


def _about_brow(model: FaceModel, skin: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Triangles of the front of the face whose middle lies about five points of a brow."""
    corners = model.mean[model.triangles[skin]]
    middle = corners.mean(axis=1)
    reach = np.array([*BROW_REACH, 25.0])
    within = (middle > marks.min(axis=0) - reach) & (middle < marks.max(axis=0) + reach)
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    facing = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0] > 0
    return skin[within.all(axis=1) & facing]


def _lid(model: FaceModel, skin: np.ndarray, marks: np.ndarray, side: str, upper: bool) -> Lid:
    """The rim of a lid: where the skin ends, or where its landmarks lie if it does not."""
    outer, inner = marks[LIDS[side][0]], marks[LIDS[side][1]]
    first = 36 if side == "right" else 42
    eye = marks[first : first + 6]
    rim = _rim(model, skin, eye)
    along = (outer - inner) / np.linalg.norm(outer - inner)
    height = rim[:, 1] - (inner + ((rim - inner) @ along)[:, None] * along)[:, 1]
    line = rim[(height > 0) if upper else (height <= 0)]
    if len(line) < 5:
        line = eye[[0, 1, 2, 3] if upper else [3, 4, 5, 0]]
    else:
        line = _foremost(model, skin, line, eye, (inner, along), upper)
    share = (line - inner) @ along / np.linalg.norm(outer - inner)
    order = np.argsort(share, kind="stable")
    steps = np.linspace(0.05, 0.965, LID_STEPS)
    points = np.stack([np.interp(steps, share[order], line[order, d]) for d in range(3)], axis=1)
    triangle, weights = nearest_on(model.mean, model.triangles, skin, points)
    return Lid(triangle, weights, upper, side == "left")


def _rim(model: FaceModel, skin: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """(k, 3) mm: where the skin ends about an eye's points (6, 3)."""
    triangles = model.triangles[skin]
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    pairs, count = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    place = model.mean[np.unique(pairs[count == 1])].astype(np.float64)
    near = (place > eye.min(axis=0) - RIM_REACH) & (place < eye.max(axis=0) + RIM_REACH)
    return place[near.all(axis=1)]


def _foremost(
    model: FaceModel,
    skin: np.ndarray,
    line: np.ndarray,
    eye: np.ndarray,
    axis: tuple[np.ndarray, np.ndarray],
    upper: bool,
) -> np.ndarray:
    """(k, 3) mm: the lid's front edge before places (k, 3) on its rim, which lies deeper.

    It stays on its side of the axis, which begins at the inner corner and points at the outer one:
    near the corners the other lid is close.
    """
    inner, along = axis
    place = model.mean[np.unique(model.triangles[skin])].astype(np.float64)
    middle = eye.mean(axis=0)
    place = place[(np.abs(place - middle) < [25, 15, 20]).all(axis=1)]
    forward = line - middle + [0, 0, EYE_DEPTH]
    forward[:, 1] = 0
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    offset = place - line[:, None]
    beside = np.abs(offset @ along)
    down = offset[..., 1] * (-1 if upper else 1)
    score = np.einsum("knd,kd->kn", offset, forward) + EDGE_SLOPE * down
    over = (place - inner)[:, 1] - (place - inner) @ along * along[1]
    far = (np.linalg.norm(offset, axis=2) > EDGE_REACH) | (beside > EDGE_BESIDE)
    far |= over * (1 if upper else -1) < -EDGE_OVER
    return place[np.where(far, -np.inf, score).argmax(axis=1)]


def nearest_on(
    vertices: np.ndarray, triangles: np.ndarray, rows: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Triangle (n,) int32 and weights (n, 3) of the nearest places on chosen triangles."""
    from lib.geometry import SurfaceTree

    found = SurfaceTree(vertices, triangles[rows], backend="numba").nearest(points)
    return rows[found.triangles].astype(np.int32), found.barycentric


def _beard_fields(place: np.ndarray, marks: np.ndarray, ears: Ears) -> np.ndarray:
    """(4, n) 0..1: full beard, moustache, chin, and the way between them, about 68 landmarks."""
    axis = np.array([0.0, (marks[27, 2] + ears.back) / 2 - 5])
    angle = np.rad2deg(np.arctan2(np.abs(place[:, 0]), place[:, 2] - axis[1]))
    mouth, base = marks[48:55:6, 1].mean(), marks[33, 1]
    chin = marks[8, 1]
    upper = [(a, mouth + up) for a, up in CHEEK_LINE]
    lower = [(a, mouth + up) for a, up in THROAT_LINE]
    ear = np.rad2deg(np.arctan2(ears.half_width, ears.front - axis[1]))
    stretch = (ear - 3.0) / CHEEK_LINE[-1][0]
    outline = np.array([(a * stretch, y) for a, y in upper] + [(a * stretch, y) for a, y in lower])
    beard = _soft_polygon(np.stack([angle, place[:, 1]], axis=1), outline)
    x, y = np.abs(place[:, 0]), place[:, 1]
    front = _step(-30, -15, place[:, 2] - marks[48, 2])
    half = 1.28 * abs(marks[54, 0])
    ridge = [base - 4, base - 5, base - 6, mouth + 3]
    top = np.interp(x, [0, 8, 16, half], ridge, right=np.inf)
    lip = np.interp(x, [0, abs(marks[54, 0]), half], [mouth + 2, mouth - 3, mouth - 8])
    moustache = (
        _step(0, 3.5, np.minimum(top, 1e3) - y)
        * _step(0, 2, y - lip)
        * _step(half, half - 7, x)
        * front
    )
    low = marks[57, 1]
    goatee = _step(27, 19, x) * _step(low - 11, low - 17, y) * _step(chin - 22, chin - 8, y)
    soul = _step(9, 5, x) * _step(low + 1, low - 1, y) * _step(chin - 8, chin, y)
    goatee = np.maximum(goatee, soul) * front
    corner = _step(19, 24, x) * _step(37, 30, x) * _step(mouth + 2, mouth - 4, y)
    corner = corner * _step(chin - 4, chin + 6, y) * front
    bare = 1 - 0.75 * _step(6, 9, x) * _step(21, 17, x) * _step(low - 13, low - 7, y) * (y < mouth)
    beard = np.maximum.reduce([beard * (y < top) * bare, moustache, goatee * bare])
    return np.stack([beard, moustache, goatee * bare, corner])


def _off_lips(place: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """(n,) 0 on the red of the lips .. 1 beyond 2 mm of it."""
    return np.clip(cKDTree(lips).query(place)[0] - 0.5, 0, 1.5) / 1.5


def _soft_polygon(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(n,) 0 outside .. 1 well inside a polygon of angles in degrees and heights in mm."""
    scale = np.array([MM_PER_DEGREE, 1.0])
    inside = inside_polygon(points, corners)
    distance = np.full(len(points), np.inf)
    for start, end in zip(corners * scale, np.roll(corners, -1, axis=0) * scale):
        if start[0] == end[0] == 0:
            continue  # the middle of the face is no edge
        along = end - start
        share = np.clip((points * scale - start) @ along / (along @ along), 0, 1)
        away = np.linalg.norm(points * scale - start - share[:, None] * along, axis=1)
        distance = np.minimum(distance, away)
    return inside * _step(0, SOFT_MM, distance)


def _step(start: float, end: float, value: np.ndarray) -> np.ndarray:
    share = np.clip((value - start) / (end - start), 0, 1)
    return share * share * (3 - 2 * share)


@njit(cache=True, nogil=True)
def drop_onto(points, vertices, triangles, rows, found, weights):
    """Of places (n, 2) in the frontal plane, the foremost of triangles that lie behind them.

    Args:
        points: (n, 2) mm, x and y.
        vertices: (n_vertices, 3) mm.
        triangles: (t, 3).
        rows: (m,) the triangles to look at.
        found: (n,) int32, out: triangle or -1.
        weights: (n, 3) float64, out.
    """
    for i in range(len(points)):
        found[i] = -1
        best = -1e9
        x, y = points[i, 0], points[i, 1]
        for row in rows:
            a, b, c = triangles[row, 0], triangles[row, 1], triangles[row, 2]
            ax, ay = vertices[a, 0] - x, vertices[a, 1] - y
            bx, by = vertices[b, 0] - x, vertices[b, 1] - y
            cx, cy = vertices[c, 0] - x, vertices[c, 1] - y
            u, v, w = bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx
            total = u + v + w
            if total <= 0 or u < 0 or v < 0 or w < 0:
                continue
            z = (u * vertices[a, 2] + v * vertices[b, 2] + w * vertices[c, 2]) / total
            if z > best:
                best, found[i] = z, row
                weights[i, 0], weights[i, 1], weights[i, 2] = u / total, v / total, w / total
