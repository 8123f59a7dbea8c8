"""The landmark stage: points of the face in every view of a capture."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from lib.artefacts import Capture, Faces, Landmarks
from lib.errors import CaptureFailure
from lib.landmarks.options import FaceOnPhoto, FaceSeen, Landmarker, ViewLandmarks
from lib.networks.ahead import Ahead

log = logging.getLogger(__name__)


LandmarksAhead = Ahead[FaceOnPhoto, ViewLandmarks | CaptureFailure]


def find_landmarks(
    capture: Capture,
    faces: Faces,
    landmarker: Landmarker,
    ahead: LandmarksAhead | None = None,
    name: str = "",
) -> Landmarks:
    """Landmarks of the face of `faces` in every view; a view without has NaN and a reason.

    Args:
        capture: the capture that `faces.photo` names.
        faces: which face, from the detection stage.
        landmarker: from `load_landmarker`.
        ahead: of the landmarker, when it takes faces of several captures at once.
        name: of the capture, for `ahead`.

    Raises:
        CaptureFailure: no view gave landmarks; the reason is that of the first view.
    """
    shown = faces_on_photos(capture, faces)
    found = iter(
        [_found(landmarker, *face) for face in shown] if ahead is None else ahead.take(name, shown)
    )
    views: list[ViewLandmarks] = []
    failures: list[CaptureFailure | None] = []
    for view, seen in enumerate(np.isfinite(faces.box_px).all(1)):
        reason = faces.view_reason[view] or "no face was found"
        result = next(found) if seen else CaptureFailure("no_face", reason)
        failures.append(result if isinstance(result, CaptureFailure) else None)
        if isinstance(result, CaptureFailure):
            log.info("view %s has no landmarks: %s", capture.view[view], result.reason)
            result = _nothing(landmarker.n_points)
        views.append(result)
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


def faces_on_photos(capture: Capture, faces: Faces) -> list[FaceOnPhoto]:
    """Images of those views of a capture that show the face, each with the face."""
    found = []
    for view in np.flatnonzero(np.isfinite(faces.box_px).all(1)):
        across, down = capture.working_to_original[view]
        seen = FaceSeen(
            Path(capture.path[view]).name,
            faces.box_px[view],
            faces.points_px[view],
            float(faces.roll_rad[view]),
            (float(across), float(down)),
        )
        found.append((capture.image[view], seen))
    return found


def _found(
    landmarker: Landmarker, image: np.ndarray, face: FaceSeen
) -> ViewLandmarks | CaptureFailure:
    try:
        return landmarker.find(image, face)
    except CaptureFailure as failure:
        return failure


def _nothing(n_points: int) -> ViewLandmarks:
    return ViewLandmarks(
        np.full((n_points, 2), np.nan),
        np.full(n_points, np.nan),
        np.full(n_points, np.nan),
        np.full((68, 2), np.nan),
        np.full(68, np.nan),
        0.0,
    )
