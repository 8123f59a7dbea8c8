"""Bundle adjustment: cameras, focal lengths and points together, with a head's shape as a prior.

Points of the face are drawn to `mean + basis . coefficients`, which also fixes the world: it is the
head model's frame in mm. Other points are free. Points are eliminated one by one (Schur
complement), so the system that is solved has the size of the cameras and coefficients alone.

Source: Triggs et al. 2000, Bundle Adjustment - A Modern Synthesis; Student's t as in Lange et al.
1989.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lib.geometry import to_camera
from lib.geometry.pose import rotation_from_vector
from lib.rig.cameras import Cameras

DEGREES_OF_FREEDOM = 4.0
N_POSE = 6
SETTLED = 1e-6  # relative gain of a step below which it is the last


@dataclass(frozen=True)
class Sightings:
    """Where views see points.

    Args:
        view: (n,) index of the view.
        point: (n,) index of the point.
        px: (n, 2).
        sigma_px: (n,) standard deviation per axis.
    """

    view: np.ndarray
    point: np.ndarray
    px: np.ndarray
    sigma_px: np.ndarray

    def joined(self, other: Sightings) -> Sightings:
        """Both, with the points of the other already numbered behind these."""
        return Sightings(
            np.concatenate([self.view, other.view]),
            np.concatenate([self.point, other.point]),
            np.concatenate([self.px, other.px]),
            np.concatenate([self.sigma_px, other.sigma_px]),
        )


@dataclass(frozen=True)
class ShapePrior:
    """What a head looks like, at p points.

    Args:
        mean: (p, 3) mm.
        basis: (k, p, 3) mm per unit.
        precision: (k,) of the coefficients, around zero.
        sigma_mm: (p,) how far points lie off any shape of the model; inf = no point of the head.
    """

    mean: np.ndarray
    basis: np.ndarray
    precision: np.ndarray
    sigma_mm: np.ndarray

    def with_free_points(self, count: int) -> ShapePrior:
        """The prior with that many more points that it knows nothing about."""
        return replace(
            self,
            mean=np.concatenate([self.mean, np.zeros((count, 3))]),
            basis=np.concatenate([self.basis, np.zeros((len(self.basis), count, 3))], 1),
            sigma_mm=np.concatenate([self.sigma_mm, np.full(count, np.inf)]),
        )


@dataclass(frozen=True)
class Lenses:
    """Focal lengths: views of one group have one.

    Args:
        group: (n_views,) 0..g-1.
        log_focal: (g,) mean of log focal length in px.
        log_sigma: (g,) its standard deviation.
    """

    group: np.ndarray
    log_focal: np.ndarray
    log_sigma: np.ndarray


@dataclass(frozen=True)
class Scene:
    """The current estimate.

    Args:
        cameras: of n_views views.
        points: (p, 3) mm.
        coefficients: (k,) of the shape.
    """

    cameras: Cameras
    points: np.ndarray
    coefficients: np.ndarray


def adjust(
    scene: Scene, seen: Sightings, prior: ShapePrior, lenses: Lenses, steps: int = 40
) -> Scene:
    """The scene that explains all sightings best, by damped Gauss-Newton steps.

    Args:
        scene: start; all cameras known.
        seen: what the views see; none behind its camera at the start.
        prior: shape of the head; at least three of its points must be seen.
        lenses: groups of focal lengths and what is believed of them.
        steps: most steps tried.
    """
    damping, cost = 1e-3, _cost(scene, seen, prior, lenses)
    for _ in range(steps):
        trial = _stepped(scene, seen, prior, lenses, damping)
        trial_cost = _cost(trial, seen, prior, lenses)
        if trial_cost < cost:
            settled = cost - trial_cost < SETTLED * cost
            scene, cost, damping = trial, trial_cost, max(damping / 5, 1e-9)
            if settled:
                break
        else:
            damping *= 10
            if damping > 1e6:
                break
    return scene


def sighting_errors(scene: Scene, seen: Sightings) -> np.ndarray:
    """(n, 2) px from each sighting to where its point projects; NaN behind the camera."""
    in_camera = _in_camera(scene, seen)
    depth = np.where(in_camera[:, 2:] > 0, in_camera[:, 2:], np.nan)
    focal = scene.cameras.focal_px[seen.view, None]
    return focal * in_camera[:, :2] / depth + scene.cameras.centre_px[seen.view] - seen.px


def _in_camera(scene: Scene, seen: Sightings) -> np.ndarray:
    pose = scene.cameras.world_to_camera[seen.view]
    return (pose[:, :, :3] @ scene.points[seen.point][:, :, None])[..., 0] + pose[:, :, 3]


def _cost(scene: Scene, seen: Sightings, prior: ShapePrior, lenses: Lenses) -> float:
    squared = (sighting_errors(scene, seen) ** 2).sum(1) / seen.sigma_px**2
    if not np.isfinite(squared).all():
        return np.inf
    data = 0.5 * (DEGREES_OF_FREEDOM + 2) * np.log1p(squared / DEGREES_OF_FREEDOM).sum()
    off = _off_shape(scene, prior) / prior.sigma_mm[:, None]
    shape = prior.precision @ scene.coefficients**2
    apart = (_log_focal(scene, lenses) - lenses.log_focal) / lenses.log_sigma
    return float(data + 0.5 * ((off**2).sum() + shape + (apart**2).sum()))


def _off_shape(scene: Scene, prior: ShapePrior) -> np.ndarray:
    return scene.points - prior.mean - np.tensordot(scene.coefficients, prior.basis, 1)


def _log_focal(scene: Scene, lenses: Lenses) -> np.ndarray:
    first = np.unique(lenses.group, return_index=True)[1]
    return np.log(scene.cameras.focal_px[first])


def _stepped(
    scene: Scene, seen: Sightings, prior: ShapePrior, lenses: Lenses, damping: float
) -> Scene:
    n_views, n_coefficients = len(scene.cameras), len(scene.coefficients)
    n_lenses = len(lenses.log_focal)
    lens, shape = N_POSE * n_views, N_POSE * n_views + n_lenses
    by_pose, by_focal, by_point, middle = _derivatives(scene, seen)
    residual = sighting_errors(scene, seen)
    squared = (residual**2).sum(1) / seen.sigma_px**2
    weight = (DEGREES_OF_FREEDOM + 2) / (DEGREES_OF_FREEDOM + squared) / seen.sigma_px**2
    # Columns of one sighting: the pose of its view, the focal length of its lens.
    columns = np.concatenate([by_pose, by_focal[..., None]], 2) * np.sqrt(weight)[:, None, None]
    index = np.concatenate(
        [N_POSE * seen.view[:, None] + np.arange(N_POSE), lens + lenses.group[seen.view, None]], 1
    )
    by_point = by_point * np.sqrt(weight)[:, None, None]
    residual = residual * np.sqrt(weight)[:, None]

    size = shape + n_coefficients
    hessian, gradient = np.zeros((size, size)), np.zeros(size)
    np.add.at(hessian, (index[:, :, None], index[:, None]), columns.transpose(0, 2, 1) @ columns)
    np.add.at(gradient, index, (columns.transpose(0, 2, 1) @ residual[..., None])[..., 0])
    own = np.zeros((len(scene.points), 3, 3))
    slope = np.zeros((len(scene.points), 3))
    cross = np.zeros((len(scene.points), 3, size))
    np.add.at(own, seen.point, by_point.transpose(0, 2, 1) @ by_point)
    np.add.at(slope, seen.point, (by_point.transpose(0, 2, 1) @ residual[..., None])[..., 0])
    both = by_point.transpose(0, 2, 1) @ columns
    np.add.at(cross, (seen.point[:, None, None], np.arange(3)[None, :, None], index[:, None]), both)
    sure = 1 / prior.sigma_mm**2
    off = _off_shape(scene, prior) * sure[:, None]
    own += sure[:, None, None] * np.eye(3)
    slope += off
    basis = prior.basis.transpose(1, 2, 0)  # (p, 3, k)
    cross[:, :, shape:] -= sure[:, None, None] * basis
    hessian[shape:, shape:] += np.einsum("pci,p,pcj->ij", basis, sure, basis, optimize=True)
    hessian[shape:, shape:] += np.diag(prior.precision)
    gradient[shape:] += prior.precision * scene.coefficients - np.einsum("pci,pc->i", basis, off)
    believed = lenses.log_sigma**-2
    hessian[range(lens, shape), range(lens, shape)] += believed
    gradient[lens:shape] += believed * (_log_focal(scene, lenses) - lenses.log_focal)

    hessian[range(size), range(size)] *= 1 + damping
    own[:, range(3), range(3)] *= 1 + damping
    own[:, range(3), range(3)] += 1e-12
    solved = np.linalg.solve(own, np.concatenate([cross, slope[..., None]], 2))
    flat = cross.reshape(-1, size).T
    reduced = hessian - flat @ solved[..., :size].reshape(-1, size)
    right = gradient - flat @ solved[..., size].ravel()
    step = -np.linalg.solve(reduced, right)
    points = scene.points - solved[..., size] - solved[..., :size] @ step
    focal = scene.cameras.focal_px * np.exp(np.clip(step[lens:shape], -0.3, 0.3))[lenses.group]
    poses = _moved(scene.cameras.world_to_camera, step[:lens].reshape(n_views, N_POSE), middle)
    cameras = replace(scene.cameras, world_to_camera=poses, focal_px=focal)
    return Scene(cameras, points, scene.coefficients + step[shape:])


def _derivatives(
    scene: Scene, seen: Sightings
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """By pose (n, 2, 6), log focal length (n, 2) and point (n, 2, 3); and the pivots (n_views, 3).

    Poses turn about the middle of all points, as each camera sees it.
    """
    cameras = scene.cameras
    in_camera = _in_camera(scene, seen)
    middle = to_camera(scene.points.mean(0)[None, None], cameras.world_to_camera)[:, 0]
    focal, depth = cameras.focal_px[seen.view], in_camera[:, 2]
    by_camera = np.zeros((len(focal), 2, 3))
    by_camera[:, 0, 0] = by_camera[:, 1, 1] = focal / depth
    by_camera[:, :, 2] = -(focal / depth**2)[:, None] * in_camera[:, :2]
    x, y, z = (in_camera - middle[seen.view]).T
    zero = np.zeros_like(x)
    turn = np.stack([zero, z, -y, -z, zero, x, y, -x, zero], 1).reshape(-1, 3, 3)
    by_pose = np.concatenate([by_camera @ turn, by_camera], 2)
    by_focal = focal[:, None] * in_camera[:, :2] / depth[:, None]
    return by_pose, by_focal, by_camera @ cameras.world_to_camera[seen.view, :, :3], middle


def _moved(poses: np.ndarray, step: np.ndarray, middle: np.ndarray) -> np.ndarray:
    moved = []
    for pose, change, pivot in zip(poses, step, middle, strict=True):
        turn = rotation_from_vector(change[:3])
        left, _, right = np.linalg.svd(turn @ pose[:, :3])  # stays a rotation to the last bit
        translation = turn @ (pose[:, 3] - pivot) + pivot + change[3:]
        moved.append(np.column_stack([left @ right, translation]))
    return np.stack(moved)
