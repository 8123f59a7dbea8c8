"""The NoW protocol: scan-to-mesh distance within the face disc after a similarity alignment.

Source: Sanyal, Bolkart, Feng & Black 2019, Learning to regress 3D face shape and expression from
an image without 3D supervision (CVPR); disc and order of steps as in the benchmark's public
evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lib.errors import ShapeError
from lib.metrics.align import Similarity, similarity_of_points, similarity_to_scan
from lib.metrics.distances import (
    CumulativeCurve,
    DistanceStatistics,
    NothingToScore,
    cumulative_curve,
)
from lib.metrics.surface import Surface

DISC_HEIGHT = 0.3  # of the way from the nose base to the bridge
DISC_SIZE = 0.7  # of the sum of the outer eye corners' distance and the nose's length
CURVE_MM = 8.0  # where published curves end


@dataclass(frozen=True)
class FaceDisc:
    """What counts as the face: a ball, called a disc by the protocol.

    Args:
        centre: (3,) mm.
        radius_mm: of the ball.
    """

    centre: np.ndarray
    radius_mm: float


@dataclass(frozen=True)
class NowScore:
    """One image's errors.

    Args:
        distances: of the scan's vertices in the disc to the mesh, mm.
        distance_mm: (n,) each of them.
        scan_vertices: (n,) index of each in the scan.
        alignment: prediction to scan.
    """

    distances: DistanceStatistics
    distance_mm: np.ndarray
    scan_vertices: np.ndarray
    alignment: Similarity


@dataclass(frozen=True)
class NowSummary:
    """Many images' errors, all distances pooled as in the published tables.

    Args:
        distances: median, mean and std in mm are the published triple.
        curve: share of distances below 0..8 mm.
        n_images: scored.
        n_missing: without a prediction; they are in no number, so a summary with some is not
            comparable.
    """

    distances: DistanceStatistics
    curve: CumulativeCurve
    n_images: int
    n_missing: int


def face_disc(points: np.ndarray) -> FaceDisc:
    """The face disc of a scan.

    Args:
        points: (7, 3) mm: eye corners from the right outer to the left outer, nose base, mouth
            corners.
    """
    if np.shape(points) != (7, 3):
        raise ShapeError("points", np.shape(points), "(7, 3)")
    points = np.asarray(points, np.float64)
    base, bridge = points[4], points[1:3].mean(axis=0)
    size = np.linalg.norm(points[0] - points[3]) + np.linalg.norm(bridge - base)
    return FaceDisc(base + DISC_HEIGHT * (bridge - base), float(DISC_SIZE * size))


def score_now(
    vertices: np.ndarray,
    triangles: np.ndarray,
    points: np.ndarray,
    scan_vertices: np.ndarray,
    scan_points: np.ndarray,
    metrical: bool = False,
) -> NowScore:
    """Distances of a scan's vertices in the face disc to an aligned prediction.

    Similarity of the 7 points, then the similarity with the least squared scan-to-mesh distance
    of the disc. Deviations: the published code allows a mirrored start, which this refuses; it
    minimises by a dogleg method and this by point-to-plane steps, with the same optimum.

    Args:
        vertices: (n, 3) of the predicted neutral face, any unit; mm if `metrical`.
        triangles: (t, 3) of it.
        points: (7, 3) of it, in the order of `face_disc`.
        scan_vertices: (m, 3) mm.
        scan_points: (7, 3) mm.
        metrical: no scale is estimated, the protocol's second track.

    Raises:
        NothingToScore: no vertex of the scan lies in the disc.
    """
    disc = face_disc(scan_points)
    away = np.linalg.norm(scan_vertices - disc.centre, axis=1)
    chosen = np.flatnonzero(away <= disc.radius_mm)
    if len(chosen) == 0:
        raise NothingToScore(
            f"No scan vertex lies within {disc.radius_mm:.1f} of {disc.centre}, expected a face: "
            "check that scan and points are in the same frame and unit."
        )
    inside = np.asarray(scan_vertices, np.float64)[chosen]
    surface = Surface.of(vertices, triangles)
    start = similarity_of_points(points, scan_points, not metrical)
    alignment = similarity_to_scan(surface, inside, start, not metrical, trim=1.0, iterations=100)
    _, distance, _ = surface.nearest(alignment.inverse().apply(inside))
    distance = distance * alignment.scale
    return NowScore(DistanceStatistics.of(distance), distance, chosen, alignment)


def summarise_now(scores: Sequence[NowScore], n_missing: int = 0) -> NowSummary:
    """The triple median, mean, std in mm and the curve over all distances of all images.

    Raises:
        NothingToScore: there are no scores.
    """
    if not scores:
        raise NothingToScore("There is no score to summarise, expected at least one image's.")
    pooled = np.concatenate([score.distance_mm for score in scores])
    return NowSummary(
        DistanceStatistics.of(pooled),
        cumulative_curve(pooled, CURVE_MM),
        len(scores),
        n_missing,
    )
