"""Relief from the detail of a texture: dark is deep, and what the light says about slopes."""

from __future__ import annotations

import logging

import numpy as np

from lib.artefacts import Surface, Texture
from lib.displacement.chart import Metric, resized, surface_metric
from lib.displacement.light import slope_response
from lib.displacement.options import DisplacementOptions
from lib.displacement.relation import (
    Relation,
    log_brightness,
    measured_relation,
    prior_relation,
)
from lib.uvspace.bands import blur_mm
from lib.uvspace.bare import SkinChart

SEEN_WELL = 0.3  # of the texture's weight
MEASURED_WELL = 0.5  # confidence from which only detail finer than the surface's is added
LEAST_LIGHT = 1e-3  # linear; keeps the logarithm finite in black texels
# Contrast that relief has in the octaves below the coarsest detail, coarse ones first; more is hair
# or pigment, and tells the less of relief the more it is.
CONTRAST_LOG = (0.018, 0.015, 0.012)
CONTRAST_MM = 4.0  # how far around it is measured
SPOT = 2.0  # times the contrast around, beyond which darker is no deeper: moles and single hairs
SHADE_MM = 0.35  # what a slope's shade counts beside the darkness of pits

log = logging.getLogger(__name__)


def highpass_height(
    surface: Surface, texture: Texture, chart: SkinChart, options: DisplacementOptions
) -> tuple[np.ndarray, np.ndarray]:
    """Height and confidence from the band of the texture that the surface does not hold.

    Args:
        surface: the measured surface.
        texture: the blended texture.
        chart: of the head model, at `options.uv_size`.
        options: settings.

    Returns:
        height_mm: (uv_size, uv_size) float32 along the normal, outwards positive; 0 where the
            texture was filled in or no bare skin is. Its local average is 0.
        confidence: (uv_size, uv_size) float32 0..1.

    Raises:
        CaptureFailure: `no_surface`.

    Source: Beeler et al. 2010, High-Quality Single-Shot Capture of Facial Geometry (SIGGRAPH),
        mesoscopic augmentation.
    """
    side = options.uv_size
    metric = surface_metric(surface)
    relation = tied_relation(surface, texture, chart, metric, options)
    fine = metric.resized(side)
    seen = seen_skin(texture, chart, side)
    share = np.clip(resized(surface.confidence, side) / MEASURED_WELL, 0, 1)
    coarse_mm = options.coarse_mm + share * (options.surface_mm - options.coarse_mm)
    gain = resized(relation.gain, side)
    response = resized(_response(surface, texture, chart, metric), side)
    bright = brightness(texture, side)
    height = gain * _octaves(bright, response, seen, fine, options.fine_mm, coarse_mm)
    mm_per_texel = fine.mm_per_texel
    return finished(height, seen, mm_per_texel, coarse_mm, options.limit_mm), seen


def _octaves(
    bright: np.ndarray,
    response: np.ndarray,
    seen: np.ndarray,
    metric: Metric,
    fine_mm: float,
    coarse_mm: np.ndarray,
) -> np.ndarray:
    """(rows, cols) log brightness that is taken for relief, of all octaves together.

    The best estimate of relief from a signal that is mostly something else is what relief would
    do to the signal, turned round, over the signal's own variance.

    Args:
        bright: (rows, cols) log brightness.
        response: (rows, cols, 2) `slope_response`.
        seen: (rows, cols).
        metric: of the chart.
        fine_mm: finest detail.
        coarse_mm: (rows, cols) coarsest.
    """
    mm = metric.mm_per_texel
    result = np.zeros(seen.shape, np.float32)
    upper = blur_mm(bright, seen, mm, coarse_mm)
    for octave, usual in enumerate(CONTRAST_LOG, start=1):
        last = octave == len(CONTRAST_LOG)
        lower = blur_mm(bright, seen, mm, fine_mm if last else coarse_mm / 2**octave)
        band, upper = lower - upper, lower
        variance = np.maximum(blur_mm(band**2, seen, mm, CONTRAST_MM), 1e-12)
        limit = SPOT * np.sqrt(variance)
        band = limit * np.tanh(band / limit)
        to_right = np.gradient(band, axis=1) / metric.across
        upwards = -np.gradient(band, axis=0) / metric.down
        shade = response[..., 0] * to_right + response[..., 1] * upwards
        result += np.minimum(1, usual**2 / variance) * (band - SHADE_MM * shade)
    return result


def _response(surface: Surface, texture: Texture, chart: SkinChart, metric: Metric) -> np.ndarray:
    """`slope_response` at the size of the surface."""
    side = len(surface.confidence)
    bright = brightness(texture, side)
    return slope_response(surface, bright, seen_skin(texture, chart, side), metric.mm_per_texel)


def finished(
    height: np.ndarray,
    seen: np.ndarray,
    mm_per_texel: np.ndarray,
    coarse_mm: np.ndarray,
    limit_mm: float,
) -> np.ndarray:
    """(rows, cols) float32: heights about their local average, faded out and within the limit."""
    level = height - blur_mm(height, seen, mm_per_texel, coarse_mm)
    return (limit_mm * np.tanh(level * seen / limit_mm)).astype(np.float32)


def seen_skin(texture: Texture, chart: SkinChart, side: int) -> np.ndarray:
    """(side, side) float32 0..1: bare skin that a photo shows."""
    weight = np.clip(resized(texture.weight, side) / SEEN_WELL, 0, 1)
    if len(texture.weight) < side:  # interpolation must not reach into what was filled in
        weight *= resized((texture.weight > 0).astype(np.float32), side) > 1 - 1e-6
    return weight * resized(chart.bare, side)


def brightness(texture: Texture, side: int) -> np.ndarray:
    """(side, side) float32 log brightness of the texture."""
    return log_brightness(resized(texture.rgb, side), LEAST_LIGHT)


def tied_relation(
    surface: Surface,
    texture: Texture,
    chart: SkinChart,
    metric: Metric,
    options: DisplacementOptions,
) -> Relation:
    """Height per unit of log brightness: the prior's, and what was measured by `options.tie`."""
    prior = prior_relation(options.strength_mm)
    if options.tie == 0:
        return prior
    side = len(surface.confidence)
    weight = seen_skin(texture, chart, side) * surface.confidence.astype(np.float32)
    found = measured_relation(
        brightness(texture, side),
        surface.points_mm,
        surface.normal,
        weight,
        metric.mm_per_texel,
        options.surface_mm,
        options.strength_mm,
    )
    log.info(
        "%.0f places compared: %.3f +- %.3f mm per unit of log brightness (expected %.3f)",
        found.samples,
        found.overall,
        found.spread,
        options.strength_mm,
    )
    mixed = prior.gain + np.float32(options.tie) * (found.gain - prior.gain)
    return Relation(mixed, found.overall, found.spread, found.samples)
