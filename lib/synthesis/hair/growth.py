"""How strands grow: off the scalp, along the comb, down by their weight, and round the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from lib.synthesis.hair.body import RISE_MM, Body, beside_face, off_torso, place, reach_at, unit

SUBSTEPS = 3
HELD_BELOW_MM, HELD_OVER_MM = 30.0, 50.0  # hair hangs freely so far below the dome's base
DENSER_AT_ROOT = 1.25  # points are this power of their share along the strand


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


@njit(cache=True, nogil=True)
def _apart(knot, x, y, z):
    return np.sqrt((x - knot[0]) ** 2 + (y - knot[1]) ** 2 + (z - knot[2]) ** 2)


@njit(cache=True, nogil=True)
def _after_knot(knot, i, x, y, z, dx, dy, dz, step):
    """The way of a strand that has come to its knot: round in it, or down in a tail."""
    if (i * 0.6180339887) % 1.0 < knot[4]:  # winds about an axis of its own, near the surface
        turn = 2 * np.pi * ((i * 0.7548776662) % 1.0)
        ax, ay, az = unit(0.5 * np.cos(turn), 0.5 * np.sin(turn), 1.0)
        rx, ry, rz = unit(x - knot[0], y - knot[1], z - knot[2])
        wanted = knot[3] * (0.75 + 0.6 * ((i * 0.5698402910) % 1.0))
        out = (wanted - _apart(knot, x, y, z)) / knot[3]
        wx, wy, wz = ay * rz - az * ry, az * rx - ax * rz, ax * ry - ay * rx
        return wx + out * rx, wy + out * ry, wz + out * rz
    spread = 0.12 * (2 * ((i * 0.7548776662) % 1.0) - 1)
    return dx + 0.02 * step * spread, dy - 0.03 * step, dz - 0.012 * step


@njit(cache=True, nogil=True)
def _put_over(x, y, z, over, ear, frame, plain, eared, torso):
    """The place, `over` mm off the body at least; its distance, the head's, and the way outward."""
    x, y, z = off_torso(x, y, z, over, torso)
    column, row, distance, ox, oy, oz = place(x, y, z, frame, plain.shape)
    least = reach_at(column, row, ear, plain, eared)
    short = least + over - distance
    if short > 0:
        x, y, z, distance = x + short * ox, y + short * oy, z + short * oz, distance + short
    return x, y, z, distance, least, ox, oy, oz


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
        dx, dy, dz = unit(dx, dy, dz)
        points[i, 0] = origin[i]
        travelled = 0.0
        column, row, distance, ox, oy, oz = place(x, y, z, frame, plain.shape)
        least = reach_at(column, row, ear[i], plain, eared)
        sunk = min(distance - least, 0.0)
        arrived = False
        for j in range(1, k):
            step = length[i] * (arc[j] - arc[j - 1]) / SUBSTEPS
            for _ in range(SUBSTEPS):
                travelled += step
                risen = min(travelled / RISE_MM, 1.0)
                over = sunk + risen * (height[i] - sunk)
                if tied and not arrived:
                    cx, cy, cz = unit(knot[0] - x, knot[1] - y, knot[2] - z)
                    arrived = _apart(knot, x, y, z) < knot[3] + step
                if arrived:
                    dx, dy, dz = _after_knot(knot, i, x, y, z, dx, dy, dz, step)
                else:
                    excess = min(max(distance - least - over, 0.0) / 6.0, 1.0)
                    on_head = min(max((y - frame[1] + HELD_BELOW_MM) / HELD_OVER_MM, 0.0), 1.0)
                    inward = hold[i] * step * excess * on_head
                    gain = min(follow[i] * step, 1.0)
                    along = gain * (cx * ox + cy * oy + cz * oz) + inward
                    dx += gain * cx - along * ox
                    dy += gain * cy - along * oy - weight[i] * step
                    dz += gain * cz - along * oz
                dx, dy, dz = unit(dx, dy, dz)
                px, py, pz = x, y, z
                x, y, z = x + step * dx, y + step * dy, z + step * dz
                if guarded[i] > 0:
                    x, z = beside_face(x, y, z, 0.35, guarded[i] - 1, frame, guard)
                x, y, z, distance, least, ox, oy, oz = _put_over(
                    x, y, z, over, ear[i], frame, plain, eared, torso
                )
                mx, my, mz = unit(x - px, y - py, z - pz)
                dx, dy, dz = dx + mx, dy + my, dz + mz
            points[i, j, 0], points[i, j, 1], points[i, j, 2] = x, y, z
