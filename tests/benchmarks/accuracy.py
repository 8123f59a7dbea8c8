"""What the accuracy benchmarks share: photos to measurements, variants, fits to rows of a table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from lib.artefacts import Capture, FaceFit
from lib.detection import DetectionOptions, find_faces, load_detector
from lib.errors import CaptureFailure
from lib.facemodel import FaceModel
from lib.fitting import FitOptions, Subject, fit_faces
from lib.landmarks import LandmarkOptions, find_landmarks, load_landmarker
from lib.metrics import Scan, Surface, scan_coverage, score_mesh
from lib.skin import SkinOptions, mask_skin

MODELS = Path("resources/landmark_models")
YAW_BINS = ((0, 15), (15, 30), (30, 90))


@dataclass(frozen=True)
class Case:
    """One photo, measured, and its truth.

    Args:
        measured: input of the fit; its capture names the subject.
        posed: the true surface with the photo's expression.
        neutral: the true neutral surface.
        neutral_surface: the same for distances from the fit to it, None = no coverage.
        yaw_deg: true turn of the head.
        focal_px: true focal length.
        seconds: taken to measure.
    """

    measured: Subject
    posed: Scan
    neutral: Scan
    neutral_surface: Surface | None
    yaw_deg: float
    focal_px: float
    seconds: float


class Measurer:
    """Detector, landmarker and skin stage with their defaults, loaded once."""

    def __init__(self, model: FaceModel):
        self._model = model
        self._detector = load_detector(DetectionOptions(), MODELS)
        self._landmarker = load_landmarker(LandmarkOptions(), MODELS, model)

    def measure(self, name: str, subject: str, image: np.ndarray, focal_px: float) -> Subject:
        """What the stages before the fit find in a photo.

        Raises:
            CaptureFailure: there is no face, or no landmarks.
        """
        height, width = image.shape[:2]
        capture = Capture(
            subject=subject,
            path=[name],
            sha256=[""],
            image=[image],
            original_size=[[height, width]],
            working_to_original=[[1, 1]],
            focal_px=[focal_px],
            focal_source=["none" if np.isnan(focal_px) else "camera"],
            centre_px=[[(width - 1) / 2, (height - 1) / 2]],
            world_to_camera=np.full((1, 3, 4), np.nan),
            length_unit="mm",
            distortion=np.zeros((1, 8)),
            mask=[np.zeros((0, 0))],
            view=["00"],
        )
        face = find_faces(name, capture, self._detector, DetectionOptions())[0][1]
        landmarks = find_landmarks(capture, face, self._landmarker)
        skin = mask_skin(self._model, capture, face, landmarks, SkinOptions())
        return Subject(name, capture, face, landmarks, skin)


def read_variants(texts: Sequence[str]) -> list[tuple[str, FitOptions]]:
    """Options of `name=value[,name=value]` texts; the defaults come first."""
    types = {field.name: type(getattr(FitOptions(), field.name)) for field in fields(FitOptions)}
    variants = [("defaults", FitOptions())]
    for text in texts:
        changes = {}
        for part in text.split(","):
            name, _, value = part.partition("=")
            if name not in types:
                raise SystemExit(f"--set {part}: there is no such option; use {', '.join(types)}.")
            kind = types[name]
            changes[name] = value == "true" if kind is bool else kind(value)
        variants.append((text, replace(FitOptions(), **changes)))
    return variants


@dataclass(frozen=True)
class Result:
    """The scores of one fit; lengths in mm, NaN = failed."""

    neutral: float
    neutral_mean: float
    neutral_p90: float
    posed: float
    posed_mean: float
    coverage: tuple[float, ...]
    reprojection: float
    focal_error: float
    focal_sigma: float


FAILED = Result(*[np.nan] * 5, (np.nan,) * 3, *[np.nan] * 3)


def fit_cases(
    model: FaceModel, cases: Sequence[Case], options: FitOptions, share: bool
) -> tuple[list[Result], float]:
    """Scores of all cases, and seconds per photo of the fit."""
    subjects = [case.measured for case in cases]
    if not share:
        subjects = [replace(s, capture=s.capture.replace(subject=s.name)) for s in subjects]
    start = time.perf_counter()
    fits = fit_faces(model, subjects, options)
    seconds = (time.perf_counter() - start) / len(cases)
    return [score_fit(model, fits[case.measured.name], case) for case in cases], seconds


def score_fit(model: FaceModel, fit: FaceFit | CaptureFailure, case: Case) -> Result:
    """The scores of one fit."""
    if isinstance(fit, CaptureFailure):
        return FAILED
    points = model.landmarks["ibug68"]
    neutral_marks = points.on(fit.vertices, model.triangles)
    neutral = score_mesh(fit.vertices, model.triangles, neutral_marks, case.neutral)
    vertices = model.vertices(fit.identity, fit.expression[0])
    posed_marks = points.on(vertices, model.triangles)
    posed = score_mesh(vertices, model.triangles, posed_marks, case.posed)
    covered: tuple[float, ...] = (np.nan,) * 3
    if case.neutral_surface is not None and np.isfinite(fit.vertex_sigma_mm).all():
        chosen = model.parts["face_mask"][::5]
        covered = tuple(
            scan_coverage(
                fit.vertices,
                model.triangles,
                fit.vertex_sigma_mm,
                chosen,
                neutral.alignment,
                case.neutral_surface,
            )
        )
    return Result(
        neutral.median_mm,
        neutral.mean_mm,
        neutral.p90_mm,
        posed.median_mm,
        posed.mean_mm,
        covered,
        100 * float(fit.reprojection_px[0] / fit.interocular_px[0]),
        float(np.log(fit.focal_px[0] / case.focal_px)),
        float(fit.focal_sigma[0]),
    )


def mean_face(model: FaceModel, cases: Sequence[Case]) -> list[Result]:
    """Scores of the model's mean, as if it had been fitted to every photo."""
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    known: dict[int, tuple[float, float, float]] = {}

    def score(scan: Scan) -> tuple[float, float, float]:
        if id(scan) not in known:
            found = score_mesh(model.mean, model.triangles, marks, scan)
            known[id(scan)] = found.median_mm, found.mean_mm, found.p90_mm
        return known[id(scan)]

    return [Result(*score(case.neutral), *score(case.posed)[:2], *FAILED_TAIL) for case in cases]


FAILED_TAIL = ((np.nan,) * 3, np.nan, np.nan, np.nan)
HEADER = (
    f"{'':34s} neutral mm          posed mm      neutral by |yaw|     reproj  log focal     "
    "sigma covers      s/\n"
    f"{'':34s} median  mean   p90  median  mean   0-15 15-30  30+      %    |err| <1s   "
    "50 %  80 %  95 %  photo lost"
)


def table_row(
    label: str, cases: Sequence[Case], results: Sequence[Result], seconds: float = np.nan
) -> str:
    """One line of the table: means over photos."""

    def mean(name: str) -> float:
        return float(np.nanmean([getattr(r, name) for r in results] + [np.nan] * 0))

    yaw = np.abs([case.yaw_deg for case in cases])
    neutral = np.array([result.neutral for result in results])
    bins = [
        float(np.nanmean(neutral[inside]))
        if (inside := (yaw >= low) & (yaw < high)).any()
        else np.nan
        for low, high in YAW_BINS
    ]
    error = np.abs([result.focal_error for result in results])
    sure = (
        np.nanmean(np.where(np.isnan(error), np.nan, error < [r.focal_sigma for r in results]))
        if np.isfinite(error).any()
        else np.nan
    )
    covered = np.array([result.coverage for result in results])
    covered = np.nanmean(covered, axis=0) if np.isfinite(covered).any() else covered[0]
    lost = int(np.isnan(neutral).sum())
    reprojection = mean("reprojection") if np.isfinite(error).any() else np.nan
    focal = float(np.nanmean(error)) if np.isfinite(error).any() else np.nan
    return (
        f"{label:34s} {mean('neutral'):6.3f} {mean('neutral_mean'):5.3f} {mean('neutral_p90'):5.2f}"
        f"  {mean('posed'):6.3f} {mean('posed_mean'):5.3f}  "
        + " ".join(f"{value:5.2f}" for value in bins)
        + f"  {reprojection:5.2f}   {focal:5.2f} {100 * sure:4.0f} %   "
        + " ".join(f"{100 * value:3.0f} %" for value in covered)
        + f"  {seconds:5.2f} {lost:3d}"
    )
