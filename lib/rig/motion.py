"""Cameras that nobody gave, from a head that all views see at one moment.

Every view is posed alone by the model's mean face, then all are adjusted together: one shape near
the model, points that may lie off it, one focal length per kind of camera. These rough cameras tell
where to look for details that several views show, and the details make them exact.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from lib.artefacts import Capture, Landmarks
from lib.facemodel import FaceModel
from lib.geometry import PoseError, align_points, pose_from_points
from lib.rig.bundle import Lenses, Scene, ShapePrior, Sightings, adjust, sighting_errors
from lib.rig.cameras import Cameras
from lib.rig.refine import FEWEST_TRACKS, refine_by_features

logger = logging.getLogger(__name__)

FEWEST = 20  # landmarks that pose a view
OFF_SHAPE_MM = 2.0  # points of people lie off any shape of the model
EXPRESSION_SIGMA = 0.25
DISTANCE_MM = 900.0  # of a camera whose focal length is unknown, before the views are compared
LOG_SIGMA = {"camera": 0.005, "exif": 0.05, "exif35mm": 0.05, "none": 0.5}
LEAST_TURN = np.radians(4.0)  # between the two views farthest apart
WORST = 3.0  # median error in sigma of a head that was found


class MotionError(Exception):
    """Why the cameras of a capture cannot be recovered; one sentence."""


@dataclass(frozen=True)
class Motion:
    """Recovered cameras.

    Args:
        source: where they come from, as in `Rig.source`.
        cameras: NaN for views that could not be posed; the unit of length is about a mm.
    """

    source: str
    cameras: Cameras


def recover_cameras(
    model: FaceModel,
    capture: Capture,
    landmarks: Landmarks,
    wanted: np.ndarray,
    with_features: bool,
) -> Motion:
    """Cameras of all views that show enough of a face.

    Args:
        model: knows the landmarks' scheme.
        capture: pictures, and focal lengths as far as known.
        landmarks: measured points.
        wanted: (n_views,) bool, views to use.
        with_features: match details of the pictures, too; cameras from landmarks alone err by
            several degrees where the head is turned far.

    Raises:
        MotionError: fewer than two views, hardly turned against each other, or no common head.
    """
    measured = np.isfinite(landmarks.points_px).all(2) & wanted[:, None]
    views = np.flatnonzero(measured.sum(1) >= FEWEST)
    if len(views) < 2:
        raise MotionError(f"{len(views)} views show {FEWEST} landmarks, at least 2 are needed.")
    prior = shape_prior(model, landmarks.scheme)
    scene, lenses = first_scene(prior, capture, landmarks, views)
    seen = landmark_sightings(landmarks, views)
    scene = adjust(scene, seen, prior, lenses)
    _check(scene, seen)
    source = "landmarks"
    if with_features:
        scene, count = refine_by_features(scene, seen, prior, lenses, capture, landmarks, views)
        logger.info("%d details are seen by several views", count)
        if count >= FEWEST_TRACKS:
            source = "structure_from_motion"
        else:
            logger.warning("too few to improve cameras, which rest on landmarks alone.")
    return Motion(source, _among_all(scene.cameras, views, capture))


def shape_prior(model: FaceModel, scheme: str) -> ShapePrior:
    """What the model knows of a scheme's points: identity and expression."""
    landmark = model.landmarks[scheme]
    corners, weights = model.triangles[landmark.triangle], landmark.barycentric

    def rows(field: np.ndarray) -> np.ndarray:
        return np.einsum("...pkc,pk->...pc", field[..., corners, :].astype(float), weights)

    free = model.free_expressions
    return ShapePrior(
        rows(model.mean),
        np.concatenate([rows(model.identity_basis), rows(model.expression_basis[free])]),
        np.concatenate([np.ones(model.n_identity), np.full(free.sum(), EXPRESSION_SIGMA**-2)]),
        np.hypot(landmark.sigma_mm, OFF_SHAPE_MM),
    )


def landmark_sightings(landmarks: Landmarks, views: np.ndarray) -> Sightings:
    """The landmarks of some views; these are numbered 0, 1, ... in their order."""
    points_px = landmarks.points_px[views].astype(float)
    row, point = np.nonzero(np.isfinite(points_px).all(2))
    sigma = landmarks.sigma_px[views].astype(float)
    return Sightings(row, point, points_px[row, point], np.maximum(sigma[row, point], 0.25))


def first_scene(
    prior: ShapePrior, capture: Capture, landmarks: Landmarks, views: np.ndarray
) -> tuple[Scene, Lenses]:
    """Each view posed alone by the mean face, and what is believed of focal lengths.

    Raises:
        MotionError: the landmarks of a view determine no pose.
    """
    points_px, sigma = landmarks.points_px[views], landmarks.sigma_px[views]
    lenses = _lenses(prior, capture, points_px, views)
    focal = np.exp(lenses.log_focal)[lenses.group]
    centre = capture.centre_px[views]
    try:
        poses = [
            pose_from_points(prior.mean, points_px[row], focal[row], centre[row], sigma[row] ** -2)
            for row in range(len(views))
        ]
    except PoseError as error:
        raise MotionError(f"the landmarks of a view determine no pose: {error}") from error
    cameras = Cameras(np.stack(poses), focal, centre)
    return Scene(cameras, prior.mean.copy(), np.zeros(len(prior.basis))), lenses


def _lenses(
    prior: ShapePrior, capture: Capture, points_px: np.ndarray, views: np.ndarray
) -> Lenses:
    """Views of one known focal length, or of one picture size where it is unknown, share one."""
    keys, guesses, sigmas = [], [], []
    for row, view in enumerate(views):
        source, focal = capture.focal_source[view], float(capture.focal_px[view])
        size = capture.image[view].shape[:2]
        if not np.isfinite(focal):
            source, focal = "none", DISTANCE_MM * _px_per_mm(prior.mean, points_px[row])
            keys.append(("none", size))
        else:
            keys.append((source, size, round(focal, 3)))
        guesses.append(np.log(focal))
        sigmas.append(LOG_SIGMA.get(source, LOG_SIGMA["exif"]))
    order = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    group = np.array([order[key] for key in keys])
    members = [group == number for number in range(len(order))]
    return Lenses(
        group,
        np.array([np.median(np.array(guesses)[rows]) for rows in members]),
        np.array([np.array(sigmas)[rows][0] for rows in members]),
    )


def _px_per_mm(mean: np.ndarray, points_px: np.ndarray) -> float:
    """Scale of a face, by its height: that changes least when a head turns."""
    there = np.isfinite(points_px).all(1)
    flat = np.column_stack([points_px[there], np.zeros(there.sum())])
    return align_points(mean[there], flat * [1, -1, 1])[0]


def _check(scene: Scene, seen: Sightings) -> None:
    """Raises MotionError when the views are too alike, or do not show one rigid head."""
    ahead = scene.cameras.positions / np.linalg.norm(scene.cameras.positions, axis=1)[:, None]
    turn = np.arccos(np.clip(ahead @ ahead.T, -1, 1)).max()
    if turn < LEAST_TURN:
        raise MotionError(
            f"the views are turned by {np.degrees(turn):.1f} degrees against each other, at least "
            f"{np.degrees(LEAST_TURN):.0f} are needed."
        )
    error = np.linalg.norm(sighting_errors(scene, seen), axis=1) / seen.sigma_px
    if not np.median(error) < WORST:
        raise MotionError(
            f"no one head fits the landmarks of all views: they miss by {np.median(error):.1f} "
            "sigma. Are these views of one moment?"
        )


def _among_all(cameras: Cameras, views: np.ndarray, capture: Capture) -> Cameras:
    poses = np.full(capture.world_to_camera.shape, np.nan)
    focal = np.array(capture.focal_px)
    poses[views], focal[views] = cameras.world_to_camera, cameras.focal_px
    return Cameras(poses, focal, capture.centre_px)
