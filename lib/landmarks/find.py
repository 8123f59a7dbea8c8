"""The landmark stage: points of the face in every view of a capture."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from lib.artefacts import Capture, Faces, Landmarks
from lib.errors import CaptureFailure
from lib.landmarks.options import FaceSeen, Landmarker, ViewLandmarks

log = logging.getLogger(__name__)


def find_landmarks(capture: Capture, faces: Faces, landmarker: Landmarker) -> Landmarks:
    """Landmarks of the face of `faces` in every view; a view without has NaN and a reason.

    Args:
        capture: the capture that `faces.photo` names.
        faces: which face, from the detection stage.
        landmarker: from `load_landmarker`.

    Raises:
        CaptureFailure: no view gave landmarks; the reason is that of the first view.
    """
    views: list[ViewLandmarks] = []
    failures: list[CaptureFailure | None] = []
    for view in range(len(capture.image)):
        try:
            views.append(_view(capture, faces, landmarker, view))
            failures.append(None)
        except CaptureFailure as failure:
            failures.append(failure)
            views.append(_nothing(landmarker.n_points))
            log.info("view %s has no landmarks: %s", capture.view[view], failure.reason)
    if failures[0] is not None and all(failures):
        raise failures[0]
    return Landmarks(
        scheme=landmarker.scheme,
        points_px=np.array([view.points_px for view in views], np.float32),
        sigma_px=np.array([view.sigma_px for view in views], np.float32),
        depth_px=np.array([view.depth_px for view in views], np.float32),
        ibug68_px=np.array([view.ibug68_px for view in views], np.float32),
        ibug68_sigma_px=np.array([view.ibug68_sigma_px for view in views], np.float32),
        presence=np.array([view.presence for view in views], np.float32),
        view_reason=tuple("" if failure is None else failure.reason for failure in failures),
    )


def _view(capture: Capture, faces: Faces, landmarker: Landmarker, view: int) -> ViewLandmarks:
    if not np.isfinite(faces.box_px[view]).all():
        raise CaptureFailure("no_face", faces.view_reason[view] or "no face was found")
    seen = FaceSeen(
        Path(capture.path[view]).name,
        faces.box_px[view],
        faces.points_px[view],
        float(faces.roll_rad[view]),
    )
    return landmarker.find(capture.image[view], seen)


def _nothing(n_points: int) -> ViewLandmarks:
    return ViewLandmarks(
        np.full((n_points, 2), np.nan),
        np.full(n_points, np.nan),
        np.full(n_points, np.nan),
        np.full((68, 2), np.nan),
        np.full(68, np.nan),
        0.0,
    )
