"""Grids of vertices as triangles, smooth curves, and tubes swept along them."""

from __future__ import annotations

import numpy as np


def grid_triangles(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """(t, 3) triangles of vertices in rows, one after the other.

    Outside is where columns run to the right while rows run down.

    Args:
        rows: of vertices.
        columns: of vertices.
        closed: the last column joins the first.
    """
    row, column = np.divmod(np.arange((rows - 1) * columns), columns)
    if not closed:
        row, column = row[column < columns - 1], column[column < columns - 1]
    a, b = row * columns + column, row * columns + (column + 1) % columns
    lower = np.stack([a, a + columns, b + columns], axis=1)
    return np.concatenate([lower, np.stack([a, b + columns, b], axis=1)]).astype(np.int32)


def fan(ring: np.ndarray, centre: int) -> np.ndarray:
    """(k, 3) triangles from a ring of vertices (k,), counter-clockwise, to one in its middle."""
    return np.stack([ring, np.roll(ring, -1), np.full(len(ring), centre)], axis=1).astype(np.int32)


def spline(knots: np.ndarray, per_segment: int, start: np.ndarray | None = None) -> np.ndarray:
    """Points of a smooth curve through knots, spaced by their chords.

    Args:
        knots: (k, ..., 3) mm, k >= 2.
        per_segment: points on each segment.
        start: (..., 3) unit direction at the first knot.

    Returns:
        ((k - 1) * per_segment + 1, ..., 3)
    """
    chord = np.diff(knots, axis=0)
    length = np.maximum(np.linalg.norm(chord, axis=-1, keepdims=True), 1e-6)
    slope = chord / length
    tangent = np.empty_like(knots)
    tangent[1:-1] = (slope[:-1] * length[1:] + slope[1:] * length[:-1]) / (length[1:] + length[:-1])
    tangent[0], tangent[-1] = slope[0], slope[-1]
    if start is not None:
        tangent[0] = start
    step = (np.arange(per_segment) / per_segment).reshape(-1, *[1] * (knots.ndim - 1))
    pieces = []
    for k in range(len(chord)):
        a, b = knots[k], knots[k + 1]
        along = step * (1 - step) ** 2 * tangent[k] - step**2 * (1 - step) * tangent[k + 1]
        pieces.append(a + (b - a) * step**2 * (3 - 2 * step) + length[k] * along)
    return np.concatenate([*pieces, knots[-1:]])


def arc_length(points: np.ndarray) -> np.ndarray:
    """(n, ...) mm from the first of points (n, ..., 3)."""
    step = np.linalg.norm(np.diff(points, axis=0), axis=-1)
    return np.concatenate([np.zeros_like(step[:1]), np.cumsum(step, axis=0)])


def at_length(points: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(m, 3) points of a curve (n, 3) at arc lengths (m,)."""
    length = arc_length(points)
    return np.stack([np.interp(wanted, length, points[:, k]) for k in range(3)], axis=1)


def swept(
    path: np.ndarray,
    radius: np.ndarray,
    sides: int = 12,
    up: np.ndarray | None = None,
    closed: bool = False,
    squareness: float = 2.0,
    cap: int = 4,
) -> tuple[np.ndarray, np.ndarray]:
    """A tube along a path.

    Args:
        path: (n, 3) mm.
        radius: (n, 2) or (2,) mm, across and along `up`.
        sides: vertices around.
        up: (3,) or (n, 3) direction that the section's second axis follows.
        closed: the path returns to its start.
        squareness: 2 = elliptic section, more = nearer to a rectangle.
        cap: rings of each rounded end; 0 = open ends.

    Returns:
        (v, 3) vertices, ring after ring, and (t, 3) triangles, counter-clockwise from outside.
    """
    path = np.asarray(path, float)
    if closed:
        tangent = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    else:
        tangent = np.gradient(path, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    radius = np.broadcast_to(np.asarray(radius, float), (len(path), 2))
    across, second = _frames(tangent, up)
    if not closed and cap:
        path, radius, across, second = _with_caps(path, radius, across, second, tangent, cap)
    angle = 2 * np.pi * np.arange(sides) / sides
    c, s = (np.sign(v) * np.abs(v) ** (2 / squareness) for v in (np.cos(angle), np.sin(angle)))
    ring = (
        across[:, None] * (radius[:, :1] * c)[..., None]
        + second[:, None] * (radius[:, 1:] * s)[..., None]
    )
    vertices = (path[:, None] + ring).reshape(-1, 3)
    return vertices, _tube_triangles(len(path), sides, closed, bool(cap))


def _tube_triangles(rings: int, sides: int, closed: bool, capped: bool) -> np.ndarray:
    n = rings * sides
    triangles = grid_triangles(rings + closed, sides, closed=True)[:, ::-1] % n
    if closed or not capped:
        return triangles
    first, last = np.arange(sides), np.arange(n - sides, n)
    ends = [fan(first[::-1], first[0])[:-2], fan(last, last[0])[1:-1]]
    return np.concatenate([triangles, *ends]).astype(np.int32)


def _frames(tangent: np.ndarray, up: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Two directions across each tangent; right-handed with it."""
    if up is None:
        up = np.eye(3)[np.argmin(np.abs(tangent).max(axis=0))]
    across = np.cross(np.broadcast_to(up, tangent.shape), tangent)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    return across, np.cross(tangent, across)


def _with_caps(
    path: np.ndarray,
    radius: np.ndarray,
    across: np.ndarray,
    second: np.ndarray,
    tangent: np.ndarray,
    cap: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The path with rings that close both ends like half a ball."""
    angle = np.pi / 2 * np.arange(1, cap + 1) / cap
    out, narrow = np.sin(angle)[:, None], np.maximum(np.cos(angle), 1e-3)[:, None]
    start = path[0] - out * radius[0].min() * tangent[0]
    end = path[-1] + out * radius[-1].min() * tangent[-1]
    ends = np.zeros(cap, int)
    return (
        np.concatenate([start[::-1], path, end]),
        np.concatenate([(radius[0] * narrow)[::-1], radius, radius[-1] * narrow]),
        np.concatenate([across[ends], across, across[ends - 1]]),
        np.concatenate([second[ends], second, second[ends - 1]]),
    )
