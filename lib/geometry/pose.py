"""The pose of a known shape from where its points appear in an image."""

from __future__ import annotations

import numpy as np

from lib.errors import ShapeError, VisagraphError
from lib.geometry.camera import project, to_camera

FEWEST = 4
REWEIGHTINGS = 12
STEPS = 40
TRUST = 2.4  # standard deviations at which a point counts a quarter
CONVERGED = 1e-10


class PoseError(VisagraphError):
    """The points do not determine a pose."""


def pose_from_points(
    points_mm: np.ndarray,
    points_px: np.ndarray,
    focal_px: float,
    centre_px: np.ndarray,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """The rigid pose whose perspective projection fits image points best, bad points aside.

    Starts from a scaled orthographic pose and refines the perspective reprojection error by
    Levenberg-Marquardt steps under Geman-McClure weights, whose scale follows the median error.

    Args:
        points_mm: (n, 3) in mm, model frame; not all in one line.
        points_px: (n, 2) image points; rows with NaN are left out.
        focal_px: focal length in px.
        centre_px: (2,) principal point.
        weights: (n,) relative inverse variances; None = equal.

    Returns:
        (3, 4) world_to_camera, float64, t in mm.

    Raises:
        ShapeError: the arrays do not belong together.
        PoseError: fewer than four points are left, or they lie in one line.

    Source: start: DeMenthon & Davis 1995, IJCV 15, POS; refinement: Hartley & Zisserman, Multiple
    View Geometry, 2nd ed., A6.
    """
    points_mm, points_px = np.asarray(points_mm, float), np.asarray(points_px, float)
    if points_px.shape != (len(points_mm), 2):
        raise ShapeError("points_px", points_px.shape, f"({len(points_mm)}, 2)")
    weights = np.ones(len(points_mm)) if weights is None else np.asarray(weights, float)
    if weights.shape != (len(points_mm),):
        raise ShapeError("weights", weights.shape, f"({len(points_mm)},)")
    usable = np.isfinite(points_px).all(1) & np.isfinite(weights) & (weights > 0)
    if usable.sum() < FEWEST:
        raise PoseError(f"{usable.sum()} usable points, a pose needs at least {FEWEST}.")
    points_mm, points_px, weights = points_mm[usable], points_px[usable], weights[usable]
    weights = weights / weights.mean()
    offset_px = points_px - np.asarray(centre_px, float)
    robust = weights
    for _ in range(3):
        pose = _orthographic_pose(points_mm, offset_px, float(focal_px), robust)
        robust = weights * _trust(_errors(points_mm, offset_px, float(focal_px), pose), weights)
    return _refine(points_mm, offset_px, float(focal_px), weights, pose)


def _orthographic_pose(
    points: np.ndarray, offset_px: np.ndarray, focal_px: float, weights: np.ndarray
) -> np.ndarray:
    share = weights / weights.sum()
    centre, centre_px = share @ points, share @ offset_px
    root = np.sqrt(share)[:, None]
    model, seen = root * (points - centre), root * (offset_px - centre_px)
    spread = np.linalg.svd(model, compute_uv=False)
    if spread[1] < 1e-6 * spread[0]:
        raise PoseError("the points lie in one line; give points that span a surface.")
    axes = np.linalg.lstsq(model, seen, rcond=1e-6)[0].T  # (2, 3), scale times two rotation rows
    if spread[2] < 1e-6 * spread[0]:
        axes = _complete_planar(axes, model)
    left, singular, right = np.linalg.svd(axes, full_matrices=False)
    rows = left @ right
    rotation = np.vstack([rows, np.cross(rows[0], rows[1])])
    depth = focal_px / max(singular.mean(), 1e-12)
    translation = np.array([*(centre_px / focal_px * depth), depth]) - rotation @ centre
    return np.column_stack([rotation, translation])


def _complete_planar(axes: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Axes (2, 3) with their part along the normal of flat points, by orthogonality.

    Two poses fit; the one whose normal turns towards +x is taken, and refined like any other.
    """
    normal = np.linalg.svd(model)[2][2]
    first, second = axes
    # find (p, q): (first + p n) . (second + q n) = 0 and equal lengths
    product, difference = -first @ second, first @ first - second @ second
    p_squared = (-difference + np.hypot(difference, 2 * product)) / 2
    p = np.sqrt(max(p_squared, 0.0))
    q = product / p if p > 1e-12 else np.sqrt(max(difference, 0.0))
    return np.vstack([first + p * normal, second + q * normal])


def _refine(
    points: np.ndarray,
    offset_px: np.ndarray,
    focal_px: float,
    weights: np.ndarray,
    pose: np.ndarray,
) -> np.ndarray:
    damping = 1e-3
    for _ in range(REWEIGHTINGS):
        before = pose
        errors = _errors(points, offset_px, focal_px, pose)
        robust = weights * _trust(errors, weights)
        cost = robust @ (errors**2).sum(1)
        for _ in range(STEPS):
            change = _step(points, errors, focal_px, robust, pose, damping)
            trial = _moved(pose, change, to_camera(points, pose).mean(0))
            trial_errors = _errors(points, offset_px, focal_px, trial)
            trial_cost = robust @ (trial_errors**2).sum(1)
            if trial_cost <= cost:  # NaN, a point behind the camera, is not
                done = cost - trial_cost <= CONVERGED * cost
                pose, errors, cost, damping = trial, trial_errors, trial_cost, damping / 5
                if done:
                    break
            else:
                damping *= 5
                if damping > 1e8:
                    break
        damping = 1e-3
        if np.abs(pose - before).max() < 1e-9 * max(1.0, np.abs(pose).max()):
            break
    return pose


def _step(
    points: np.ndarray,
    errors: np.ndarray,
    focal_px: float,
    weights: np.ndarray,
    pose: np.ndarray,
    damping: float,
) -> np.ndarray:
    """(6,) rotation vector about the points' centre, in camera axes, and translation."""
    seen = to_camera(points, pose)
    centre = seen.mean(0)
    x, y, z = seen.T
    by_point = np.zeros((len(points), 2, 3))  # d projection / d point in camera
    by_point[:, 0, 0] = by_point[:, 1, 1] = focal_px / z
    by_point[:, 0, 2], by_point[:, 1, 2] = -focal_px * x / z**2, -focal_px * y / z**2
    turn = -_cross_matrices(seen - centre)
    jacobian = np.concatenate([by_point @ turn, by_point], axis=2)
    normal = np.einsum("nij,n,nik->jk", jacobian, weights, jacobian)
    gradient = np.einsum("nij,n,ni->j", jacobian, weights, errors)
    return -np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-12), gradient)


def _moved(pose: np.ndarray, change: np.ndarray, centre: np.ndarray) -> np.ndarray:
    turn = rotation_from_vector(change[:3])
    left, _, right = np.linalg.svd(turn @ pose[:, :3])  # stays a rotation to the last bit
    translation = turn @ (pose[:, 3] - centre) + centre + change[3:]
    return np.column_stack([left @ right, translation])


def rotation_from_vector(vector: np.ndarray) -> np.ndarray:
    """(3, 3) rotation about a (3,) axis by its length in radians (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    cross = _cross_matrices(np.asarray(vector, float)[None])[0]
    if angle < 1e-8:
        return np.eye(3) + cross
    first, second = np.sin(angle) / angle, (1 - np.cos(angle)) / angle**2
    return np.eye(3) + first * cross + second * cross @ cross


def _cross_matrices(vectors: np.ndarray) -> np.ndarray:
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(-1, 3, 3)


def _errors(
    points: np.ndarray, offset_px: np.ndarray, focal_px: float, pose: np.ndarray
) -> np.ndarray:
    return project(points, pose, np.array(focal_px), np.zeros(2)) - offset_px


def _trust(errors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    size = np.sqrt(weights * (errors**2).sum(1))
    scale = TRUST * max(1.4826 * float(np.nanmedian(size)) / 1.1774, 1e-9)
    return (1 + (np.nan_to_num(size, nan=1e6) / scale) ** 2) ** -2.0
