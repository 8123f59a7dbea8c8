"""How much height a dark detail of this face has, learnt from what many views measured of it.

Where the surface was measured, its own fine relief is compared with the detail of the texture at
the same scale, region by region: the height per unit of log brightness, and of the two colour
differences, follows by linear regression with a prior. Freckles and stubble on skin that was
measured flat so count little, however dark they are; where nothing was measured, or what was
measured is too noisy to tell, the prior remains.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.displacement.bands import blur_mm

N_FEATURES = 3
CELLS = 64  # of the coarse grid of regions, along each side of the chart
REGION_MM = 20.0  # standard deviation of the neighbourhood that a region is compared in
SCALES = (1.0, 2.0)  # lower ends of the compared octaves, in units of the surface's finest detail
PRIOR_SPREAD = (1.0, 0.35)  # sd of a gain over the prior: on brightness, on colour differences
REGIONAL_SPREAD = 0.15  # of that: how far regions of one face differ
LEAST_NOISE_MM = 0.01  # no measured surface is better than this
ROBUST = 3.0  # robust standard deviations at which a measured height counts no more than that
LEAST_CONFIDENCE = 0.2


@dataclass(frozen=True)
class Relation:
    """Height per unit of each feature of the texture.

    Args:
        gain: (cells, cells, 3) mm, regions of the chart in rows from v = 1.
        overall: (3,) mm, of the whole face.
        spread: (3,) standard deviation of `overall`.
        samples: number of independent places that were compared.
    """

    gain: np.ndarray
    overall: np.ndarray
    spread: np.ndarray
    samples: float


def features(log_rgb: np.ndarray) -> np.ndarray:
    """(rows, cols, 3): log brightness, and how red and blue differ from green."""
    red, green, blue = np.moveaxis(log_rgb, 2, 0)
    bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return np.stack([bright, red - green, blue - green], axis=2).astype(np.float32)


def prior_relation(strength_mm: float) -> Relation:
    """Where nothing was measured: dark is deep, colour says nothing."""
    mean = np.array([strength_mm, 0.0, 0.0])
    gain = np.broadcast_to(mean.astype(np.float32), (CELLS, CELLS, N_FEATURES)).copy()
    return Relation(gain, mean, _prior_spread(strength_mm), 0.0)


def _prior_spread(strength_mm: float) -> np.ndarray:
    on_brightness, on_colour = PRIOR_SPREAD
    return strength_mm * np.array([on_brightness, on_colour, on_colour])


def measured_relation(
    detail: np.ndarray,
    points_mm: np.ndarray,
    normal: np.ndarray,
    weight: np.ndarray,
    mm_per_texel: np.ndarray,
    surface_mm: float,
    strength_mm: float,
) -> Relation:
    """The relation that texture and measured surface have where both are known.

    Args:
        detail: (rows, cols, 3) `features` of the texture.
        points_mm: (rows, cols, 3) the measured surface; anything where `weight` is 0.
        normal: (rows, cols, 3) unit.
        weight: (rows, cols) 0..1: bare skin, seen and measured.
        mm_per_texel: (rows, cols).
        surface_mm: finest detail that the surface holds.
        strength_mm: the prior's height per unit of log brightness.

    Source: the embedding of Beeler et al. 2010, High-Quality Single-Shot Capture of Facial
        Geometry (SIGGRAPH), with its strength measured instead of set.
    """
    weight = np.where(weight >= LEAST_CONFIDENCE, weight, 0).astype(np.float32)
    prior = prior_relation(strength_mm)
    if strength_mm <= 0 or not weight.any():
        return prior
    points = np.where(weight[..., None] > 0, points_mm, 0).astype(np.float32)
    moments = _Moments.empty()
    for scale in SCALES:
        sigma = scale * surface_mm
        compared = np.concatenate([detail, points], axis=2)
        band = _octave(compared, weight, mm_per_texel, sigma)
        height = np.einsum("rcx,rcx->rc", band[..., N_FEATURES:], normal.astype(np.float32))
        moments = moments + _moments(
            band[..., :N_FEATURES], height, weight, mm_per_texel, sigma, prior.overall
        )
    return _solved(moments, prior, _cell_mm(mm_per_texel, weight))


def _octave(
    values: np.ndarray, weight: np.ndarray, mm_per_texel: np.ndarray, sigma_mm: float
) -> np.ndarray:
    """One octave of detail, freed of the trend that a bent surface leaves in it."""
    levels = [blur_mm(values, weight, mm_per_texel, factor * sigma_mm) for factor in (1, 2)]
    band = levels[0] - levels[1]
    return band - blur_mm(band, weight, mm_per_texel, 3 * sigma_mm)


@dataclass(frozen=True)
class _Moments:
    """Sums over the texels of each cell, in units of independent samples over noise variance.

    Args:
        xx: (cells, cells, 3, 3).
        xy: (cells, cells, 3).
        count: (cells, cells) independent samples.
    """

    xx: np.ndarray
    xy: np.ndarray
    count: np.ndarray

    @staticmethod
    def empty() -> _Moments:
        return _Moments(
            np.zeros((CELLS, CELLS, N_FEATURES, N_FEATURES)),
            np.zeros((CELLS, CELLS, N_FEATURES)),
            np.zeros((CELLS, CELLS)),
        )

    def __add__(self, other: _Moments) -> _Moments:
        return _Moments(self.xx + other.xx, self.xy + other.xy, self.count + other.count)


def _moments(
    detail: np.ndarray,
    height: np.ndarray,
    weight: np.ndarray,
    mm_per_texel: np.ndarray,
    sigma_mm: float,
    first_guess: np.ndarray,
) -> _Moments:
    """Of one octave; heights far off the rest, such as at a fold that was missed, are held back."""
    used = weight > 0
    limit = ROBUST * max(_robust_spread(height[used]), LEAST_NOISE_MM)
    height = np.clip(height, -limit, limit)
    # One sample per area of the octave's own blob: neighbouring texels say the same.
    samples = weight * (mm_per_texel / sigma_mm) ** 2 / (4 * np.pi)
    gain = first_guess
    for _ in range(2):  # the noise depends on the gain, little
        noise = max(_robust_spread((height - detail @ gain)[used]), LEAST_NOISE_MM)
        scaled = samples / noise**2
        xx = np.einsum("rci,rcj,rc->ij", detail, detail, scaled, optimize=True)
        xy = np.einsum("rci,rc,rc->i", detail, height, scaled, optimize=True)
        gain = np.linalg.solve(xx + 1e-9 * np.eye(N_FEATURES) * np.trace(xx), xy)
    products = [_cells(detail[..., i] * detail[..., j] * scaled) for i, j in _PAIRS]
    xx = np.empty((CELLS, CELLS, N_FEATURES, N_FEATURES))
    for (i, j), product in zip(_PAIRS, products):
        xx[..., i, j] = xx[..., j, i] = product
    xy = np.stack([_cells(detail[..., i] * height * scaled) for i in range(N_FEATURES)], axis=2)
    return _Moments(xx, xy, _cells(samples))


_PAIRS = [(i, j) for i in range(N_FEATURES) for j in range(i, N_FEATURES)]


def _robust_spread(values: np.ndarray) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values)))) if values.size else 0.0


def _cells(values: np.ndarray) -> np.ndarray:
    """(cells, cells) float64 sums of (rows, cols) values over the regions of the chart."""
    mean = cv2.resize(values.astype(np.float64), (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return mean * (values.size / CELLS**2)


def _cell_mm(mm_per_texel: np.ndarray, weight: np.ndarray) -> float:
    return float(np.median(mm_per_texel[weight > 0])) * len(weight) / CELLS


def _solved(moments: _Moments, prior: Relation, cell_mm: float) -> Relation:
    """The whole face first; then each region, with the whole face as its prior."""
    precision = np.diag(1 / prior.spread**2)
    whole = precision + moments.xx.sum(axis=(0, 1))
    overall = np.linalg.solve(whole, precision @ prior.overall + moments.xy.sum(axis=(0, 1)))
    sigma = REGION_MM / cell_mm

    def around(values: np.ndarray) -> np.ndarray:
        """Sums over the neighbourhood: as many samples as lie within it."""
        flat = np.ascontiguousarray(values.reshape(CELLS, CELLS, -1))
        planes = [cv2.GaussianBlur(plane, (0, 0), sigma) for plane in np.moveaxis(flat, 2, 0)]
        return np.stack(planes, axis=2).reshape(values.shape) * (4 * np.pi * sigma**2)

    local = precision / REGIONAL_SPREAD**2
    left = local + around(moments.xx)
    right = local @ overall + around(moments.xy)
    gain = np.linalg.solve(left, right[..., None])[..., 0]
    spread = np.sqrt(np.diag(np.linalg.inv(whole)))
    return Relation(gain.astype(np.float32), overall, spread, float(moments.count.sum()))
