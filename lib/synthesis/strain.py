"""How much skin is squeezed between two poses of one head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from lib.synthesis.charts import SkinChart


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


def squared_stretch(neutral: np.ndarray, posed: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(n_vertices, 3, 3) what is added to squared lengths of tangents of the neutral mesh.

    Twice Green's strain of the triangles around each vertex, weighted by area: a tangent t of
    length 1 has the squared length 1 + t . result . t after the move.

    Args:
        neutral: (n_vertices, 3) mm.
        posed: (n_vertices, 3) mm.
        triangles: (t, 3).
    """
    total = np.zeros((len(neutral), 3, 3))
    weight = np.zeros(len(neutral))
    _gather(
        np.ascontiguousarray(neutral, np.float64),
        np.ascontiguousarray(posed, np.float64),
        np.ascontiguousarray(triangles, np.int32),
        total,
        weight,
    )
    return total / np.maximum(weight, 1e-12)[:, None, None]


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
    change = squared_stretch(neutral, posed, triangles)
    corner = triangles[probe.triangle]
    local = np.einsum("nk,nkij->nij", probe.barycentric, change[corner])
    first = neutral[corner[:, 0]].astype(np.float64)
    one, two = (neutral[corner[:, k]].astype(np.float64) - first for k in (1, 2))
    result = []
    for share in (probe.across, probe.along):
        way = share[:, :1] * one + share[:, 1:] * two
        length = np.maximum((way * way).sum(axis=1), 1e-12)
        gain = np.einsum("ni,nij,nj->n", way, local, way) / length
        result.append((1 - np.sqrt(np.maximum(1 + gain, 0))).astype(np.float32))
    return result[0], result[1]


@njit(cache=True, nogil=True)
def _gather(neutral, posed, triangles, total, weight):
    d, p = np.empty((2, 3)), np.empty((2, 3))
    dual, change = np.empty((2, 3)), np.empty((2, 2))
    for item in range(len(triangles)):
        i, j, k = triangles[item, 0], triangles[item, 1], triangles[item, 2]
        for axis in range(3):
            d[0, axis] = neutral[j, axis] - neutral[i, axis]
            d[1, axis] = neutral[k, axis] - neutral[i, axis]
            p[0, axis] = posed[j, axis] - posed[i, axis]
            p[1, axis] = posed[k, axis] - posed[i, axis]
        a = (d[0] * d[0]).sum()
        b = (d[0] * d[1]).sum()
        c = (d[1] * d[1]).sum()
        det = a * c - b * b
        if det < 1e-12:
            continue
        area = 0.5 * np.sqrt(det)
        for axis in range(3):
            dual[0, axis] = (c * d[0, axis] - b * d[1, axis]) / det
            dual[1, axis] = (a * d[1, axis] - b * d[0, axis]) / det
        change[0, 0] = (p[0] * p[0]).sum() - a
        change[1, 1] = (p[1] * p[1]).sum() - c
        change[0, 1] = (p[0] * p[1]).sum() - b
        change[1, 0] = change[0, 1]
        for m in range(3):
            for n in range(3):
                value = 0.0
                for s in range(2):
                    for t in range(2):
                        value += dual[s, m] * change[s, t] * dual[t, n]
                value *= area
                total[i, m, n] += value
                total[j, m, n] += value
                total[k, m, n] += value
        weight[i] += area
        weight[j] += area
        weight[k] += area
