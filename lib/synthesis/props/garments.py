"""Sheets of cloth on a body: shells that hang from a neckline, and strips such as collars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lib.geometry import SurfaceTree
from lib.synthesis.props.body import Ground
from lib.synthesis.props.fabric import Fabric, folds, paint
from lib.synthesis.props.prop import Prop, make_prop
from lib.synthesis.props.tubes import fan, grid_triangles, spline, swept

ROUGHNESS, REFLECTANCE = 0.85, 0.028
COLUMNS, UNDER_COLUMNS = 176, 112  # under a second layer less is seen
FINEST_MM, COARSEST_MM, GROWTH = 2.4, 9.0, 1.06  # distances of rows from the neckline down
TUCK_MM = 4.0  # an edge turns this far under the skin
ARMHOLE, ARMHOLE_WIDTH, ARMHOLE_MM = 0.72, 0.05, 9.0  # direction, width in it, depth of the crease
CLEAR_MM = 1.6  # from the head's skin
EVEN = 0.65  # share of even spacing around the chest against that around the neck
CHEST_MM = 200.0  # length at which distances around the body are taken


@dataclass(frozen=True)
class Figure:
    """A body to be dressed.

    Args:
        ground: its surface.
        head: the head's skin, which also has to be covered.
        reach_mm: length down to which cloth may touch the head.
        chest: (65, 4) of directions from -pi to pi: the direction, mm around the chest from the
            front's middle, mm from its axis, mm to the left.
        middle: (3,) mm of the chest.
        slack: factor on all folds; less under a second layer.
    """

    ground: Ground
    head: SurfaceTree
    reach_mm: float
    chest: np.ndarray
    middle: np.ndarray
    slack: float = 1.0

    def directions(self, n: int) -> np.ndarray:
        """(n,) directions from the back around, mostly even around the chest, some at the neck."""
        share = np.arange(n) / n
        known, around = self.chest[:, 0], self.chest[:, 1]
        even = np.interp(around[0] + share * (around[-1] - around[0]), around, known)
        return EVEN * even + (1 - EVEN) * (2 * np.pi * share - np.pi)

    def weave(self, turn: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(...) mm around the body from the front's middle, and down, at places (..., 3)."""
        angle = _about(turn)
        known, around, radius, _ = self.chest.T
        x, z = place[..., 0] - self.middle[0], place[..., 2] - self.middle[2]
        share = np.sqrt(x * x + z * z) / np.interp(angle, known, radius)
        return np.interp(angle, known, around) * share, self.middle[1] - place[..., 1]

    def threads(
        self, turn: np.ndarray, length: np.ndarray, place: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(...) mm across and down a front and a back panel that are sewn over the shoulders."""
        angle = _about(turn)
        known, around, _, left = self.chest.T
        side = place[..., 0] - self.middle[0]
        behind = np.abs(angle) > np.pi / 2
        side = np.where(behind, np.sign(angle) * around[-1] - side, side)
        chest = np.interp(angle, known, left)
        chest = np.where(behind, np.sign(angle) * around[-1] - chest, chest)
        low = _eased(length, 60, 190)
        side = side + low * (np.interp(angle, known, around) - chest)
        return side, self.middle[1] - place[..., 1]

    def cleared(self, points: np.ndarray, length: np.ndarray, by_mm: float) -> np.ndarray:
        """(r, c, 3) mm: points, moved off the head where they are nearer than `by_mm` to it."""
        near = length < self.reach_mm
        asked = points[near]
        if not len(asked):
            return points
        found = self.head.nearest(asked, signed=True)
        corner = self.head.vertices[self.head.triangles[found.triangles]]
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        lacking = np.clip(by_mm - found.distance_mm, 0, 25)
        upright = np.abs(((asked - found.points) * normal).sum(axis=1))
        lacking[upright < 0.85 * np.abs(found.distance_mm)] = 0  # beyond the head's open border
        move = np.zeros_like(points)
        move[near] = lacking[:, None] * normal
        soft = move
        for _ in range(3):  # their neighbours give way too
            soft = (np.roll(soft, 1, axis=1) + 2 * soft + np.roll(soft, -1, axis=1)) / 4
            soft[1:-1] = (soft[:-2] + 2 * soft[1:-1] + soft[2:]) / 4
        farther = (soft**2).sum(axis=2) > (move**2).sum(axis=2)
        return points + np.where(farther[..., None], soft, move)


def figure(ground: Ground, head: SurfaceTree, reach_mm: float) -> Figure:
    """A body to be dressed, measured around its chest."""
    known = np.linspace(-np.pi, np.pi, 65)
    ring, _ = ground.place(known, np.full(65, CHEST_MM))
    step = np.linalg.norm(np.diff(ring, axis=0), axis=1)
    around = np.concatenate([[0], np.cumsum(step)])
    middle = (ring[:-1].max(axis=0) + ring[:-1].min(axis=0)) / 2
    radius = np.linalg.norm((ring - middle)[:, [0, 2]], axis=1)
    chest = np.stack([known, around - around[32], radius, ring[:, 0] - middle[0]], axis=1)
    return Figure(ground, head, reach_mm, chest, middle)


def _about(turn: np.ndarray) -> np.ndarray:
    return (turn + np.pi) % (2 * np.pi) - np.pi


@dataclass(frozen=True)
class Shell:
    """How a garment hangs.

    Args:
        edge: length of its upper edge for directions (n,).
        offset_mm: of the cloth from the skin.
        rib_mm: width of the band along the edge; 0 = none.
        span: half width of a panel in direction, for cloth that leaves the arms free; None = all
            around.
        middle: direction of the panel's middle.
        slack: factor on the folds.
        floor_mm: distance from the skin that no fold falls below.
    """

    edge: Callable[[np.ndarray], np.ndarray]
    offset_mm: float = 2.6
    rib_mm: float = 0.0
    span: float | None = None
    middle: float = 0.0
    slack: float = 1.0
    floor_mm: float = 1.2


def hang(figure: Figure, shell: Shell, fabric: Fabric, chance: np.random.Generator) -> Prop:
    """A garment: cloth from its edge to the bottom, closed there."""
    if shell.span is None:
        columns = COLUMNS if figure.slack == 1 else UNDER_COLUMNS
        turn = figure.directions(columns)
    else:
        turn = shell.middle + np.linspace(-shell.span, shell.span, COLUMNS // 3)
    length = _rows(shell.edge(turn), figure.ground.end(turn))
    turns = np.broadcast_to(turn, length.shape)
    place, normal = figure.ground.place(turns, length)
    across, down = figure.weave(turns, place)
    from_edge = length - length[0]
    fallen = folds(across, down, length, fabric.stiffness, chance) * _eased(from_edge, 4, 40)
    out = _thickness(shell, from_edge) + figure.slack * shell.slack * fallen
    if shell.span is None:
        out -= _armholes(turn, length)
    out = np.maximum(out, shell.floor_mm * _eased(from_edge, -3, 3))
    if shell.span is not None:
        out[:, [0, -1]] = -TUCK_MM
    points = place + out[..., None] * normal
    points = figure.cleared(points, length, CLEAR_MM + 0.5 * shell.offset_mm)
    points[0] = place[0] - TUCK_MM * normal[0]
    colour = paint(fabric, *figure.threads(turns, length, place), chance)
    colour *= (1 - 0.35 * _seam(shell, from_edge))[..., None]
    return _closed(points, colour, shell.span is None)


def _rows(edge: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(r, c) lengths from the edge down; the first row is tucked under the second."""
    step = [FINEST_MM]
    while sum(step) < float((end - edge).max()):
        step.append(min(step[-1] * GROWTH, COARSEST_MM))
    share = np.concatenate([[0.0], np.cumsum(step)]) / sum(step)
    length = edge + share[:, None] * (end - edge)
    return np.concatenate([length[:1] + 1.0, length])


def _thickness(shell: Shell, from_edge: np.ndarray) -> np.ndarray:
    """(r, c) mm of a rounded edge, a thicker rib, and a seam under it."""
    rounded = 1 - np.exp(-np.maximum(from_edge, 0) / 1.2)
    rib = 0.9 * (1 - _eased(from_edge, shell.rib_mm - 2, shell.rib_mm + 2)) if shell.rib_mm else 0
    return shell.offset_mm * (0.45 + 0.55 * rounded) + rib - 0.8 * _seam(shell, from_edge)


def _seam(shell: Shell, from_edge: np.ndarray) -> np.ndarray:
    if not shell.rib_mm:
        return np.zeros_like(from_edge)
    return np.exp(-0.5 * ((from_edge - shell.rib_mm - 1) / 1.6) ** 2)


def _armholes(turn: np.ndarray, length: np.ndarray) -> np.ndarray:
    """(r, c) mm inwards: the crease between chest and arm, in front and behind."""
    away = np.abs(_about(turn))
    away = np.minimum(away, np.pi - away)
    across = np.exp(-0.5 * ((away - ARMHOLE) / ARMHOLE_WIDTH) ** 2)
    return ARMHOLE_MM * across * _eased(length, 135, 230)


def _closed(points: np.ndarray, colour: np.ndarray, around: bool) -> Prop:
    rows, columns = points.shape[:2]
    triangles = grid_triangles(rows, columns, closed=around)
    vertices, colour = points.reshape(-1, 3), colour.reshape(-1, 3)
    if around:
        ring = np.arange(len(vertices) - columns, len(vertices))
        triangles = np.concatenate([triangles, fan(ring[::-1], len(vertices))])
        vertices = np.concatenate([vertices, points[-1].mean(axis=0, keepdims=True)])
        colour = np.concatenate([colour, colour[-1:]])
    return make_prop(vertices, triangles, colour, "cloth", ROUGHNESS, REFLECTANCE)


@dataclass(frozen=True)
class Seamline:
    """One line of a strip of cloth, from one end of the strip to the other.

    Args:
        turn: (q,) direction.
        length: (q,) mm.
        out: (q,) mm off the body.
    """

    turn: np.ndarray
    length: np.ndarray
    out: np.ndarray


def strip(
    figure: Figure,
    lines: Sequence[Seamline],
    fabric: Fabric,
    chance: np.random.Generator,
    thickness_mm: float = 1.4,
    around: bool = False,
    clear_mm: float = CLEAR_MM,
) -> Prop:
    """A sheet through some lines, with two sides and a rim; its front is on the left of the lines.

    Args:
        figure: that wears it.
        lines: from one border to the other.
        fabric: what it is made of.
        chance: source of random numbers.
        thickness_mm: of the cloth.
        around: the lines are closed.
        clear_mm: distance that is kept from the head.
    """
    turn, length, out = (
        np.stack([getattr(s, k) for s in lines]) for k in ("turn", "length", "out")
    )
    place, normal = figure.ground.place(turn, length)
    front = spline(place + out[..., None] * normal, 4)
    table = spline(np.stack([turn, length, out], axis=-1), 4)
    front = figure.cleared(front, table[..., 1], clear_mm)
    down, right = np.gradient(front, axis=0), np.gradient(front, axis=1)
    if around:
        right = np.roll(front, -1, axis=1) - np.roll(front, 1, axis=1)
    face = np.cross(down, right)
    face /= np.maximum(np.linalg.norm(face, axis=2, keepdims=True), 1e-9)
    section = np.concatenate([front, (front - thickness_mm * face)[::-1]])
    section = np.concatenate([section, section[:1]])
    rows, columns = section.shape[:2]
    triangles = grid_triangles(rows - 1 + 1, columns, closed=around)
    vertices = section[:-1].reshape(-1, 3)
    triangles = triangles % len(vertices)
    if not around:
        triangles = np.concatenate([triangles, _ends(rows - 1, columns)])
    colour = paint(fabric, *figure.threads(table[..., 0], table[..., 1], front), chance)
    colour = np.concatenate([colour, colour[::-1]]).reshape(-1, 3)
    return make_prop(vertices, triangles, colour, "cloth", ROUGHNESS, REFLECTANCE)


def _ends(rows: int, columns: int) -> np.ndarray:
    """Triangles that close both ends of a flat tube whose sections are columns."""
    half = rows // 2
    k = np.arange(half - 1)
    a, b, c, d = k, k + 1, rows - 2 - k, rows - 1 - k
    left = np.concatenate([np.stack([a, d, c], 1), np.stack([a, c, b], 1)]) * columns
    return np.concatenate([left, left[:, ::-1] + columns - 1]).astype(np.int32)


def cord(
    figure: Figure,
    line: Seamline,
    radius_mm: np.ndarray,
    colour: np.ndarray,
    sides: int = 10,
    squareness: float = 2.0,
) -> Prop:
    """A cord, a strap or a tie along a line.

    Args:
        figure: that wears it.
        line: its middle.
        radius_mm: (q, 2) or (2,) half width along and off the body.
        colour: (3,) linear RGB.
        sides: vertices around.
        squareness: of its section.
    """
    place, normal = figure.ground.place(line.turn, line.length)
    vertices, triangles = swept(
        place + line.out[:, None] * normal, radius_mm, sides, normal, squareness=squareness
    )
    return make_prop(vertices, triangles, colour, "cloth", ROUGHNESS, REFLECTANCE)


def _eased(value: np.ndarray, low: float, high: float) -> np.ndarray:
    share = np.clip((value - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)
