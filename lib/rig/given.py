"""Cameras that were given, corrected by details that several views show.

Calibrations age: a lens is touched, a tripod settles, and the views disagree by a pixel or two.
One bundle adjustment of poses and details makes them agree. The given poses are its prior and fix
the world. Poses alone are adjusted: seen from a distance, a shifted principal point is a turn and a
wrong focal length is a shift along the axis. Whether this made cameras better is told by details
that took no part in it.

Source: Triggs et al. 2000, Bundle Adjustment - A Modern Synthesis (priors, gauge).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lib.artefacts import Capture
from lib.rig.bundle import GivenPoses, Lenses, Scene, ShapePrior, Sightings, adjust
from lib.rig.cameras import Cameras
from lib.rig.features import find_features, landmark_box, match_views
from lib.rig.refine import FEWEST_TRACKS, placed_tracks
from lib.rig.triangulate import triangulate

OFF_PX = 3.0  # standard deviation by which given cameras may miss anywhere on a head
HEAD_MM = 80.0  # about its middle
BAND = 0.02  # of the face's extent: how far off its line a match may lie
SEARCH_SIGMA_PX = 3.0  # of details before the adjustment
ROUNDS = 2
FOCAL_SIGMA = 1e-6  # of its logarithm: stays
LEAST_GAIN = 0.1  # of the median error of details held out
LEAST_Z = 4.0  # of the sign test that details held out fit better
MOST_PX = 4.0  # of an error that counts; beyond is a wrong match


@dataclass(frozen=True)
class Correction:
    """What became of given cameras.

    Args:
        cameras: corrected, or as they were.
        moved_px: (n_views,) median movement of the head's points in the picture; 0 = as given.
        method: what was found; a sentence.
    """

    cameras: Cameras
    moved_px: np.ndarray
    method: str


def correct_cameras(
    capture: Capture, cameras: Cameras, kept: np.ndarray, points: np.ndarray, always: bool
) -> Correction:
    """Given cameras, corrected where that makes details held out agree better.

    Args:
        capture: the pictures.
        cameras: of all views, in mm.
        kept: (n_views,) bool, views to correct.
        points: (p, 3) mm, points of the head.
        always: correct them without the test.
    """
    views = np.flatnonzero(kept)
    unmoved = np.zeros(len(cameras))
    scene, tracks = _details(capture, _of_views(cameras, views), views, points)
    n_tracks = int(tracks.point.max(initial=-1)) + 1
    if n_tracks < 2 * FEWEST_TRACKS:
        said = f"Cameras as given: views have only {n_tracks} details in common to check them."
        return Correction(cameras, unmoved, said)
    learning = np.random.default_rng(0).permutation(n_tracks) < n_tracks // 2
    trial = _adjusted(scene, _chosen(tracks, learning), points)
    before, after, z = _compared(scene.cameras, trial.cameras, _chosen(tracks, ~learning))
    error = f"details held out miss by {before:.2f} px, corrected by {after:.2f} px"
    if not always and not (after < (1 - LEAST_GAIN) * before and z > LEAST_Z):
        return Correction(cameras, unmoved, f"Cameras as given: {error}.")
    found = _adjusted(scene, tracks, points).cameras
    apart = found.project(points) - scene.cameras.project(points)
    moved = unmoved.copy()
    moved[views] = np.median(np.linalg.norm(apart, axis=2), axis=1)
    poses = cameras.world_to_camera.copy()
    poses[views] = found.world_to_camera
    said = f"Cameras corrected by {n_tracks} details: {error}."
    return Correction(replace(cameras, world_to_camera=poses), moved, said)


def _of_views(cameras: Cameras, views: np.ndarray) -> Cameras:
    return Cameras(
        cameras.world_to_camera[views], cameras.focal_px[views], cameras.centre_px[views]
    )


def _details(
    capture: Capture, cameras: Cameras, views: np.ndarray, points: np.ndarray
) -> tuple[Scene, Sightings]:
    """The scene as given, and details of the head that fit it roughly."""
    boxes = [landmark_box(px) for px in cameras.project(points)]
    features = [find_features(capture.image[view], *box) for view, box in zip(views, boxes)]
    extent = np.array([float((high - low).max()) for low, high in boxes])
    scene = Scene(cameras, points, np.zeros(0))
    return scene, match_views(features, scene, extent, BAND)


def _chosen(tracks: Sightings, chosen: np.ndarray) -> Sightings:
    """The tracks of some points (p,) bool."""
    kept = chosen[tracks.point]
    number = np.cumsum(chosen) - 1
    return Sightings(
        tracks.view[kept], number[tracks.point[kept]], tracks.px[kept], tracks.sigma_px[kept]
    )


def _adjusted(scene: Scene, tracks: Sightings, points: np.ndarray) -> Scene:
    """The scene whose cameras agree on tracks as far as the given poses allow."""
    n_views = len(scene.cameras)
    given = _given(scene.cameras, points.mean(0))
    lenses = Lenses(
        np.arange(n_views), np.log(scene.cameras.focal_px), np.full(n_views, FOCAL_SIGMA)
    )
    sigma = SEARCH_SIGMA_PX
    for _ in range(ROUNDS):
        wide = replace(tracks, sigma_px=np.maximum(tracks.sigma_px, sigma))
        found, believed = placed_tracks(scene.cameras, wide)
        believed = replace(believed, sigma_px=np.full(len(believed.view), tracks.sigma_px[0]))
        nothing = ShapePrior(np.zeros((0, 3)), np.zeros((0, 0, 3)), np.zeros(0), np.zeros(0))
        start = Scene(scene.cameras, found, np.zeros(0))
        scene = adjust(start, believed, nothing.with_free_points(len(found)), lenses, given=given)
        sigma = 0.0
    return scene


def _given(cameras: Cameras, pivot: np.ndarray) -> GivenPoses:
    """Beliefs of which each moves some of the head by `OFF_PX`, whatever the lens."""
    depth = (cameras.world_to_camera @ np.append(pivot, 1.0))[:, 2]
    across = OFF_PX * depth / cameras.focal_px
    turn = across / HEAD_MM
    sigma = np.stack([turn, turn, turn, across, across, across * depth / HEAD_MM], axis=1)
    return GivenPoses(cameras.world_to_camera, pivot, sigma)


def _compared(one: Cameras, other: Cameras, tracks: Sightings) -> tuple[float, float, float]:
    """Median error in px of tracks by one and by other cameras, and z of `other is better`."""
    errors = [_track_errors(cameras, tracks) for cameras in (one, other)]
    both = np.isfinite(errors[0]) & np.isfinite(errors[1])
    if not both.any():
        return np.nan, np.nan, 0.0
    before, after = errors[0][both], errors[1][both]
    better, worse = int((after < before).sum()), int((after > before).sum())
    z = (better - worse) / np.sqrt(max(better + worse, 1))
    return float(np.median(before)), float(np.median(after)), float(z)


def _track_errors(cameras: Cameras, tracks: Sightings) -> np.ndarray:
    """(p,) px by which a track misses its best point on average; NaN = wrong match."""
    n_points = int(tracks.point.max()) + 1
    px = np.full((len(cameras), n_points, 2), np.nan)
    px[tracks.view, tracks.point] = tracks.px
    found = triangulate(cameras, px, np.where(np.isfinite(px[..., 0]), SEARCH_SIGMA_PX, np.nan))
    measured = np.isfinite(found.error_px)
    sum_px = np.where(measured, found.error_px, 0).sum(0)
    mean = sum_px / np.maximum(measured.sum(0), 1)
    return np.where(measured.any(0) & (mean < MOST_PX), mean, np.nan)
