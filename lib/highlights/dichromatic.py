"""Highlights by colour: skin scatters light of its own colour and mirrors that of the light.

In linear light, divided by the light's colour, a pixel is w = b u + s (1, 1, 1): the brightness b
and colour u of what is scattered, and what is mirrored, s. The colour u of skin varies slowly, so
it is taken from pixels around that mirror little; s is what the colour lacks.

Source: Shafer 1985, Using color to separate reflection components; Tan & Ikeuchi 2005, Separating
reflection components of textured surfaces; Yang, Wang & Ahuja 2010, Real-time specular highlight
removal using bilateral filtering.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.artefacts import PART_LABELS
from lib.highlights.separator import FacePhoto, Separated
from lib.imaging import luminance
from lib.uvspace.shown import ramp

OTHERS = ("right_eye", "left_eye", "right_eyebrow", "left_eyebrow", "mouth")
LIPS = ("upper_lip", "lower_lip")
BASE_MM = (40.0, 14.0)  # around which the colour of matte skin is found, coarse and fine
FINE_MM = 1.2  # around which mirrored light follows the brightness of the photo
DARK = 0.015  # linear; darker pixels tell no colour
CLIPPED = (0.90, 0.985)  # linear, largest channel: colour is told below, not at all above
HALF = 0.04  # linear light mirrored, from which a highlight is more likely than not


@dataclass(frozen=True)
class Dichromatic:
    """The weight-free method; see the module."""

    def separate(self, photo: FacePhoto) -> Separated:
        """The picture without the light that its skin mirrors."""
        skin = skin_weight(photo)
        white = (photo.rgb / photo.illuminant).astype(np.float32)
        mirrored = mirrored_light(white, skin, photo.px_per_mm)
        diffuse = np.maximum(photo.rgb - mirrored[..., None] * photo.illuminant, 0)
        probability = mirrored / (mirrored + HALF)
        return Separated(diffuse.astype(np.float32), probability.astype(np.float32))


def skin_weight(photo: FacePhoto) -> np.ndarray:
    """(h, w) float32 0..1: where highlights are looked for."""
    weight = ramp(photo.skin, 0.3, 0.7).astype(np.float32)
    if photo.part is not None:
        others = np.isin(photo.part, [PART_LABELS.index(name) for name in OTHERS])
        weight[others] = 0
    return cv2.GaussianBlur(weight, (0, 0), max(0.5 * photo.px_per_mm, 0.5)) * (weight > 0)


def mirrored_light(white: np.ndarray, skin: np.ndarray, px_per_mm: float) -> np.ndarray:
    """(h, w) float32: linear light mirrored, of each channel of (h, w, 3) under a grey light."""
    total = white.sum(axis=2)
    chroma = white / np.maximum(total, 1e-4)[..., None]
    off = chroma - 1 / 3
    known = skin * (1 - ramp(white.max(axis=2), *CLIPPED)) * ramp(total / 3, DARK, 3 * DARK)
    if known.sum() < 50:
        return np.zeros(skin.shape, np.float32)
    colour = _matte_colour(off, known, px_per_mm)
    size = np.maximum((colour**2).sum(axis=2), 1e-6)
    share = (off * colour).sum(axis=2) / size  # of the scattered light
    raw = np.clip(1 - share, -1, 1) * total / 3
    smooth = _guided(luminance(white), raw, known + 1e-3, max(FINE_MM * px_per_mm, 1.0))
    return (np.clip(smooth, 0, white.min(axis=2)) * skin).astype(np.float32)


def _matte_colour(off: np.ndarray, known: np.ndarray, px_per_mm: float) -> np.ndarray:
    """(h, w, 3) float32: chromaticity less a third of matte skin around each pixel."""
    chosen = known > 0.5
    strength = np.linalg.norm(off, axis=2)
    top = np.quantile(strength[chosen], 0.7) if chosen.any() else 0.1
    level = np.full(known.shape, top, np.float32)
    colour = np.zeros_like(off)
    for reach in BASE_MM:
        sigma = reach * px_per_mm
        for _ in range(2):
            below = (strength - level) / max(0.15 * top, 1e-3)
            weight = known * np.where(below < 0, np.exp(-(below**2)), 1 / (1 + below**2))
            colour, level = _around(off, strength, weight, sigma, colour, level, top)
    return colour


def _around(off, strength, weight, sigma, colour, level, top):
    factor = max(int(sigma / 4), 1)
    small = cv2.resize(
        np.dstack([off * weight[..., None], strength * weight, weight]),
        None,
        fx=1 / factor,
        fy=1 / factor,
        interpolation=cv2.INTER_AREA,
    )
    blurred = cv2.GaussianBlur(small, (0, 0), sigma / factor)
    blurred = cv2.resize(blurred, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
    share = np.maximum(blurred[..., 4:], 1e-6)
    mean = blurred[..., :4] / share
    return mean[..., :3], mean[..., 3]


def _guided(guide: np.ndarray, values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """(h, w) values that follow the guide within a reach, weighted."""

    def mean(image):
        return cv2.GaussianBlur(image, (0, 0), sigma)

    total = mean(weight)
    guide_mean = mean(guide * weight) / total
    value_mean = mean(values * weight) / total
    variance = mean(guide * guide * weight) / total - guide_mean**2
    covariance = mean(guide * values * weight) / total - guide_mean * value_mean
    slope = np.clip(covariance / (variance + 1e-5), 0, 1)
    offset = value_mean - slope * guide_mean
    return mean(slope) * guide + mean(offset)
