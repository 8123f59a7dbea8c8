"""Relief from the detail of a texture: dark is deep, as far as the measured surface agrees."""

from __future__ import annotations

import logging

import numpy as np

from lib.artefacts import Surface, Texture
from lib.displacement.bands import blur_mm
from lib.displacement.chart import Metric, SkinChart, resized, surface_metric
from lib.displacement.options import DisplacementOptions
from lib.displacement.relation import (
    Relation,
    features,
    measured_relation,
    prior_relation,
)

SEEN_WELL = 0.3  # of the texture's weight
MEASURED_WELL = 0.5  # confidence from which only detail finer than the surface's is added
LEAST_LIGHT = 1e-3  # linear; keeps the logarithm finite in black texels
SPOT_LOG = 0.08  # log brightness beyond which darker is no deeper: freckles, moles and hairs

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
    mm_per_texel = metric.resized(side).mm_per_texel
    seen = seen_skin(texture, chart, side)
    measured = resized(surface.confidence, side)
    share = np.clip(measured / MEASURED_WELL, 0, 1)
    coarse_mm = options.coarse_mm + share * (options.surface_mm - options.coarse_mm)
    detail = texture_features(texture, side)
    detail -= blur_mm(detail, seen, mm_per_texel, coarse_mm)
    detail = SPOT_LOG * np.tanh(detail / SPOT_LOG)
    height = np.einsum("rcf,rcf->rc", detail, resized(relation.gain, side), optimize=True)
    height = blur_mm(height, seen, mm_per_texel, options.fine_mm)
    return finished(height, seen, mm_per_texel, coarse_mm, options.limit_mm), seen


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


def texture_features(texture: Texture, side: int) -> np.ndarray:
    """(side, side, 3) `features` of the texture."""
    rgb = resized(texture.rgb, side)
    return features(np.log(np.maximum(rgb, LEAST_LIGHT)))


def tied_relation(
    surface: Surface,
    texture: Texture,
    chart: SkinChart,
    metric: Metric,
    options: DisplacementOptions,
) -> Relation:
    """Height per unit of each feature: the prior's, and what was measured by `options.tie`."""
    prior = prior_relation(options.strength_mm)
    if options.tie == 0:
        return prior
    side = len(surface.confidence)
    weight = seen_skin(texture, chart, side) * surface.confidence.astype(np.float32)
    found = measured_relation(
        texture_features(texture, side),
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
        found.overall[0],
        found.spread[0],
        options.strength_mm,
    )
    mixed = prior.gain + np.float32(options.tie) * (found.gain - prior.gain)
    return Relation(mixed, found.overall, found.spread, found.samples)
