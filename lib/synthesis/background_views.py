"""Scenes that are painted rather than built: studios, leaves, skies, lights at night, crowds."""

from __future__ import annotations

import cv2
import numpy as np

from lib.synthesis.background_shapes import (
    CLOTHS,
    Size,
    colour,
    ellipse,
    fractal,
    grid,
    paint_head,
    pick,
    smoothstep,
    speckle,
)

STUDIO = ("8c8c8c", "c8c8c6", "f4f4f4", "3a3a3c", "141416", "4a5868", "6a5a4c", "2c3a4c", "a89c8c",
          "7a8894", "5a3434", "304838")  # fmt: skip
PLAIN = ("ffffff", "f6f7f8", "cfe2f2", "9cc4e4", "5a9bd0", "e8e8e6", "d6dadd", "b8312f", "f4efe4")
LEAVES = ("3d5c22", "5a7a2c", "2c4a1e", "7a9438", "96a83c", "486a38", "a88a30", "8a5a24", "34502c")
SKIES = (("6d9fd6", "dfeaf2"), ("4f86c6", "bcd6ea"), ("a9b4be", "d8dcde"), ("c4cdd4", "eef0f0"),
         ("7f93b4", "f6d2a4"), ("5c6c94", "f2a878"), ("8fb4dc", "f4f2ea"))  # fmt: skip
LIGHTS = ("ffb060", "ffd8a0", "fff4e0", "ff4030", "60ff90", "70a8ff", "ff70c0", "ffe070", "c0e0ff")


def seamless(size: Size, chance: np.random.Generator) -> np.ndarray:
    """Studio paper with a spot of light on it."""
    x, y = grid(size)
    middle, reach = chance.uniform([0.2, 0.25], [0.8, 0.8]), chance.uniform(0.35, 1.1)
    spot = np.exp(-((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / reach**2)
    low = chance.uniform(0.1, 0.7)
    slope = 1 + chance.normal(0, 0.2) * (x - 0.5) + chance.normal(0, 0.2) * (y - 0.5)
    value = (low + (1 - low) * spot) * slope * (1 + 0.012 * fractal(size, chance, 0.8, 3))
    return pick(STUDIO, chance) * value[..., None]


def canvas(size: Size, chance: np.random.Generator) -> np.ndarray:
    """A hand-painted studio cloth: clouds of two near tones, brighter in the middle."""
    x, y = grid(size)
    one = pick(STUDIO, chance)
    other = one * np.exp(chance.normal(0, 0.25, 3)) * chance.uniform(0.35, 0.75)
    mix = smoothstep(-1.4, 1.4, fractal(size, chance, 0.8, 3))[..., None]
    spot = np.exp(-2.2 * ((x - chance.uniform(0.3, 0.7)) ** 2 + (y - 0.45) ** 2))[..., None]
    rough = np.exp(0.06 * fractal(size, chance, 0.3, 12))[..., None]
    return ((one * mix + other * (1 - mix)) * (0.25 + spot) * rough).astype(np.float32)


def plain(size: Size, chance: np.random.Generator) -> np.ndarray:
    """The plain ground of a passport photo, perhaps with the person's soft shadow."""
    x, y = grid(size)
    slope = 1 + chance.normal(0, 0.06) * (x - 0.5) + chance.normal(0, 0.06) * (y - 0.5)
    value = slope * (1 + 0.006 * fractal(size, chance, 0.5, 3))
    if chance.random() < 0.5:
        shift = chance.choice([-1, 1]) * chance.uniform(0.04, 0.14)
        oval = ((x - 0.5 - shift) / 0.27) ** 2 + ((y - 0.52) / 0.36) ** 2
        body = ((x - 0.5 - shift) / 0.48) ** 2 + ((y - 1.1) / 0.32) ** 2
        near = chance.uniform(0.2, 0.6)
        shade = smoothstep(1 + near, 1 - near, np.minimum(oval, body))
        value = value * (1 - chance.uniform(0.1, 0.4) * shade)
    return pick(PLAIN, chance, 0.04) * chance.uniform(0.55, 0.95) * value[..., None]


def leaves(size: Size, chance: np.random.Generator) -> np.ndarray:
    """Foliage before light: deep shade, lit leaves, sparks of sky."""
    x, y = grid(size)
    base, lit = pick(LEAVES, chance), pick(LEAVES, chance)
    coarse, middle = fractal(size, chance, 0.8, 3), fractal(size, chance, 0.4, 10)
    fine = fractal(size, chance, 0.0, 24)
    value = np.exp(0.55 * coarse + 0.4 * middle + 0.35 * fine)
    mix = smoothstep(-0.7, 1.2, middle + 0.6 * coarse)[..., None]
    image = (base * (1 - mix) * 0.5 + lit * mix) * value[..., None]
    tilt = chance.normal(0, 0.8) * (x - 0.5) + chance.uniform(-1.4, 0.2) * (y - 0.5)
    image = image * np.exp(tilt)[..., None]
    open_sky = smoothstep(0.9, 1.5, coarse + 0.7 * middle + 1.3 * (0.35 - y))
    sky = pick(("dfeeff", "fff4dc", "f4f8ff"), chance) * chance.uniform(1.0, 3.0)
    gap = open_sky * smoothstep(0.0, 0.8, fine + 0.5 * middle) * chance.uniform(0.2, 1.0)
    image = image * (1 - gap[..., None]) + sky * gap[..., None]
    sparks = speckle(size, chance, chance.uniform(0.0005, 0.004))
    sparks *= smoothstep(-0.5, 0.8, coarse) * (chance.uniform(3, 25) * size[0] / 256)
    tint = lit / lit.max() * 0.5 + 0.5
    return (image + sparks[..., None] * tint).astype(np.float32)


def sky(size: Size, chance: np.random.Generator, horizon: float = 1.0) -> np.ndarray:
    """Sky with clouds, paler towards the horizon.

    Args:
        size: (h, w) px.
        chance: source of random numbers.
        horizon: its place, of the height from above.
    """
    _, y = grid(size)
    high, low = (colour(code) for code in SKIES[chance.integers(len(SKIES))])
    mix = (np.clip(y / max(horizon, 0.2), 0, 1) ** 1.3)[..., None]
    image = high * (1 - mix) + low * mix
    clouds = fractal(size, chance, 0.9, 2, 2.2)
    cover = smoothstep(chance.uniform(-0.5, 1.6), 2.2, clouds + 0.4 * y)[..., None]
    white = colour("fbfaf6") * (1 - 0.12 * fractal(size, chance, 0.9, 3, 2.0))[..., None]
    return (image * (1 - cover) + white * cover).astype(np.float32) * chance.uniform(0.75, 1.3)


def park(size: Size, chance: np.random.Generator) -> np.ndarray:
    """Sky over trees over grass."""
    _, y = grid(size)
    horizon = chance.uniform(0.45, 0.85)
    image = sky(size, chance, horizon)
    for far in (1.0, 0.0):
        crown = horizon - chance.uniform(0.05, 0.4) * (0.5 + 0.5 * (1 - far))
        edge = crown + 0.07 * fractal((1, size[1]), chance, 0.6, 3) + 0.02 * fractal(
            size, chance, 0.2, 20)  # fmt: skip
        cover = smoothstep(-0.004, 0.004, y - edge) * (1 - smoothstep(0, 0.01, y - horizon - 0.03))
        if far:
            cover = cover * chance.choice([1.0, 0.0])
        tone = pick(LEAVES, chance) * (1 - 0.3 * far) + 0.12 * far
        rough = np.exp((0.25 + 0.3 * (1 - far)) * fractal(size, chance, 0.3, 12))
        body = tone * (rough * (1.3 - 0.9 * smoothstep(crown, horizon, y)))[..., None]
        image = image * (1 - cover[..., None]) + body * cover[..., None]
    ground = smoothstep(0, 0.01, y - horizon)[..., None]
    grass = pick(("6a8a34", "4a6a28", "8a9a4c", "a89a78", "7f7a70"), chance)
    stripes = np.exp(0.15 * fractal(size, chance, 0.4, 6, 4.0) + 0.25 * (y - horizon))
    return (image * (1 - ground) + grass * stripes[..., None] * ground).astype(np.float32)


def shore(size: Size, chance: np.random.Generator) -> np.ndarray:
    """Sea or hills under a sky, sand or a meadow before them."""
    _, y = grid(size)
    horizon = chance.uniform(0.35, 0.65)
    image = sky(size, chance, horizon)
    sea = pick(("2c5a78", "3a7a8c", "4a6474", "28465c"), chance)
    waves = np.exp(0.16 * fractal(size, chance, 0.3, 6, 6.0)) * (1.3 - 0.7 * (y - horizon))
    cover = smoothstep(0, 0.004, y - horizon)[..., None]
    image = image * (1 - cover) + sea * waves[..., None] * cover
    for k in range(chance.integers(0, 4)):
        ridge = horizon - chance.uniform(0.0, 0.16) / (k + 1) + 0.05 * fractal(
            (1, size[1]), chance, 1.0, 2)  # fmt: skip
        hill = smoothstep(0, 0.004, y - ridge) * (1 - smoothstep(0, 0.004, y - horizon))
        haze = colour("a8bccc") * (0.75 - 0.2 * k) + pick(LEAVES, chance) * 0.25 * (k + 1)
        rough = np.exp(0.1 * fractal(size, chance, 0.5, 8))[..., None]
        image = image * (1 - hill[..., None]) + haze * rough * hill[..., None]
    sand = smoothstep(0, 0.01, y - horizon - chance.uniform(0.1, 0.5))[..., None]
    ground = pick(("d2b98c", "b8a07a", "6f8a48", "8a847a"), chance)
    grain = np.exp(0.10 * fractal(size, chance, 0.2, 8, 2.0))[..., None]
    return (image * (1 - sand) + ground * grain * sand).astype(np.float32)


def night_lights(
    size: Size, chance: np.random.Generator, ground: np.ndarray | None = None
) -> np.ndarray:
    """Lamps of a town or a party, each a few pixels wide and far brighter than white.

    Args:
        size: (h, w) px.
        chance: source of random numbers.
        ground: what is behind them; None = a dark gradient.
    """
    height, width = size
    _, y = grid(size)
    if ground is None:
        tone = pick(("0c1018", "1a1410", "101820", "201410"), chance)
        ground = tone * np.exp(0.6 * fractal(size, chance, 1.0, 2) + (y - 0.5))[..., None]
    image = np.array(ground, np.float32)
    level = chance.uniform(0.3, 0.8)
    for _ in range(chance.integers(25, 160)):
        tone = colour(LIGHTS[chance.integers(len(LIGHTS)) if chance.random() < 0.5 else 0])
        bright = np.exp(chance.normal(0.6, 1.0)) * (height / 256) ** 0
        half = height * np.exp(chance.normal(-5.0, 0.4))
        place = (chance.uniform(0, width), height * (level + 0.18 * chance.standard_normal()))
        ellipse(image, place, (half, half), 6 * bright * tone)
        if chance.random() < 0.3:  # it shines on a wet road
            ellipse(image, (place[0], 2 * height * level - place[1] + 0.1 * height),
                    (half, 5 * half), 0.5 * bright * tone)  # fmt: skip
    return image


def crowd(size: Size, chance: np.random.Generator) -> np.ndarray:
    """Rows of people behind each other, near ones larger."""
    height, width = size
    _, y = grid(size)
    tone = pick((*STUDIO, "5a5046", "8a8a84"), chance)
    image = tone * np.exp(0.3 * fractal(size, chance, 1.0, 3) - 0.8 * (y - 0.5))[..., None]
    image = np.ascontiguousarray(image, np.float32)
    light, eye = chance.uniform(0.35, 0.9), chance.uniform(0.3, 0.55)
    rows = int(chance.integers(1, 5))
    for row in range(rows):
        half = height * chance.uniform(0.035, 0.05) * 1.45**row
        x = chance.uniform(0, 2 * half)
        while x < width:
            at = (x, height * (eye + 0.055 * row) + chance.normal(0, 0.5) * half)
            paint_head(image, at, half * np.exp(chance.normal(0, 0.1)), chance,
                       light * np.exp(chance.normal(0, 0.2)))  # fmt: skip
            x += half * chance.uniform(1.8, 5.5)
    return image * np.exp(0.06 * fractal(size, chance, 0.5, 6))[..., None]


def stage_light(size: Size, chance: np.random.Generator) -> np.ndarray:
    """Beams of coloured light in a dark hall."""
    x, y = grid(size)
    image = pick(("08080c", "120a10", "0a0c12"), chance) * np.ones((*size, 1), np.float32)
    for _ in range(chance.integers(2, 6)):
        top, lean = chance.uniform(0, 1), chance.normal(0, 0.5)
        wide = 0.02 + chance.uniform(0.05, 0.25) * y
        beam = np.exp(-(((x - top - lean * y) / wide) ** 2)) * np.exp(-1.5 * y)
        tone = colour(LIGHTS[chance.integers(len(LIGHTS))])
        image = image + chance.uniform(0.1, 0.7) * tone * beam[..., None]
        ellipse(image := np.ascontiguousarray(image, np.float32), (top * size[1], 0.03 * size[0]),
                (0.012 * size[0], 0.012 * size[0]), 25 * tone)  # fmt: skip
    smoke = np.exp(0.35 * fractal(size, chance, 1.0, 3))[..., None]
    return (image * smoke).astype(np.float32)


def backdrop_people(image: np.ndarray, chance: np.random.Generator, light: float) -> np.ndarray:
    """One to three persons who stand in a scene, some way off.

    Args:
        image: (h, w, 3) linear; it is changed.
        chance: source of random numbers.
        light: factor on their colours.
    """
    height, width = image.shape[:2]
    for _ in range(chance.integers(1, 4)):
        half = height * np.exp(chance.uniform(np.log(0.02), np.log(0.09)))
        place = (chance.uniform(0, width), height * chance.normal(0.45, 0.05))
        cloth = pick(CLOTHS, chance) * light
        legs = pick(CLOTHS, chance) * light
        ellipse(image, (place[0], place[1] + 9.5 * half), (1.0 * half, 5.5 * half), legs)
        ellipse(image, (place[0], place[1] + 4.3 * half), (1.5 * half, 3.2 * half), cloth)
        paint_head(image, place, half, chance, light, body=False)
    return image


def softened(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """An image with edges as soft as a lens leaves them."""
    return cv2.GaussianBlur(image, (0, 0), sigma_px)
