"""How much skin is squeezed between two poses of one head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

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


def metrics(
    neutral: np.ndarray, posed: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n_vertices, 3, 3) each: squared lengths of tangents of the neutral mesh, before and after.

    A tangent t of the neutral mesh has the squared length t . before . t; the move makes it
    t . after . t. Both are sums over the triangles around each vertex, weighted by area: their
    quotient is the right Cauchy-Green tensor of the surface, smoothed.

    Args:
        neutral: (n_vertices, 3) mm.
        posed: (n_vertices, 3) mm.
        triangles: (t, 3).
    """
    before, after = (np.zeros((len(neutral), 3, 3)) for _ in range(2))
    _gather(
        np.ascontiguousarray(neutral, np.float64),
        np.ascontiguousarray(posed, np.float64),
        np.ascontiguousarray(triangles, np.int32),
        before,
        after,
    )
    return before, after


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
        for metric in metrics(neutral, posed, triangles)
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


@njit(cache=True, nogil=True, inline="always")
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(cache=True, nogil=True)
def _gather(neutral, posed, triangles, before, after):
    for item in range(len(triangles)):
        i, j, k = triangles[item, 0], triangles[item, 1], triangles[item, 2]
        d, e = neutral[j] - neutral[i], neutral[k] - neutral[i]
        p, q = posed[j] - posed[i], posed[k] - posed[i]
        dd, de, ee = _dot(d, d), _dot(d, e), _dot(e, e)
        pp, pq, qq = _dot(p, p), _dot(p, q), _dot(q, q)
        det = dd * ee - de * de
        if det < 1e-12:
            continue
        root = np.sqrt(0.5 * np.sqrt(det))  # of the area
        for m in range(3):
            dm, em = root * (ee * d[m] - de * e[m]) / det, root * (dd * e[m] - de * d[m]) / det
            for n in range(3):
                dn, en = root * (ee * d[n] - de * e[n]) / det, root * (dd * e[n] - de * d[n]) / det
                both = dm * en + em * dn
                old = dm * dn * dd + both * de + em * en * ee
                new = dm * dn * pp + both * pq + em * en * qq
                for corner in (i, j, k):
                    before[corner, m, n] += old
                    after[corner, m, n] += new
