"""Rough cameras made exact by details that several views show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lib.artefacts import Capture, Landmarks
from lib.rig.bundle import Lenses, Scene, ShapePrior, Sightings, adjust
from lib.rig.cameras import Cameras
from lib.rig.features import FEATURE_SIGMA_PX, find_features, landmark_box, match_views
from lib.rig.triangulate import triangulate

# Of the face's extent: cameras from landmarks alone put details that far off; then finer.
COARSE_TO_FINE = (0.05, 0.02, 0.006)
FEWEST_TRACKS = 30
# Landmarks of turned heads err in common by habit; once details fix the cameras, they only tell
# where the head is and how large.
LANDMARK_DOUBT = 10.0


def refine_by_features(
    scene: Scene,
    seen: Sightings,
    prior: ShapePrior,
    lenses: Lenses,
    capture: Capture,
    landmarks: Landmarks,
    views: np.ndarray,
) -> tuple[Scene, int]:
    """The scene adjusted to its landmarks and to matched details; and how many details there are.

    Args:
        scene: of the views, from their landmarks.
        seen: the landmarks.
        prior: shape of the head.
        lenses: groups of focal lengths.
        capture: pictures of all views.
        landmarks: of all views.
        views: (n,) indices of the scene's views in the capture.

    Returns:
        The scene, unchanged where fewer than 30 details are matched; the number of details.
    """
    boxes = [landmark_box(landmarks.points_px[view]) for view in views]
    features = [find_features(capture.image[view], *box) for view, box in zip(views, boxes)]
    extent = np.array([float((high - low).max()) for low, high in boxes])
    tracks = match_views(features, scene, extent)
    return adjust_to_tracks(scene, seen, prior, lenses, tracks, extent)


def adjust_to_tracks(
    scene: Scene,
    seen: Sightings,
    prior: ShapePrior,
    lenses: Lenses,
    tracks: Sightings,
    extent_px: np.ndarray,
    shares: tuple[float, ...] = (*COARSE_TO_FINE, 0.0),
) -> tuple[Scene, int]:
    """The scene adjusted to tracks of details, from coarse to fine; and how many were believed.

    Args:
        scene: of the views; its points are landmarks.
        seen: the landmarks.
        prior: shape of the head.
        lenses: groups of focal lengths.
        tracks: details, their points numbered from 0.
        extent_px: (n_views,) of the face in each view.
        shares: of the extent, how far off cameras may be at each step.
    """
    n_head = len(scene.points)
    head, n_believed = scene, 0
    doubted = replace(seen, sigma_px=LANDMARK_DOUBT * seen.sigma_px)
    for share in shares:
        sigma = np.maximum(share * extent_px[tracks.view], FEATURE_SIGMA_PX)
        points, believed = placed_tracks(scene.cameras, replace(tracks, sigma_px=sigma))
        n_believed = len(points)
        if n_believed < FEWEST_TRACKS:
            return head, n_believed
        moved = replace(believed, point=believed.point + n_head)
        whole = replace(scene, points=np.concatenate([scene.points[:n_head], points]))
        whole = adjust(whole, doubted.joined(moved), prior.with_free_points(len(points)), lenses)
        scene = replace(whole, points=whole.points[:n_head])
    return scene, n_believed


def placed_tracks(cameras: Cameras, tracks: Sightings) -> tuple[np.ndarray, Sightings]:
    """Triangulated points of tracks, and the sightings of them that are believed, renumbered."""
    n_points = int(tracks.point.max(initial=-1)) + 1
    px = np.full((len(cameras), n_points, 2), np.nan)
    sigma = np.full(px.shape[:2], np.nan)
    px[tracks.view, tracks.point] = tracks.px
    sigma[tracks.view, tracks.point] = tracks.sigma_px
    found = triangulate(cameras, px, sigma)
    there = found.inlier.any(0)
    number = np.cumsum(there) - 1
    kept = found.inlier[tracks.view, tracks.point]
    return found.points[there], Sightings(
        tracks.view[kept], number[tracks.point[kept]], tracks.px[kept], tracks.sigma_px[kept]
    )
