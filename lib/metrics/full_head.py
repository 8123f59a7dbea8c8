"""Full-head errors in the way of H3DS: landmarks, ICP on the face, distances of face and head.

Source: Ramon et al. 2021, H3D-Net: Few-shot high-fidelity 3D head reconstruction (ICCV), and the
dataset's public evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from lib.errors import ShapeError
from lib.metrics.align import Similarity, similarity_of_points, similarity_to_scan
from lib.metrics.distances import DistanceStatistics, NothingToScore
from lib.metrics.surface import Mesh

FACE_RADIUS_MM = 95.0  # around the nose tip


@dataclass(frozen=True)
class HeadScore:
    """Errors of a head.

    Args:
        face: distances in mm of true vertices in the face sphere to the reconstruction.
        head: likewise of all true vertices, hair included.
        reverse: distances in mm of the reconstruction's vertices to the truth.
        published_face_mm: mean distance of true face vertices to the nearest *vertex*, which the
            published code measures; larger than that to the surface, the more the coarser a mesh.
        published_head_mm: likewise of all true vertices.
        alignment: reconstruction to truth.
    """

    face: DistanceStatistics
    head: DistanceStatistics
    reverse: DistanceStatistics
    published_face_mm: float
    published_head_mm: float
    alignment: Similarity


def score_head(
    reconstruction: Mesh,
    truth: Mesh,
    points: np.ndarray,
    true_points: np.ndarray,
    nose_tip: np.ndarray,
    aligned_by: np.ndarray | None = None,
    with_scale: bool = True,
    most_vertices: int | None = None,
) -> HeadScore:
    """Distances between two full heads, aligned by landmarks and then by the face.

    Deviation: the published ICP steps from vertex to vertex and stops after 20 steps; this one
    steps from point to plane until it converges.

    Args:
        reconstruction: any unit with `with_scale`, else mm.
        truth: mm.
        points: (n, 3) landmarks of the reconstruction; H3DS has 6.
        true_points: (n, 3) mm, the same of the truth.
        nose_tip: (3,) mm of the truth, centre of the face sphere.
        aligned_by: true vertices that the ICP uses: indices or bool; None = the face sphere.
        with_scale: as published.
        most_vertices: of the truth that are measured, taken in equal steps; None = all.

    Raises:
        ShapeError: the landmarks differ in number.
        NothingToScore: no true vertex lies in the face sphere.
    """
    if np.shape(points) != np.shape(true_points):
        raise ShapeError("points", np.shape(points), f"{np.shape(true_points)} as true_points")
    true_vertices = np.asarray(truth.vertices, np.float64)
    in_face = np.linalg.norm(true_vertices - nose_tip, axis=1) < FACE_RADIUS_MM
    if not in_face.any():
        raise NothingToScore(
            f"No true vertex lies within {FACE_RADIUS_MM:.0f} mm of the nose tip {nose_tip}, "
            "expected a face: the truth must be in mm."
        )
    chosen = true_vertices[in_face if aligned_by is None else aligned_by]
    start = similarity_of_points(points, true_points, with_scale)
    surface = reconstruction.surface
    every = max(1, len(chosen) // 8000)
    alignment = similarity_to_scan(surface, chosen[::every], start, with_scale, trim=1.0)
    placed = alignment.apply(np.asarray(reconstruction.vertices, np.float64))
    if most_vertices is not None:
        step = max(1, round(len(true_vertices) / most_vertices))
        true_vertices, in_face = true_vertices[::step], in_face[::step]
    _, distance, _ = surface.nearest(alignment.inverse().apply(true_vertices))
    distance = alignment.scale * distance
    _, back, _ = truth.surface.nearest(placed)
    to_vertex, _ = cKDTree(placed).query(true_vertices)
    return HeadScore(
        face=DistanceStatistics.of(distance[in_face]),
        head=DistanceStatistics.of(distance),
        reverse=DistanceStatistics.of(back),
        published_face_mm=float(to_vertex[in_face].mean()),
        published_head_mm=float(to_vertex.mean()),
        alignment=alignment,
    )
