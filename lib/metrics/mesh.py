"""A reconstructed mesh against a true one: distances both ways, completeness, normals, detail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial import cKDTree

from lib.metrics.align import (
    IDENTITY,
    MissingLandmarks,
    Similarity,
    similarity_of_points,
    similarity_to_scan,
)
from lib.metrics.distances import (
    THRESHOLDS_MM,
    DistanceStatistics,
    NothingToScore,
    completeness,
)
from lib.metrics.landmarks import NOW_POINTS
from lib.metrics.surface import (
    Mesh,
    Region,
    SurfaceSample,
    normals_at,
    sample_surface,
)

Alignment = Literal["known", "rigid", "similarity"]


@dataclass(frozen=True)
class MeshScoreOptions:
    """How a mesh is scored.

    Args:
        alignment: `known` compares as is, for cameras that are known; `rigid` turns and shifts;
            `similarity` scales as well, for a single view.
        points: spread over the whole true surface; those in the region count.
        alignment_points: of these that the alignment uses, at most.
        thresholds_mm: of completeness.
        far_mm: a true point without a surface this near is missing: it counts in distances and
            completeness, not in normals and detail.
        stray_mm: of the reconstruction, what is farther than this from the truth is not compared
            where the region is a ball: the truth has an open rim.
        detail_sigma_mm: of the Gaussian that takes low frequencies away.
        detail_points: where detail is measured.
        seed: of the points.
    """

    alignment: Alignment = "known"
    points: int = 120_000
    alignment_points: int = 8_000
    thresholds_mm: tuple[float, ...] = THRESHOLDS_MM
    far_mm: float = 5.0
    stray_mm: float = 20.0
    detail_sigma_mm: float = 5.0
    detail_points: int = 6_000
    seed: int = 0


@dataclass(frozen=True)
class NormalScore:
    """Angles between true normals and those of the nearest points.

    Args:
        median_deg: of all points that are near.
        mean_deg: likewise.
        flipped: the reconstruction's triangles run the other way round; angles are as if not.
    """

    median_deg: float
    mean_deg: float
    flipped: bool


@dataclass(frozen=True)
class DetailScore:
    """What is left of the error when its low frequencies are taken away, see `detail_error`.

    Args:
        median_mm: of its size.
        rms_mm: root mean square.
    """

    median_mm: float
    rms_mm: float


@dataclass(frozen=True)
class MeshScore:
    """Errors of a reconstruction.

    Args:
        accuracy: distances in mm of true points to the reconstruction.
        reverse: distances in mm of the reconstruction's points in the region to the truth; None
            where it has none.
        completeness: share 0..1 of true points with a surface within each threshold.
        missing: share 0..1 of true points without one within `far_mm`.
        normals: None where all points are missing.
        detail: likewise.
        signed_median_mm: along the true normal; positive = the reconstruction lies outside.
        distance_mm: (n,) of each true point.
        points: (n, 3) mm of the truth.
        alignment: reconstruction to truth.
    """

    accuracy: DistanceStatistics
    reverse: DistanceStatistics | None
    completeness: tuple[float, ...]
    missing: float
    normals: NormalScore | None
    detail: DetailScore | None
    signed_median_mm: float
    distance_mm: np.ndarray
    points: np.ndarray
    alignment: Similarity


def score_surface(
    reconstruction: Mesh,
    truth: Mesh,
    region: Region,
    options: MeshScoreOptions,
    sample: SurfaceSample | None = None,
) -> MeshScore:
    """How far a reconstruction lies from the truth, in mm.

    Points spread evenly by area over the truth are measured to the nearest point of the
    reconstruction's triangles (exact), after the chosen alignment.

    Args:
        reconstruction: with landmarks for `similarity`; `rigid` starts from them where given.
        truth: in mm; with landmarks where the reconstruction's are used.
        region: which part of the truth counts.
        options: how.
        sample: points of the whole true surface, in place of those that `options` describes.

    Raises:
        NothingToScore: no true point lies in the region.
        MissingLandmarks: the alignment needs them.
    """
    if sample is None:
        sample = sample_surface(truth.vertices, truth.triangles, options.points, options.seed)
    counts = region.holds(sample.points, sample.triangles, truth.triangles)
    if not counts.any():
        raise NothingToScore(
            f"None of {len(sample)} points of the truth lies in the region, expected some: check "
            "that centre and radius are in mm in the truth's frame."
        )
    sample = sample.only(counts)
    alignment = align(reconstruction, truth, sample.points, options)
    placed = reconstruction.with_vertices(alignment.apply(reconstruction.vertices))
    found = placed.surface.tree.nearest(sample.points)
    offset = ((found.points - sample.points) * sample.normals).sum(axis=1)
    near = found.distance_mm < options.far_mm
    normals = detail = None
    if near.any():
        there = normals_at(placed.vertices, placed.triangles, found.triangles, found.barycentric)
        normals = normal_score(sample.normals[near], there[near])
        detail = detail_error(sample.points[near], offset[near], options)
    return MeshScore(
        accuracy=DistanceStatistics.of(found.distance_mm),
        reverse=_reverse(
            placed, truth, region, options, options.stray_mm + float(found.distance_mm.max())
        ),
        completeness=completeness(found.distance_mm, options.thresholds_mm),
        missing=float((found.distance_mm > options.far_mm).mean()),
        normals=normals,
        detail=detail,
        signed_median_mm=float(np.median(offset[near])) if near.any() else float("nan"),
        distance_mm=found.distance_mm,
        points=sample.points,
        alignment=alignment,
    )


def align(
    reconstruction: Mesh, truth: Mesh, points: np.ndarray, options: MeshScoreOptions
) -> Similarity:
    """The transform of a reconstruction onto the truth that `options.alignment` names.

    From 7 landmarks (corners of eyes and mouth, nose base), then trimmed point-to-plane steps on
    the true points (n, 3).

    Raises:
        MissingLandmarks: `similarity` is asked for and a mesh has no landmarks.
    """
    if options.alignment == "known":
        return IDENTITY
    with_scale = options.alignment == "similarity"
    start = IDENTITY
    if reconstruction.landmarks is not None and truth.landmarks is not None:
        start = similarity_of_points(
            reconstruction.landmarks[NOW_POINTS], truth.landmarks[NOW_POINTS], with_scale
        )
    elif with_scale:
        raise MissingLandmarks(
            "similarity alignment was asked for and a mesh has no landmarks, expected 68 iBUG "
            "points of both: without them a surface of unknown scale slides."
        )
    every = max(1, len(points) // options.alignment_points)
    return similarity_to_scan(reconstruction.surface, points[::every], start, with_scale)


def normal_score(true: np.ndarray, found: np.ndarray) -> NormalScore:
    """Angles between unit normals (n, 3) and (n, 3), in degrees."""
    cosine = (true * found).sum(axis=1)
    flipped = bool(np.median(cosine) < 0)
    angle = np.degrees(np.arccos(np.clip(-cosine if flipped else cosine, -1, 1)))
    return NormalScore(float(np.median(angle)), float(angle.mean()), flipped)


def detail_error(
    points: np.ndarray, offset_mm: np.ndarray, options: MeshScoreOptions
) -> DetailScore:
    """The part of the error that is finer than a Gaussian.

    The error along the true normal, minus its Gaussian-weighted mean over the neighbours within
    two sigma. A high pass is linear, so this is the difference of both surfaces' detail; the half
    of a wave's height is left at a wavelength of 5.3 sigma. A point is its own neighbour, so the
    result is too small by about 1 / (2 pi sigma^2 density): 5 % at 0.13 points per mm2.

    Args:
        points: (n, 3) mm, spread evenly over the true surface.
        offset_mm: (n,) signed error along the true normal.
        options: sigma, number of places and seed.
    """
    generator = np.random.default_rng(options.seed)
    chosen = generator.choice(len(points), min(options.detail_points, len(points)), False)
    sigma = options.detail_sigma_mm
    pairs = cKDTree(points[chosen]).sparse_distance_matrix(
        cKDTree(points), 2 * sigma, output_type="ndarray"
    )
    weight = np.exp(-(pairs["v"] ** 2) / (2 * sigma**2))
    sums = np.bincount(pairs["i"], weight * offset_mm[pairs["j"]], minlength=len(chosen))
    weights = np.bincount(pairs["i"], weight, minlength=len(chosen))
    residual = offset_mm[chosen] - sums / weights
    size = np.abs(residual)
    return DetailScore(float(np.median(size)), float(np.sqrt((size**2).mean())))


def _reverse(
    placed: Mesh, truth: Mesh, region: Region, options: MeshScoreOptions, reach_mm: float
) -> DistanceStatistics | None:
    """Distances of the reconstruction's points to the truth, of those that the region holds.

    Of a region of vertices these are the points whose nearest true point lies in it, and only
    points within `reach_mm` of its box are looked at: others belong to the rest of a head.
    """
    sample = sample_surface(placed.vertices, placed.triangles, options.points, options.seed)
    points = sample.points
    if region.vertices is not None:
        used = truth.triangles[region.holds_triangles(truth.triangles)]
        held = np.asarray(truth.vertices, np.float64)[used.ravel()]
        low, high = held.min(axis=0) - reach_mm, held.max(axis=0) + reach_mm
        points = points[((points > low) & (points < high)).all(axis=1)]
    else:
        points = points[region.holds(points, sample.triangles, placed.triangles)]
    if len(points) == 0:
        return None
    found = truth.surface.tree.nearest(points)
    if region.vertices is None:
        kept = found.distance_mm < options.stray_mm
    else:
        kept = region.holds(points, found.triangles, truth.triangles)
    return DistanceStatistics.of(found.distance_mm[kept]) if kept.any() else None
