"""The 68 iBUG points, 5 points and jaw contour lines picked by rule on a symmetric neutral head.

Every rule speaks of anatomy - a rim loop, a border, an extreme of the profile - and works on any
head whose skin, lid rims, mouth contact line, lip border and brow line are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import dijkstra

from lib.facemodel.frontal import FrontalView
from lib.facemodel.model import SurfacePoints

# How well a point is defined on a person's face, mm, one axis.
SIGMA_JAW, SIGMA_BROW, SIGMA_NOSE, SIGMA_LID, SIGMA_MOUTH = 4.0, 3.0, 1.5, 1.0, 1.5
SIGMA_BRIDGE = 2.0

LID_FRACTIONS = (0.31, 0.67)  # of the way from the outer to the inner corner
LIP_FRACTIONS = (0.36, 0.72)  # of the way from a mouth corner to the middle
INNER_LIP_FRACTION = 0.72
LIP_SEARCH = 4.0  # mm across the line where the lips meet
LIP_REACH = 30.0  # mm along the surface
EDGE_INSET_STEPS = 4  # of 0.05 mm, from the very edge of an opening onto the skin
INNER_CORNER_INSET = 2.5  # mm, where the lips part
NOSTRIL_FRACTIONS = (0.70, 0.37)  # of half the nose breadth, at the nose base
BROW_HALF_SPAN = (11.5, 54.0)  # mm from the middle: inner and outer end
BROW_HALF_HEIGHT = 3.5  # mm of hair above and below the brow line
BROW_MARK = 1.75  # mm above the brow line: annotators mark the middle to the upper edge
RAY_CENTRE = np.array([0.0, -35.0])  # mm, fan of rays that finds the outline of the jaw
RAY_START = 46.0
RAY_CLEAR_OF_EYES = 50.0
GRAZING = 0.25  # z of the normal below which the surface turns away from a frontal view


@dataclass(frozen=True)
class Anatomy:
    """What the rules look at; right is the subject's right, x < 0.

    Args:
        vertices: (n, 3) mm, symmetric, origin between the eyes.
        triangles: (t, 3).
        skin: (t,) bool, triangles of the head's skin.
        mirror: (n,) vertex on the other side.
        lid_right: (k,) vertices of the right lid rim.
        mouth_line: (m,) vertices of the loop where skin and mouth cavity meet.
        lips: (n,) 0..1, lip red.
        ears: (n,) 0..1.
        brow_line: (b, 2) mm, the middle of the left brow from inner to outer end.
        eyes: (t,) bool, triangles of the eyeballs; none set where there are none.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    skin: np.ndarray
    mirror: np.ndarray
    lid_right: np.ndarray
    mouth_line: np.ndarray
    lips: np.ndarray
    ears: np.ndarray
    brow_line: np.ndarray
    eyes: np.ndarray


def pick_landmarks(anatomy: Anatomy) -> dict[str, SurfacePoints]:
    """`ibug68` and `points5` on the surface."""
    view = FrontalView(anatomy.vertices, anatomy.triangles, anatomy.skin)
    right = _right_half(anatomy, view)
    position = np.zeros((68, 3))
    for index, point in right.items():
        position[index] = point
        position[OPPOSITE[index]] = point * [-1, 1, 1]
    triangle, weights = closest_on_triangles(
        position, anatomy.vertices, anatomy.triangles, np.flatnonzero(anatomy.skin)
    )
    ibug68 = SurfacePoints(
        triangle.astype(np.int32), weights.astype(np.float32), ibug68_sigma().astype(np.float32)
    )
    return {"ibug68": ibug68, "points5": _five_points(anatomy, view, position)}


RIGHT_TO_LEFT = {
    **{i: 16 - i for i in range(8)},
    **{17 + i: 26 - i for i in range(5)},
    31: 35,
    32: 34,
    36: 45,
    37: 44,
    38: 43,
    39: 42,
    40: 47,
    41: 46,
    48: 54,
    49: 53,
    50: 52,
    59: 55,
    58: 56,
    60: 64,
    61: 63,
    67: 65,
}
MIDLINE = (8, 27, 28, 29, 30, 33, 51, 57, 62, 66)
OPPOSITE = {
    **RIGHT_TO_LEFT,
    **{left: right for right, left in RIGHT_TO_LEFT.items()},
    **{i: i for i in MIDLINE},
}


def ibug68_sigma() -> np.ndarray:
    """(68,) mm."""
    sigma = np.full(68, SIGMA_MOUTH)
    sigma[:17] = SIGMA_JAW
    sigma[17:27] = SIGMA_BROW
    sigma[27:30] = SIGMA_BRIDGE
    sigma[30:36] = SIGMA_NOSE
    sigma[36:48] = SIGMA_LID
    return sigma


def _right_half(anatomy: Anatomy, view: FrontalView) -> dict[int, np.ndarray]:
    """(x, y, z) mm of the points on the right side and the midline."""
    found = _lids(anatomy, view)
    found |= _mouth(anatomy, view)
    found |= nose_points(view, upper_lip=found[51][1])
    found |= _brow(anatomy, view)
    outline = jaw_outline(view)
    found |= dict(enumerate(outline))
    return found


def _lids(anatomy: Anatomy, view: FrontalView) -> dict[int, np.ndarray]:
    """The visible edge of the lids, which lies before the rim loop where they touch the eye."""
    upper, lower = _arcs(anatomy.vertices[anatomy.lid_right])  # from the outer corner (x least)
    inner_x, outer_x = upper[-1, 0], upper[0, 0]
    at = outer_x + np.array(LID_FRACTIONS) * (inner_x - outer_x)
    above, below = _at_x(upper, at), _at_x(lower, at)
    rim = {36: upper[0], 37: above[0], 38: above[1], 39: upper[-1], 40: below[1], 41: below[0]}
    middle = np.mean(list(rim.values()), axis=0)[:2]
    return {index: _first_seen(view, middle, point[:2]) for index, point in rim.items()}


def _first_seen(view: FrontalView, start: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Where skin first shows on the straight way from an opening through a point of its rim."""
    reach = np.linalg.norm(towards - start)
    steps = np.arange(0.0, reach + 4.0, 0.05)
    way = start + steps[:, None] * (towards - start) / reach
    seen = np.isfinite(view.depth(way))
    # the skin goes on: a lone cell between the lips is none
    onto = np.flatnonzero(seen[:-EDGE_INSET_STEPS] & seen[EDGE_INSET_STEPS:])[0] + EDGE_INSET_STEPS
    return np.array([*way[onto], view.depth(way[onto])[0]])


def _mouth(anatomy: Anatomy, view: FrontalView) -> dict[int, np.ndarray]:
    upper, lower = _arcs(anatomy.vertices[anatomy.mouth_line])
    corner = np.array([*upper[0, :2], view.depth(upper[0, :2])[0]])
    inner = corner[0] + INNER_CORNER_INSET
    between = corner[0] * (1 - INNER_LIP_FRACTION)
    x = np.array([inner, between, 0.0])
    slit = np.stack([x, (_at_x(upper, x)[:, 1] + _at_x(lower, x)[:, 1]) / 2], axis=1)
    upper_lip, lower_lip = _lip_views(anatomy)
    away = np.array([0, LIP_SEARCH])
    above = [_first_seen(upper_lip, point - away, point) for point in slit]
    below = [_first_seen(lower_lip, point + away, point) for point in slit]
    found = {48: corner, 60: above[0], 61: above[1], 62: above[2], 67: below[1], 66: below[2]}
    edges = (1 - np.array(LIP_FRACTIONS)) * corner[0]
    for top, bottom, x in ((49, 59, edges[0]), (50, 58, edges[1]), (51, 57, 0.0)):
        line = (_at_x(upper, [x])[0, 1] + _at_x(lower, [x])[0, 1]) / 2
        found[top] = _lip_border(anatomy, view, x, line, upwards=True)
        found[bottom] = _lip_border(anatomy, view, x, line, upwards=False)
    return found


def _lip_views(anatomy: Anatomy) -> tuple[FrontalView, FrontalView]:
    """The skin that hangs on the upper, and on the lower arc of the mouth line, seen alone.

    Closed lips overlap in a frontal view; on the surface they are far apart.
    """
    loop = anatomy.mouth_line
    upper, _ = _arcs(anatomy.vertices[loop])
    on_upper = (anatomy.vertices[loop][:, None] == upper[1:-1]).all(axis=2).any(axis=1)
    corners = np.isin(anatomy.vertices[loop][:, 0], (upper[0, 0], upper[-1, 0]))
    skin = anatomy.triangles[anatomy.skin]
    edges = np.concatenate([skin[:, [0, 1]], skin[:, [1, 2]], skin[:, [2, 0]]])
    length = np.linalg.norm(np.subtract(*anatomy.vertices[edges].swapaxes(0, 1)), axis=1)
    n = len(anatomy.vertices)
    graph = sp.coo_matrix((length + 1e-6, edges.T), shape=(n, n)).tocsr()
    to_upper, to_lower = (
        dijkstra(graph, directed=False, indices=ends, min_only=True, limit=LIP_REACH)
        for ends in (loop[on_upper], loop[~on_upper & ~corners])
    )
    above = to_upper < to_lower
    below = to_lower < to_upper
    return tuple(
        FrontalView(
            anatomy.vertices, anatomy.triangles, anatomy.skin & side[anatomy.triangles].all(axis=1)
        )
        for side in (above, below)
    )


def _lip_border(
    anatomy: Anatomy, view: FrontalView, x: float, line: float, upwards: bool
) -> np.ndarray:
    """Where the lip red ends above or below the mouth line."""
    step = np.arange(0, 16, 0.1) * (1 if upwards else -1)
    column = np.stack([np.full(len(step), x), line + step], axis=1)
    red = np.nan_to_num(view.value(column, anatomy.lips)) > 0.5
    last = np.flatnonzero(red).max(initial=20)
    return np.array([x, column[last, 1], view.depth(column[last])[0]])


def nose_points(view: FrontalView, upper_lip: float) -> dict[int, np.ndarray]:
    """iBUG points 27..33: the bridge down to the tip, and the right half of the base.

    Args:
        view: of the face.
        upper_lip: y in mm of the top of the upper lip, below which no nose is.
    """
    y = np.arange(12.0, -75.0, -0.1)
    profile = np.stack([np.zeros_like(y), y, view.depth(np.stack([0 * y, y], axis=1))], axis=1)
    tip = int(np.nanargmax(np.where(y < -15, profile[:, 2], np.nan)))
    above = np.flatnonzero(y > profile[tip, 1] + 20)
    sellion = above[np.nanargmin(profile[above, 2])]
    base = _deepest_below_chord(profile[(y < profile[tip, 1]) & (y > upper_lip)])
    bridge = profile[sellion : tip + 1]
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(bridge, axis=0), axis=1))])
    thirds = [
        bridge[np.searchsorted(arc, share * arc[-1]).clip(max=len(bridge) - 1)]
        for share in (0, 1 / 3, 2 / 3, 1)
    ]
    found = dict(zip((27, 28, 29, 30), thirds)) | {33: base}
    half = nose_half_breadth(view, profile[tip], base)
    for index, share in zip((31, 32), NOSTRIL_FRACTIONS):
        x = -share * half
        heights = np.arange(profile[tip, 1] - 2, upper_lip, -0.1)
        column = np.stack([np.full(len(heights), x), heights], axis=1)
        points = np.concatenate([column, view.depth(column)[:, None]], axis=1)
        found[index] = _deepest_below_chord(points[np.isfinite(points[:, 2])])
    return found


def nose_half_breadth(view: FrontalView, tip: np.ndarray, base: np.ndarray) -> float:
    """mm from the middle to the side of the nose wing: where the surface first faces sideways."""
    breadth = []
    for y in np.linspace(base[1] + 2, (tip[1] + base[1]) / 2, 7):
        x = np.arange(8.0, 30.0, 0.1)
        facing = np.abs(view.normal(np.stack([x, np.full_like(x, y)], axis=1))[:, 0])
        breadth.append(x[np.nanargmax(facing)])
    return float(np.max(breadth))


def _deepest_below_chord(points: np.ndarray) -> np.ndarray:
    """The point of a profile farthest behind the straight line between its ends."""
    start, end = points[0, 1:], points[-1, 1:]
    along = (end - start) / np.linalg.norm(end - start)
    offset = points[:, 1:] - start
    behind = offset[:, 0] * along[1] - offset[:, 1] * along[0]
    return points[np.abs(behind).argmax()]


def _brow(anatomy: Anatomy, view: FrontalView) -> dict[int, np.ndarray]:
    line = anatomy.brow_line
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    found = {}
    for index, share in zip((21, 20, 19, 18, 17), np.linspace(0, 1, 5)):
        x, y = (np.interp(share * arc[-1], arc, line[:, axis]) for axis in range(2))
        # the tail of a brow is thinner than its body
        y += BROW_MARK * (1.0 if index > 17 else 0.4)
        found[index] = np.array([-x, y, view.depth(np.array([[-x, y]]))[0]])
    return found


def jaw_outline(view: FrontalView) -> np.ndarray:
    """(9, 3) mm: iBUG points 0..8, evenly along the face's outline from eye level to chin."""
    angles = np.deg2rad(np.arange(-40.0, 90.01, 1.0))
    edge = np.stack([_outline_point(view, angle) for angle in angles])
    edge = edge[edge[:, 1] < 0.5]
    smooth = edge.copy()
    for _ in range(2):
        smooth[1:-1] = (smooth[:-2] + 2 * smooth[1:-1] + smooth[2:]) / 4
    smooth[:, 2] = edge[:, 2]
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(smooth[:, :2], axis=0), axis=1))])
    at = np.linspace(0, arc[-1], 9)
    return np.stack([np.interp(at, arc, smooth[:, axis]) for axis in range(3)], axis=1)


def _outline_point(view: FrontalView, angle: float) -> np.ndarray:
    # a ray upwards starts beside the eye, whose opening is no end of the face
    start = max(RAY_START, RAY_CLEAR_OF_EYES / np.cos(angle)) if angle < 0.5 else RAY_START
    radius = np.arange(start, 115, 0.25)
    ray = RAY_CENTRE + radius[:, None] * np.array([-np.cos(angle), -np.sin(angle)])
    depth, facing = view.depth(ray), view.normal(ray)[:, 2]
    drop = np.concatenate([np.diff(depth), [-np.inf]])
    ends = ~np.isfinite(depth) | (drop < -3.0) | ~np.isfinite(drop)
    last = int(np.flatnonzero(ends)[0])
    turning = np.flatnonzero(facing[: last + 1] < GRAZING)
    stop = last
    if len(turning):
        stop = turning[0]
        while stop < last and facing[stop + 1] < facing[stop]:
            stop += 1
    return np.array([*ray[stop], depth[stop] if np.isfinite(depth[stop]) else depth[stop - 1]])


def _arcs(loop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower arc of a closed loop of points, both from its least to its greatest x."""
    start = int(loop[:, 0].argmin())
    loop = np.roll(loop, -start, axis=0)
    end = int(loop[:, 0].argmax())
    one, two = loop[: end + 1], np.concatenate([loop[end:], loop[:1]])[::-1]
    return (one, two) if one[:, 1].mean() > two[:, 1].mean() else (two, one)


def _at_x(arc: np.ndarray, x: list[float] | np.ndarray) -> np.ndarray:
    order = np.argsort(arc[:, 0], kind="stable")
    return np.stack([np.interp(x, arc[order, 0], arc[order, axis]) for axis in range(3)], axis=1)


def _five_points(anatomy: Anatomy, view: FrontalView, ibug: np.ndarray) -> SurfacePoints:
    """Eye centres on the front of the eyeballs (of the lids where there are none), nose, mouth."""
    eyes = [ibug[36:42].mean(axis=0), ibug[42:48].mean(axis=0)]
    wanted = np.stack([*eyes, ibug[30], ibug[48], ibug[54]])
    triangle, weights = np.zeros(5, int), np.zeros((5, 3))
    seen = anatomy.eyes if anatomy.eyes.any() else anatomy.skin
    front = FrontalView(anatomy.vertices, anatomy.triangles, seen)
    if (front.triangle_at(wanted[:2, :2]) >= 0).all():
        triangle[:2], weights[:2] = front.surface_points(wanted[:2, :2])
    else:
        triangle[:2], weights[:2] = closest_on_triangles(
            wanted[:2], anatomy.vertices, anatomy.triangles, np.flatnonzero(seen)
        )
    triangle[2:3], weights[2:3] = view.surface_points(wanted[2:3, :2])
    triangle[3:], weights[3:] = closest_on_triangles(
        wanted[3:], anatomy.vertices, anatomy.triangles, np.flatnonzero(anatomy.skin)
    )
    sigma = np.array([2.0, 2.0, SIGMA_NOSE, SIGMA_MOUTH, SIGMA_MOUTH], np.float32)
    return SurfacePoints(triangle.astype(np.int32), weights.astype(np.float32), sigma)


def closest_on_triangles(
    points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest surface points: triangle (n,) among `rows` and barycentric weights (n, 3)."""
    corners = vertices[triangles[rows]]
    chosen, weights = np.zeros(len(points), int), np.zeros((len(points), 3))
    for index, point in enumerate(points):
        near = np.argsort(((corners.mean(axis=1) - point) ** 2).sum(axis=1), kind="stable")[:80]
        candidate = closest_weights(point, corners[near])
        place = np.einsum("kc,kcx->kx", candidate, corners[near])
        best = int(((place - point) ** 2).sum(axis=1).argmin())
        chosen[index], weights[index] = rows[near[best]], candidate[best]
    return chosen, weights


def closest_weights(point: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Weights (k, 3) of the point of each triangle (k, 3, 3) nearest to a point, (3,) or (k, 3)."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    offset = point - corners[:, 0]
    aa, ab, bb = (first**2).sum(1), (first * second).sum(1), (second**2).sum(1)
    ra, rb = (offset * first).sum(1), (offset * second).sum(1)
    area = np.maximum(aa * bb - ab * ab, 1e-12)
    b, c = (bb * ra - ab * rb) / area, (aa * rb - ab * ra) / area
    options = [np.stack([1 - b - c, b, c], axis=1)]
    for k in range(3):
        start, end = corners[:, k], corners[:, (k + 1) % 3]
        edge = end - start
        share = ((point - start) * edge).sum(1) / np.maximum((edge**2).sum(1), 1e-12)
        share = np.clip(share, 0, 1)
        weights = np.zeros((len(corners), 3))
        weights[:, k], weights[:, (k + 1) % 3] = 1 - share, share
        options.append(weights)
    options = np.stack(options)
    place = np.einsum("okc,kcx->okx", options, corners)
    distance = ((place - point) ** 2).sum(axis=2)
    distance[0][(options[0] < 0).any(axis=1)] = np.inf
    return options[distance.argmin(axis=0), np.arange(len(corners))]
