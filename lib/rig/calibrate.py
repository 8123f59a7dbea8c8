"""The rig of a capture: cameras in one metric frame, landmarks triangulated, views chosen."""

from __future__ import annotations

import logging

import numpy as np

from lib.artefacts import Capture, Landmarks, Rig
from lib.errors import CaptureFailure
from lib.facemodel import FaceModel
from lib.rig.cameras import Cameras
from lib.rig.given import Correction, correct_cameras
from lib.rig.motion import MotionError, recover_cameras
from lib.rig.options import RigOptions
from lib.rig.scale import scale_from_distance, scale_from_markers
from lib.rig.shape import place_head
from lib.rig.triangulate import Triangulation, triangulate
from lib.rig.views import agreeing_views, wanted_views, why_unseen

logger = logging.getLogger(__name__)

FEWEST_POINTS = 4  # triangulated, below which nothing is said about where the head is
# Landmark networks place points on a face by habit: what all views get wrong in common.
COMMON_SIGMA_MM = 0.8


def calibrate_rig(
    model: FaceModel, name: str, capture: Capture, landmarks: Landmarks, options: RigOptions
) -> Rig:
    """Cameras in mm, the landmarks that they triangulate, and which views take part.

    Args:
        model: head model; gives the size of a head where nothing else does.
        name: of the capture, for the log.
        capture: its views.
        landmarks: measured in them.
        options: settings.

    Raises:
        CaptureFailure: `views_disagree`, or `bad_camera`: the cameras make no sense together.
    """
    wanted = wanted_views(capture.view, options.views)
    cameras = Cameras(capture.world_to_camera, capture.focal_px, capture.centre_px)
    source, unit, method = "file", capture.length_unit, ""
    if len(capture.view) < 2:
        return unknown_rig(capture, landmarks, wanted, "")
    if (cameras.known & wanted).sum() < 2:
        if options.motion == "none":
            return unknown_rig(capture, landmarks, wanted, "its camera is not known.")
        try:
            motion = recover_cameras(model, capture, landmarks, wanted, options.motion)
        except MotionError as error:
            logger.warning("%s: no cameras were recovered: %s", name, error)
            why = f"its camera is not known: {error}"
            return unknown_rig(capture, landmarks, wanted, why, f"No cameras: {error}")
        source, cameras, unit = motion.source, motion.cameras, "unknown"
        method = motion.method
    reasons = {
        view: "rig.views leaves it out." if not wanted[view] else "its camera is not known."
        for view in np.flatnonzero(~(cameras.known & wanted))
    }
    found, disagreeing = agreeing_views(
        cameras.only(wanted), landmarks.points_px, landmarks.sigma_px
    )
    reasons |= disagreeing
    reasons |= _unseen(cameras, capture, found, reasons)
    kept = _kept(len(cameras), reasons)
    if kept.sum() < 2:
        raise CaptureFailure(
            "bad_camera",
            f"{kept.sum()} of {len(kept)} views can be used, at least 2 are needed: "
            + " ".join(f"view {capture.view[v]}: {why}" for v, why in sorted(reasons.items())),
        )
    scale, scale_source = _scale(
        model, capture, landmarks, cameras.only(kept), found, options, unit
    )
    cameras, found = cameras.scaled(scale), found.scaled(scale)
    correction = Correction(cameras, np.zeros(len(cameras)), method)
    if source == "file":
        correction, found = _corrected(capture, landmarks, cameras, kept, found, options)
    rig = _rig(correction, source, landmarks, found, reasons, scale, scale_source)
    _log(name, rig)
    return rig


def unknown_rig(
    capture: Capture, landmarks: Landmarks, wanted: np.ndarray, why: str, method: str = ""
) -> Rig:
    """The rig of a capture whose cameras nothing tells: every view with a face for itself."""
    n_views, n_points = landmarks.sigma_px.shape
    measured = np.isfinite(landmarks.points_px).all(2).any(1)
    reasons = np.where(measured, why, "no face was found in it.")
    reasons = np.where(wanted, reasons, "rig.views leaves it out.")
    return Rig(
        source="none",
        method=method,
        moved_px=np.zeros(n_views),
        scale_source="none",
        scale=1.0,
        used=measured & wanted,
        reason=tuple(reasons),
        world_to_camera=np.full((n_views, 3, 4), np.nan),
        focal_px=capture.focal_px,
        centre_px=capture.centre_px,
        scheme=landmarks.scheme,
        points_mm=np.full((n_points, 3), np.nan),
        covariance_mm2=np.full((n_points, 3, 3), np.nan),
        inlier=np.zeros((n_views, n_points)),
        reprojection_px=np.full((n_views, n_points), np.nan),
    )


def _kept(n_views: int, reasons: dict[int, str]) -> np.ndarray:
    return ~np.isin(np.arange(n_views), list(reasons))


def _unseen(
    cameras: Cameras, capture: Capture, found: Triangulation, reasons: dict[int, str]
) -> dict[int, str]:
    """Reasons of views that do not show the head, of those without one yet."""
    points = found.points[np.isfinite(found.points).all(1)]
    if len(points) < FEWEST_POINTS:
        return {}
    why = {
        view: why_unseen(cameras, view, points, capture.image[view])
        for view in range(len(cameras))
        if view not in reasons
    }
    return {view: reason for view, reason in why.items() if reason}


def _scale(
    model: FaceModel,
    capture: Capture,
    landmarks: Landmarks,
    cameras: Cameras,
    found: Triangulation,
    options: RigOptions,
    unit: str,
) -> tuple[float, str]:
    """mm per unit of the cameras, and what says so."""
    if unit == "mm":
        return 1.0, "file"
    if options.distance_mm > 0:
        scale = scale_from_distance(cameras, landmarks, options)
        if scale is not None:
            return scale, "distance"
        logger.warning("the ends of rig.distance_mm were not triangulated; it is not used.")
    if options.marker_mm > 0:
        scale = scale_from_markers(cameras, capture, options)
        if scale is not None:
            return scale, "marker"
        logger.warning("no marker of %s is seen by two views.", options.marker)
    head = place_head(model, landmarks.scheme, found.points, found.covariance)
    if head is None:
        raise CaptureFailure(
            "no_scale",
            "the cameras have no unit of length, and too few landmarks were seen by two views to "
            "tell it from the head. Give the cameras in mm, or set rig.marker_mm.",
        )
    return 1 / head.scale, "model"


def _corrected(
    capture: Capture,
    landmarks: Landmarks,
    cameras: Cameras,
    kept: np.ndarray,
    found: Triangulation,
    options: RigOptions,
) -> tuple[Correction, Triangulation]:
    """Given cameras in mm as `rig.refine` wants them, and the landmarks triangulated with them."""
    points = found.points[np.isfinite(found.points).all(1)]
    if options.refine == "never" or len(points) < FEWEST_POINTS:
        why = "" if options.refine == "never" else " too few landmarks tell where the head is."
        unmoved = np.zeros(len(cameras))
        return Correction(cameras, unmoved, f"Cameras as given{':' if why else '.'}{why}"), found
    correction = correct_cameras(capture, cameras, kept, points, options.refine == "always")
    if correction.moved_px.any():
        better = correction.cameras.only(kept)
        found = triangulate(better, landmarks.points_px, landmarks.sigma_px)
    return correction, found


def _rig(
    correction: Correction,
    source: str,
    landmarks: Landmarks,
    found: Triangulation,
    reasons: dict[int, str],
    scale: float,
    scale_source: str,
) -> Rig:
    common = COMMON_SIGMA_MM**2 * np.eye(3)
    cameras = correction.cameras
    n_views = len(cameras)
    return Rig(
        source=source,
        method=correction.method,
        moved_px=correction.moved_px,
        scale_source=scale_source,
        scale=scale,
        used=_kept(n_views, reasons),
        reason=tuple(reasons.get(view, "") for view in range(n_views)),
        world_to_camera=cameras.world_to_camera,
        focal_px=cameras.focal_px,
        centre_px=cameras.centre_px,
        scheme=landmarks.scheme,
        points_mm=found.points,
        covariance_mm2=found.covariance + common,
        inlier=found.inlier,
        reprojection_px=found.error_px,
    )


def _log(name: str, rig: Rig) -> None:
    believed = rig.reprojection_px[rig.inlier > 0]
    logger.info(
        "%s: cameras from %s, %d of %d views used, %d landmarks, median error %.1f px, "
        "1 unit = %.4g mm (%s)",
        name,
        rig.source,
        int(rig.used.sum()),
        len(rig.used),
        int(np.isfinite(rig.points_mm).all(1).sum()),
        float(np.median(believed)) if believed.size else np.nan,
        float(rig.scale),
        rig.scale_source,
    )
    if rig.method:
        logger.info("%s: %s", name, rig.method)
    for view, why in enumerate(rig.reason):
        if why:
            logger.warning("%s, view %d is left out: %s", name, view, why)
