"""Neck, shoulders and chest under a head: one smooth surface that starts at the head's neck rim.

The surface is a loft: rings around the body, each given in front, at the side and behind, with a
smooth curve through them for every direction around the neck.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lib.geometry import SurfaceTree
from lib.synthesis.props.sites import HeadSites
from lib.synthesis.props.tubes import arc_length, spline

NECK_CENTRE = np.array([0.0, -128.0, -88.0])  # of the body that the rings below belong to
NECK_HALF_WIDTH = 60.0
# A ring: front (y, z), side (x, y, z), back (y, z) in mm; exponent of its superellipse;
# how much it follows the turn of the body.
RINGS = (
    ((-128.0, -36.0), (57.0, -128.0, -92.0), (-128.0, -142.0), 2.0, 0.0),  # under the chin
    ((-184.0, -48.0), (80.0, -155.0, -106.0), (-158.0, -152.0), 2.0, 0.45),  # base of the neck
    ((-207.0, -40.0), (122.0, -175.0, -110.0), (-192.0, -170.0), 2.1, 0.8),
    ((-244.0, -24.0), (172.0, -199.0, -108.0), (-238.0, -188.0), 2.3, 1.0),  # top of the shoulder
    ((-292.0, -10.0), (208.0, -243.0, -104.0), (-294.0, -197.0), 2.5, 1.0),
    ((-352.0, 0.0), (222.0, -330.0, -100.0), (-356.0, -197.0), 2.6, 1.0),
    ((-500.0, -6.0), (226.0, -500.0, -96.0), (-500.0, -188.0), 2.6, 1.0),
)
BASE = 1  # the ring that lengths along the body count from
PER_SEGMENT = 10
ALONG = 0.75  # length along the body per distance out plus distance down
TABLE_STEP_MM = 4.0
CLEAR_MM = 10.0  # rings nearer to the rim are left out
WIDE_RIM = 1.3  # radius over that of a neck from which on a head has shoulders of its own
FOLLOW = (0.8, 0.4, 0.1)  # how much the first rings below such a head give way to it
HIGHER_MM = 40.0  # how far above its rim a neck counts that ends high
SMOOTH_RIM = 3  # rounds of smoothing of the direction in which the neck leaves the head


@dataclass(frozen=True)
class Build:
    """Proportions of a body, and how it stands against its head.

    Args:
        width, depth: factors.
        drop_mm: how much lower the shoulders are than usual.
        chest_mm: how far breasts stand out.
        turn_deg, nod_deg, lean_deg: of the body against the head, about y, x and z.
    """

    width: float
    depth: float
    drop_mm: float
    chest_mm: float
    turn_deg: float
    nod_deg: float
    lean_deg: float


def draw_build(chance: np.random.Generator) -> Build:
    """A body as people have it, mostly facing where the head looks."""
    return Build(
        float(chance.uniform(0.86, 1.08)),
        float(chance.uniform(0.88, 1.12)),
        float(chance.normal(0, 6)),
        float(chance.choice([0.0, chance.uniform(5, 24)])),
        float(np.clip(chance.normal(0, 13), -30, 30)),
        float(np.clip(chance.normal(0, 5), -10, 10)),
        float(np.clip(chance.normal(0, 3), -7, 7)),
    )


@dataclass(frozen=True)
class Body:
    """Curves from the neck down, one for each direction around it.

    Args:
        turn: (c,) direction around the neck, 0 = front, pi / 2 = the subject's left.
        curves: (s, c, 3) mm, finely spaced.
        length: (s, c) mm along each curve, 0 at the base of the neck.
    """

    turn: np.ndarray
    curves: np.ndarray
    length: np.ndarray

    def at(self, length: np.ndarray) -> np.ndarray:
        """(r, c, 3) mm at lengths (r, c) of each curve."""
        result = np.empty((*length.shape, 3))
        for column in range(length.shape[1]):
            for axis in range(3):
                result[:, column, axis] = np.interp(
                    length[:, column], self.length[:, column], self.curves[:, column, axis]
                )
        return result

    def end(self) -> np.ndarray:
        """(c,) length at the bottom."""
        return self.length[-1]


@dataclass(frozen=True)
class Ground:
    """A body as a table, on which any point is found by direction and length.

    Args:
        first_mm: length of the first row.
        table: (r, c, 6) place in mm and outward unit normal; rows `TABLE_STEP_MM` apart, columns
            even in direction from 0.
        end_mm: (c,) length at the bottom.
    """

    first_mm: float
    table: np.ndarray
    end_mm: np.ndarray

    def place(self, turn: np.ndarray, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(..., 3) mm and unit normals at directions (...) and lengths (...)."""
        rows, columns = self.table.shape[:2]
        x = (turn / (2 * np.pi) % 1.0) * columns
        y = np.clip((length - self.first_mm) / TABLE_STEP_MM, 0, rows - 1.001)
        column, row = np.floor(x).astype(int), np.floor(y).astype(int)
        u, v = (x - column)[..., None], (y - row)[..., None]
        column, right = column % columns, (column + 1) % columns
        flat = self.table.reshape(-1, 6)
        row = row * columns
        upper = flat[row + column] * (1 - u) + flat[row + right] * u
        row = row + columns
        lower = flat[row + column] * (1 - u) + flat[row + right] * u
        found = upper * (1 - v) + lower * v
        return found[..., :3], found[..., 3:]

    def end(self, turn: np.ndarray) -> np.ndarray:
        """(...) length at the bottom in directions (...)."""
        known = 2 * np.pi * np.arange(len(self.end_mm)) / len(self.end_mm)
        return periodic(turn, known, self.end_mm)


def ground(neck: Neck, head: SurfaceTree | None, columns: int = 96) -> Ground:
    """The body under a neck as a table.

    Args:
        neck: with its build.
        head: the head's skin, to start under the chin; None = at the rim.
        columns: of the table.
    """
    body = neck.body(2 * np.pi * np.arange(columns) / columns, head)
    first = float(body.length[0].min())
    rows = np.arange(first, float(body.end().max()) + TABLE_STEP_MM, TABLE_STEP_MM)
    place = body.at(np.broadcast_to(rows[:, None], (len(rows), columns)))
    down = np.gradient(place, axis=0)
    flat = np.linalg.norm(down, axis=2) < 1e-6  # past the end of a curve
    down[flat] = (0.0, -1.0, 0.0)
    right = np.roll(place, -1, axis=1) - np.roll(place, 1, axis=1)
    normal = np.cross(down, right)
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-9)
    return Ground(first, np.concatenate([place, normal], axis=2), body.end())


@dataclass(frozen=True)
class Neck:
    """A head's neck, and the rings of its body.

    Args:
        rim: (k, 3) mm border of the head.
        leaving: (k, 3) unit direction of the head's skin across the border.
        turn: (k,) direction of each around the neck, rising from about 0.
        centre: (3,) of the neck.
        scale: of its width.
        build: of the body.
    """

    rim: np.ndarray
    leaving: np.ndarray
    turn: np.ndarray
    centre: np.ndarray
    scale: float
    build: Build

    @property
    def is_wide(self) -> bool:
        """Whether the head model reaches over the shoulders."""
        reach = np.linalg.norm((self.rim - self.centre)[:, [0, 2]], axis=1).mean()
        return bool(reach > WIDE_RIM * NECK_HALF_WIDTH)

    def ring(self, index: int, turn: np.ndarray) -> np.ndarray:
        """(c, 3) mm of a ring in directions (c,)."""
        front, side, back, exponent, follows = RINGS[index]
        build = self.build
        sine, cosine = np.sin(turn), np.cos(turn)
        s, c = (np.sign(v) * np.abs(v) ** (2 / exponent) for v in (sine, cosine))
        end = np.where(cosine > 0, front[1], back[1]) - side[2]
        high = np.where(cosine > 0, front[0], back[0]) - side[1]
        bulge = _breasts(turn) * build.chest_mm * (0, 0, 0, 0.1, 0.6, 1, 0.5)[index]
        width = self.scale * (1 + (build.width - 1) * follows)
        depth = self.scale * (1 + (build.depth - 1) * follows)
        place = np.stack(
            [
                side[0] * width * s,
                side[1] - NECK_CENTRE[1] + high * np.abs(cosine) ** 1.6 - build.drop_mm * follows,
                depth * (side[2] - NECK_CENTRE[2] + end * np.abs(c)) + bulge,
            ],
            axis=-1,
        )
        return self.centre + _turned(place, build, follows)

    def body(self, turn: np.ndarray, head: SurfaceTree | None = None) -> Body:
        """The surface in directions (c,), from the rim down.

        Rings that would lie on the head are left out: the rim stands for them.

        Args:
            turn: (c,) directions.
            head: start under the chin instead, on the head's skin.
        """
        rim = np.stack([periodic(turn, self.turn, self.rim[:, k]) for k in range(3)], 1)
        progress = [self._progress(r) for r in range(len(RINGS))]
        below = [r for r in range(len(RINGS)) if progress[r].min() > CLEAR_MM]
        knots = [rim, *(self.ring(r, turn) for r in below)]
        if self.is_wide:
            off = self._misfit(rim, turn, progress)
            for k, share in enumerate(FOLLOW[: len(below)], start=1):
                knots[k] = knots[k] + share * off
        start = np.stack([periodic(turn, self.turn, self.leaving[:, k]) for k in range(3)], 1)
        start /= np.linalg.norm(start, axis=1, keepdims=True)
        curves = spline(np.stack(knots), PER_SEGMENT, start=start)
        n_above = 0
        if head is not None:
            above = [r for r in range(len(RINGS)) if progress[r].max() < -CLEAR_MM]
            rings = [self.ring(r, turn) for r in above] or [rim - HIGHER_MM * start]
            on_head = [head.nearest(ring).points for ring in rings]
            upwards = spline(np.stack([rim, *on_head[::-1]]), PER_SEGMENT, start=-start)
            n_above = len(upwards) - 1
            curves = np.concatenate([upwards[:0:-1], curves])
        length = arc_length(curves)
        beyond = periodic(turn, self.turn, progress[BASE])  # the base, out and down from the rim
        base = length[n_above] + ALONG * beyond
        return Body(turn, curves, length - base)

    def _misfit(self, rim: np.ndarray, turn: np.ndarray, progress: list[np.ndarray]) -> np.ndarray:
        """(c, 3) mm from the rings, interpolated at the rim, to the rim (c, 3)."""
        above = max(r for r in range(len(RINGS)) if progress[r].mean() < 0)
        before, after = (periodic(turn, self.turn, progress[r]) for r in (above, above + 1))
        share = np.clip(-before / np.maximum(after - before, 1.0), 0, 1)[:, None]
        return rim - self.ring(above, turn) * (1 - share) - self.ring(above + 1, turn) * share

    def _progress(self, index: int) -> np.ndarray:
        """(k,) how far, in mm, a ring lies beyond the rim: outwards and down."""
        ring, rim = self.ring(index, self.turn), self.rim
        out = [np.linalg.norm((p - self.centre)[:, [0, 2]], axis=1) for p in (ring, rim)]
        return out[0] - out[1] + rim[:, 1] - ring[:, 1]


def draw_neck(sites: HeadSites, vertices: np.ndarray, build: Build) -> Neck:
    """The neck of a posed head.

    Args:
        sites: of the model.
        vertices: (n_vertices, 3) mm.
        build: of the body under it.
    """
    vertices = vertices.astype(np.float64)
    rim = vertices[sites.rim]
    inner = np.einsum("kmc,km->kc", vertices[sites.above_rim], sites.above_weight)
    leaving = rim - inner
    for _ in range(SMOOTH_RIM):
        leaving = (np.roll(leaving, 1, 0) + 2 * leaving + np.roll(leaving, -1, 0)) / 4
    leaving /= np.linalg.norm(leaving, axis=1, keepdims=True)
    low, high = vertices[sites.neck].min(axis=0), vertices[sites.neck].max(axis=0)
    centre = (low + high) / 2
    turn = np.arctan2(rim[:, 0] - centre[0], rim[:, 2] - centre[2])
    turn = np.maximum.accumulate(np.unwrap(turn) + 1e-6 * np.arange(len(turn)))
    scale = float((high[0] - low[0]) / 2 / NECK_HALF_WIDTH)
    neck = Neck(rim, leaving, turn, centre, np.clip(scale, 0.7, 1.4), build)
    if neck.is_wide:  # the head has shoulders of its own: go on as they do
        still = replace(build, drop_mm=0, turn_deg=0, nod_deg=0, lean_deg=0)
        return replace(neck, build=replace(still, width=max(build.width, 1.0)))
    return neck


def periodic(at: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(m,) values (k,), known at rising angles, at angles (m,)."""
    turns = np.concatenate([known - 2 * np.pi, known, known + 2 * np.pi])
    return np.interp(at, turns, np.tile(values, 3))


def _breasts(turn: np.ndarray) -> np.ndarray:
    away = (turn + np.pi) % (2 * np.pi) - np.pi
    return np.exp(-0.5 * ((np.abs(away) - 0.42) / 0.26) ** 2)


def _turned(place: np.ndarray, build: Build, share: float) -> np.ndarray:
    """Points about the neck, turned with the body."""
    nod, turn, lean = np.radians([build.nod_deg, build.turn_deg, build.lean_deg]) * share
    x, y, z = place[..., 0], place[..., 1], place[..., 2]
    x, z = x * np.cos(turn) + z * np.sin(turn), z * np.cos(turn) - x * np.sin(turn)
    y, z = y * np.cos(nod) - z * np.sin(nod), z * np.cos(nod) + y * np.sin(nod)
    x, y = x * np.cos(lean) - y * np.sin(lean), y * np.cos(lean) + x * np.sin(lean)
    return np.stack([x, y, z], axis=-1)
