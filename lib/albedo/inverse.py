"""Albedo times local light: the method without weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lib.albedo.apart import Apart, scaled_light
from lib.albedo.chart import HeadChart
from lib.albedo.photo import ChartPhoto
from lib.imaging import luminance
from lib.render import irradiance
from lib.uvspace.masked import masked_gaussian

DARKEST = 0.004  # linear
SHADOW = 0.012  # of the chart's side: shadows narrower than this stay in the albedo


def take_apart(chart: HeadChart, photos: Sequence[ChartPhoto]) -> tuple[Apart, ...]:
    """Albedo and light of each photo of a subject."""
    return tuple(_one(chart, photo) for photo in photos)


def _one(chart: HeadChart, photo: ChartPhoto) -> Apart:
    received = np.maximum(irradiance(photo.normal, photo.light), DARKEST)
    expected = np.log(np.maximum(photo.albedo, DARKEST) * received)
    seen = np.log(np.maximum(photo.rgb, DARKEST))
    trust = photo.weight * photo.skin * chart.fields.bare
    off = luminance(seen - expected)[..., None]
    shadow = masked_gaussian(off, trust, SHADOW * chart.size[0])
    log_light = np.log(received) + shadow
    rgb = np.exp(seen - log_light).astype(np.float32)
    weight = photo.weight * photo.skin * chart.outer
    local = scaled_light(photo.light, np.repeat(shadow, 3, axis=2), trust)
    return Apart(rgb * (weight > 0)[..., None], weight.astype(np.float32), photo.light, local)
