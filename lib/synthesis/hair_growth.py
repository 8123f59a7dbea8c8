"""How strands grow: off the scalp, along the comb, down by their weight, and round the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from lib.synthesis.head_chart import HeadReach

SUBSTEPS = 3
OWN_BEND, SHARED_BEND = 0.35, 0.94
HELD_BELOW_MM, HELD_OVER_MM = 30.0, 50.0  # hair hangs freely so far below the dome's base
DENSER_AT_ROOT = 1.25  # points are this power of their share along the strand
RISE_MM = 14.0  # of length within which a strand gains its height over the scalp
GUARD = ((45.0, 0.0), (30.0, 0.55), (0.0, 0.98), (-75.0, 1.16), (-130.0, 1.0), (-180.0, 0.4))


@dataclass(frozen=True)
class Growth:
    """How each of n strands grows.

    Args:
        length: (n,) mm.
        height: (n,) mm over the skin that it keeps once it has risen.
        rise: (n,) 0 = leaves along the skin .. 1 = at right angles.
        comb: (n, 3) unit, along the skin.
        follow: (n,) 1/mm, how fast it turns towards the comb.
        weight: (n,) 1/mm, how fast it turns down.
        guard: (n,) 0 = may fall into the face; else 1 and the radians that it stays beside it.
        ear: (n,) 0 = passes through where ears are .. 1 = outside of them.
        hold: (n,) 1/mm, how fast it turns back to its height over the skin when above it.
        knot: (6,) mm, the middle of a knot that all strands are led to, its size, the share of
            strands that stay in it as a bun does, and 1 if there is one.
    """

    length: np.ndarray
    height: np.ndarray
    rise: np.ndarray
    comb: np.ndarray
    follow: np.ndarray
    weight: np.ndarray
    guard: np.ndarray
    ear: np.ndarray
    hold: np.ndarray
    knot: np.ndarray


@dataclass(frozen=True)
class Locks:
    """How strands lie together.

    Args:
        centre: (levels, n) index of the strand that is the middle of the lock, -1 for none.
        pull: (levels,) 0 = free .. 1 = the tips meet.
        phase: (n,) radians, of waves.
        amplitude: (n,) mm of waves at their largest.
        wavelength: (n,) mm.
        coil: (n,) 0 = waves in a plane .. 1 = helices.
        frizz: (n,) mm, random bending at the tip.
        lock: (n,) int, strands of one number bend much alike.
    """

    centre: np.ndarray
    pull: np.ndarray
    phase: np.ndarray
    amplitude: np.ndarray
    wavelength: np.ndarray
    coil: np.ndarray
    frizz: np.ndarray
    lock: np.ndarray


@dataclass(frozen=True)
class Body:
    """What hair lies on besides the head's chart.

    Args:
        reach: the head.
        brow: mm, y of the brows.
        chin: mm, y of the chin.
        torso: (6,) mm, centre and half axes of an ellipsoid.
    """

    reach: HeadReach
    brow: float
    chin: float
    torso: np.ndarray

    def numbers(self) -> tuple[np.ndarray, ...]:
        """What the compiled loops take."""
        reach = self.reach
        frame = np.array([*reach.centre, reach.radius, self.brow, reach.lowest, reach.highest])
        return frame, reach.plain, reach.eared, np.array(GUARD), self.torso


def grow(
    origin: np.ndarray, normal: np.ndarray, growth: Growth, body: Body, n_points: int
) -> np.ndarray:
    """(n, n_points, 3) float32 mm: smooth strands that stay out of the body.

    Args:
        origin: (n, 3) mm, roots.
        normal: (n, 3) unit, of the skin at the roots.
        growth: of the strands.
        body: what they lie on.
        n_points: of a strand.
    """
    points = np.empty((len(origin), n_points, 3), np.float32)
    arc = np.linspace(0, 1, n_points) ** DENSER_AT_ROOT
    wide = [np.ascontiguousarray(values, np.float64) for values in vars(growth).values()]
    _grow(origin, normal, *wide, *body.numbers(), arc, points)
    return points


def gather(
    points: np.ndarray, locks: Locks, growth: Growth, body: Body, chance: np.random.Generator
) -> np.ndarray:
    """(n, k, 3) float32 mm: strands drawn into locks, waved, frizzed, and put outside again."""
    n = len(points)
    result = points
    for centre, pull in zip(locks.centre, locks.pull):
        moved = np.empty_like(result)
        _clump(result, centre.astype(np.int64), float(pull), moved)
        result = moved
    shared = chance.standard_normal((locks.lock.max() + 1, 2, 3)).astype(np.float32)
    bend = chance.standard_normal((n, 2, 3)).astype(np.float32)
    bend = OWN_BEND * bend + SHARED_BEND * shared[locks.lock]
    waved = np.empty_like(result)
    wide = [
        np.ascontiguousarray(values, np.float64)
        for values in (locks.phase, locks.amplitude, locks.wavelength, locks.coil, locks.frizz)
    ]
    _wave(result, *wide, bend, *body.numbers()[:1], waved)
    guard, ear = growth.guard.astype(np.float64), growth.ear.astype(np.float64)
    _put_outside(waved, 0.25 * growth.height.astype(np.float64), guard, ear, *body.numbers())
    return waved


def depth_in_hair(points: np.ndarray, body: Body) -> np.ndarray:
    """(n, k) float32 mm under the outer surface of the hair."""
    result = np.empty(points.shape[:2], np.float32)
    _depth(points, *body.numbers()[:2], result)
    return result


@njit(cache=True, nogil=True)
def _place(x, y, z, frame, shape):
    """Chart column and row (fractional), distance from the axis, and the way outward."""
    dx, dy, dz = x - frame[0], y - frame[1], z - frame[2]
    level = np.sqrt(dx * dx + dz * dz) + 1e-9
    column = (np.arctan2(dx, dz) / (2 * np.pi) + 0.5) * shape[1] - 0.5
    if dy > 0:
        distance = np.sqrt(level * level + dy * dy)
        height = frame[3] * np.arctan2(dy, level)
        ox, oy, oz = dx / distance, dy / distance, dz / distance
    else:
        distance, height = level, dy
        ox, oy, oz = dx / level, 0.0, dz / level
    row = (height - frame[5]) / (frame[6] - frame[5]) * (shape[0] - 1)
    return column, min(max(row, 0.0), shape[0] - 1.001), distance, ox, oy, oz


@njit(cache=True, nogil=True)
def _at(grid, column, row):
    """Bilinear; columns wrap."""
    c, r = int(np.floor(column)), int(row)
    u, v = column - c, row - r
    a, b = c % grid.shape[1], (c + 1) % grid.shape[1]
    low = grid[r, a] * (1 - u) + grid[r, b] * u
    high = grid[r + 1, a] * (1 - u) + grid[r + 1, b] * u
    return low * (1 - v) + high * v


@njit(cache=True, nogil=True)
def _off_torso(x, y, z, over, torso):
    """The place, moved out of the torso to `over` mm off it."""
    if y < torso[1] + torso[4]:
        q = ((x - torso[0]) / (torso[3] + over)) ** 2 + ((y - torso[1]) / (torso[4] + over)) ** 2
        q += ((z - torso[2]) / (torso[5] + over)) ** 2
        if q < 1.0:
            q = 1.0 / np.sqrt(max(q, 1e-6))
            x, z = torso[0] + (x - torso[0]) * q, torso[2] + (z - torso[2]) * q
            y = torso[1] + (y - torso[1]) * q
    return x, y, z


@njit(cache=True, nogil=True)
def _least(column, row, ear, plain, eared):
    """How far the head reaches there, with a share of the ear."""
    least = _at(plain, column, row)
    if ear > 0:
        least += ear * (_at(eared, column, row) - least)
    return least


@njit(cache=True, nogil=True)
def _sunk(x, y, z, ear, frame, plain, eared):
    """How far a root lies under the chart's surface, as a negative number of mm, or 0."""
    column, row, distance, _, _, _ = _place(x, y, z, frame, plain.shape)
    least = _least(column, row, ear, plain, eared)
    return min(distance - least, 0.0)


@njit(cache=True, nogil=True)
def _beside_face(x, y, z, share, extra, frame, guard):
    """The place, turned about the upright axis out of the face by a share of what it needs."""
    up = y - frame[4]
    if up >= guard[0, 0]:
        return x, z
    limit = guard[-1, 1]
    for i in range(len(guard) - 1):
        if up >= guard[i + 1, 0]:
            step = (up - guard[i + 1, 0]) / (guard[i, 0] - guard[i + 1, 0])
            limit = guard[i + 1, 1] + step * (guard[i, 1] - guard[i + 1, 1])
            break
    limit += extra
    dx, dz = x - frame[0], z - frame[2]
    if dz <= 0 and limit < np.pi / 2:
        return x, z
    angle = np.arctan2(dx, dz)
    if abs(angle) >= limit:
        return x, z
    target = limit if angle >= 0 else -limit
    angle += share * (target - angle)
    level = np.sqrt(dx * dx + dz * dz)
    return frame[0] + level * np.sin(angle), frame[2] + level * np.cos(angle)


@njit(cache=True, nogil=True)
def _unit(x, y, z):
    size = np.sqrt(x * x + y * y + z * z) + 1e-12
    return x / size, y / size, z / size


@njit(cache=True, nogil=True)
def _apart(knot, x, y, z):
    return np.sqrt((x - knot[0]) ** 2 + (y - knot[1]) ** 2 + (z - knot[2]) ** 2)


@njit(cache=True, nogil=True)
def _after_knot(knot, i, x, y, z, dx, dy, dz, step):
    """The way of a strand that has come to its knot: round in it, or down in a tail."""
    if (i * 0.6180339887) % 1.0 < knot[4]:  # winds about an axis of its own, near the surface
        turn = 2 * np.pi * ((i * 0.7548776662) % 1.0)
        ax, ay, az = _unit(0.5 * np.cos(turn), 0.5 * np.sin(turn), 1.0)
        rx, ry, rz = _unit(x - knot[0], y - knot[1], z - knot[2])
        wanted = knot[3] * (0.75 + 0.6 * ((i * 0.5698402910) % 1.0))
        out = (wanted - _apart(knot, x, y, z)) / knot[3]
        wx, wy, wz = ay * rz - az * ry, az * rx - ax * rz, ax * ry - ay * rx
        return wx + out * rx, wy + out * ry, wz + out * rz
    spread = 0.12 * (2 * ((i * 0.7548776662) % 1.0) - 1)
    return dx + 0.02 * step * spread, dy - 0.03 * step, dz - 0.012 * step


@njit(cache=True, nogil=True)
def _grow(
    origin, normal, length, height, rise, comb, follow, weight, guarded, ear, hold, knot,
    frame, plain, eared, guard, torso, arc, points,
):  # fmt: skip
    """Fill in the points of `grow`."""
    k = points.shape[1]
    tied = knot[5] > 0
    for i in range(len(origin)):
        x, y, z = origin[i]
        cx, cy, cz = comb[i]
        dx = normal[i, 0] * rise[i] + cx * (1 - rise[i])
        dy = normal[i, 1] * rise[i] + cy * (1 - rise[i])
        dz = normal[i, 2] * rise[i] + cz * (1 - rise[i])
        dx, dy, dz = _unit(dx, dy, dz)
        points[i, 0] = origin[i]
        travelled = 0.0
        column, row, distance, ox, oy, oz = _place(x, y, z, frame, plain.shape)
        least = _least(column, row, ear[i], plain, eared)
        sunk = min(distance - least, 0.0)
        arrived = False
        for j in range(1, k):
            step = length[i] * (arc[j] - arc[j - 1]) / SUBSTEPS
            for _ in range(SUBSTEPS):
                travelled += step
                risen = min(travelled / RISE_MM, 1.0)
                over = sunk + risen * (height[i] - sunk)
                if tied and not arrived:
                    cx, cy, cz = _unit(knot[0] - x, knot[1] - y, knot[2] - z)
                    arrived = _apart(knot, x, y, z) < knot[3] + step
                if arrived:
                    dx, dy, dz = _after_knot(knot, i, x, y, z, dx, dy, dz, step)
                else:
                    along = cx * ox + cy * oy + cz * oz
                    gain = min(follow[i] * step, 1.0)
                    excess = min(max(distance - least - over, 0.0) / 6.0, 1.0)
                    on_head = min(max((y - frame[1] + HELD_BELOW_MM) / HELD_OVER_MM, 0.0), 1.0)
                    inward = hold[i] * step * excess * on_head
                    dx += gain * (cx - along * ox) - inward * ox
                    dy += gain * (cy - along * oy) - inward * oy - weight[i] * step
                    dz += gain * (cz - along * oz) - inward * oz
                dx, dy, dz = _unit(dx, dy, dz)
                px, py, pz = x, y, z
                x, y, z = x + step * dx, y + step * dy, z + step * dz
                if guarded[i] > 0:
                    x, z = _beside_face(x, y, z, 0.35, guarded[i] - 1, frame, guard)
                x, y, z = _off_torso(x, y, z, over, torso)
                column, row, distance, ox, oy, oz = _place(x, y, z, frame, plain.shape)
                least = _least(column, row, ear[i], plain, eared)
                short = least + over - distance
                if short > 0:
                    x, y, z = x + short * ox, y + short * oy, z + short * oz
                    distance += short
                mx, my, mz = _unit(x - px, y - py, z - pz)
                dx, dy, dz = dx + mx, dy + my, dz + mz
            points[i, j, 0], points[i, j, 1], points[i, j, 2] = x, y, z


@njit(cache=True, nogil=True)
def _clump(points, centre, pull, moved):
    """Draw strands to the strand in the middle of their lock, more so at the tips."""
    n, k = points.shape[:2]
    for i in range(n):
        c = centre[i]
        for j in range(k):
            share = pull * (j / (k - 1)) ** 0.6 if c >= 0 and c != i else 0.0
            for axis in range(3):
                here = points[i, j, axis]
                there = points[c, j, axis] if c >= 0 else here
                moved[i, j, axis] = here + share * (there - here)


@njit(cache=True, nogil=True)
def _wave(points, phase, amplitude, wavelength, coil, frizz, bend, frame, waved):
    """Waves, coils and random bends across the strands, growing from the root."""
    n, k = points.shape[:2]
    for i in range(n):
        travelled = 0.0
        for axis in range(3):
            waved[i, 0, axis] = points[i, 0, axis]
        for j in range(1, k):
            a, b = j - 1, min(j + 1, k - 1)
            step = 0.0
            for axis in range(3):
                step += (points[i, j, axis] - points[i, j - 1, axis]) ** 2
            travelled += np.sqrt(step)
            tx = points[i, b, 0] - points[i, a, 0]
            ty = points[i, b, 1] - points[i, a, 1]
            tz = points[i, b, 2] - points[i, a, 2]
            ox, oy, oz = (
                points[i, j, 0] - frame[0],
                0.5 * (points[i, j, 1] - frame[1]),
                points[i, j, 2] - frame[2],
            )
            sx, sy, sz = ty * oz - tz * oy, tz * ox - tx * oz, tx * oy - ty * ox
            size = np.sqrt(sx * sx + sy * sy + sz * sz) + 1e-9
            sx, sy, sz = sx / size, sy / size, sz / size
            ux, uy, uz = sy * tz - sz * ty, sz * tx - sx * tz, sx * ty - sy * tx
            size = np.sqrt(ux * ux + uy * uy + uz * uz) + 1e-9
            ux, uy, uz = ux / size, uy / size, uz / size
            share = j / (k - 1)
            turn = 2 * np.pi * travelled / wavelength[i] + phase[i]
            grown = amplitude[i] * min(1.0, travelled / (0.7 * wavelength[i]))
            side, out = grown * np.sin(turn), grown * coil[i] * np.cos(turn)
            free = frizz[i] * share
            curve = np.sin(np.pi * share * 1.5)
            waved[i, j, 0] = (
                points[i, j, 0]
                + side * sx
                + out * ux
                + free * (share * bend[i, 0, 0] + curve * bend[i, 1, 0])
            )
            waved[i, j, 1] = (
                points[i, j, 1]
                + side * sy
                + out * uy
                + free * (share * bend[i, 0, 1] + curve * bend[i, 1, 1])
            )
            waved[i, j, 2] = (
                points[i, j, 2]
                + side * sz
                + out * uz
                + free * (share * bend[i, 0, 2] + curve * bend[i, 1, 2])
            )


@njit(cache=True, nogil=True)
def _put_outside(points, height, guarded, ear, frame, plain, eared, guard, torso):
    """Move points out of the body; segments between them bow inwards, so a little further."""
    n, k = points.shape[:2]
    for i in range(n):
        travelled = 0.0
        x, y, z = float(points[i, 0, 0]), float(points[i, 0, 1]), float(points[i, 0, 2])
        sunk = _sunk(x, y, z, ear[i], frame, plain, eared)
        for j in range(1, k):
            step = 0.0
            for axis in range(3):
                step += (float(points[i, j, axis]) - points[i, j - 1, axis]) ** 2
            travelled += np.sqrt(step)
            x, y, z = float(points[i, j, 0]), float(points[i, j, 1]), float(points[i, j, 2])
            risen = min(travelled / RISE_MM, 1.0)
            over = sunk + risen * (height[i] - sunk) + min(step / 640.0, 4.0)
            if guarded[i] > 0:
                x, z = _beside_face(x, y, z, 0.5, guarded[i] - 1, frame, guard)
            x, y, z = _off_torso(x, y, z, over, torso)
            column, row, distance, ox, oy, oz = _place(x, y, z, frame, plain.shape)
            short = _least(column, row, ear[i], plain, eared) + over - distance
            if short > 0:
                x, y, z = x + short * ox, y + short * oy, z + short * oz
            points[i, j, 0], points[i, j, 1], points[i, j, 2] = x, y, z


@njit(cache=True, nogil=True)
def _depth(points, frame, plain, depth):
    """Distance from the axis of the outermost hair in each cell of the chart, less one's own."""
    rows, columns = plain.shape
    outer = np.zeros((rows, columns))
    n, k = points.shape[:2]
    for i in range(n):
        for j in range(k):
            column, row, distance, _, _, _ = _place(
                points[i, j, 0], points[i, j, 1], points[i, j, 2], frame, plain.shape
            )
            c, r = int(np.floor(column + 0.5)) % columns, int(row + 0.5)
            outer[r, c] = max(outer[r, c], distance)
            depth[i, j] = distance
    smooth = np.zeros((rows, columns))
    for r in range(rows):
        for c in range(columns):
            total, number = 0.0, 0
            for rr in range(max(r - 1, 0), min(r + 2, rows)):
                for cc in range(c - 1, c + 2):
                    value = outer[rr, cc % columns]
                    if value > 0:
                        total += value
                        number += 1
            smooth[r, c] = total / max(number, 1)
    for i in range(n):
        for j in range(k):
            column, row, _, _, _, _ = _place(
                points[i, j, 0], points[i, j, 1], points[i, j, 2], frame, plain.shape
            )
            depth[i, j] = max(_at(smooth, column, row) - depth[i, j], 0.0)
