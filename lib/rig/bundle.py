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

    def of_views(self, views: np.ndarray) -> Sightings:
        """Those of some views (n,), which become views 0..n-1."""
        kept = np.isin(self.view, views)
        number = np.zeros(max(int(self.view.max(initial=0)), int(views.max())) + 1, int)
        number[views] = np.arange(len(views))
        return Sightings(
            number[self.view[kept]], self.point[kept], self.px[kept], self.sigma_px[kept]
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

    def of_views(self, views: np.ndarray) -> Lenses:
        """Those of some views (n,), which become views 0..n-1."""
        lenses, group = np.unique(self.group[views], return_inverse=True)
        return Lenses(group, self.log_focal[lenses], self.log_sigma[lenses])


@dataclass(frozen=True)
class GivenPoses:
    """Poses that were given, and how far they may be off; these then fix the world.

    Args:
        world_to_camera: (n_views, 3, 4) mm.
        pivot: (3,) mm, world; what turns and shifts are measured about.
        sigma: (n_views, 6) standard deviations of the turn in rad and of the pivot's shift in mm,
            along the axes of the camera.
    """

    world_to_camera: np.ndarray
    pivot: np.ndarray
    sigma: np.ndarray

    def offsets(self, poses: np.ndarray) -> np.ndarray:
        """(n_views, 6) in sigma, of poses that are turned by small angles."""
        turn = poses[:, :, :3] @ self.world_to_camera[:, :, :3].swapaxes(1, 2)
        skew = turn - turn.swapaxes(1, 2)
        angles = np.stack([skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0]], axis=1)
        shift = (poses - self.world_to_camera) @ np.append(self.pivot, 1.0)
        return np.concatenate([angles / 2, shift], axis=1) / self.sigma


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
    scene: Scene,
    seen: Sightings,
    prior: ShapePrior,
    lenses: Lenses,
    steps: int = 40,
    given: GivenPoses | None = None,
) -> Scene:
    """The scene that explains all sightings best, by damped Gauss-Newton steps.

    Args:
        scene: start; all cameras known.
        seen: what the views see; none behind its camera at the start.
        prior: shape of the head; at least three of its points must be seen, unless poses are given.
        lenses: groups of focal lengths and what is believed of them.
        steps: most steps tried.
        given: what is believed of the poses.
    """
    damping, cost = 1e-3, _cost(scene, seen, prior, lenses, given)
    for _ in range(steps):
        trial = _stepped(scene, seen, prior, lenses, given, damping)
        trial_cost = _cost(trial, seen, prior, lenses, given)
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


def _cost(
    scene: Scene, seen: Sightings, prior: ShapePrior, lenses: Lenses, given: GivenPoses | None
) -> float:
    squared = (sighting_errors(scene, seen) ** 2).sum(1) / seen.sigma_px**2
    if not np.isfinite(squared).all():
        return np.inf
    data = 0.5 * (DEGREES_OF_FREEDOM + 2) * np.log1p(squared / DEGREES_OF_FREEDOM).sum()
    off = _off_shape(scene, prior) / prior.sigma_mm[:, None]
    shape = prior.precision @ scene.coefficients**2
    apart = (_log_focal(scene, lenses) - lenses.log_focal) / lenses.log_sigma
    held = 0.0
    if given is not None:
        held = (given.offsets(scene.cameras.world_to_camera) ** 2).sum()
    return float(data + 0.5 * ((off**2).sum() + shape + (apart**2).sum() + held))


def _off_shape(scene: Scene, prior: ShapePrior) -> np.ndarray:
    return scene.points - prior.mean - np.tensordot(scene.coefficients, prior.basis, 1)


def _log_focal(scene: Scene, lenses: Lenses) -> np.ndarray:
    first = np.unique(lenses.group, return_index=True)[1]
    return np.log(scene.cameras.focal_px[first])


def _stepped(
    scene: Scene,
    seen: Sightings,
    prior: ShapePrior,
    lenses: Lenses,
    given: GivenPoses | None,
    damping: float,
) -> Scene:
    """The scene after one damped step: points eliminated, cameras and shape solved, points back."""
    n_views, n_points = len(scene.cameras), len(scene.points)
    lens = N_POSE * n_views
    shape = lens + len(lenses.log_focal)
    size = shape + len(scene.coefficients)
    system = _System(
        np.zeros((size, size)),
        np.zeros(size),
        np.zeros((n_points, 3, 3)),
        np.zeros((n_points, 3)),
        np.zeros((n_points, 3, size)),
    )
    middle = _add_sightings(system, scene, seen, lenses)
    _add_priors(system, scene, prior, lenses)
    if given is not None:
        poses = range(lens)
        system.hessian[poses, poses] += given.sigma.ravel() ** -2
        pull = given.offsets(scene.cameras.world_to_camera) / given.sigma
        system.gradient[:lens] += pull.ravel()
    system.hessian[range(size), range(size)] *= 1 + damping
    system.own[:, range(3), range(3)] *= 1 + damping
    system.own[:, range(3), range(3)] += 1e-12
    right = np.concatenate([system.cross, system.slope[..., None]], 2)
    solved = np.linalg.solve(system.own, right)
    flat = system.cross.reshape(-1, size).T
    reduced = system.hessian - flat @ solved[..., :size].reshape(-1, size)
    step = -np.linalg.solve(reduced, system.gradient - flat @ solved[..., size].ravel())
    points = scene.points - solved[..., size] - solved[..., :size] @ step
    focal = scene.cameras.focal_px * np.exp(np.clip(step[lens:shape], -0.3, 0.3))[lenses.group]
    poses = _moved(scene.cameras.world_to_camera, step[:lens].reshape(n_views, N_POSE), middle)
    cameras = replace(scene.cameras, world_to_camera=poses, focal_px=focal)
    return Scene(cameras, points, scene.coefficients + step[shape:])


@dataclass(frozen=True)
class _System:
    """Normal equations, filled in place; unknowns: poses, focal lengths, coefficients; and points.

    Args:
        hessian: (n, n) of all but the points.
        gradient: (n,).
        own: (p, 3, 3) of each point.
        slope: (p, 3) gradient of each point.
        cross: (p, 3, n) of each point with all others.
    """

    hessian: np.ndarray
    gradient: np.ndarray
    own: np.ndarray
    slope: np.ndarray
    cross: np.ndarray


def _add_sightings(system: _System, scene: Scene, seen: Sightings, lenses: Lenses) -> np.ndarray:
    """What images say; gives the points (n_views, 3) that poses turn about."""
    by_pose, by_focal, by_point, middle = _derivatives(scene, seen)
    residual = sighting_errors(scene, seen)
    squared = (residual**2).sum(1) / seen.sigma_px**2
    weight = (DEGREES_OF_FREEDOM + 2) / (DEGREES_OF_FREEDOM + squared) / seen.sigma_px**2
    root = np.sqrt(weight)[:, None, None]
    # Columns of one sighting: the pose of its view, the focal length of its lens.
    columns = np.concatenate([by_pose, by_focal[..., None]], 2) * root
    lens = N_POSE * len(scene.cameras) + lenses.group[seen.view, None]
    index = np.concatenate([N_POSE * seen.view[:, None] + np.arange(N_POSE), lens], 1)
    by_point, residual = by_point * root, residual[..., None] * root
    turned, across = columns.transpose(0, 2, 1), by_point.transpose(0, 2, 1)
    np.add.at(system.hessian, (index[:, :, None], index[:, None]), turned @ columns)
    np.add.at(system.gradient, index, (turned @ residual)[..., 0])
    np.add.at(system.own, seen.point, across @ by_point)
    np.add.at(system.slope, seen.point, (across @ residual)[..., 0])
    where = seen.point[:, None, None], np.arange(3)[None, :, None], index[:, None]
    np.add.at(system.cross, where, across @ columns)
    return middle


def _add_priors(system: _System, scene: Scene, prior: ShapePrior, lenses: Lenses) -> None:
    """What is believed of shape and focal lengths."""
    lens = N_POSE * len(scene.cameras)
    shape = lens + len(lenses.log_focal)
    sure = 1 / prior.sigma_mm**2
    off = _off_shape(scene, prior) * sure[:, None]
    basis = prior.basis.transpose(1, 2, 0)  # (p, 3, k)
    system.own[:] += sure[:, None, None] * np.eye(3)
    system.slope[:] += off
    system.cross[:, :, shape:] -= sure[:, None, None] * basis
    block = system.hessian[shape:, shape:]
    block += np.einsum("pci,p,pcj->ij", basis, sure, basis, optimize=True)
    block += np.diag(prior.precision)
    pull = prior.precision * scene.coefficients - np.einsum("pci,pc->i", basis, off)
    system.gradient[shape:] += pull
    believed = lenses.log_sigma**-2
    system.hessian[range(lens, shape), range(lens, shape)] += believed
    apart = _log_focal(scene, lenses) - lenses.log_focal
    system.gradient[lens:shape] += believed * apart


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
