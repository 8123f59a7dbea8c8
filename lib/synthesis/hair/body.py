"""What hair lies on: the head, the torso, and the face that it keeps out of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from lib.synthesis.hair.head_chart import HeadReach

# mm over the brows, and radians from the middle of the face that hair stays away there
GUARD = ((45.0, 0.0), (30.0, 0.55), (0.0, 0.98), (-75.0, 1.16), (-130.0, 1.0), (-180.0, 0.4))
RISE_MM = 14.0  # of length within which a strand gains its height over the scalp


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


@njit(cache=True, nogil=True)
def place(x, y, z, frame, shape):
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
def at(grid, column, row):
    """Bilinear; columns wrap."""
    c, r = int(np.floor(column)), int(row)
    u, v = column - c, row - r
    a, b = c % grid.shape[1], (c + 1) % grid.shape[1]
    low = grid[r, a] * (1 - u) + grid[r, b] * u
    high = grid[r + 1, a] * (1 - u) + grid[r + 1, b] * u
    return low * (1 - v) + high * v


@njit(cache=True, nogil=True)
def off_torso(x, y, z, over, torso):
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
def reach_at(column, row, ear, plain, eared):
    """How far the head reaches there, with a share of the ear."""
    least = at(plain, column, row)
    if ear > 0:
        least += ear * (at(eared, column, row) - least)
    return least


@njit(cache=True, nogil=True)
def sunk_by(x, y, z, ear, frame, plain, eared):
    """How far a root lies under the chart's surface, as a negative number of mm, or 0."""
    column, row, distance, _, _, _ = place(x, y, z, frame, plain.shape)
    least = reach_at(column, row, ear, plain, eared)
    return min(distance - least, 0.0)


@njit(cache=True, nogil=True)
def beside_face(x, y, z, share, extra, frame, guard):
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
def unit(x, y, z):
    size = np.sqrt(x * x + y * y + z * z) + 1e-12
    return x / size, y / size, z / size
