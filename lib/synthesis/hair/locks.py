"""How strands lie together: locks, waves, curls and frizz, and how deep in the hair they lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from lib.synthesis.hair.body import (
    RISE_MM,
    Body,
    at,
    beside_face,
    off_torso,
    place,
    reach_at,
    sunk_by,
)
from lib.synthesis.hair.growth import Growth

OWN_BEND, SHARED_BEND = 0.35, 0.94


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
        sunk = sunk_by(x, y, z, ear[i], frame, plain, eared)
        for j in range(1, k):
            step = 0.0
            for axis in range(3):
                step += (float(points[i, j, axis]) - points[i, j - 1, axis]) ** 2
            travelled += np.sqrt(step)
            x, y, z = float(points[i, j, 0]), float(points[i, j, 1]), float(points[i, j, 2])
            risen = min(travelled / RISE_MM, 1.0)
            over = sunk + risen * (height[i] - sunk) + min(step / 640.0, 4.0)
            if guarded[i] > 0:
                x, z = beside_face(x, y, z, 0.5, guarded[i] - 1, frame, guard)
            x, y, z = off_torso(x, y, z, over, torso)
            column, row, distance, ox, oy, oz = place(x, y, z, frame, plain.shape)
            short = reach_at(column, row, ear[i], plain, eared) + over - distance
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
            column, row, distance, _, _, _ = place(
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
            column, row, _, _, _, _ = place(
                points[i, j, 0], points[i, j, 1], points[i, j, 2], frame, plain.shape
            )
            depth[i, j] = max(at(smooth, column, row) - depth[i, j], 0.0)
