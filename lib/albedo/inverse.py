"""Albedo times local light: the method without weights.

The log colour of a photo is the fitted head's albedo, plus its distant light with the head's own
occlusion, plus a deviation. `bands` tell what of the deviation is skin; the rest is local light:
shadows of hair and nose, lamps nearby, relief that nobody found. Lips, brows and beards have
colours of their own; there the local light is carried on from the skin around.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lib.albedo.apart import UNSURE_DEG, Apart, scaled_light
from lib.albedo.bands import skin_of
from lib.albedo.chart import HeadChart
from lib.albedo.light import fit_light, received, shine
from lib.albedo.photo import ChartPhoto
from lib.albedo.tone import Shown, Tone, tell_tone
from lib.render import irradiance
from lib.uvspace.masked import masked_gaussian
from lib.uvspace.shown import ramp

DARKEST = 0.004  # linear
OFF_RANGE = (-2.0, 0.8)  # log; a colour that is further off is no skin
SURE = 0.3  # trust from which a texel tells light and tone
NEAR = 0.003  # of the chart's side: beyond, what is no bare skin is as the fitted head has it
CARRIED = 0.012  # of the chart's side: local light is carried on smoothly from so far
OUTLIER = 0.25  # log; a photo that leaves the others by more counts less
LEAST_TEXELS = 100
SURELY_SKIN = (0.4, 0.9)  # of its probability: between, hair lies over it
HAIR_DARKER = (0.05, 0.35)  # log: what grows on skin is so much darker; the rest is before it
OTHER_LIGHT = 0.35  # share of a further photo's light that the others do not have as well
BROWS = (0.02, 0.2)  # of the chart's field of brows
ABOUT_BROWS, UNDER_BROWS = 0.004, 0.02  # of the chart's side: so far skin is carried on below them
STRAND = 0.006  # of the chart's side: strands are darker than what is around so far
STRAND_DARKER = (0.04, 0.20)  # log
STUBBLE = 1.0  # so much more a deviation counts as the skin's where beards grow
OWN_RANGE = (-1.5, 0.15)  # log luminance: lips, brows and beards are darker than skin around


@dataclass(frozen=True)
class _Explained:
    """A photo, and what the fitted head under a distant light explains of it.

    Args:
        photo: the photo.
        log_usual: (rows, cols, 3) log albedo of the fitted head.
        log_light: (rows, cols, 3) log of the light that arrives.
        light: (9, 3).
        off: (rows, cols, 3) what neither explains, without its mean; 0 where not seen.
        trust: (rows, cols) bare skin that was seen.
    """

    photo: ChartPhoto
    log_usual: np.ndarray
    log_light: np.ndarray
    light: np.ndarray
    off: np.ndarray
    trust: np.ndarray


def take_apart(chart: HeadChart, photos: Sequence[ChartPhoto]) -> tuple[Apart, ...]:
    """Albedo and light of each photo of a subject; where photos show skin, it is the same skin."""
    explained = [_explain(chart, photo) for photo in photos]
    mean, weight, count = _together(explained)
    count = (1 + OTHER_LIGHT * (count - 1)) * (1 + STUBBLE * chart.fields.beard)
    skin = skin_of(mean, weight, count) * _near(weight, NEAR * chart.size[0])
    tone, usual = _tone(explained, skin)
    shift = tone.log_albedo - usual
    return tuple(_apart(chart, one, skin, shift, tone.sigma_deg) for one in explained)


def _explain(chart: HeadChart, photo: ChartPhoto) -> _Explained:
    """The distant light of a photo, and what it leaves."""
    bare = ramp(photo.skin, *SURELY_SKIN)
    trust = photo.weight * bare * chart.fields.bare * (1 - chart.fields.lips)
    seen = photo.weight > 0
    usual = chart.tempered(photo.albedo)
    basis = received(photo.normal[seen], chart.normal[seen], chart.transfer[seen])
    tells = trust[seen] > SURE
    light = photo.light
    if tells.sum() > LEAST_TEXELS:
        parts = photo.rgb[seen], usual[seen], basis, trust[seen]
        light = fit_light(*(part[tells] for part in parts))
    log_light = np.zeros(photo.rgb.shape, np.float32)
    log_light[seen] = np.log(shine(basis, light))
    log_usual = _without_brows(chart, np.log(np.maximum(usual, DARKEST)))
    off = np.log(np.maximum(photo.rgb, DARKEST)) - log_usual - log_light
    if tells.any():
        off -= np.average(off[seen][tells], axis=0, weights=trust[seen][tells])
    off = np.clip(off, *OFF_RANGE) * seen[..., None]
    return _Explained(photo, log_usual, log_light, light, off.astype(np.float32), trust)


def _without_brows(chart: HeadChart, log_usual: np.ndarray) -> np.ndarray:
    """(rows, cols, 3) float32: skin's colour where brows may grow; a photo shows its own brows."""
    grows = (chart.hair > BROWS[0]).astype(np.float32)
    near = cv2.GaussianBlur(grows, (0, 0), ABOUT_BROWS * chart.size[0])
    brows = ramp(near, 0.02, 0.3)[..., None]
    skin = chart.outer * chart.fields.bare * (near < 0.01)
    around = masked_gaussian(log_usual, skin, UNDER_BROWS * chart.size[0])
    return (log_usual + brows * (around - log_usual)).astype(np.float32)


def _together(explained: Sequence[_Explained]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Robust mean of what photos leave (rows, cols, 3), its trust and the number of photos."""
    trusts = np.stack([one.trust for one in explained])
    offs = np.stack([one.off for one in explained])
    weight = trusts
    mean = _weighted(offs, weight)
    for _ in range(2 if len(explained) > 2 else 0):
        miss = np.abs(offs - mean).max(axis=3)
        weight = trusts / (1 + (miss / OUTLIER) ** 2)
        mean = _weighted(offs, weight)
    return mean, trusts.max(axis=0), np.maximum(weight.sum(axis=0), 1.0)


def _near(weight: np.ndarray, sigma: float) -> np.ndarray:
    """(rows, cols, 1) float32 0..1: falls to 0 where bare skin ends."""
    around = cv2.GaussianBlur(weight.astype(np.float32), (0, 0), sigma)
    return ramp(np.minimum(around, weight), 0, SURE)[..., None].astype(np.float32)


def _weighted(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    total = np.maximum(weight.sum(axis=0), 1e-6)[..., None]
    return ((values * weight[..., None]).sum(axis=0) / total).astype(np.float32)


def _tone(explained: Sequence[_Explained], skin: np.ndarray) -> tuple[Tone, np.ndarray]:
    """The skin that is likely, and the mean log albedo (3,) that it has relative to the tone."""
    shown, relative = [], []
    for one in explained:
        sure = one.trust > SURE
        if sure.sum() < LEAST_TEXELS:
            continue
        weight, photo = one.trust[sure], one.photo
        # Where highlights end is less sure than their mean share, which the usual light holds.
        mean = np.average(photo.glossy_rgb[sure], axis=0, weights=weight)
        told = (photo.white, photo.white_sigma, photo.white_source, photo.rig)
        told = (*told, photo.eyes, photo.eye_px)
        shown.append(Shown(np.log(np.maximum(mean, DARKEST)), *told))
        relative.append(np.average((one.log_usual + skin)[sure], axis=0, weights=weight))
    if not shown:
        return Tone(np.zeros(3), np.nan, UNSURE_DEG), np.zeros(3)
    return tell_tone(shown), np.mean(relative, axis=0)


def _apart(
    chart: HeadChart, one: _Explained, skin: np.ndarray, shift: np.ndarray, sigma_deg: float
) -> Apart:
    """One photo with the skin that all photos show: features of its own, and its light."""
    local = one.off - skin
    side = chart.size[0]
    carried = masked_gaussian(local, one.trust, CARRIED * side)
    features = one.off - carried
    grey = features.mean(axis=2, keepdims=True)
    own = _own_colour(chart, one.photo, grey[..., 0])[..., None]
    features = features - grey + np.clip(grey, *OWN_RANGE)
    detail = skin * (1 - own) + features * own
    rgb = np.exp(one.log_usual + detail + shift)
    known = np.maximum(ramp(one.photo.skin, *SURELY_SKIN), own[..., 0])
    weight = one.photo.weight * known * chart.outer
    light, factor = _scaled(one, detail, shift)
    return Apart(
        (rgb * (weight > 0)[..., None]).astype(np.float32),
        weight.astype(np.float32),
        light,
        scaled_light(light, factor, one.trust),
        angle_sigma_deg=sigma_deg,
    )


def _own_colour(chart: HeadChart, photo: ChartPhoto, grey: np.ndarray) -> np.ndarray:
    """(rows, cols) float32 0..1: lips, brows and beard, whose dark or red is their own.

    Args:
        chart: of the head model.
        photo: the photo.
        grey: (rows, cols) log of how much brighter than skin around.
    """
    around = cv2.GaussianBlur(grey, (0, 0), STRAND * len(grey))
    strands = ramp(around - grey, *STRAND_DARKER)  # of stubble, between which skin is seen
    grows = np.maximum(chart.hair, chart.fields.beard)
    hair = grows * np.maximum((1 - photo.skin) * ramp(-grey, *HAIR_DARKER), strands)
    own = np.maximum(hair, ramp(chart.hair, *BROWS))  # brows are told from skin by no mask
    return np.maximum(own, chart.fields.lips).astype(np.float32)


def _scaled(
    one: _Explained, detail: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The light (9, 3) of a photo under its albedo, and log factors (rows, cols, 3) at places."""
    log_albedo = one.log_usual + detail + shift
    seen = one.photo.weight > 0
    needed = np.log(np.maximum(one.photo.rgb, DARKEST)) - log_albedo
    sure = one.trust > SURE
    gain = np.zeros(3)
    if sure.any():
        gain = np.average((needed - one.log_light)[sure], axis=0, weights=one.trust[sure])
    light = (one.light * np.exp(gain)).astype(np.float32)
    free = np.zeros(needed.shape, np.float32)
    free[seen] = np.log(np.maximum(irradiance(one.photo.normal[seen], light), DARKEST))
    return light, (needed - free) * seen[..., None]
