"""Distances from a scan to a reconstructed face after the best similarity, as NoW measures them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.errors import ShapeError
from lib.metrics.align import Similarity, similarity_of_points, similarity_to_scan
from lib.metrics.landmarks import NOW_POINTS
from lib.metrics.surface import Surface, sample_surface

MARGIN_MM = 30.0  # triangles farther than this from every scan point cannot be the nearest


@dataclass(frozen=True)
class Scan:
    """Points of a true surface that are compared.

    Args:
        points: (n, 3) mm, uniform over the surface by area.
        landmarks: (68, 3) mm, iBUG order.
    """

    points: np.ndarray
    landmarks: np.ndarray


@dataclass(frozen=True)
class ScanScore:
    """Distances of scan points to the aligned reconstruction.

    Args:
        median_mm: of all points.
        mean_mm: of all points.
        p90_mm: 90th percentile.
        distance_mm: (n,) of each point.
        alignment: reconstruction to scan.
    """

    median_mm: float
    mean_mm: float
    p90_mm: float
    distance_mm: np.ndarray
    alignment: Similarity


def sample_scan(
    vertices: np.ndarray,
    triangles: np.ndarray,
    landmarks: np.ndarray,
    region: np.ndarray | None = None,
    count: int = 5000,
    seed: int = 0,
) -> Scan:
    """Points spread evenly by area over a true surface, or over a region of it.

    Args:
        vertices: (n_vertices, 3) mm.
        triangles: (n_triangles, 3).
        landmarks: (68, 3) mm.
        region: vertex indices, or (n_vertices,) bool; triangles with all corners in it count.
        count: number of points.
        seed: of the points.

    Raises:
        ShapeError: landmarks are not (68, 3), or no triangle lies in the region.
    """
    if np.shape(landmarks) != (68, 3):
        raise ShapeError("landmarks", np.shape(landmarks), "(68, 3)")
    if region is not None:
        inside = np.zeros(len(vertices), bool)
        inside[region] = True
        triangles = triangles[inside[triangles].all(axis=1)]
    if len(triangles) == 0:
        raise ShapeError("region", (0,), "vertices that hold at least one triangle")
    return Scan(
        sample_surface(vertices, triangles, count, seed).points, np.asarray(landmarks, float)
    )


def score_mesh(
    vertices: np.ndarray,
    triangles: np.ndarray,
    landmarks: np.ndarray,
    scan: Scan,
    with_scale: bool = True,
) -> ScanScore:
    """How far a scan lies from a reconstruction: 7 landmarks, then ICP, then distances.

    Args:
        vertices: (n, 3), any unit if `with_scale`.
        triangles: (t, 3).
        landmarks: (68, 3) of the reconstruction, in its frame.
        scan: the truth, from `sample_scan`.
        with_scale: similarity, as for single photos; False = rigid.

    Source: Sanyal et al. 2019, Learning to regress 3D face shape and expression from an image
    without 3D supervision (NoW benchmark).
    """
    start = similarity_of_points(landmarks[NOW_POINTS], scan.landmarks[NOW_POINTS], with_scale)
    surface = Surface.of(vertices, _near(start.apply(vertices), triangles, scan.points))
    alignment = similarity_to_scan(surface, scan.points, start, with_scale)
    _, distance, _ = surface.nearest(alignment.inverse().apply(scan.points))
    distance = distance * alignment.scale
    return ScanScore(
        float(np.median(distance)),
        float(distance.mean()),
        float(np.percentile(distance, 90)),
        distance,
        alignment,
    )


def _near(vertices: np.ndarray, triangles: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Triangles that touch the box of the scan, widened: a whole head is mostly not the face."""
    low, high = points.min(axis=0) - MARGIN_MM, points.max(axis=0) + MARGIN_MM
    inside = ((vertices > low) & (vertices < high)).all(axis=1)
    kept = triangles[inside[triangles].any(axis=1)]
    return kept if len(kept) else triangles
