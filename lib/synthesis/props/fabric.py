"""Cloth: its colours, its patterns and how it falls into folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

# Linear RGB: mostly dark, white, grey, navy and denim, a few muted and fewer saturated colours.
COLOURS = (
    (0.012, 0.012, 0.013), (0.02, 0.021, 0.024), (0.045, 0.045, 0.048), (0.72, 0.71, 0.69),
    (0.62, 0.60, 0.55), (0.30, 0.30, 0.30), (0.14, 0.14, 0.145), (0.012, 0.017, 0.045),
    (0.018, 0.030, 0.075), (0.06, 0.10, 0.19), (0.13, 0.20, 0.31), (0.40, 0.48, 0.60),
    (0.10, 0.015, 0.02), (0.035, 0.055, 0.028), (0.11, 0.10, 0.055), (0.27, 0.20, 0.12),
    (0.42, 0.31, 0.20), (0.09, 0.05, 0.028), (0.48, 0.26, 0.26), (0.20, 0.27, 0.22),
    (0.42, 0.02, 0.02), (0.02, 0.10, 0.38), (0.55, 0.33, 0.03), (0.03, 0.22, 0.10),
)  # fmt: skip
LIKELY = np.array([3, 3, 2, 4, 2, 3, 3, 3, 2, 2, 2, 2, *[1] * 8, *[0.5] * 4])
N_WAVES = 12  # of the random numbers below; single precision is enough for cloth
Pattern = Literal["plain", "stripes", "checks", "print", "melange", "pinstripes"]


@dataclass(frozen=True)
class Fabric:
    """What a garment is made of.

    Args:
        colour: (3,) linear RGB.
        second: (3,) of the pattern.
        pattern: kind.
        period_mm: of the pattern.
        stiffness: 1 = jersey; more = fewer and longer folds.
    """

    colour: np.ndarray
    second: np.ndarray
    pattern: Pattern
    period_mm: float
    stiffness: float = 1.0


def draw_colour(chance: np.random.Generator) -> np.ndarray:
    """(3,) linear RGB of a cloth that people wear."""
    base = np.array(COLOURS[chance.choice(len(COLOURS), p=LIKELY / LIKELY.sum())])
    return np.clip(base * np.exp(chance.normal(0, 0.15) + chance.normal(0, 0.05, 3)), 0.008, 0.8)


def draw_fabric(
    chance: np.random.Generator, patterns: tuple[Pattern, ...], stiffness: float = 1.0
) -> Fabric:
    """A cloth with one of some patterns; name one more often to make it likelier."""
    pattern = patterns[chance.integers(len(patterns))]
    period = {
        "stripes": chance.uniform(18, 50),
        "checks": chance.uniform(30, 65),
        "print": chance.uniform(18, 40),
        "pinstripes": chance.uniform(14, 22),
    }.get(pattern, 40.0)
    colour = draw_colour(chance)
    second = draw_colour(chance)
    if abs(second.mean() - colour.mean()) < 0.1:
        second = colour * 0.35 if colour.mean() > 0.25 else 0.5 + 0.3 * colour
    return Fabric(colour, second, pattern, float(period), stiffness)


def paint(
    fabric: Fabric, across: np.ndarray, down: np.ndarray, chance: np.random.Generator
) -> np.ndarray:
    """(..., 3) linear RGB at places of the cloth.

    Args:
        fabric: what it is made of.
        across: (...) mm along the threads that run around the body.
        down: (...) mm along the others.
        chance: source of random numbers.
    """
    share = _share(fabric, across, down, chance)[..., None]
    colour = fabric.colour * (1 - share) + fabric.second * share
    worn = _noise(across / 90.0, down / 90.0, chance)
    return colour * np.exp(0.05 * worn)[..., None]


def _share(
    fabric: Fabric, across: np.ndarray, down: np.ndarray, chance: np.random.Generator
) -> np.ndarray:
    """(...) 0..1 of the second colour."""
    period = fabric.period_mm
    width = chance.uniform(0.2, 0.5)
    if fabric.pattern == "stripes":
        return _band(down / period, width, 2.5 / period)
    if fabric.pattern == "pinstripes":
        return 0.5 * _band(across / period, 0.12, 2.0 / period)
    if fabric.pattern == "checks":
        one, two = (_band(v / period, width, 2.0 / period) for v in (across, down))
        thin = _band(across / period + 0.3, 0.06, 2.0 / period)
        return np.clip(0.5 * one + 0.5 * two + 0.25 * thin, 0, 1)
    if fabric.pattern == "print":
        spots = _noise(across / period, down / period, chance)
        return np.clip((spots - 0.7) * 3, 0, 1)
    if fabric.pattern == "melange":
        speckle = _noise(across / 9.0, down / 16.0, chance)
        return np.clip(0.10 + 0.018 * speckle, 0, 1)
    return np.zeros(across.shape)


def _band(at: np.ndarray, width: float, soft: float) -> np.ndarray:
    """1 in the first `width` of each period, with soft borders."""
    inside = width / 2 - np.abs((at % 1.0) - width / 2)
    inside = np.maximum(inside, width / 2 - np.abs((at % 1.0) - 1 - width / 2))
    return np.clip(0.5 + inside / (2 * soft), 0, 1)


def folds(
    across: np.ndarray,
    down: np.ndarray,
    length: np.ndarray,
    stiffness: float,
    chance: np.random.Generator,
) -> np.ndarray:
    """(...) mm outwards: how cloth hangs from the neck and the shoulders.

    Args:
        across: (...) mm around the body from the middle of the chest.
        down: (...) mm, any origin.
        length: (...) mm along the body from the base of the neck.
        stiffness: of the fabric.
        chance: source of random numbers.
    """
    half = np.abs(across).max()
    away = np.minimum(np.abs(across), np.abs(half - np.abs(across)))
    sign = np.sign(across)
    long = 1 + 0.6 * (stiffness - 1)

    def wave(a: np.ndarray, b: np.ndarray, size: float, stretch: float) -> np.ndarray:
        return _noise(a / size, b / (size * stretch), chance)

    def creased(noise: np.ndarray) -> np.ndarray:
        return 0.55 * noise + 0.9 * (0.6 - np.abs(noise))

    loose = wave(across, down, 150 * long, 1.0)
    tilt = chance.uniform(0.6, 0.95)  # folds run from the armpit up to the neck
    along = away * np.cos(tilt) - down * np.sin(tilt)
    over = away * np.sin(tilt) + down * np.cos(tilt)
    pull = creased(wave(over + 400 * sign, along, 42 * long, 3.5))
    drape = creased(wave(across, down, 55 * long, 4.0))
    small = wave(over * 1.7 + 90 * sign, along, 22 * long, 3.0)
    at_armpit = np.exp(-0.5 * (((away - 140) / 55) ** 2 + ((length - 165) / 65) ** 2))
    some = (0.3 + 0.7 * _smooth_step(loose, -1, 1)) * _smooth_step(away, 8, 60)
    return (
        3.0 * loose * _smooth_step(length, 40, 160)
        + (3.2 * at_armpit + 0.8) * pull * some
        + 2.4 * _smooth_step(length, 130, 280) * drape
        + (0.4 + 0.8 * at_armpit) * small * some
    ) * _smooth_step(length, 8, 90)


def _noise(a: np.ndarray, b: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """(...) smooth random numbers of variance about 1 and wavelength about 1 at (a, b)."""
    points = np.stack([a, b], axis=-1).astype(np.float32)
    turn = chance.uniform(0, 2 * np.pi, N_WAVES)
    frequency = 2 * np.pi * chance.uniform(0.6, 1.6, N_WAVES)
    waves = (frequency * np.stack([np.cos(turn), np.sin(turn)])).astype(np.float32)
    phase = chance.uniform(0, 2 * np.pi, N_WAVES).astype(np.float32)
    total = np.sin(points @ waves + phase).sum(axis=-1)
    return np.sqrt(2 / N_WAVES) * total.astype(np.float64)


def _smooth_step(value: np.ndarray, low: float, high: float) -> np.ndarray:
    share = np.clip((value - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)
