"""Colours of hair: black to blond by pigment, red, grey by age, and a few dyed."""

from __future__ import annotations

import numpy as np

# Optical depth of hair at full brown pigment for red, green and blue light, and of red pigment.
BROWN = np.array([0.62, 0.95, 1.45])
RED = np.array([0.25, 1.05, 2.1])
BASE = 0.5  # reflectance without pigment
FLOOR = 0.006
WHITE = np.array([0.33, 0.32, 0.31])
DYES = ((0.02, 0.05, 0.16), (0.15, 0.018, 0.02), (0.07, 0.02, 0.08), (0.45, 0.34, 0.20))
DYED = 0.025
MOST_RED = 4.5  # red over green of hair that is not dyed
UNDYED = np.array([0.045, 0.022, 0.012])
FAIR_DEG = (15.0, 45.0)  # skin of these tone angles has dark hair only .. hair of all colours
GREY_FROM, GREY_SPREAD = 47.0, 9.0  # years


def draw_hair_colour(tone_deg: float, age: float, chance: np.random.Generator) -> np.ndarray:
    """(3,) linear reflectance of a person's hair.

    Args:
        tone_deg: individual typology angle of the skin.
        age: years.
        chance: source of random numbers.
    """
    fair = np.clip((tone_deg - FAIR_DEG[0]) / (FAIR_DEG[1] - FAIR_DEG[0]), 0, 1)
    lightness, redness, greyness, dye, which, jitter = chance.random(6)
    least = 4.2 - 3.4 * fair
    depth = least + (5.2 - least) * lightness**0.9
    red = fair * (redness > 0.9) * chance.uniform(0.3, 1.0)
    colour = BASE * np.exp(-depth * (BROWN * (1 - 0.7 * red) + 0.45 * RED * red)) + FLOOR
    grey_at = GREY_FROM + GREY_SPREAD * (2 * greyness - 1) * 1.6
    grey = np.clip((age - grey_at) / 22.0, 0, 0.95)
    colour = colour * (1 - grey) + WHITE * grey
    if dye < DYED:
        colour = np.array(DYES[int(which * len(DYES))])
    return colour * np.exp(0.3 * (jitter - 0.5))


def undyed(colour: np.ndarray) -> np.ndarray:
    """(3,) the colour itself if hair grows so, else a brown as dark: of brows and beards."""
    red, green, blue = np.maximum(colour, 1e-4)
    if red >= 0.9 * green and green >= 0.9 * blue and red < MOST_RED * green:
        return np.asarray(colour, np.float64)
    return UNDYED * min(float(np.mean(colour)) / UNDYED.mean(), 1.5)


def strand_colours(
    colour: np.ndarray, n: int, spread: float, chance: np.random.Generator
) -> np.ndarray:
    """(n, 3) float32 colours of strands; grey hair is dark and white strands side by side.

    Args:
        colour: (3,) linear, of the whole.
        n: strands.
        spread: of the logarithm of a strand's brightness.
        chance: source of random numbers.
    """
    depth = chance.standard_normal((n, 1))
    warm = chance.standard_normal((n, 1)) * np.array([0.05, 0.0, -0.08])
    neutral = 1 - np.ptp(colour) / max(colour.max(), 1e-6)
    white = float(np.clip(neutral * 1.6 - 0.6, 0, 1) * np.clip((colour.max() - 0.05) / 0.2, 0, 1))
    salt = np.where(chance.random((n, 1)) < 0.5, 0.45, 0.25) * white
    scatter = np.exp(spread * depth + warm) * (1 + salt * np.sign(depth))
    return np.clip(colour * scatter, 0.003, 0.85).astype(np.float32)
