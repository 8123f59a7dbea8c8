"""All scores of one capture that has a truth."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from lib.artefacts import (
    OK,
    Albedo,
    Capture,
    FaceFit,
    Highlights,
    Landmarks,
    Scores,
    SkinMask,
    Surface,
    Texture,
)
from lib.errors import CaptureFailure
from lib.evaluation import pictures, shape
from lib.evaluation.heads import Head, OuterSurface, heads_of, known_placement
from lib.evaluation.highlights import highlight_rows
from lib.evaluation.measured import NOTHING, MeasuredSurface
from lib.evaluation.measures import FIT, MEASURES, SURFACE
from lib.evaluation.options import EvaluationOptions
from lib.evaluation.rows import Row
from lib.evaluation.truth import CaptureTruth
from lib.facemodel import FaceModel
from lib.metrics import (
    IDENTITY,
    Mesh,
    MeshScore,
    Similarity,
    sample_surface,
    vertex_errors,
)

logger = logging.getLogger(__name__)

ALIGNMENTS = ("known", "rigid", "similarity")
IN_MODEL, OUT_OF_MODEL = "in_model", "out_of_model"


@dataclass(frozen=True)
class Result:
    """What the line made of one capture.

    Args:
        capture: the photos.
        landmarks: measured on them.
        skin: where they show bare skin.
        fit: the fitted head.
        texture: its colour; None = not there, which leaves its scores out.
        surface: what many views measured; None = its batch has no capture of many views.
        albedo: apart from light; None = not there.
        highlights: the photos without what they mirror; None = not there.
    """

    capture: Capture
    landmarks: Landmarks
    skin: SkinMask
    fit: FaceFit
    texture: Texture | None = None
    surface: Surface | None = None
    albedo: Albedo | None = None
    highlights: Highlights | None = None


def evaluate_capture(
    model: FaceModel,
    result: Result,
    truth: CaptureTruth,
    reference: str,
    options: EvaluationOptions,
    threads: int = 1,
) -> Scores:
    """Scores of the fitted head, the average person and the mean face against the same truth.

    Where many views measured a surface, of that too.

    Args:
        model: that was fitted.
        result: of the line.
        truth: of the capture.
        reference: where the truth is from, for the record.
        options: see `EvaluationOptions`.
        threads: that measure heads at a time; scores are the same for any number.
    """
    heads = heads_of(model, result.fit)
    outer = OuterSurface.of(model)
    place = known_placement(result.capture, result.fit)
    names = ALIGNMENTS if place else ALIGNMENTS[1:]
    regions, axis = shape.region_points(model, truth), shape.HeadAxis.of(model, truth)
    sample = sample_surface(truth.mesh.vertices, truth.mesh.triangles, options.points)

    def measure(head: Head) -> tuple[list[Row], dict[str, np.ndarray]]:
        posed = _placed(outer.mesh(head.posed), place or IDENTITY)
        scores = shape.surface_scores(posed, truth, names, sample)
        rows = [row for name in names for row in shape.surface_rows(head.who, name, scores[name])]
        neutral = outer.mesh(head.neutral)
        rows += shape.protocol_rows(head.who, neutral, posed, truth, regions)
        rows += shape.cylinder_rows(head.who, posed, truth, scores["rigid"], axis)
        return rows, _vertex_errors(posed, truth, scores, outer) if head.who == FIT else {}

    def measure_surface(surface: MeasuredSurface) -> tuple[list[Row], dict[str, np.ndarray]]:
        mesh = surface.mesh(model, in_world=place is not None)
        scores = shape.surface_scores(mesh, truth, names, sample)
        rows = [row for name in names for row in shape.surface_rows(SURFACE, name, scores[name])]
        coarse = surface.mesh(model, in_world=place is not None, thinned=True)
        rows += shape.protocol_rows(SURFACE, None, coarse, truth, regions)
        rows += shape.cylinder_rows(SURFACE, coarse, truth, scores["rigid"], axis)
        return rows, _texel_errors(surface, truth, scores, place is not None)

    surface = _measured_surface(model, result, heads[0])
    with ThreadPoolExecutor(threads) as pool:
        sigma = pool.submit(_sigma_rows, heads[0], model, result.fit, truth, options)
        detail = pool.submit(measure_surface, surface) if surface else None
        measured = list(pool.map(measure, heads))
    rows = [row for of_head, _ in measured for row in of_head] + sigma.result()
    if detail:
        rows += detail.result()[0]
    rows += _picture_rows(heads, model, result, truth)
    scores = _artefact(
        model, rows, measured[0][1], heads[0], truth, reference, len(result.capture.image)
    )
    if surface is None or detail is None:
        return scores
    errors = np.stack(list(detail.result()[1].values()))
    return scores.replace(surface_mm=surface.thinned, surface_error_mm=errors)


def failed_scores(
    model: FaceModel, truth: CaptureTruth, reference: str, views: int, failure: CaptureFailure
) -> Scores:
    """The scores of a capture that failed: no numbers, but it counts in its group.

    Args:
        model: that would have been fitted.
        truth: of the capture.
        reference: where the truth is from.
        views: of the capture.
        failure: word and reason.
    """
    scores = _artefact(model, [], {}, None, truth, reference, views)
    return scores.replace(outcome=failure.outcome, reason=failure.reason)


def _placed(mesh: Mesh, place: Similarity) -> Mesh:
    return mesh.with_vertices(place.apply(mesh.vertices), place.apply(mesh.landmarks))


def _vertex_errors(
    posed: Mesh, truth: CaptureTruth, scores: dict[str, MeshScore], outer: OuterSurface
) -> dict[str, np.ndarray]:
    """Alignment -> (n_vertices,) signed mm."""
    placed = [score.alignment.apply(posed.vertices) for score in scores.values()]
    errors = vertex_errors(np.concatenate(placed), truth.mesh)
    split = np.split(errors.signed_mm, len(placed))
    return {name: outer.on_model(signed) for name, signed in zip(scores, split, strict=True)}


def _measured_surface(model: FaceModel, result: Result, fitted: Head) -> MeasuredSurface | None:
    """None where nothing was measured: the surface is then the fitted head, or told by shading."""
    if result.surface is None or result.surface.method == NOTHING or result.surface.from_shading:
        return None
    return MeasuredSurface.of(model, result.surface, fitted.posed)


def _texel_errors(
    surface: MeasuredSurface, truth: CaptureTruth, scores: dict[str, MeshScore], in_world: bool
) -> dict[str, np.ndarray]:
    """Alignment -> (r, c) signed mm of the thinned grid; NaN off the chart."""
    grid = surface.thinned
    known = np.isfinite(grid).all(axis=2)
    points = surface.placed(grid[known]) if in_world else grid[known]
    result = {}
    for name, score in scores.items():
        result[name] = np.full(known.shape, np.nan)
        result[name][known] = vertex_errors(score.alignment.apply(points), truth.mesh).signed_mm
    return result


def _sigma_rows(
    head: Head, model: FaceModel, fit: FaceFit, truth: CaptureTruth, options: EvaluationOptions
) -> list[Row]:
    """Coverage of sigma; nothing where the fit has none."""
    sigma = fit.vertex_sigma_mm
    if not np.all(sigma > 0):
        return []
    return list(shape.sigma_rows(model, head.neutral, head.posed, sigma, truth, options.points))


def _picture_rows(
    heads: tuple[Head, ...], model: FaceModel, result: Result, truth: CaptureTruth
) -> Iterator[Row]:
    synthetic = truth.synthetic
    if synthetic is None:
        return
    if result.texture is not None:
        yield from pictures.albedo_rows(heads, model, result.texture, synthetic, result.albedo)
    capture, fit = result.capture, result.fit
    if not pictures.same_views(capture, synthetic):
        logger.warning(
            "the %d views are not the %d pictures of the truth: no scores of landmarks, cameras, "
            "parts and skin",
            len(capture.image),
            len(synthetic.image),
        )
        return
    yield from pictures.landmark_rows(heads, model, capture, result.landmarks, fit, synthetic)
    yield from pictures.camera_rows(capture, fit, synthetic)
    yield from pictures.part_rows(heads, model, capture, fit, synthetic)
    yield from pictures.skin_rows(capture, result.skin, synthetic)
    if result.highlights is not None:
        yield from highlight_rows(capture, result.highlights, synthetic)


def _artefact(
    model: FaceModel,
    rows: Sequence[Row],
    errors: dict[str, np.ndarray],
    fitted: Head | None,
    truth: CaptureTruth,
    reference: str,
    views: int,
) -> Scores:
    rows = [row for row in rows if not np.isnan(row.value)]
    return Scores(
        truth=reference,
        dataset=truth.dataset,
        span=IN_MODEL if truth.span and truth.span == model.name else OUT_OF_MODEL,
        outcome=OK,
        reason="",
        views=views,
        who=tuple(row.who for row in rows),
        measure=tuple(row.measure for row in rows),
        unit=tuple(MEASURES[row.measure].unit for row in rows),
        view=np.array([row.view for row in rows], int),
        value=np.array([row.value for row in rows], float),
        alignment=tuple(errors),
        posed_mm=np.empty((0, 3)) if fitted is None else fitted.posed,
        vertex_error_mm=np.stack(list(errors.values())) if errors else np.empty((0, 0)),
        surface_mm=np.empty((0, 0, 3)),
        surface_error_mm=np.empty((0, 0, 0)),
    )
