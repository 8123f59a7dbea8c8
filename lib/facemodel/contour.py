"""Candidate lines of the jaw contour: where the silhouette may lie as the head turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.spatial import cKDTree

from lib.facemodel.landmark_rules import OPPOSITE
from lib.facemodel.model import FaceModel
from lib.geometry import to_camera

INSET = 28.0  # mm from the jaw point to the axis that a line runs round
PLANE_REACH = 3.5  # mm
ANGLE_STEP = np.deg2rad(6.0)
JUMP = 9.0  # mm between neighbours in distance from the axis
MOST_EMPTY = 2
N_CONTOUR, CHIN = 33, 16  # points of the dense contour, of which the even ones are the jaw's 17
CHIN_REACH, REACH_PER_POINT = 14.0, 5.0  # mm before the outline: at the chin, added per point
TIE_MM, TIE_POINTS = 0.5, 4  # so many points beside the chin, where lines run along the view,
# candidates are alike whose reach to the side differs by less
N_BETWEEN = 24  # places on the line between two neighbouring lines
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


def contour33(model: FaceModel) -> tuple[np.ndarray, ...]:
    """Candidates for each of the 33 contour points, from the front of the face to its outline.

    Lines of even index are those of `FaceModel.contour` up to the jaw point, which bounds the face
    in a frontal view; a line of odd index runs midway between its neighbours. No vertex is in two
    lines; the chin, which does not slide, has one. Lines that the model brings itself stand before
    these: a vertex in several of them belongs to the last, and the chin is point 16 of its 106.
    """
    if model.contour33:
        points = model.landmarks["ldm106"]
        corner = points.barycentric[CHIN].argmax()
        lines = list(_owned(model.contour33, ()))
        lines[CHIN] = model.triangles[points.triangle[CHIN], [corner]].astype(np.int32)
        return tuple(lines)
    jaw = model.landmarks["ibug68"].on(model.mean, model.triangles)[:17].astype(np.float64)
    lines = [
        _to_outline(model.mean, line, point, CHIN_REACH + REACH_PER_POINT * abs(2 * k - CHIN))
        for k, (line, point) in enumerate(zip(model.contour, jaw))
    ]
    skin = np.unique(model.triangles[model.region("skin")])
    tree = cKDTree(model.mean[skin])
    dense = []
    for index in range(N_CONTOUR):
        if index == CHIN:
            found = lines[CHIN // 2][-1:]
        elif index % 2 == 0:
            found = lines[index // 2]
        else:
            places = [
                _spread(model.mean[lines[k]], N_BETWEEN) for k in (index // 2, index // 2 + 1)
            ]
            found = skin[tree.query(sum(places) / 2)[1]]
        dense.append(found)
    return _owned(dense, dense[CHIN])


def _owned(lines: Sequence[np.ndarray], chin: Sequence[int] | np.ndarray) -> tuple[np.ndarray, ...]:
    """Lines that share no vertex: each is of the last one that has it, or of the chin."""
    owner = {int(vertex): index for index, line in enumerate(lines) for vertex in line}
    owner |= {int(vertex): CHIN for vertex in chin}
    return tuple(
        np.array([v for v in dict.fromkeys(line.tolist()) if owner[v] == index], np.int32)
        for index, line in enumerate(lines)
    )


def _to_outline(
    vertices: np.ndarray, line: np.ndarray, point: np.ndarray, reach: float
) -> np.ndarray:
    """The part of a line that ends at a point and is at most so long, in mm."""
    last = int(np.linalg.norm(vertices[line] - point, axis=1).argmin())
    steps = np.linalg.norm(np.diff(vertices[line[: last + 1]], axis=0), axis=1)
    before = np.concatenate([np.cumsum(steps[::-1])[::-1], [0.0]])
    return line[: last + 1][before <= reach]


def _spread(places: np.ndarray, count: int) -> np.ndarray:
    """(count, 3) evenly along a polyline (k, 3)."""
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))])
    at = np.linspace(0, arc[-1], count)
    return np.stack([np.interp(at, arc, places[:, axis]) for axis in range(3)], axis=1)


def visible_contour(
    model: FaceModel,
    vertices: np.ndarray,
    world_to_camera: np.ndarray,
    lines: Sequence[np.ndarray] | None = None,
    upright: Literal["up", "side"] = "up",
) -> np.ndarray:
    """(33,) vertices of the contour that a view shows; every second one is of the jaw's 17.

    With the head upright in the picture, each point left of the chin is the candidate furthest to
    the left, each one right of it the candidate furthest to the right; the chin stays. On the side
    that turns away this is the outline of the cheek, on the other one the edge of the jaw. Beside
    the chin, of candidates that are alike the one nearest to that edge is taken.

    Args:
        model: whose mesh it is.
        vertices: (n_vertices, 3) mm.
        world_to_camera: (3, 4) [R|t].
        lines: of `contour33(model)`, to save its time.
        upright: which direction of the head is made upright: `up` its own up, which is seen at a
            profile too; `side` its left-right direction is made level, as published.

    Source: Wang et al. 2024 (3DDFA-V3), visible landmarks.
    """
    lines = contour33(model) if lines is None else lines
    if upright == "up":
        up = np.asarray(world_to_camera)[:2, 1]
        right = np.array([-up[1], up[0]]) / max(float(np.linalg.norm(up)), 1e-12)
    else:
        side = np.asarray(world_to_camera)[:2, 0]
        right = side / max(float(np.linalg.norm(side)), 1e-12)
    in_camera = to_camera(vertices, world_to_camera)
    across = in_camera[:, :2] @ right / in_camera[:, 2]
    beside_chin = np.abs(np.arange(N_CONTOUR) - CHIN) <= TIE_POINTS
    tie = beside_chin * TIE_MM / float(np.median(in_camera[:, 2]))
    if model.contour33:
        tie = 0 * tie
    chosen = np.zeros(N_CONTOUR, np.int32)
    for index, line in enumerate(lines):
        outward = -across[line] if index < CHIN else across[line]
        chosen[index] = line[np.flatnonzero(outward >= outward.max() - tie[index])[-1]]
    return chosen
