"""Whether errors are as large as their sigma says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erfinv

from lib.errors import ShapeError
from lib.geometry import vertex_normals
from lib.metrics.align import Similarity
from lib.metrics.distances import NothingToScore
from lib.metrics.surface import Surface

LEVELS = (0.5, 0.8, 0.95)
FINE_LEVELS = tuple(np.linspace(0.05, 0.95, 19).tolist())


@dataclass(frozen=True)
class Calibration:
    """How well sigmas tell errors.

    Args:
        levels: 0..1 of central Gaussian intervals.
        coverage: share of errors inside each; ideal: the level.
        expected_error: mean over levels 0.05, 0.10 ... 0.95 of |coverage - level|; 0 is best.
        sharpness: root mean square of sigma, in its unit; of two that are calibrated, the smaller
            tells more.
        ratio: root mean square of error / sigma; above 1 = sigmas are too small.
        count: errors that counted.
    """

    levels: tuple[float, ...]
    coverage: tuple[float, ...]
    expected_error: float
    sharpness: float
    ratio: float
    count: int


def calibration(
    error: np.ndarray, sigma: np.ndarray, levels: tuple[float, ...] = LEVELS
) -> Calibration:
    """Coverage, expected calibration error and sharpness of Gaussian sigmas.

    Args:
        error: (n,) signed or absolute, in the unit of sigma; NaN does not count.
        sigma: (n,) standard deviations, positive.
        levels: 0..1, whose coverage is told.

    Raises:
        ShapeError: the arrays differ in shape.
        NothingToScore: no error counts, or a sigma is not positive.

    Source: Kuleshov, Fenner & Ermon 2018, Accurate uncertainties for deep learning using
    calibrated regression (ICML), with the mean size in place of the sum of squares.
    """
    error, sigma = np.asarray(error, np.float64), np.asarray(sigma, np.float64)
    if error.shape != sigma.shape:
        raise ShapeError("error", error.shape, f"{sigma.shape} as sigma")
    counts = np.isfinite(error) & np.isfinite(sigma)
    error, sigma = error[counts], sigma[counts]
    if len(error) == 0 or sigma.min() <= 0:
        raise NothingToScore(
            f"{len(error)} errors have a sigma and {int((sigma <= 0).sum())} of these are not "
            "positive, expected at least one and all positive."
        )
    fine = np.array(coverage(error, sigma, FINE_LEVELS))
    return Calibration(
        levels=levels,
        coverage=tuple(coverage(error, sigma, levels)),
        expected_error=float(np.abs(fine - FINE_LEVELS).mean()),
        sharpness=float(np.sqrt((sigma**2).mean())),
        ratio=float(np.sqrt(((error / sigma) ** 2).mean())),
        count=len(error),
    )


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
