"""Scenes that are painted rather than built: studios, leaves, skies, lights at night, crowds."""

from __future__ import annotations

import numpy as np

from lib.imaging import luminance
from lib.synthesis.backgrounds.people import draw_person, paste_person
from lib.synthesis.backgrounds.shapes import (
    Size,
    colour,
    ellipse,
    fractal,
    grid,
    pick,
    smoothstep,
    speckle,
)

STUDIO = ("8c8c8c", "c8c8c6", "f4f4f4", "3a3a3c", "141416", "4a5868", "6a5a4c", "2c3a4c", "a89c8c",
          "7a8894", "5a3434", "304838")  # fmt: skip
PLAIN = ("ffffff", "f6f7f8", "cfe2f2", "9cc4e4", "5a9bd0", "e8e8e6", "d6dadd", "b8312f", "f4efe4")
LEAVES = ("46582e", "5f7238", "38482a", "7d8a48", "8f9550", "4f6440", "a08a48", "80603a", "3c4c36")
SKIES = (("8fb0d6", "eef2f4"), ("7aa0cc", "dfe8ee"), ("c4c9ce", "eceded"), ("d8dde0", "fafafa"),
         ("a4aebc", "f4e2c8"), ("8a90a4", "f0cfae"), ("b4c8de", "fbf9f4"),
         ("e8ecef", "ffffff"))  # fmt: skip
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
    other = one * np.exp(chance.normal(0, 0.08, 3)) * chance.uniform(0.4, 0.75)
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


def leaves(size: Size, chance: np.random.Generator, blur_px: float = 3.0) -> np.ndarray:
    """Foliage before light: deep shade, lit leaves, sparks of sky.

    Args:
        size: (h, w) px.
        chance: source of random numbers.
        blur_px: radius of the blur to come, which makes discs of sparks.
    """
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
    few = chance.uniform(0.0005, 0.004) / max(1.0, 0.15 * blur_px**2)
    sparks = speckle(size, chance, few) * smoothstep(-0.5, 0.8, coarse)
    sparks *= chance.uniform(0.1, 0.8) * min(blur_px, 6.0) ** 2
    tint = lit / lit.max() * 0.5 + 0.5
    return (image + sparks[..., None] * tint).astype(np.float32)


def hedge(size: Size, chance: np.random.Generator) -> np.ndarray:
    """Single leaves before each other: dark and small within, lit and large outside."""
    height, width = size
    base, lit = pick(LEAVES, chance), pick(LEAVES, chance)
    image = np.empty((*size, 3), np.float32)
    image[:] = 0.06 * base
    unit = height * chance.uniform(0.026, 0.055)
    shape, count = chance.uniform(0.35, 0.7), int(min(1100, 3.2 * height * width / unit**2))
    near = np.linspace(0, 1, count)
    x, y = chance.uniform(0, width, count), chance.uniform(0, height, count)
    turn, size_px = chance.uniform(0, 180, count), unit * (0.5 + 0.5 * near)
    shade = (0.12 + 0.75 * near**1.5) * np.exp(chance.normal(0, 0.35, count))
    glint = chance.random(count) < 0.06
    mixes = chance.random(count)
    for k in range(count):
        tone = shade[k] * (base + mixes[k] * (lit - base)) + 0.1 * glint[k] * near[k]
        ellipse(image, (x[k], y[k]), (size_px[k], size_px[k] * shape), tone, turn[k])
        side = np.radians(turn[k] + 90)
        at = (x[k] + 0.3 * shape * size_px[k] * np.cos(side), y[k] + 0.3 * shape * size_px[k]
              * np.sin(side))  # fmt: skip
        ellipse(image, at, (0.85 * size_px[k], 0.45 * shape * size_px[k]), 0.8 * tone, turn[k])
    light = fractal(size, chance, 1.0, 2) + chance.normal(0, 1) * (grid(size)[1] - 0.5)
    return image * np.exp(0.5 * light)[..., None]


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
        clump, leaf = fractal(size, chance, 0.5, 5), fractal(size, chance, 0.0, 30)
        rough = np.exp((1 - 0.6 * far) * (0.45 * clump + 0.4 * leaf))
        body = tone * (rough * (1.3 - 0.9 * smoothstep(crown, horizon, y)))[..., None]
        image = image * (1 - cover[..., None]) + body * cover[..., None]
    ground = smoothstep(0, 0.01, y - horizon)[..., None]
    grass = pick(("6f7f48", "55653a", "8a8f58", "a89a78", "7f7a70"), chance)
    blades = fractal(size, chance, 0.0, 24) * smoothstep(-0.1, 0.5, y - horizon)
    stripes = np.exp(0.2 * fractal(size, chance, 0.4, 5, 4.0) + 0.18 * blades + 0.4 * (horizon - y))
    return (image * (1 - ground) + grass * stripes[..., None] * ground).astype(np.float32)


def shore(size: Size, chance: np.random.Generator) -> np.ndarray:
    """Sea or hills under a sky, sand or a meadow before them."""
    _, y = grid(size)
    horizon = chance.uniform(0.35, 0.65)
    image = sky(size, chance, horizon)
    sea = pick(("3c5666", "52727c", "56666e", "34444e", "6f8088"), chance)
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
    for _ in range(chance.integers(15, 110)):
        tone = colour(LIGHTS[chance.integers(len(LIGHTS) if chance.random() < 0.3 else 3)])
        bright = np.exp(chance.normal(0.3, 1.0))
        half = height * np.exp(chance.normal(-5.0, 0.4))
        place = (chance.uniform(0, width), height * (level + 0.12 * chance.standard_normal()))
        ellipse(image, place, (half, half), 6 * bright * tone)
        if chance.random() < 0.3:  # it shines on a wet road
            ellipse(image, (place[0], 2 * height * level - place[1] + 0.1 * height),
                    (half, 5 * half), 0.5 * bright * tone)  # fmt: skip
    return image


def crowd(size: Size, chance: np.random.Generator) -> np.ndarray:
    """Rows of people behind each other, near ones larger."""
    height, width = size
    behind = chance.choice([park, leaves, night_lights, seamless])
    image = np.ascontiguousarray(behind(size, chance), np.float32)
    light, eye = chance.uniform(0.35, 0.9), chance.uniform(0.3, 0.55)
    light *= 0.35 if behind is night_lights else 1.0
    rows = int(chance.integers(1, 5))
    near = height * 0.042 * 1.45 ** (rows - 1)
    people = [draw_person(near, chance, whole=True) for _ in range(5)]
    for row in range(rows):
        half = height * 0.042 * 1.45**row * chance.uniform(0.85, 1.15)
        x = chance.uniform(0, 2 * half)
        while x < width:
            at = (x, height * (eye + 0.055 * row) + chance.normal(0, 0.5) * half)
            person = people[chance.integers(len(people))]
            tint = light * np.exp(chance.normal(0, 0.25) + chance.normal(0, 0.1, 3))
            size = half * np.exp(chance.normal(0, 0.1))
            paste_person(image, person, at, size, tint, chance.random() < 0.5)
            x += half * chance.uniform(1.8, 5.5)
    return image * np.exp(0.06 * fractal(image.shape[:2], chance, 0.5, 6))[..., None]


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


def passers(
    image: np.ndarray,
    depth: np.ndarray,
    focal_px: float,
    nearest_mm: float,
    chance: np.random.Generator,
) -> np.ndarray:
    """One to four people who stand or walk in a scene, behind what is nearer.

    Args:
        image: (h, w, 3) linear.
        depth: (h, w) mm of what is on it.
        focal_px: of its camera.
        nearest_mm: no one is nearer.
        chance: source of random numbers.
    """
    height, width = depth.shape
    image = np.ascontiguousarray(image, np.float32)
    horizon = height * chance.uniform(0.42, 0.52)
    light = float(np.clip(2.2 * np.median(luminance(image)), 0.02, 0.8))
    for _ in range(chance.integers(1, 5)):
        away = nearest_mm * np.exp(chance.uniform(0, np.log(6)))
        half = focal_px * 105 / away
        place = (chance.uniform(0, width), horizon + chance.normal(0, 0.5) * half)
        person = draw_person(half, chance, whole=True)
        paste_person(image, person, place, half, light, before=depth > away)
    return image
