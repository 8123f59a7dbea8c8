"""Cameras that nobody gave, from a head that all views see at one moment.

By landmarks: every view is posed alone by the model's mean face, then all are adjusted together:
one shape near the model, points that may lie off it, one focal length per kind of camera. By
features: these rough cameras tell where to look for details that several views show, and the
details make them exact. By COLMAP: cameras from details alone; landmarks then lay the model's head
into them, and all is adjusted together.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import cv2
import numpy as np

from lib.artefacts import Capture, Landmarks
from lib.facemodel import FaceModel
from lib.geometry import PoseError, align_points, pose_from_points
from lib.rig.bundle import Lenses, Scene, ShapePrior, Sightings, adjust, sighting_errors
from lib.rig.cameras import Cameras
from lib.rig.colmap import ColmapError, Picture, Reconstruction, reconstruct
from lib.rig.features import head_square, landmark_box
from lib.rig.refine import FEWEST_TRACKS, adjust_to_tracks, refine_by_features
from lib.rig.shape import place_head
from lib.rig.triangulate import triangulate

logger = logging.getLogger(__name__)

FEWEST = 20  # landmarks that pose a view
OFF_SHAPE_MM = 2.0  # points of people lie off any shape of the model
EXPRESSION_SIGMA = 0.25  # of weights in 0..1
DISTANCE_MM = 900.0  # of a camera whose focal length is unknown, before the views are compared
LOG_SIGMA = {"camera": 0.005, "exif": 0.05, "exif35mm": 0.05, "none": 0.5}
LEAST_TURN = np.radians(4.0)  # between the two views farthest apart
WORST = 3.0  # median error in sigma of a head that was found
WORST_WITH_DETAILS = 2.0  # the same where details fix the cameras; heads have 0.9, reversed ones 4
FEWEST_PLACED = 0.5  # share of the views with a face that COLMAP must place


class MotionError(Exception):
    """Why the cameras of a capture cannot be recovered; one sentence."""


@dataclass(frozen=True)
class Motion:
    """Recovered cameras.

    Args:
        source: where they come from, as in `Rig.source`.
        method: how they were found, and what was tried before in vain; a sentence.
        cameras: NaN for views that could not be posed; the unit of length is about a mm.
    """

    source: str
    method: str
    cameras: Cameras


def recover_cameras(
    model: FaceModel, capture: Capture, landmarks: Landmarks, wanted: np.ndarray, motion: str
) -> Motion:
    """Cameras of all views that show enough of a face, or of the same details.

    Args:
        model: knows the landmarks' scheme.
        capture: pictures, and focal lengths as far as known.
        landmarks: measured points.
        wanted: (n_views,) bool, views to use.
        motion: `auto`, `colmap`, `features` or `landmarks`, as `RigOptions.motion`.

    Raises:
        MotionError: fewer than two views, hardly turned against each other, or no common head.
    """
    if motion in ("features", "landmarks"):
        return _by_landmarks(model, capture, landmarks, wanted, motion == "features")
    try:
        return _by_colmap(model, capture, landmarks, wanted)
    except MotionError as error:
        if motion == "colmap":
            raise
        logger.warning("COLMAP gave no cameras, features are tried: %s", error)
        found = _by_landmarks(model, capture, landmarks, wanted, True)
        return replace(found, method=f"{found.method} COLMAP was tried before: {error}")


def _by_landmarks(
    model: FaceModel,
    capture: Capture,
    landmarks: Landmarks,
    wanted: np.ndarray,
    with_features: bool,
) -> Motion:
    """Cameras from landmarks, made exact by details that they let find."""
    views = _views_with_face(landmarks, wanted)
    prior = shape_prior(model, landmarks.scheme)
    scene, lenses = first_scene(prior, capture, landmarks, views)
    seen = landmark_sightings(landmarks, views)
    scene = adjust(scene, seen, prior, lenses)
    _check(scene, seen, WORST)
    source, method = "landmarks", "From landmarks alone."
    if with_features:
        scene, count = refine_by_features(scene, seen, prior, lenses, capture, landmarks, views)
        if count >= FEWEST_TRACKS:
            source = "structure_from_motion"
            method = f"From landmarks and {count} details that they let find."
        else:
            method = f"From landmarks alone: views have only {count} details in common."
    return Motion(source, method, _among_all(scene.cameras, views, capture))


def _by_colmap(
    model: FaceModel, capture: Capture, landmarks: Landmarks, wanted: np.ndarray
) -> Motion:
    """Cameras from details by COLMAP, then adjusted together with the landmarks."""
    faces = _views_with_face(landmarks, wanted)
    views = np.flatnonzero(wanted)
    prior = shape_prior(model, landmarks.scheme)
    lenses = _lenses(prior, capture, landmarks.points_px[views], views)
    try:
        found = reconstruct([_picture(capture, landmarks, view) for view in views], lenses)
    except ColmapError as error:
        raise MotionError(str(error)) from error
    rows = np.flatnonzero(found.cameras.known)
    placed = np.isin(faces, views[rows]).sum()
    if placed < max(2, np.ceil(FEWEST_PLACED * len(faces))):
        raise MotionError(f"COLMAP placed {placed} of the {len(faces)} views that show a face.")
    scene = _scene_on_head(model, prior, found, landmarks, views, rows)
    seen = landmark_sightings(landmarks, views[rows])
    tracks = found.tracks.of_views(rows)
    scene, count = adjust_to_tracks(
        scene, seen, prior, lenses.of_views(rows), tracks, np.zeros(len(rows)), (0.0,)
    )
    if count < FEWEST_TRACKS:
        raise MotionError(f"COLMAP found only {count} details that views have in common.")
    _check(scene, seen, WORST_WITH_DETAILS)
    method = f"From {count} details by COLMAP, which placed {len(rows)} of {len(views)} views."
    cameras = _among_all(scene.cameras, views[rows], capture)
    return Motion("structure_from_motion", method, cameras)


def _views_with_face(landmarks: Landmarks, wanted: np.ndarray) -> np.ndarray:
    """Indices of wanted views that show enough landmarks.

    Raises:
        MotionError: fewer than two.
    """
    measured = np.isfinite(landmarks.points_px).all(2) & wanted[:, None]
    views = np.flatnonzero(measured.sum(1) >= FEWEST)
    if len(views) < 2:
        raise MotionError(f"{len(views)} views show {FEWEST} landmarks, at least 2 are needed.")
    return views


def _picture(capture: Capture, landmarks: Landmarks, view: int) -> Picture:
    """The head and what is near it; all of a picture where no face was found."""
    image, points_px = capture.image[view], landmarks.points_px[view]
    low, high = np.zeros(2, int), np.array(image.shape[1::-1])
    if np.isfinite(points_px).all(1).any():
        low, high = head_square(*landmark_box(points_px), image.shape[:2])
    part = np.s_[low[1] : high[1], low[0] : high[0]]
    mask = capture.mask[view][part] > 127 if capture.mask[view].size else None
    grey = cv2.cvtColor(np.ascontiguousarray(image[part]), cv2.COLOR_RGB2GRAY)
    return Picture(grey, low, mask, image.shape[:2], capture.centre_px[view])


def _scene_on_head(
    model: FaceModel,
    prior: ShapePrior,
    found: Reconstruction,
    landmarks: Landmarks,
    views: np.ndarray,
    rows: np.ndarray,
) -> Scene:
    """COLMAP's cameras of some rows in the frame of the model's head, which is laid into them.

    Raises:
        MotionError: these cameras do not triangulate a head.
    """
    cameras = Cameras(
        found.cameras.world_to_camera[rows],
        found.cameras.focal_px[rows],
        found.cameras.centre_px[rows],
    )
    of_views = views[rows]
    meeting = triangulate(cameras, landmarks.points_px[of_views], landmarks.sigma_px[of_views])
    head = place_head(model, landmarks.scheme, meeting.points, meeting.covariance)
    if head is None:
        raise MotionError("the landmarks of the views that COLMAP placed do not meet in space.")
    turn, shift = cameras.world_to_camera[:, :, :3], cameras.world_to_camera[:, :, 3]
    shift = (turn @ head.translation + shift) / head.scale
    poses = np.concatenate([turn @ head.rotation, shift[:, :, None]], axis=2)
    scene = Scene(
        replace(cameras, world_to_camera=poses), head.points_mm, np.zeros(len(prior.basis))
    )
    if not (poses @ np.append(head.points_mm.mean(0), 1.0))[:, 2].min() > 0:
        raise MotionError("the head lies behind a camera that COLMAP placed.")
    return scene


def shape_prior(model: FaceModel, scheme: str) -> ShapePrior:
    """What the model knows of a scheme's points: identity and expression."""
    landmark = model.landmarks[scheme]
    corners, weights = model.triangles[landmark.triangle], landmark.barycentric

    def rows(field: np.ndarray) -> np.ndarray:
        return np.einsum("...pkc,pk->...pc", field[..., corners, :].astype(float), weights)

    free = model.free_expressions
    sigma = 1.0 if model.expression_prior == "normal" else EXPRESSION_SIGMA
    return ShapePrior(
        rows(model.mean),
        np.concatenate([rows(model.identity_basis), rows(model.expression_basis[free])]),
        np.concatenate([np.ones(model.n_identity), np.full(free.sum(), sigma**-2)]),
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
    logs = np.array(guesses)
    order = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    group = np.array([order[key] for key in keys])
    members = [group == number for number in range(len(order))]
    return Lenses(
        group,
        np.array([_middle(logs[rows], logs) for rows in members]),
        np.array([np.array(sigmas)[rows][0] for rows in members]),
    )


def _middle(own: np.ndarray, others: np.ndarray) -> float:
    """Median of what is known of some values, or else of others."""
    known = own[np.isfinite(own)]
    return float(np.median(known if len(known) else others[np.isfinite(others)]))


def _px_per_mm(mean: np.ndarray, points_px: np.ndarray) -> float:
    """Scale of a face, by its height: that changes least when a head turns; NaN without face."""
    there = np.isfinite(points_px).all(1)
    if there.sum() < FEWEST:
        return np.nan
    flat = np.column_stack([points_px[there], np.zeros(there.sum())])
    return align_points(mean[there], flat * [1, -1, 1])[0]


def _check(scene: Scene, seen: Sightings, worst: float) -> None:
    """Raises MotionError when the views are too alike, or do not show one rigid head."""
    ahead = scene.cameras.positions / np.linalg.norm(scene.cameras.positions, axis=1)[:, None]
    turn = np.arccos(np.clip(ahead @ ahead.T, -1, 1)).max()
    if turn < LEAST_TURN:
        raise MotionError(
            f"the views are turned by {np.degrees(turn):.1f} degrees against each other, at least "
            f"{np.degrees(LEAST_TURN):.0f} are needed."
        )
    error = np.linalg.norm(sighting_errors(scene, seen), axis=1) / seen.sigma_px
    if not np.median(error) < worst:
        raise MotionError(
            f"no one head fits the landmarks of all views: they miss by {np.median(error):.1f} "
            "sigma. Are these views of one moment?"
        )


def _among_all(cameras: Cameras, views: np.ndarray, capture: Capture) -> Cameras:
    poses = np.full(capture.world_to_camera.shape, np.nan)
    focal = np.array(capture.focal_px)
    poses[views], focal[views] = cameras.world_to_camera, cameras.focal_px
    return Cameras(poses, focal, capture.centre_px)
