"""The head model laid over triangulated landmarks: where the head is, and how large a unit is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.facemodel import FaceModel
from lib.geometry import align_points
from lib.geometry.pose import rotation_from_vector

STEPS = 30
FEWEST = 8  # points that a pose and a size rest on
EXPRESSION_SIGMA = 0.25  # of weights in 0..1
TRUST = 3.0  # standard deviations at which a point counts a quarter


@dataclass(frozen=True)
class PlacedHead:
    """world = scale * (rotation . model point) + translation.

    Args:
        scale: world units per mm.
        rotation: (3, 3).
        translation: (3,) world units.
        points_mm: (p, 3) the model's points with the identity and expression that were found.
    """

    scale: float
    rotation: np.ndarray
    translation: np.ndarray
    points_mm: np.ndarray


def place_head(
    model: FaceModel, scheme: str, points: np.ndarray, covariance: np.ndarray
) -> PlacedHead | None:
    """Pose, size and shape of the head at some points of a world of unknown unit.

    Shape and size are found together: a large head near the mean is as likely as a small unit of
    length, and the model's prior on identity decides.

    Args:
        model: knows the scheme.
        scheme: of the points.
        points: (p, 3) world, NaN = none.
        covariance: (p, 3, 3) of them.

    Returns:
        None when fewer than eight points are there.
    """
    known = np.isfinite(points).all(1)
    if known.sum() < FEWEST:
        return None
    landmark = model.landmarks[scheme]
    corners, weights = model.triangles[landmark.triangle], landmark.barycentric

    def rows(field: np.ndarray) -> np.ndarray:
        return np.einsum("...pkc,pk->...pc", field[..., corners, :].astype(float), weights)

    mean = rows(model.mean)
    free = model.free_expressions
    basis = np.concatenate([rows(model.identity_basis), rows(model.expression_basis[free])])
    sigma = 1.0 if model.expression_prior == "normal" else EXPRESSION_SIGMA
    prior = np.concatenate([np.ones(model.n_identity), np.full(int(free.sum()), sigma**-2)])
    scale, rotation, translation = align_points(mean[known], points[known])
    sigma2 = (
        covariance[known].trace(axis1=1, axis2=2) / 3 / scale**2 + landmark.sigma_mm[known] ** 2
    )
    found = _adjust(
        (scale, rotation, translation), mean[known], basis[:, known], points[known], sigma2, prior
    )
    scale, rotation, translation, coefficients = found
    return PlacedHead(scale, rotation, translation, mean + np.tensordot(coefficients, basis, 1))


def _adjust(
    start: tuple[float, np.ndarray, np.ndarray],
    mean: np.ndarray,
    basis: np.ndarray,
    points: np.ndarray,
    sigma2: np.ndarray,
    prior: np.ndarray,
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Gauss-Newton over size, pose and coefficients, in mm of the model frame."""
    scale, rotation, translation = start
    coefficients = np.zeros(len(basis))
    columns = basis.transpose(1, 2, 0)  # (p, 3, n)
    for _ in range(STEPS):
        shape = mean + columns @ coefficients
        there = (points - translation) @ rotation / scale
        residual = there - shape
        weight = 1 / (1 + (residual**2).sum(1) / sigma2 / TRUST**2) ** 2 / sigma2
        jacobian = np.concatenate(
            [-there[..., None], _cross(there), -np.broadcast_to(np.eye(3), (len(mean), 3, 3)),
             -columns], 2
        )  # fmt: skip
        normal = np.einsum("pci,p,pcj->ij", jacobian, weight, jacobian)
        gradient = np.einsum("pci,p,pc->i", jacobian, weight, residual)
        normal[7:, 7:] += np.diag(prior)
        gradient[7:] += prior * coefficients
        step = -np.linalg.solve(normal, gradient)
        scale *= np.exp(np.clip(step[0], -0.3, 0.3))
        translation = translation + scale * rotation @ step[4:7]
        left, _, right = np.linalg.svd(rotation @ rotation_from_vector(step[1:4]))
        rotation = left @ right
        coefficients = coefficients + step[7:]
    return scale, rotation, translation, coefficients


def _cross(points: np.ndarray) -> np.ndarray:
    """(n, 3, 3) with `_cross(p) @ w` = p x w."""
    x, y, z = points.T
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).reshape(-1, 3, 3)
