"""Candidate lines of the jaw contour: where the silhouette may lie as the head turns."""

from __future__ import annotations

import numpy as np

from lib.facemodel.landmark_rules import OPPOSITE

INSET = 28.0  # mm from the jaw point to the axis that a line runs round
PLANE_REACH = 3.5  # mm
ANGLE_STEP = np.deg2rad(6.0)
JUMP = 9.0  # mm between neighbours in distance from the axis
MOST_EMPTY = 2
FRONT_LIMIT, BACK_LIMIT = np.deg2rad(80.0), np.deg2rad(-80.0)


def contour_lines(
    vertices: np.ndarray, jaw: np.ndarray, allowed: np.ndarray, mirror: np.ndarray
) -> tuple[np.ndarray, ...]:
    """For each jaw point, vertices across it from the front of the face to its back or the throat.

    The line lies in a plane through the jaw point, at right angles to the frontal outline of the
    face and parallel to the direction of view; within it candidates are taken every few degrees
    about an axis inside the head.

    Args:
        vertices: (n, 3) mm, symmetric.
        jaw: (17, 3) mm, iBUG points 0..16.
        allowed: (n,) bool, skin without ears.
        mirror: (n,) vertex on the other side.

    Returns:
        17 arrays of vertex indices; lines 9..16 mirror lines 7..0.
    """
    tangent = np.gradient(jaw[:, :2], axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    outward = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    outward *= np.sign((outward * (jaw[:, :2] - jaw[:, :2].mean(axis=0))).sum(axis=1))[:, None]
    outward[8] = (0, -1)
    lines = [_line(vertices, jaw[i], outward[i], np.flatnonzero(allowed)) for i in range(9)]
    return tuple(lines + [mirror[lines[OPPOSITE[i]]].astype(np.int32) for i in range(9, 17)])


def _line(
    vertices: np.ndarray, point: np.ndarray, outward: np.ndarray, allowed: np.ndarray
) -> np.ndarray:
    axis = np.array([*(point[:2] - INSET * outward), point[2] - 8.0])
    offset = vertices[allowed] - axis
    across = np.abs(offset[:, 0] * outward[1] - offset[:, 1] * outward[0])
    out, forward = offset[:, :2] @ outward, offset[:, 2]
    angle, radius = np.arctan2(forward, out), np.hypot(forward, out)
    near = (across < PLANE_REACH) & (angle < FRONT_LIMIT) & (angle > BACK_LIMIT) & (out > 0)
    bins = np.floor((FRONT_LIMIT - angle) / ANGLE_STEP).astype(int)
    at_point = int((FRONT_LIMIT - np.arctan2(point[2] - axis[2], INSET)) / ANGLE_STEP)
    start = float(np.hypot(point[2] - axis[2], INSET))
    forwards = _walk(range(at_point, -1, -1), start, near, bins, radius, across)
    backwards = _walk(range(at_point + 1, bins.max() + 1), start, near, bins, radius, across)
    return allowed[forwards[::-1] + backwards].astype(np.int32)


def _walk(
    order: range,
    start: float,
    near: np.ndarray,
    bins: np.ndarray,
    radius: np.ndarray,
    across: np.ndarray,
) -> list[int]:
    """One vertex per bin, while the surface goes on without a jump (such as from jaw to neck)."""
    chosen: list[int] = []
    last, empty = start, 0
    for index in order:
        members = np.flatnonzero(near & (bins == index) & (np.abs(radius - last) < JUMP))
        if len(members) == 0:
            empty += 1
            if empty > MOST_EMPTY:
                break
            continue
        best = int(members[across[members].argmin()])
        chosen.append(best)
        last, empty = float(radius[best]), 0
    return chosen
