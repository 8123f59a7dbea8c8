"""Points in space from where several cameras see them, wrong measurements aside.

Source: Hartley & Zisserman, Multiple View Geometry, 2nd ed., ch. 12 (triangulation) and A6 (robust
refinement); Fischler & Bolles 1981 (consensus); Beaton & Tukey 1974 (the biweight). Every pair of
views is tried, so nothing is drawn by chance.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from lib.rig.cameras import Cameras

MOST_PAIRS = 400  # of views that hypotheses come from
CUT = 3.0  # standard deviations (of a 2-D error) beyond which a measurement is not believed
BIWEIGHT = 6.0  # standard deviations at which a measurement has lost all say
STEPS = 12
LEAST_ANGLE = np.radians(2.0)  # between two rays that are to meet
RAYLEIGH_MEDIAN = 1.1774  # of the length of a 2-D standard normal error
# Views of one detector err together, so that n of them are worth fewer: share that counts.
INDEPENDENT = 0.3


@dataclass(frozen=True)
class Triangulation:
    """Points in the world's unit of length, and how the measurements agree with them.

    Args:
        points: (p, 3), NaN where fewer than two views agree.
        covariance: (p, 3, 3), NaN likewise.
        inlier: (n_views, p) bool, the measurement was believed.
        error_px: (n_views, p) distance of projection and measurement; NaN = not measured.
        normalised: (n_views, p) the same in standard deviations.
    """

    points: np.ndarray
    covariance: np.ndarray
    inlier: np.ndarray
    error_px: np.ndarray
    normalised: np.ndarray

    def scaled(self, scale: float) -> Triangulation:
        """The same in a world that many times as large."""
        return replace(self, points=scale * self.points, covariance=scale**2 * self.covariance)


def triangulate(cameras: Cameras, points_px: np.ndarray, sigma_px: np.ndarray) -> Triangulation:
    """The points that most measurements agree on.

    Args:
        cameras: of n_views views; those that are not known take no part.
        points_px: (n_views, p, 2) measured points, NaN = none.
        sigma_px: (n_views, p) their standard deviation per axis.
    """
    points_px, sigma_px = np.asarray(points_px, float), np.asarray(sigma_px, float)
    measured = np.isfinite(points_px).all(2) & np.isfinite(sigma_px) & (sigma_px > 0)
    measured &= cameras.known[:, None]
    sigma = np.where(measured, sigma_px, np.inf)
    points = _hypotheses(cameras, points_px, sigma, measured)
    for _ in range(STEPS):
        points = points + _step(cameras, points, points_px, sigma)
    error, normalised = _errors(cameras, points, points_px, sigma)
    inlier = measured & (normalised < CUT)
    lost = (inlier.sum(0) < 2) | ~(_widest_angle(cameras, points, inlier) > LEAST_ANGLE)
    points = np.where(lost[:, None], np.nan, points)
    inlier &= ~lost
    error = np.where(measured & ~lost, error, np.nan)
    normalised = np.where(measured & ~lost, normalised, np.nan)
    covariance = _covariance(cameras, points, sigma, inlier, normalised)
    return Triangulation(points, covariance, inlier, error, normalised)


def _hypotheses(
    cameras: Cameras, points_px: np.ndarray, sigma: np.ndarray, measured: np.ndarray
) -> np.ndarray:
    """(p, 3) of each point the meeting of two rays that all views agree with best."""
    positions, rays = cameras.positions, cameras.rays(points_px)
    n_points = points_px.shape[1]
    best, cost = np.full((n_points, 3), np.nan), np.full(n_points, np.inf)
    for first, second in _pairs(np.flatnonzero(measured.any(1))):
        meeting = _meetings(positions[[first, second]], rays[[first, second]])
        _, normalised = _errors(cameras, meeting, points_px, sigma)
        both = measured[first] & measured[second]
        trial = np.minimum(np.nan_to_num(normalised, nan=CUT), CUT) ** 2
        trial = np.where(both & np.isfinite(meeting).all(1), (trial * measured).sum(0), np.inf)
        better = trial < cost
        best[better], cost[better] = meeting[better], trial[better]
    return best


def _pairs(views: np.ndarray) -> list[tuple[int, int]]:
    pairs = list(itertools.combinations(views.tolist(), 2))
    if len(pairs) <= MOST_PAIRS:
        return pairs
    chosen = np.random.default_rng(0).permutation(len(pairs))[:MOST_PAIRS]
    return [pairs[index] for index in np.sort(chosen)]


def _meetings(positions: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """(p, 3) midpoints of the shortest links between rays (2, p, 3) from positions (2, 3)."""
    apart = positions[1] - positions[0]
    cosine = (rays[0] * rays[1]).sum(1)
    sine2 = 1 - cosine**2
    sine2 = np.where(sine2 > np.sin(LEAST_ANGLE) ** 2, sine2, np.nan)
    along = rays @ apart  # (2, p)
    first = (along[0] - cosine * along[1]) / sine2
    second = (cosine * along[0] - along[1]) / sine2
    ahead = (first > 0) & (second > 0)
    points = (
        positions[0] + first[:, None] * rays[0] + positions[1] + second[:, None] * rays[1]
    ) / 2
    return np.where(ahead[:, None], points, np.nan)


def _errors(
    cameras: Cameras, points: np.ndarray, points_px: np.ndarray, sigma: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n_views, p) px and standard deviations between projections and measurements."""
    error = np.linalg.norm(cameras.project(points) - points_px, axis=2)
    return error, np.where(np.isfinite(sigma), error / sigma, np.nan)


def _step(
    cameras: Cameras, points: np.ndarray, points_px: np.ndarray, sigma: np.ndarray
) -> np.ndarray:
    """(p, 3) Gauss-Newton step under biweights; 0 for points without two views."""
    residual = cameras.project(points) - points_px
    normalised = np.linalg.norm(residual, axis=2) / sigma
    weight = np.clip(1 - (normalised / BIWEIGHT) ** 2, 0, None) ** 2 / sigma**2
    normal, gradient = _normal(cameras, points, np.nan_to_num(residual), np.nan_to_num(weight))
    size = normal.trace(axis1=1, axis2=2)[:, None, None]
    normal = normal + np.where(size > 0, 1e-9 * size, 1.0) * np.eye(3)
    return -np.linalg.solve(normal, gradient[..., None])[..., 0]


def _normal(
    cameras: Cameras, points: np.ndarray, residual: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    slope = np.nan_to_num(cameras.derivatives(points))
    normal = np.einsum("vpxi,vp,vpxj->pij", slope, weight, slope)
    return normal, np.einsum("vpxi,vp,vpx->pi", slope, weight, residual)


def _widest_angle(cameras: Cameras, points: np.ndarray, inlier: np.ndarray) -> np.ndarray:
    """(p,) largest angle at a point between its first believed ray and the others."""
    rays = points[None] - cameras.positions[:, None]
    rays = rays / np.linalg.norm(rays, axis=2, keepdims=True)
    first = np.take_along_axis(rays, inlier.argmax(0)[None, :, None], 0)
    cosine = np.where(inlier, (rays * first).sum(2), 1.0)
    return np.arccos(np.clip(cosine.min(0), -1, 1))


def _covariance(
    cameras: Cameras,
    points: np.ndarray,
    sigma: np.ndarray,
    inlier: np.ndarray,
    normalised: np.ndarray,
) -> np.ndarray:
    """(p, 3, 3): stated sigmas, widened where the errors are larger and by what views share."""
    if not inlier.any():
        return np.full((len(points), 3, 3), np.nan)
    larger = max(1.0, float(np.median(normalised[inlier])) / RAYLEIGH_MEDIAN)
    weight = np.where(inlier, 1.0, 0.0) / np.where(inlier, sigma, 1.0) ** 2
    information, _ = _normal(cameras, points, np.zeros((*inlier.shape, 2)), weight)
    found = inlier.any(0)
    information[~found] = np.eye(3)
    covariance = np.linalg.inv(information) * larger**2 / INDEPENDENT
    return np.where(found[:, None, None], covariance, np.nan)
