"""Similarity transforms: between named points, and of a mesh onto a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.errors import ShapeError, VisagraphError
from lib.geometry.pose import rotation_from_vector
from lib.metrics.surface import Surface

REACH_MM = 80.0  # a turn or a scale of 1 / REACH_MM moves the face's rim by about a millimetre
CONVERGED = 1e-4  # mm


class MissingLandmarks(VisagraphError, ValueError):
    """An alignment needs landmarks that a mesh does not have."""


@dataclass(frozen=True)
class Similarity:
    """x -> scale * rotation x + translation.

    Args:
        scale: positive.
        rotation: (3, 3).
        translation: (3,) mm.
    """

    scale: float
    rotation: np.ndarray
    translation: np.ndarray

    def apply(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) moved points."""
        return self.scale * points @ self.rotation.T + self.translation

    def after(self, first: Similarity) -> Similarity:
        """The transform that applies `first`, then this one."""
        return Similarity(
            self.scale * first.scale,
            self.rotation @ first.rotation,
            self.apply(first.translation),
        )

    def inverse(self) -> Similarity:
        """The transform that undoes this one."""
        rotation = self.rotation.T
        return Similarity(1 / self.scale, rotation, -rotation @ self.translation / self.scale)


IDENTITY = Similarity(1.0, np.eye(3), np.zeros(3))


def similarity_of_points(
    source: np.ndarray,
    target: np.ndarray,
    with_scale: bool = True,
    weights: np.ndarray | None = None,
) -> Similarity:
    """The transform of `source` (n, 3) onto `target` (n, 3) with the least squared distance.

    Args:
        source: (n, 3) mm.
        target: (n, 3) mm.
        with_scale: False = rigid.
        weights: (n,) of the squared distances, None = equal.

    Raises:
        ShapeError: the two sets differ in shape.

    Source: Umeyama 1991, PAMI 13(4), eq. 40-42.
    """
    source, target = np.asarray(source, float), np.asarray(target, float)
    if source.shape != target.shape:
        raise ShapeError("source", source.shape, f"{target.shape} as target")
    share = np.ones(len(source)) if weights is None else np.asarray(weights, float)
    share = (share / share.sum())[:, None]
    middle, goal = (share * source).sum(axis=0), (share * target).sum(axis=0)
    source, target = source - middle, target - goal
    left, singular, right = np.linalg.svd((share * target).T @ source)
    sign = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    rotation = left * sign @ right
    scale = (singular * sign).sum() / (share * source**2).sum() if with_scale else 1.0
    return Similarity(float(scale), rotation, goal - scale * rotation @ middle)


def similarity_to_scan(
    surface: Surface,
    points: np.ndarray,
    start: Similarity = IDENTITY,
    with_scale: bool = True,
    trim: float = 0.95,
    iterations: int = 60,
) -> Similarity:
    """The transform of a surface onto scan points, by trimmed point-to-plane steps (ICP).

    Args:
        surface: the reconstruction, in its own frame.
        points: (n, 3) mm on the scan.
        start: first estimate.
        with_scale: False = rigid.
        trim: share of the nearest points that count.
        iterations: at most.

    Triangles and the trimmed share change in jumps, between which whole steps can go to and fro
    for ever: a step back that is no smaller than all before it halves itself and all that follow.

    Source: Chen & Medioni 1992; the trimming is that of Chetverikov et al. 2002.
    """
    current = start
    middle = points.mean(axis=0)
    unit = np.array([REACH_MM] * 3 + [1.0] * 3 + [REACH_MM])
    share, smallest, before = 1.0, np.inf, np.zeros(7)
    for _ in range(iterations):
        nearest, _, triangle = surface.nearest(current.inverse().apply(points))
        moved = current.apply(nearest)
        normal = surface.normals[triangle] @ current.rotation.T
        change = _step(moved - middle, normal, points - middle, with_scale, trim)
        size = np.abs(change * unit).max()
        if size >= smallest and (change * unit) @ before < 0:
            share /= 2
        smallest, before = min(size, smallest), change * unit
        change = share * change
        turn = rotation_from_vector(change[:3])
        scale = float(np.exp(change[6]))
        shift = middle + change[3:6] - scale * turn @ middle
        current = Similarity(scale, turn, shift).after(current)
        if share * size < CONVERGED:
            break
    return current


def _step(
    moved: np.ndarray, normal: np.ndarray, target: np.ndarray, with_scale: bool, trim: float
) -> np.ndarray:
    """(7,) turn, shift and log scale of one Gauss-Newton step about the origin."""
    offset = target - moved
    distance = np.linalg.norm(offset, axis=1)
    kept = distance <= np.quantile(distance, trim)
    moved, normal, offset = moved[kept] / REACH_MM, normal[kept], offset[kept]
    columns = [np.cross(moved, normal), normal]
    if with_scale:
        columns.append((moved * normal).sum(axis=1, keepdims=True))
    jacobian = np.concatenate(columns, axis=1)
    system = jacobian.T @ jacobian
    system[np.diag_indices(len(system))] += 1e-6 * np.trace(system)
    solution = np.linalg.solve(system, jacobian.T @ (offset * normal).sum(axis=1))
    change = np.zeros(7)
    change[: len(solution)] = solution
    change[:3] /= REACH_MM
    change[6] /= REACH_MM
    return change
