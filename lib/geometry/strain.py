"""How a surface is stretched and squeezed between two poses of one mesh."""

from __future__ import annotations

import numpy as np
from numba import njit


def tangent_metrics(
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


class RestingSkin:
    """A mesh at rest, to ask how poses squeeze it.

    Args:
        neutral: (n_vertices, 3) mm.
        triangles: (t, 3) of the part that is asked about.
    """

    def __init__(self, neutral: np.ndarray, triangles: np.ndarray) -> None:
        self._neutral, self._triangles = neutral, triangles
        self.vertices = np.unique(triangles)
        before, _ = tangent_metrics(neutral, neutral, triangles)
        size, axes = np.linalg.eigh(before[self.vertices])  # the first axis is the normal
        known = size[:, 1] > 1e-9
        root = np.where(known[:, None], 1 / np.sqrt(np.maximum(size[:, 1:], 1e-9)), 0)
        self._known, self._plane = known, axes[:, :, 1:]
        self._unit = self._plane * root[:, None, :]

    def squeeze(self, posed: np.ndarray) -> np.ndarray:
        """(n_vertices, 3, 3) how much skin is squeezed, in every direction of its tangent plane.

        For a unit tangent t of the neutral mesh, t . S . t is about the share of its length that
        is lost; negative where it is stretched. S = 1 - U in the tangent plane, U the right
        stretch tensor; 0 along the normal, and at vertices without area.

        Args:
            posed: (n_vertices, 3) mm.
        """
        _, after = tangent_metrics(self._neutral, posed, self._triangles)
        squared = self._unit.swapaxes(1, 2) @ after[self.vertices] @ self._unit
        stretch, way = np.linalg.eigh(squared)
        way = self._plane @ way
        lost = np.where(self._known[:, None], 1 - np.sqrt(np.maximum(stretch, 0)), 0)
        result = np.zeros((len(posed), 3, 3))
        result[self.vertices] = (way * lost[:, None, :]) @ way.swapaxes(1, 2)
        return result


def squeeze(neutral: np.ndarray, posed: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(n_vertices, 3, 3) of `RestingSkin.squeeze`, for a single pose."""
    return RestingSkin(neutral, triangles).squeeze(posed)


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
