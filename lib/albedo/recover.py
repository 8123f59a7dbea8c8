"""Albedo of a subject from all captures, and the light of each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from lib.albedo.apart import LOCAL_SIDE, Apart, Method
from lib.albedo.chart import HeadChart, head_chart
from lib.albedo.complete import complete
from lib.albedo.gloss import usual_gloss
from lib.albedo.gloss_views import gloss_of_views
from lib.albedo.inverse import take_apart
from lib.albedo.network import UVNetMethod
from lib.albedo.options import NETWORKS, AlbedoOptions
from lib.albedo.photo import ChartPhoto, Source, chart_photos
from lib.artefacts import Albedo, as_failure
from lib.errors import CaptureFailure
from lib.facemodel import FaceModel
from lib.facemodel.pigment import typology_angle
from lib.imaging import luminance
from lib.render import fill_margins, irradiance

logger = logging.getLogger(__name__)

BARE = 0.5  # weight from which a texel's skin tells the typology angle
LEAST_TEXELS = 50
DARKEST, BRIGHTEST = 0.002, 0.95  # linear albedo
INNER_RANGE = 2.0  # how far eyes, teeth and mouth may leave their usual brightness


@dataclass(frozen=True)
class AlbedoTools:
    """What all captures share.

    Args:
        chart: of the head model.
        method: takes photos apart; None = the fit's albedo and light are taken.
    """

    chart: HeadChart
    method: Method | None

    @classmethod
    def load(
        cls, options: AlbedoOptions, model: FaceModel, device: torch.device | str = "cpu"
    ) -> AlbedoTools:
        """The tools of a method; `device` is where networks run.

        Raises:
            ConfigError: it needs weights and none are named, or they are of another head.
            MissingModelError: the weights are not there.
        """
        method: Method | None = None if options.method == "none" else take_apart
        if options.method in NETWORKS:
            method = UVNetMethod.load(options, model, device)
        return cls(head_chart(model, options.uv_size), method)


def recover_albedo(
    sources: Sequence[Source], options: AlbedoOptions, tools: AlbedoTools
) -> tuple[Albedo | CaptureFailure, ...]:
    """The albedo that all captures of one subject share, and the light on each.

    Args:
        sources: captures of one subject.
        options: settings.
        tools: of the method.

    Returns:
        One for each capture; a failure where its photos cannot be opened.
    """
    photos: list[tuple[ChartPhoto, ...] | CaptureFailure] = []
    for source in sources:
        try:
            photos.append(chart_photos(tools.chart, source))
        except Exception as error:
            photos.append(as_failure(error, source.capture.view[0]))
    usable = [found for found in photos if not isinstance(found, CaptureFailure)]
    shown = [photo for found in usable for photo in found]
    if not shown:
        return tuple(found for found in photos if isinstance(found, CaptureFailure))
    take = tools.method or _as_fitted
    apart = take(tools.chart, shown)
    rgb, known = _agreed(apart)
    weight = np.max([one.weight for one in apart], axis=0).astype(np.float32)
    gloss = _gloss(tools.chart, sources)
    inner = next(s for s, found in zip(sources, photos, strict=True) if found is usable[0])
    whole = _whole(tools.chart, rgb, known, shown[0], inner)
    result: list[Albedo | CaptureFailure] = []
    left = list(zip(shown, apart, strict=True))
    for source, found in zip(sources, photos, strict=True):
        if isinstance(found, CaptureFailure):
            result.append(found)
            continue
        own, left = left[: len(found)], left[len(found) :]
        result.append(_albedo(tools.chart, options, source, own, whole, weight, gloss))
    return tuple(result)


def _as_fitted(chart: HeadChart, photos: Sequence[ChartPhoto]) -> tuple[Apart, ...]:
    """The fitted head's own albedo and light."""
    local = np.zeros((LOCAL_SIDE, LOCAL_SIDE, 9, 3), np.float32)
    return tuple(
        Apart(photo.albedo, photo.weight * photo.skin * chart.outer, photo.light, local)
        for photo in photos
    )


def _agreed(apart: Sequence[Apart]) -> tuple[np.ndarray, np.ndarray]:
    """Albedo (rows, cols, 3) that photos agree on, and how far it is known (rows, cols)."""
    total = sum(one.share for one in apart)
    log_rgb = sum(one.share[..., None] * np.log(np.maximum(one.rgb, DARKEST)) for one in apart)
    mean = np.exp(log_rgb / np.maximum(total, 1e-6)[..., None]).astype(np.float32)
    best = np.max([one.known for one in apart], axis=0)
    return mean * (total > 0)[..., None], best.astype(np.float32)


def _whole(
    chart: HeadChart, rgb: np.ndarray, weight: np.ndarray, photo: ChartPhoto, source: Source
) -> np.ndarray:
    """(rows, cols, 3) float32 albedo of every texel, gaps between the charts filled."""
    usual = chart.tempered(chart.spread(chart.model.albedo(source.fit.albedo)))
    skin = complete(chart, rgb, weight, usual)
    inner = _inner(chart, source, photo)
    whole = np.clip(np.where(chart.skin[..., None], skin, inner), DARKEST, BRIGHTEST)
    return fill_margins(whole.astype(np.float32), chart.mask)


def _inner(chart: HeadChart, source: Source, photo: ChartPhoto) -> np.ndarray:
    """(rows, cols, 3) eyes, teeth and mouth: the texture's under the light from in front."""
    side = chart.size[::-1]
    lit = cv2.resize(source.texture.rgb.astype(np.float32), side, interpolation=cv2.INTER_AREA)
    front = irradiance(np.array([0.0, 0.0, 1.0], np.float32), photo.light)
    usual = np.maximum(chart.inner_albedo, DARKEST)
    ratio = lit / np.maximum(front, 0.05) / usual
    grey = np.maximum(luminance(ratio)[..., None], 1e-3)
    return usual * ratio * np.clip(grey, 1 / INNER_RANGE, INNER_RANGE) / grey


def _albedo(
    chart: HeadChart,
    options: AlbedoOptions,
    source: Source,
    own: Sequence[tuple[ChartPhoto, Apart]],
    whole: np.ndarray,
    weight: np.ndarray,
    gloss: np.ndarray,
) -> Albedo:
    """The artefact of one capture."""
    n_views = len(source.capture.view)
    light = np.full((n_views, 9, 3), np.nan, np.float32)
    local = np.zeros((n_views, LOCAL_SIDE, LOCAL_SIDE, 9, 3), np.float16)
    white, told = np.ones((n_views, 3), np.float32), ["none"] * n_views
    for photo, apart in own:
        for view, gain in photo.gains.items():
            light[view] = apart.light * gain
            local[view] = apart.local * gain
            white[view], told[view] = photo.white, photo.white_source
    angle = _angle(chart, whole, weight)
    return Albedo(
        method=options.method,
        rgb=whole,
        weight=weight * chart.mask,
        specular=gloss[..., 0],
        roughness=gloss[..., 1],
        gloss_weight=gloss[..., 2],
        light=light,
        local_light=local,
        white=white,
        white_source=tuple(told),
        ita_deg=np.float32(angle),
        ita_sigma_deg=np.float32(own[0][1].angle_sigma_deg if np.isfinite(angle) else np.nan),
    )


def _gloss(chart: HeadChart, sources: Sequence[Source]) -> np.ndarray:
    """(rows, cols, 3) float32 reflectance, roughness, and how far views told of both."""
    gloss, told = gloss_of_views(chart, sources, usual_gloss(chart))
    return np.dstack([fill_margins(gloss, chart.mask), told * chart.mask])


def _angle(chart: HeadChart, rgb: np.ndarray, weight: np.ndarray) -> float:
    """Mean typology angle in degrees of the bare skin that was seen; NaN where there is none."""
    bare = (weight * chart.fields.bare > BARE) & (chart.fields.lips < BARE)
    if bare.sum() < LEAST_TEXELS:
        return float("nan")
    return float(typology_angle(rgb[bare]).mean())
