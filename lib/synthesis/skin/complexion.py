"""The colour and gloss of one person's skin, from pigments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.synthesis.skin.ground import CANVAS, SkinGround
from lib.synthesis.skin.pigment_table import melanin_for, pigment_colour
from lib.synthesis.skin.solid_noise import solid_noise
from lib.synthesis.skin.spots import (
    add_age_spots,
    add_blemishes,
    add_freckles,
    add_moles,
    add_vessels,
    stubble,
)

COARSE_MM, FINE_MM = (42.0, 18.0, 8.0, 4.0), (2.0, 1.1, 0.6)  # bands of uneven colour
MELANIN_COARSE, MELANIN_FINE = (0.055, 0.05, 0.04, 0.035), (0.035, 0.03, 0.025)
BLOOD_COARSE, BLOOD_FINE = (0.08, 0.08, 0.065, 0.05), (0.06, 0.06, 0.05)
OXYGEN, TYPICAL_BLOOD = 0.7, 0.042
HAIR_SHADOW = np.array([0.062, 0.060, 0.064], np.float32)  # hair below the surface looks bluish


@dataclass(frozen=True)
class Complexion:
    """Skin of one person in the chart; 0 off the skin.

    Args:
        albedo: (side, side, 3) float32 linear sRGB.
        specular: (side, side) float32 factor on the reflectance.
        roughness: (side, side) float32 GGX roughness.
    """

    albedo: np.ndarray
    specular: np.ndarray
    roughness: np.ndarray


@dataclass(frozen=True)
class _Pigments:
    """Maps (h, w) of log melanin, log blood and oxygenation."""

    melanin: np.ndarray
    blood: np.ndarray
    oxygen: np.ndarray


def draw_complexion(
    ground: SkinGround,
    tone_deg: float,
    age: float,
    chance: np.random.Generator,
    beard: float = 0.0,
    freckles: float = 0.0,
) -> Complexion:
    """A random person's skin.

    Args:
        ground: what people of the model have in common.
        tone_deg: individual typology angle, -55 (dark) .. 65 (very light).
        age: years, 18..80.
        chance: source of random numbers.
        beard: 0 = none .. 1 = a strong one, shaven some days ago.
        freckles: least share 0..1 of the most that skin of this tone has.
    """
    coarse = _coarse(ground, tone_deg, age, chance)
    lips = _lips(ground, tone_deg, age, chance)
    fine = _fine(ground, coarse, tone_deg, age, chance, freckles)
    fine = _blended(fine, *(ground.full(field) for field in lips))
    inside = ground.chart.inside
    albedo = pigment_colour(fine.melanin, fine.blood, fine.oxygen, inside)
    albedo *= _tint(chance)
    albedo *= _lip_tint(tone_deg, ground.full(lips[0]))
    if beard > 0:
        albedo = _bearded(ground, albedo, tone_deg, beard, chance)
    specular, roughness = _gloss(ground, age, chance)
    return Complexion(np.clip(albedo, 0, 1) * inside[..., None], specular, roughness)


def _coarse(
    ground: SkinGround, tone_deg: float, age: float, chance: np.random.Generator
) -> _Pigments:
    """What varies over millimetres to centimetres, on the canvas."""
    f, canvas = ground.features, ground.canvas
    normal = chance.normal
    dark = float(np.interp(tone_deg, [-30, 45], [1.0, 0.0]))
    old = float(np.clip((age - 25) / 50, 0, 1))
    base_blood = float(np.clip(TYPICAL_BLOOD * np.exp(normal(0, 0.20)), 0.030, 0.062))
    base_melanin = melanin_for(tone_deg, base_blood, OXYGEN)
    ringed = (abs(normal(0.16, 0.10)) + 0.06 * old) * (1 - 0.5 * dark)
    melanin = (
        normal(0.04 + 0.02 * dark, 0.05 - 0.02 * dark) * f.forehead
        + normal(0.04, 0.04) * (f.bridge + f.nose)
        + normal(0.03 + 0.03 * dark, 0.05 - 0.02 * dark) * f.temples
        + normal(-0.03 - 0.03 * dark, 0.04 - 0.02 * dark) * f.cheeks
        + ringed * (0.7 * f.lids + f.under_eyes)
        + abs(normal(0.06 + 0.02 * dark, 0.05)) * f.mouth
        + normal(0.05 * dark, 0.05) * f.chin
        + normal(-0.05, 0.06) * f.neck
        + abs(normal(0.05, 0.04)) * f.nose_wings
    )
    flush = np.exp(normal(0, 0.3))
    blood = (
        flush * (0.34 * f.cheeks + 0.42 * f.nose + 0.40 * f.nose_wings)
        + normal(0.10, 0.08) * f.chin
        + (0.40 + 0.12 * normal()) * f.ears
        + normal(0.02, 0.08) * f.forehead
        + normal(0.18, 0.08) * f.lids
        + abs(normal(0.18, 0.12)) * f.under_eyes
        + 0.30 * f.lid_edge * 2
        + normal(-0.05, 0.08) * f.neck
        + normal(0.05, 0.05) * f.mouth
        - 0.10 * f.bridge
    )
    pitch = ground.mm_per_texel * ground.side / CANVAS
    # colour follows melanin times its depth: the same share shows far more on dark skin
    shown = float(np.clip((0.25 / base_melanin) ** 0.6, 0.35, 1.3))
    uneven = np.exp(normal(0, 0.25)) * (0.85 + 0.5 * old) * shown
    common = (canvas.position, canvas.inside, COARSE_MM)
    melanin = melanin + uneven * solid_noise(*common, MELANIN_COARSE, chance, pitch)
    blotchy = np.exp(normal(0, 0.22)) * (0.9 + 0.25 * old)
    blood = blood + blotchy * solid_noise(*common, BLOOD_COARSE, chance, pitch)
    melanin = melanin - np.average(melanin, weights=f.bare)
    # the tone stays what was asked for: half of the redness is on top of the mean
    blood = blood - 0.5 * np.average(blood, weights=f.bare)
    veins = chance.uniform(0.05, 0.22)
    oxygen = OXYGEN - veins * f.under_eyes - 0.6 * veins * f.lids + 0.04 * f.cheeks
    return _Pigments(
        (np.log(base_melanin) + melanin).astype(np.float32),
        (np.log(base_blood) + blood).astype(np.float32),
        oxygen.astype(np.float32),
    )


def _lips(
    ground: SkinGround, tone_deg: float, age: float, chance: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """How much lip each texel of the canvas is, and its log melanin, log blood, oxygenation."""
    f, canvas = ground.features, ground.canvas
    normal = chance.normal
    pitch = ground.mm_per_texel * ground.side / CANVAS
    near = canvas.inside & (f.lip_mm > -8)
    ragged = solid_noise(canvas.position, near, (5.0, 2.2), (0.30, 0.22), chance, pitch)
    border = chance.uniform(0.45, 0.8)
    share = 0.5 + 0.5 * np.tanh((f.lip_mm + ragged) / (2 * border) * 1.6)
    full = np.clip(f.lip_mm / 5.0, 0, 1)  # towards the wet middle
    dark = float(np.interp(tone_deg, [-35, 30], [1.0, 0.0]))
    skin = melanin_for(tone_deg, TYPICAL_BLOOD, OXYGEN)
    depth = 0.02 + skin * np.interp(tone_deg, [-55, 0, 60], [1.0, 0.98, 0.97])
    rosy = f.lower_lip * f.lip_centre
    melanin = np.log(depth) + normal(0, 0.12) - rosy * (0.08 + abs(normal(0.15, 0.12)) * dark)
    melanin = melanin + (1 - full) * (0.10 + 0.10 * dark) - 0.10 * full - 0.06 * dark * f.lower_lip
    mottled = solid_noise(canvas.position, near, (7.0, 3.0), (0.08, 0.07), chance, pitch)
    blood = np.log(np.interp(tone_deg, [-55, 0, 60], [0.15, 0.145, 0.105])) + normal(0, 0.16)
    blood = blood + 0.28 * full + 0.12 * rosy - 0.2 * np.clip((age - 45) / 35, 0, 1) + mottled
    strength = float(np.clip(normal(0.9, 0.08), 0.7, 1.0))
    values = (strength * share, melanin + 0.6 * mottled, blood, OXYGEN - 0.05 + 0 * blood)
    return tuple(np.ascontiguousarray(value, np.float32) for value in values)


def _fine(
    ground: SkinGround,
    coarse: _Pigments,
    tone_deg: float,
    age: float,
    chance: np.random.Generator,
    freckles: float,
) -> _Pigments:
    """The same maps at the side of the chart, with fine mottling and single marks."""
    chart = ground.chart
    old = float(np.clip((age - 25) / 50, 0, 1))
    melanin, blood, oxygen = (
        ground.full(field).copy() for field in (coarse.melanin, coarse.blood, coarse.oxygen)
    )
    common = (chart.position, chart.inside, FINE_MM)
    gain = np.float32(0.8 + 0.5 * old)
    shown = np.float32(np.interp(tone_deg, [-55, 30], [0.4, 1.0]))
    melanin += gain * shown * solid_noise(*common, MELANIN_FINE, chance, ground.mm_per_texel)
    blood += gain * solid_noise(*common, BLOOD_FINE, chance, ground.mm_per_texel)
    streams = chance.spawn(5)
    add_freckles(melanin, ground, tone_deg, streams[0], freckles)
    add_age_spots(melanin, ground, tone_deg, age, streams[1])
    add_moles(melanin, ground, tone_deg, age, streams[2])
    add_blemishes(melanin, blood, ground, tone_deg, age, streams[3])
    add_vessels(blood, ground, tone_deg, age, streams[4])
    return _Pigments(melanin, blood, oxygen)


def _blended(
    skin: _Pigments, share: np.ndarray, melanin: np.ndarray, blood: np.ndarray, oxygen: np.ndarray
) -> _Pigments:
    """Skin with lips on it; the fine mottling of the skin goes on beneath."""
    pairs = ((skin.melanin, melanin), (skin.blood, blood), (skin.oxygen, oxygen))
    return _Pigments(*(below + share * (above - below) for below, above in pairs))


def _tint(chance: np.random.Generator) -> np.ndarray:
    """(3,) what people of one tone still differ by: some skin is yellower (carotene)."""
    yellow = chance.normal(0, 0.035)
    return np.exp(np.array([0.15, 0.1, -1.0]) * yellow).astype(np.float32)


def _lip_tint(tone_deg: float, share: np.ndarray) -> np.ndarray:
    """(side, side, 3) thin unpigmented skin scatters blue back: lips are pink, not orange."""
    full = np.array([1.0, 1.0, np.interp(tone_deg, [-55, 60], [1.30, 1.16])], np.float32)
    return 1 + share[..., None] * (full - 1)


def _bearded(
    ground: SkinGround,
    albedo: np.ndarray,
    tone_deg: float,
    beard: float,
    chance: np.random.Generator,
) -> np.ndarray:
    """Skin with the shadow of hair below it and cut hairs on it."""
    fair = chance.random() < np.interp(tone_deg, [25, 60], [0.0, 0.35])
    hair = np.array([0.10, 0.065, 0.035] if fair else [0.022, 0.018, 0.016], np.float32)
    bare = (ground.full(ground.features.bare) * ground.chart.inside)[::4, ::4, None]
    skin = (albedo[::4, ::4] * bare).sum(axis=(0, 1)) / bare.sum()
    hair = np.minimum(hair, 0.35 * skin)
    below = np.minimum(HAIR_SHADOW * np.float32(1.6 if fair else 1.0), 0.42 * skin)
    field = ground.features.beard
    patchy = solid_noise(
        ground.canvas.position,
        ground.canvas.inside & (field > 0.02),
        (14.0, 5.0),
        (0.12, 0.10),
        chance,
        ground.mm_per_texel * ground.side / CANVAS,
    )
    strength = beard * np.interp(tone_deg, [-20, 35], [0.28, 0.42])
    shadow = strength * field**1.5 * np.clip(1 + patchy, 0.4, 1.5)
    shadow = ground.full(shadow.astype(np.float32))[..., None]
    albedo = albedo * (1 - shadow) + below * shadow
    cover = stubble(ground, beard, float(chance.uniform(0.2, 0.9)), chance)[..., None]
    return albedo * (1 - cover) + hair * cover


def _gloss(
    ground: SkinGround, age: float, chance: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Specular factor and roughness: an oily middle, wet lips, matt sides and neck."""
    f, canvas = ground.features, ground.canvas
    normal = chance.normal
    oil = np.clip(normal(0.6, 0.3), 0, 1.3)
    zone = np.clip(
        f.nose + 0.8 * f.bridge + 0.6 * f.forehead + 0.45 * f.chin + 0.3 * f.cheeks, 0, 1.2
    )
    pitch = ground.mm_per_texel * ground.side / CANVAS
    patches = solid_noise(
        canvas.position, canvas.inside, (22.0, 9.0, 4.0), (0.05, 0.05, 0.05), chance, pitch
    )
    lips = 0.5 + 0.5 * np.tanh(f.lip_mm / 0.8)
    moist = np.clip(normal(0.5, 0.3), 0, 1)
    specular = 0.9 + 0.42 * oil * zone - 0.12 * f.neck - 0.10 * f.ears - 0.08 * f.under_eyes
    specular = specular + patches + normal(0, 0.06)
    specular = specular * (1 - lips) + lips * (0.95 + 0.45 * moist + patches)
    base = np.clip(normal(0.43, 0.035) + 0.0006 * (age - 40), 0.35, 0.52)
    roughness = base - 0.085 * oil * zone + 0.04 * f.neck + 0.02 * f.ears + 0.02 * f.temples
    roughness = roughness - 0.25 * patches
    roughness = roughness * (1 - lips) + lips * (0.42 - 0.12 * moist)
    inside = ground.chart.inside
    grain = solid_noise(
        ground.chart.position,
        inside,
        (2.4, 1.2, 0.6),
        (0.06, 0.07, 0.07),
        chance,
        ground.mm_per_texel,
    )
    specular = ground.full(specular.astype(np.float32)) + grain
    roughness = ground.full(roughness.astype(np.float32)) - 0.2 * grain
    return np.clip(specular, 0.4, 1.8) * inside, np.clip(roughness, 0.24, 0.62) * inside
