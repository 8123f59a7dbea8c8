"""The detection stage: which face of each photo is meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lib.artefacts import Capture, Faces
from lib.detection.given import GivenDetector
from lib.detection.options import (
    BatchDetector,
    Detection,
    DetectionOptions,
    Detector,
    scaled,
)
from lib.errors import CaptureFailure
from lib.networks.ahead import Ahead

DetectionAhead = Ahead[np.ndarray, list[Detection]]


def find_faces(
    name: str,
    capture: Capture,
    detector: Detector | DetectionAhead,
    options: DetectionOptions,
) -> list[tuple[str, Faces]]:
    """The faces of one capture, each under the name of the capture that it becomes.

    With `faces: largest` or `best` there is one, under the capture's own name. With `faces: all` a
    single photo gives one capture per face, largest first: `name`, `name+2`, `name+3`, ...: no
    capture of a sample sheet or photo folder can have such a name. A capture of many views always
    has one face; a view that shows none has NaN in its row, score 0 and a reason.

    Args:
        name: name of the capture.
        capture: images of its views.
        detector: from `load_detector`; in `Ahead` it may look at several captures.
        options: settings.

    Raises:
        CaptureFailure: `no_face`: no view shows a face.
    """
    views = detect_views(name, capture, detector)
    if not any(views):
        raise CaptureFailure("no_face", _reason(capture, options))
    if len(views) > 1 or options.faces != "all":
        choose = max_by_score if options.faces == "best" else max_by_side
        chosen = [choose(faces) for faces in views]
        reasons = ["" if face else _reason_of(capture, v, options) for v, face in enumerate(chosen)]
        return [(name, _faces(name, capture.subject, chosen, reasons))]
    faces = sorted(views[0], key=lambda face: -face.side_px)
    names = [name, *(f"{name}+{number}" for number in range(2, len(faces) + 1))]
    # Only the first face keeps the sheet's subject: the others are other people.
    subjects = [capture.subject, *names[1:]]
    return [
        (own, _faces(name, subject, [face], [""]))
        for own, subject, face in zip(names, subjects, faces)
    ]


def detect_views(
    name: str, capture: Capture, detector: Detector | DetectionAhead
) -> list[list[Detection]]:
    """Faces of every view, best first; in one batch where the detector takes several images."""
    if isinstance(detector, Ahead):
        return detector.take(name, capture.image)
    if isinstance(detector, BatchDetector):
        return detector.detect_many(capture.image)
    views = [
        detector.detect(image, Path(path).name) for image, path in zip(capture.image, capture.path)
    ]
    if not isinstance(detector, GivenDetector):
        return views
    scales = 1 / capture.working_to_original  # files count in px of the original
    return [[scaled(face, s) for face in faces] for faces, s in zip(views, scales, strict=True)]


def max_by_side(faces: list[Detection]) -> Detection | None:
    """The largest face; None when there is none."""
    return max(faces, key=lambda face: face.side_px, default=None)


def max_by_score(faces: list[Detection]) -> Detection | None:
    """The surest face; None when there is none."""
    return max(faces, key=lambda face: face.score, default=None)


def _faces(photo: str, subject: str, views: list[Detection | None], reasons: list[str]) -> Faces:
    nothing = Detection(np.full(4, np.nan), 0.0, np.full((5, 2), np.nan), np.nan)
    found = [face or nothing for face in views]
    return Faces(
        photo=photo,
        subject=subject,
        box_px=np.array([face.box_px for face in found], np.float32),
        score=np.array([face.score for face in found], np.float32),
        points_px=np.array([face.points_px for face in found], np.float32),
        roll_rad=np.array([face.roll_rad for face in found], np.float32),
        view_reason=tuple(reasons),
    )


def _reason_of(capture: Capture, view: int, options: DetectionOptions) -> str:
    """Why one view of several shows no face."""
    if options.method == "files":
        return f"no points or box for {Path(capture.path[view]).name} in {options.folder}"
    return f"no face of at least {options.min_face_px:.0f} px found by {options.method}"


def _reason(capture: Capture, options: DetectionOptions) -> str:
    sizes = ", ".join(f"{image.shape[1]} x {image.shape[0]}" for image in capture.image[:3])
    if options.method == "files":
        return (
            f"No points or box for {Path(capture.path[0]).name} in {options.folder}; expected "
            "<photo name>.txt, .json, .pts or .csv."
        )
    return (
        f"No face of at least {options.min_face_px:.0f} px was found in {len(capture.image)} "
        f"view(s) of {sizes} px by detection.method '{options.method}'. Give the face yourself "
        "(method: files), or leave the photo out."
    )
