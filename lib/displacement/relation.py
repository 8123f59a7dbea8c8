"""How much height a dark detail of this face has, learnt from what many views measured of it.

Where the surface was measured, its own fine relief is compared with the detail of the texture at
the same scale, region by region: the height per unit of log brightness follows by linear regression
with a prior. Where nothing was measured, or what was measured is too noisy or too smooth to tell,
the prior remains. Colour is left out: light that spreads below the skin tints pits and bumps, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.uvspace.bands import blur_mm

CELLS = 64  # of the coarse grid of regions, along each side of the chart
REGION_MM = 20.0  # standard deviation of the neighbourhood that a region is compared in
SCALES = (1.0, 2.0)  # lower ends of the compared octaves, in units of the surface's finest detail
REGIONAL_SPREAD = 0.15  # how far regions of one face differ, over the prior's own spread
LEAST_NOISE_MM = 0.01  # no measured surface is better than this
ROBUST = 3.0  # robust standard deviations at which a measured height counts no more than that
LEAST_CONFIDENCE = 0.2
# A measured surface is smoother than the skin, and its errors go with the texture that it was
# measured by, all over the face: many places tell no more than so many independent ones.
MOST_SAMPLES = 5.0
CONTRAST_LOG = 0.02  # of skin in an octave; places with more show hair or pigment and count less
LUMINANCE = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True)
class Relation:
    """Height per unit of log brightness.

    Args:
        gain: (cells, cells) float32 mm, regions of the chart in rows from v = 1.
        overall: mm, of the whole face.
        spread: standard deviation of `overall`.
        samples: number of independent places that were compared.
    """

    gain: np.ndarray
    overall: float
    spread: float
    samples: float


def log_brightness(rgb: np.ndarray, least: float) -> np.ndarray:
    """(rows, cols) float32 of (rows, cols, 3) linear colours, each taken as at least `least`."""
    return (np.log(np.maximum(rgb, least)) @ np.float32(LUMINANCE)).astype(np.float32)


def prior_relation(strength_mm: float) -> Relation:
    """Where nothing was measured: dark is deep, by any factor of about that size."""
    gain = np.full((CELLS, CELLS), strength_mm, np.float32)
    return Relation(gain, strength_mm, strength_mm, 0.0)


def measured_relation(
    bright: np.ndarray,
    points_mm: np.ndarray,
    normal: np.ndarray,
    weight: np.ndarray,
    mm_per_texel: np.ndarray,
    surface_mm: float,
    strength_mm: float,
) -> Relation:
    """The relation that texture and measured surface have where both are known.

    Args:
        bright: (rows, cols) log brightness of the texture.
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
    compared = np.dstack([bright, points])
    moments = _Moments.empty()
    for scale in SCALES:
        sigma = scale * surface_mm
        band = _octave(compared, weight, mm_per_texel, sigma)
        height = np.einsum("rcx,rcx->rc", band[..., 1:], normal.astype(np.float32))
        moments = moments + _moments(
            band[..., 0], height, weight, mm_per_texel, sigma, prior.overall
        )
    scaled = moments.scaled(min(1.0, MOST_SAMPLES / max(float(moments.count.sum()), 1e-9)))
    return _solved(scaled, prior, _cell_mm(mm_per_texel, weight))


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
        xx: (cells, cells) of squared brightness.
        xy: (cells, cells) of brightness times height.
        count: (cells, cells) independent samples.
    """

    xx: np.ndarray
    xy: np.ndarray
    count: np.ndarray

    @staticmethod
    def empty() -> _Moments:
        return _Moments(*np.zeros((3, CELLS, CELLS)))

    def __add__(self, other: _Moments) -> _Moments:
        return _Moments(self.xx + other.xx, self.xy + other.xy, self.count + other.count)

    def scaled(self, factor: float) -> _Moments:
        """As if there were so many times the samples."""
        return _Moments(self.xx * factor, self.xy * factor, self.count * factor)


def _moments(
    bright: np.ndarray,
    height: np.ndarray,
    weight: np.ndarray,
    mm_per_texel: np.ndarray,
    sigma_mm: float,
    gain: float,
) -> _Moments:
    """Of one octave; heights far off the rest, such as at a fold that was missed, are held back.

    `gain` is a first guess, since the noise depends on it a little.
    """
    used = weight > 0
    limit = ROBUST * max(_robust_spread(height[used]), LEAST_NOISE_MM)
    height = np.clip(height, -limit, limit)
    # One sample per area of the octave's own blob: neighbouring texels say the same.
    samples = weight * (mm_per_texel / sigma_mm) ** 2 / (4 * np.pi)
    variance = blur_mm(bright**2, weight, mm_per_texel, 3 * sigma_mm)
    samples = samples * np.minimum(1, CONTRAST_LOG**2 / np.maximum(variance, 1e-12))
    for _ in range(2):
        noise = max(_robust_spread((height - gain * bright)[used]), LEAST_NOISE_MM)
        scaled = samples / noise**2
        square = float((bright**2 * scaled).sum(dtype=np.float64))
        gain = float((bright * height * scaled).sum(dtype=np.float64)) / max(square, 1e-9)
    return _Moments(_cells(bright**2 * scaled), _cells(bright * height * scaled), _cells(samples))


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
    precision = 1 / prior.spread**2
    whole = precision + moments.xx.sum()
    overall = float((precision * prior.overall + moments.xy.sum()) / whole)
    sigma = REGION_MM / cell_mm

    def around(values: np.ndarray) -> np.ndarray:
        """Sums over the neighbourhood: as many samples as lie within it."""
        return cv2.GaussianBlur(values, (0, 0), sigma) * (4 * np.pi * sigma**2)

    local = precision / REGIONAL_SPREAD**2
    gain = (local * overall + around(moments.xy)) / (local + around(moments.xx))
    spread = float(whole**-0.5)
    return Relation(gain.astype(np.float32), overall, spread, float(moments.count.sum()))
