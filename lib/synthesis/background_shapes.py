"""What pictures of surroundings are made of: noise, colours, discs of blur, painted heads."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from lib.imaging import srgb_to_linear

Size = tuple[int, int]
WIDEST_DISC_PX = 9.0  # larger discs are drawn on a smaller picture
SKIN = ("f1d0b8", "e3b796", "c8926b", "a06c47", "74492d", "4a2d1d", "e8c2a8", "d9a583")
HAIR = ("15110f", "241a15", "3b2618", "5c3d24", "8a6238", "b7935c", "6f6a66", "2a2322")
CLOTHS = ("1c1f26", "2b3445", "e6e6e2", "9aa0a6", "7a1f22", "2f4a3a", "b59b78", "32507d", "c9c3b8",
          "101012", "56423a", "8f2f3f", "d7b24a", "48586b")  # fmt: skip


def colour(code: str) -> np.ndarray:
    """(3,) linear RGB of a hexadecimal sRGB colour."""
    return _linear(code).copy()


@cache
def _linear(code: str) -> np.ndarray:
    return srgb_to_linear(np.array([int(code[k : k + 2], 16) for k in (0, 2, 4)], np.uint8))


def pick(codes: tuple[str, ...], chance: np.random.Generator, spread: float = 0.12) -> np.ndarray:
    """(3,) linear RGB near one of some hexadecimal colours."""
    base = colour(codes[chance.integers(len(codes))])
    value = base * np.exp(chance.normal(0, spread) + chance.normal(0, 0.25 * spread, 3))
    return np.clip(value, 0, 0.95).astype(np.float32)


def fractal(
    size: Size,
    chance: np.random.Generator,
    roughness: float = 1.0,
    coarsest: float = 2.0,
    stretch: float = 1.0,
) -> np.ndarray:
    """(h, w) float32 noise of mean 0 and variance 1, whose octaves fall by a power.

    Args:
        size: (h, w) px.
        chance: source of random numbers.
        roughness: amplitude of an octave over that of the next finer one is 2 to this.
        coarsest: waves along the longer side in the first octave.
        stretch: larger than 1 = features are wider than high.
    """
    height, width = size
    result = np.zeros(size, np.float32)
    waves, amplitude = coarsest, 1.0
    while waves < max(size) / 1.5:
        rows = max(2, round(waves * stretch * height / max(size)) + 1)
        columns = max(2, round(waves * width / max(size)) + 1)
        rows, columns = min(rows, height), min(columns, width)
        grid = chance.standard_normal((rows, columns), np.float32)
        result += amplitude * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        waves, amplitude = waves * 2, amplitude * 2.0**-roughness
    return (result - result.mean()) / max(float(result.std()), 1e-6)


def defocus(image: np.ndarray, radius_px: float) -> np.ndarray:
    """An image out of focus: each point becomes an even disc, in linear light.

    Args:
        image: (h, w, 3) linear.
        radius_px: of the disc; small ones leave the image as it is.
    """
    if radius_px < 0.4:
        return image
    if radius_px > 1.6 * WIDEST_DISC_PX:
        height, width = image.shape[:2]
        factor = WIDEST_DISC_PX / radius_px
        small = (max(8, round(width * factor)), max(8, round(height * factor)))
        reduced = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        blurred = defocus(reduced, radius_px * small[1] / height)
        return np.maximum(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_CUBIC), 0)
    kernel = disc(radius_px)
    return np.maximum(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT), 0)


def disc(radius_px: float) -> np.ndarray:
    """(k, k) float32 of sum 1: a disc with a slightly brighter rim, as lenses draw it."""
    half = int(np.ceil(radius_px))
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    distance = np.hypot(x, y)
    value = np.clip(radius_px + 0.5 - distance, 0, 1) * (0.85 + 0.25 * (distance / radius_px) ** 4)
    return (value / value.sum()).astype(np.float32)


def smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def grid(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """(1, w) x and (h, 1) y, float32: 0..1 from left to right and from top to bottom."""
    height, width = size
    x = (np.arange(width, dtype=np.float32) + 0.5) / width
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    return x[None, :], y[:, None]


def ellipse(
    image: np.ndarray,
    middle: tuple[float, float],
    half: tuple[float, float],
    value: np.ndarray,
    turn_deg: float = 0.0,
) -> None:
    """Fill an ellipse of an image in place; places in px, to a sixteenth."""
    axes = (max(1, round(half[0] * 16)), max(1, round(half[1] * 16)))
    place = (round(middle[0] * 16), round(middle[1] * 16))
    cv2.ellipse(image, place, axes, turn_deg, 0, 360,
                [float(v) for v in value], -1, cv2.LINE_8, 4)  # fmt: skip


def paint_head(
    image: np.ndarray,
    middle: tuple[float, float],
    half_px: float,
    chance: np.random.Generator,
    light: float = 1.0,
    body: bool = True,
) -> None:
    """Paint a rough person into an image in place: good enough when blurred or on a poster.

    Args:
        image: (h, w, 3) linear.
        middle: of the face, px.
        half_px: half the face's height.
        chance: source of random numbers.
        light: factor on all colours.
        body: shoulders and neck too.
    """
    x, y = middle
    skin, hair, cloth = (pick(codes, chance) * light for codes in (SKIN, HAIR, CLOTHS))
    side, away = chance.choice([-1.0, 1.0]), chance.normal(0, 0.12) * half_px
    long = chance.random() < 0.4
    if body:
        ellipse(image, (x, y + 2.9 * half_px), (1.75 * half_px, 1.7 * half_px), cloth)
        ellipse(image, (x + side * 0.9 * half_px, y + 3.1 * half_px),
                (0.9 * half_px, 1.6 * half_px), 0.6 * cloth)  # fmt: skip
        ellipse(image, (x, y + 1.05 * half_px), (0.4 * half_px, 0.55 * half_px), 0.55 * skin)
    if long:
        ellipse(image, (x, y + 0.25 * half_px), (0.98 * half_px, 1.35 * half_px), 0.8 * hair)
    ellipse(image, (x, y - 0.28 * half_px), (0.87 * half_px, 0.92 * half_px), hair)
    ellipse(image, (x + away, y + 0.05 * half_px), (0.7 * half_px, 0.93 * half_px), 0.72 * skin)
    ellipse(image, (x + away - side * 0.14 * half_px, y + 0.04 * half_px),
            (0.55 * half_px, 0.84 * half_px), skin)  # fmt: skip
    for end in (-1, 1):
        eye = (x + 1.5 * away + 0.3 * end * half_px, y - 0.08 * half_px)
        ellipse(image, eye, (0.19 * half_px, 0.11 * half_px), 0.35 * skin)
        ellipse(image, (eye[0], eye[1] - 0.2 * half_px), (0.22 * half_px, 0.05 * half_px), hair)
    nose = (x + 1.8 * away + side * 0.06 * half_px, y + 0.24 * half_px)
    ellipse(image, nose, (0.13 * half_px, 0.08 * half_px), 0.55 * skin)
    lips = skin * np.array([0.75, 0.42, 0.42], np.float32)
    ellipse(image, (x + 1.5 * away, y + 0.5 * half_px), (0.28 * half_px, 0.08 * half_px), lips)
    ellipse(image, (x + 0.5 * away, y - 0.72 * half_px), (0.72 * half_px, 0.34 * half_px), hair)


def speckle(
    size: Size, chance: np.random.Generator, share: float, spread: float = 1.0
) -> np.ndarray:
    """(h, w) float32: sparse bright points, log-normal in brightness, 0 elsewhere."""
    points = chance.random(size, np.float32) < share
    result = np.zeros(size, np.float32)
    result[points] = np.exp(spread * chance.standard_normal(int(points.sum()), np.float32))
    return result
