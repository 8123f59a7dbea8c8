"""Whether errors are as large as their sigma says."""

from __future__ import annotations

import numpy as np
from scipy.special import erfinv

from lib.geometry import vertex_normals
from lib.metrics.align import Similarity
from lib.metrics.surface import Surface

LEVELS = (0.5, 0.8, 0.95)


def coverage(
    error: np.ndarray, sigma: np.ndarray, levels: tuple[float, ...] = LEVELS
) -> list[float]:
    """Share of errors inside the central Gaussian interval of each level; ideal: the level.

    Args:
        error: (n,) signed or absolute, in the unit of sigma; NaN does not count.
        sigma: (n,) standard deviations.
        levels: 0..1.
    """
    ratio = np.abs(error) / sigma
    ratio = ratio[np.isfinite(ratio)]
    return [float((ratio <= np.sqrt(2) * erfinv(level)).mean()) for level in levels]


def scan_coverage(
    vertices: np.ndarray,
    triangles: np.ndarray,
    sigma_mm: np.ndarray,
    chosen: np.ndarray,
    alignment: Similarity,
    truth: Surface,
    levels: tuple[float, ...] = LEVELS,
) -> list[float]:
    """Coverage of the distances of vertices to the true surface, along the vertex normals.

    The nearest point of a surface tells nothing of errors along it; a vertex sigma, the root of
    the trace of its covariance, is therefore taken as sqrt(3) times that along the normal.

    Args:
        vertices: (n, 3) mm of the reconstruction.
        triangles: (t, 3).
        sigma_mm: (n,) vertex sigma.
        chosen: vertices that are compared.
        alignment: reconstruction to truth.
        truth: the true surface.
        levels: 0..1.
    """
    normals = vertex_normals(vertices, triangles)[chosen] @ alignment.rotation.T
    points = alignment.apply(vertices[chosen])
    nearest, _, _ = truth.nearest(points)
    error = ((nearest - points) * normals).sum(axis=1)
    return coverage(error, alignment.scale * sigma_mm[chosen] / np.sqrt(3), levels)
