"""Scores of shape: distances under three alignments, and the protocols of published benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from lib.evaluation.heads import OuterSurface
from lib.evaluation.measures import FIT
from lib.evaluation.rows import Row
from lib.evaluation.truth import CaptureTruth
from lib.facemodel import FaceModel
from lib.metrics import (
    NOW_POINTS,
    CylinderMap,
    Mesh,
    MeshScore,
    MeshScoreOptions,
    Region,
    SurfaceSample,
    align,
    head_map,
    model_regions,
    sample_surface,
    scan_coverage,
    score_cylinder,
    score_head,
    score_now,
    score_regions,
    score_surface,
    similarity_of_points,
)

MIDDLE = np.array([0.0, -30.0, -90.0])  # of a head, in its model frame
NOSE_TIP, NOSE_BASE = 30, 33
MOST_POINTS = 20_000  # of a scan that NoW and the regions use; more change the third digit
MOST_HEAD_POINTS = 60_000  # of a scan, for the whole head
ALIGNMENT_POINTS = 4_000


def surface_scores(
    mesh: Mesh, truth: CaptureTruth, alignments: tuple[str, ...], sample: SurfaceSample
) -> dict[str, MeshScore]:
    """Distances of the true face to a head, by alignment.

    Args:
        mesh: the head; where `known` is asked for, in the place where it is.
        truth: what it is compared with.
        alignments: of `known`, `rigid`, `similarity`.
        sample: points of the whole true surface.
    """
    return {
        name: score_surface(
            mesh,
            truth.mesh,
            Region(vertices=truth.face),
            MeshScoreOptions(
                alignment=name,
                points=len(sample),
                alignment_points=ALIGNMENT_POINTS,
                detail_points=len(sample),
            ),
            sample,
        )
        for name in alignments
    }


def surface_rows(who: str, alignment: str, score: MeshScore) -> Iterator[Row]:
    """Rows of one alignment."""
    values = {
        "median": score.accuracy.median,
        "mean": score.accuracy.mean,
        "p90": score.accuracy.p90,
        "reverse": score.reverse.mean if score.reverse else np.nan,
        "within_02": 100 * score.completeness[0],
        "within_05": 100 * score.completeness[1],
        "within_10": 100 * score.completeness[2],
        "missing": 100 * score.missing,
        "normals": score.normals.mean_deg if score.normals else np.nan,
        "detail": score.detail.rms_mm if score.detail else np.nan,
        "bias": score.signed_median_mm,
    }
    for name, value in values.items():
        yield Row(who, f"{alignment}.{name}", value)


def protocol_rows(
    who: str,
    neutral: Mesh | None,
    posed: Mesh,
    truth: CaptureTruth,
    regions: dict[str, np.ndarray],
) -> Iterator[Row]:
    """Rows of NoW, REALY, FaceScape and H3DS.

    Args:
        who: a key of `WHO`.
        neutral: the head without expression, for NoW where the truth has such a one too; None =
            nobody knows it, which leaves NoW out there.
        posed: the head with expression.
        truth: what they are compared with.
        regions: name -> points of the truth; none = not known.
    """
    marks, true = posed.landmarks, truth.mesh.landmarks
    target, found = (truth.neutral, neutral) if truth.neutral else (truth, posed)
    if found is not None:
        now = score_now(
            found.vertices,
            found.triangles,
            found.landmarks[NOW_POINTS],
            _thinned(np.asarray(target.mesh.vertices, np.float64)[target.face]),
            target.mesh.landmarks[NOW_POINTS],
        ).distances
        yield Row(who, "now.median", now.median)
        yield Row(who, "now.mean", now.mean)
        yield Row(who, "now.std", now.std)
    if regions:
        scores = score_regions(posed, regions, true)
        for name, score in scores.regions.items():
            yield Row(who, f"region.{name}", score.distances.mean)
        yield Row(who, "region.mean", scores.mean_mm)
    held = np.arange(68) if truth.knows_all_landmarks else NOW_POINTS
    tip = true[NOSE_TIP] if truth.knows_all_landmarks else true[NOSE_BASE]
    most = MOST_HEAD_POINTS
    head = score_head(
        posed, truth.mesh, marks[held], true[held], tip, truth.face, most_vertices=most
    )
    yield Row(who, "head.face", head.face.mean)
    yield Row(who, "head.all", head.head.mean)


@dataclass(frozen=True)
class HeadAxis:
    """FaceScape's cylinder, which stands in the true head as its landmarks say.

    Args:
        middle: (3,) mm of the axis, at its middle height.
        rotation: (3, 3) model frame to truth.
        true_map: of the truth.
    """

    middle: np.ndarray
    rotation: np.ndarray
    true_map: CylinderMap

    @classmethod
    def of(cls, model: FaceModel, truth: CaptureTruth) -> HeadAxis:
        """Of a truth; the model says where landmarks lie about the axis."""
        mean = model.landmarks["ibug68"].on(model.mean, model.triangles)[NOW_POINTS]
        to_truth = similarity_of_points(mean, truth.mesh.landmarks[NOW_POINTS])
        middle = to_truth.apply(MIDDLE)
        return cls(middle, to_truth.rotation, head_map(truth.mesh, middle, to_truth.rotation))


def cylinder_rows(
    who: str, posed: Mesh, truth: CaptureTruth, rigid: MeshScore, axis: HeadAxis
) -> Iterator[Row]:
    """Rows of FaceScape's cylinder; the head is aligned rigidly."""
    placed = posed.with_vertices(rigid.alignment.apply(posed.vertices))
    score = score_cylinder(placed, truth.mesh, axis.middle, axis.rotation, axis.true_map)
    yield Row(who, "cylinder.chamfer", score.chamfer_mm)
    yield Row(who, "cylinder.normals", score.normal_deg)
    yield Row(who, "cylinder.complete", 100 * score.completeness)


def sigma_rows(
    model: FaceModel,
    neutral: np.ndarray,
    posed: np.ndarray,
    sigma_mm: np.ndarray,
    truth: CaptureTruth,
    points: int,
) -> Iterator[Row]:
    """Coverage of the fit's vertex sigma after a rigid alignment.

    Args:
        model: the fitted model.
        neutral: (n_vertices, 3) mm of the fitted head without expression, which is compared where
            the truth has such a head too.
        posed: (n_vertices, 3) mm with expression, compared where it has none.
        sigma_mm: (n_vertices,)
        truth: what it is compared with.
        points: spread over the true surface, for the alignment.
    """
    vertices, target, face = posed, truth.mesh, truth.face
    if truth.neutral is not None:
        vertices, target, face = neutral, truth.neutral.mesh, truth.neutral.face
    sample = sample_surface(target.vertices, target.triangles, points)
    counts = Region(vertices=face).holds(sample.points, sample.triangles, target.triangles)
    mesh = OuterSurface.of(model).mesh(vertices)
    alignment = align(mesh, target, sample.points[counts], MeshScoreOptions(alignment="rigid"))
    chosen = model.parts["face_mask"]
    covered = scan_coverage(vertices, model.triangles, sigma_mm, chosen, alignment, target.surface)
    for level, share in zip((50, 80, 95), covered, strict=True):
        yield Row(FIT, f"sigma.within_{level}", 100 * share)


def region_points(model: FaceModel, truth: CaptureTruth) -> dict[str, np.ndarray]:
    """Points of the true surface in the four regions, each where the model's nearest vertex is.

    The model's mean is laid over the truth by 7 landmarks, or is the true mesh itself where that
    has the model's triangles. Empty where the truth has not all 68 landmarks.
    """
    if not truth.knows_all_landmarks:
        return {}
    points = _thinned(np.asarray(truth.mesh.vertices, np.float64)[truth.face])
    synthetic = truth.synthetic
    if synthetic is not None and synthetic.face_model == model.name:
        placed = np.asarray(synthetic.vertices_mm, np.float64)
    else:
        mean = model.landmarks["ibug68"].on(model.mean, model.triangles)[NOW_POINTS]
        placed = similarity_of_points(mean, truth.mesh.landmarks[NOW_POINTS]).apply(model.mean)
    regions = model_regions(model)
    indices = np.concatenate(list(regions.values()))
    names = np.repeat(np.arange(len(regions)), [len(part) for part in regions.values()])
    _, nearest = cKDTree(placed[indices]).query(points)
    return {
        name: points[names[nearest] == index]
        for index, name in enumerate(regions)
        if (names[nearest] == index).any()
    }


def _thinned(points: np.ndarray) -> np.ndarray:
    """About `MOST_POINTS` of points (n, 3), or all of fewer, taken in equal steps."""
    return points[:: max(1, round(len(points) / MOST_POINTS))]
