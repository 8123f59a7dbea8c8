"""How much skin is squeezed between two poses of one head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.geometry.strain import tangent_metrics
from lib.synthesis.skin.charts import SkinChart


@dataclass(frozen=True)
class Probes:
    """Places on a mesh with a direction in the surface, to ask how it is squeezed there.

    Args:
        triangle: (n,) int32.
        barycentric: (n, 3) float32.
        across: (n, 2) float32 direction as shares of the triangle's first two edges, which start
            at its first corner.
        along: (n, 2) float32 the direction at right angles, likewise.
    """

    triangle: np.ndarray
    barycentric: np.ndarray
    across: np.ndarray
    along: np.ndarray


def probes(canvas: SkinChart, place: np.ndarray, to_mm: np.ndarray) -> Probes:
    """Probes at places (n, 2) of a chart, along the axes of frames (n, 4) from texels to mm."""
    column, row = np.clip(np.rint(place), 0, canvas.side - 1).astype(np.int64).T
    triangle = canvas.triangle[row, column]
    known = np.maximum(triangle, 0)
    corner = canvas.uv[canvas.uv_triangles[known]].astype(np.float64) * canvas.side
    corner[..., 1] *= -1  # rows run down
    edges = (corner[:, 1:] - corner[:, :1]).transpose(0, 2, 1)
    flat = np.abs(np.linalg.det(edges)) < 1e-9
    edges[flat] = np.eye(2)
    frame = to_mm.reshape(-1, 2, 2).astype(np.float64)
    lost = flat | (triangle < 0) | (np.abs(np.linalg.det(frame)) < 1e-9)
    frame[lost] = np.eye(2)
    shares = np.linalg.solve(edges, np.linalg.inv(frame))  # texels of 1 mm, in edges
    shares[lost] = 0
    return Probes(
        known.astype(np.int32),
        canvas.barycentric[row, column],
        shares[..., 1].astype(np.float32),
        shares[..., 0].astype(np.float32),
    )


def compression(
    probe: Probes, neutral: np.ndarray, posed: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) share of its length lost across and along each probe; negative where it is stretched.

    Args:
        probe: where, and which way.
        neutral: (n_vertices, 3) mm.
        posed: (n_vertices, 3) mm.
        triangles: (t, 3).
    """
    corner = triangles[probe.triangle]
    before, after = (
        np.einsum("nk,nkij->nij", probe.barycentric, metric[corner])
        for metric in tangent_metrics(neutral, posed, triangles)
    )
    first = neutral[corner[:, 0]].astype(np.float64)
    one, two = (neutral[corner[:, k]].astype(np.float64) - first for k in (1, 2))
    result = []
    for share in (probe.across, probe.along):
        way = share[:, :1] * one + share[:, 1:] * two
        old, new = (np.einsum("ni,nij,nj->n", way, metric, way) for metric in (before, after))
        lost = 1 - np.sqrt(np.maximum(new, 0) / np.where(old > 1e-12, old, 1))
        result.append(np.where(old > 1e-12, lost, 0).astype(np.float32))
    return result[0], result[1]
