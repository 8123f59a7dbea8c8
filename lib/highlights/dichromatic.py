"""Highlights by colour: skin scatters light of its own colour and mirrors that of the light.

In linear light, divided by the light's colour, a pixel is w = b u + s (1, 1, 1): the brightness b
and colour u of what is scattered, and what is mirrored, s. The colour u of skin varies slowly, so
it is taken from pixels around that mirror little; s is what the colour lacks. It lacks some for
other reasons, too: tone curves, thin beards, pale spots. So what colours lose with brightness in
the darker half of the skin does not count, and a highlight must also be brighter than the fitted
head under the fitted light makes the skin around it. Blue tells what is lacking: blood hardly
changes its share, so that red cheeks and noses do not count.

Source: Shafer 1985, Using color to separate reflection components; Tan & Ikeuchi 2005, Separating
reflection components of textured surfaces; Yang, Wang & Ahuja 2010, Real-time specular highlight
removal using bilateral filtering.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lib.artefacts import PART_LABELS
from lib.highlights.separator import FacePhoto, Separated
from lib.highlights.smooth import around, blur, follow, lower_level
from lib.uvspace.shown import ramp

NEVER = ("background", "right_eye", "left_eye", "mouth")
BROWS = ("right_eyebrow", "left_eyebrow")
LIPS = ("upper_lip", "lower_lip")
COLOUR_MM = 20.0  # around which the colour of matte skin is found
DARKER_HALF, DARKER = (0.05, 0.55), 5  # quantiles of brightness that tell its colour, and steps
LEAST_RANGE = 0.15  # log brightness
STEEPEST = -0.8  # power of brightness at which colours fade
FADING_RANGE = (-2.0, 1.0)  # log brightness about the usual one
LOCAL_MM = 12.0  # around which colour that lacks everywhere is no highlight
BROAD = 0.35  # what is kept of it
RISE = 0.05  # share that skin around may have more colour than is usual
BRIGHT_MM = 14.0  # around which the brightness of matte skin is found
FINE_MM = 1.2  # around which mirrored light follows the brightness of the photo
TEXTURE = 0.08  # contrast of pores and spots, which stay
NEAR_MM = 10.0  # of pixels that tell a colour, those that tell none are filled in
SURE = 0.85  # of the mirrored light is taken off: less looks unlike skin less often
DARK = (0.015, 0.045)  # linear; darker pixels tell no colour
PRESSED = (0.80, 0.97)  # linear, largest channel: a tone curve presses colours above, or clips
GREY = ((0.03, 0.07), (0.0015, 0.003))  # strength and spread of colours: a toned photo, a real one
PALE = (0.08, 0.30)  # share of colour that lacks: then a pressed pixel has lost it to a highlight
COLD, COLD_SHARE = -0.02, (0.15, 0.40)  # blue less a third of skin that no usual lamp shines on
BURNT = (0.15, 0.4)  # share of the skin that tells no colour: not in the way, too much
HALF = 0.04  # linear light mirrored, from which a highlight is more likely than not
FEWEST = 50  # pixels of skin


@dataclass(frozen=True)
class Dichromatic:
    """The weight-free method; see the module."""

    def separate(self, photo: FacePhoto) -> Separated:
        """The picture without the light that its skin mirrors."""
        whole = Separated(photo.rgb.copy(), np.zeros(photo.skin.shape, np.float32))
        window = face_window(photo)
        face = cut(photo, window)
        found = mirrored_light(face)
        if found is None:
            return whole
        mirrored, filled, colour = found
        light = photo.illuminant.astype(np.float32)
        diffuse = np.maximum(face.rgb - mirrored[..., None] * light, 0)
        matte = diffuse.mean(axis=2, keepdims=True) * 3 * (colour + np.float32(1 / 3)) * light
        whole.diffuse[window] = diffuse + filled[..., None] * (matte - diffuse)
        whole.probability[window] = mirrored / (mirrored + np.float32(HALF))
        return whole


def face_window(photo: FacePhoto) -> tuple[slice, slice]:
    """Rows and columns that hold the fitted head's skin; all where there is none."""
    shown = (photo.skin > 0.2) & photo.head
    if not shown.any():
        shown = np.ones_like(shown)
    margin = int(3 * photo.px_per_mm) + 1
    spans = (np.flatnonzero(shown.any(axis=axis)) for axis in (1, 0))
    rows, columns = (slice(max(at[0] - margin, 0), int(at[-1]) + margin + 1) for at in spans)
    return rows, columns


def cut(photo: FacePhoto, window: tuple[slice, slice]) -> FacePhoto:
    """A rectangle of a photo."""
    return replace(
        photo,
        rgb=photo.rgb[window],
        skin=photo.skin[window],
        head=photo.head[window],
        part=None if photo.part is None else photo.part[window],
        expected=None if photo.expected is None else photo.expected[window],
    )


def skin_weight(photo: FacePhoto) -> np.ndarray:
    """(h, w) float32 0..1: where highlights are looked for; lips are, eyes and teeth are not."""
    weight = ramp(photo.skin, 0.3, 0.7).astype(np.float32)
    if photo.part is not None:
        lips = is_part(photo, LIPS) * ramp(blur(weight, 5 * photo.px_per_mm), 0.2, 0.45)
        brows = is_part(photo, BROWS) * ramp(blur(weight, 5 * photo.px_per_mm), 0.2, 0.45)
        weight = np.maximum(weight, np.maximum(lips, brows)) * (1 - is_part(photo, NEVER))
    return ramp(blur(weight, 0.7 * photo.px_per_mm), 0.5, 0.95).astype(np.float32)


def is_part(photo: FacePhoto, names: tuple[str, ...]) -> np.ndarray:
    """(h, w) float32: 1 on some parts of the head."""
    if photo.part is None:
        return np.zeros(photo.skin.shape, np.float32)
    return np.isin(photo.part, [PART_LABELS.index(name) for name in names]).astype(np.float32)


def mirrored_light(photo: FacePhoto) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """What a face mirrors: None where the photo tells nothing.

    Returns:
        (h, w) float32 linear light of each channel under a grey light; (h, w) float32 0..1: the
        pixel has lost its colour and takes that of matte skin; (h, w, 3) float32 that colour:
        chromaticity less a third.
    """
    skin, per_mm = skin_weight(photo), photo.px_per_mm
    white = (photo.rgb / photo.illuminant).astype(np.float32)
    bright = white.mean(axis=2)
    off = white / np.maximum(3 * bright, 1e-4)[..., None] - np.float32(1 / 3)
    told = 1 - ramp(photo.rgb.max(axis=2), *PRESSED).astype(np.float32)
    known = skin * told * ramp(bright, *DARK).astype(np.float32) * (1 - is_part(photo, BROWS))
    if (known > 0.3).sum() < FEWEST:
        return None
    real = tells_colours(photo, skin, told, known)
    if real == 0:
        return None
    lips = blur(is_part(photo, LIPS), 0.5 * per_mm)
    fading = _fading(-off[..., 2], bright, known * (1 - lips))
    lacking, colour = _lacking_colour(off, fading.at(bright), known, lips, per_mm)
    matte = _matte_brightness(bright, photo, known, lacking)
    level = lower_level(np.clip(lacking, -RISE, 1), known, LOCAL_MM * per_mm, 0.3, 0.08)
    local = lacking - np.where(level > 0, (1 - BROAD) * level, np.maximum(level, -RISE))
    excess = np.maximum(bright - matte, 0)
    near = blur(known, NEAR_MM * per_mm) / np.maximum(blur(skin, NEAR_MM * per_mm), 1e-3)
    near = ramp(near, 0.3, 0.7)
    told = 1 - (1 - told) * ramp(lacking, *PALE)
    mirrored = told * np.minimum(local * bright, excess) + (1 - told) * near * excess
    smooth = follow(bright, mirrored, skin, max(FINE_MM * per_mm, 1.0), TEXTURE)
    mirrored = np.clip(smooth, 0, 0.95 * bright) * skin * real * SURE
    told_by_colour = np.minimum(mirrored, white.min(axis=2))
    filled = (1 - told) * near * ramp(mirrored / np.maximum(bright, 1e-3), 0.02, 0.15)
    mirrored = told_by_colour + filled * (mirrored - told_by_colour)
    colour *= np.minimum(fading.at(matte), 1)[..., None]
    return mirrored.astype(np.float32), filled.astype(np.float32), colour


def tells_colours(photo: FacePhoto, skin: np.ndarray, told: np.ndarray, known: np.ndarray) -> float:
    """0 = a photo without colours, toned, burnt out or under coloured lamps; 1 = one with.

    Without colours, chromaticity is a function of brightness.
    """
    chosen = known > 0.3
    bright = photo.rgb.mean(axis=2)[chosen]
    off = photo.rgb[chosen] / np.maximum(3 * bright, 1e-4)[:, None] - np.float32(1 / 3)
    burnt = float((skin * (1 - told)).sum() / max(float(skin.sum()), 1.0))
    real = ramp(float(np.median(np.linalg.norm(off, axis=1))), *GREY[0])
    real *= 1 - ramp(burnt, *BURNT)
    real *= 1 - ramp(float((off[:, 2] > COLD).mean()), *COLD_SHARE)
    values = off[np.argsort(bright, kind="stable")]
    count = len(values) // 32
    if count < 8:
        return float(real)
    steps = values[: 32 * count].reshape(32, count, 3)
    away = np.square(steps - np.median(steps, axis=1, keepdims=True)).sum(axis=2)
    return float(real * ramp(float(np.sqrt(np.median(away))), *GREY[1]))


def _lacking_colour(
    off: np.ndarray, fading: np.ndarray, known: np.ndarray, lips: np.ndarray, per_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) share of the brightness that is not of the skin's colour; (h, w, 3) that colour.

    Lips have a colour of their own. The colour is that of skin of usual brightness.
    """
    off = off / fading[..., None]
    lacking, colour = np.zeros(known.shape, np.float32), np.zeros_like(off)
    for of in (1 - lips, lips):
        weight = known * of
        chosen = weight > 0.3
        if chosen.sum() < FEWEST:
            continue
        strength = -off[..., 2]
        usual = max(float(np.median(strength[chosen])), 0.02)
        weight = weight / (1 + (np.maximum(usual - strength, 0) / (0.15 * usual)) ** 2)
        mean = around(off, weight, COLOUR_MM * per_mm)
        blue = np.minimum(mean[..., 2], -0.5 * usual)
        lacking += of * np.clip(1 - off[..., 2] / blue, -1, 1)
        colour += of[..., None] * mean
    return lacking, colour


@dataclass(frozen=True)
class _Fading:
    """How strong colours are by brightness alone.

    Args:
        slope: power of the brightness.
        usual: log brightness at which colours are as strong as is usual.
    """

    slope: float = 0.0
    usual: float = 0.0

    def at(self, bright: np.ndarray) -> np.ndarray:
        """(h, w) float32 strength beside the usual one."""
        log = np.log(np.maximum(bright, 1e-3)) - self.usual
        return np.exp(self.slope * np.clip(log, *FADING_RANGE)).astype(np.float32)


def _fading(strength: np.ndarray, bright: np.ndarray, known: np.ndarray) -> _Fading:
    """Told by the darker half of the skin, which mirrors little.

    Tone curves, and light that skin throws on skin, make dark skin more colourful than bright skin.
    """
    chosen = known > 0.3
    if chosen.sum() < FEWEST * DARKER:
        return _Fading()
    log = np.log(np.maximum(bright, 1e-3))
    steps = np.quantile(log[chosen], np.linspace(*DARKER_HALF, DARKER + 1))
    which = np.digitize(log[chosen], steps)
    middle = [(steps[i - 1] + steps[i]) / 2 for i in range(1, DARKER + 1)]
    found = [np.median(strength[chosen][which == i]) for i in range(1, DARKER + 1)]
    if np.ptp(middle) < LEAST_RANGE or min(found) <= 0:
        return _Fading()
    slope = np.clip(np.polyfit(middle, np.log(found), 1)[0], STEEPEST, 0)
    return _Fading(float(slope), float(np.median(log[chosen])))


def _matte_brightness(
    bright: np.ndarray, photo: FacePhoto, known: np.ndarray, lacking: np.ndarray
) -> np.ndarray:
    """(h, w) brightness of the skin without highlights: the fitted head's, made to fit."""
    per_mm = photo.px_per_mm
    shape = np.ones_like(bright)
    if photo.expected is not None and photo.head.any():
        head = (photo.head & (photo.expected > 0)).astype(np.float32)
        smooth = around(photo.expected, head, 2.5 * per_mm)[..., 0]
        usual = max(float(np.median(smooth[photo.head])), 1e-3)
        on_head = blur(head, 2.5 * per_mm) > 0.01
        shape = np.where(on_head, np.maximum(smooth, 0.1 * usual), usual)
    matte = np.maximum(bright * (1 - np.clip(lacking, 0, 0.9)), 1e-3)
    level = lower_level(np.log(matte / shape), known, BRIGHT_MM * per_mm, 0.6, 0.15)
    return shape * np.exp(level)
