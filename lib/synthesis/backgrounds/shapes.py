"""What pictures of surroundings are made of: noise, colours, discs of blur, painted heads."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from lib.imaging import srgb_to_linear

Size = tuple[int, int]
SOFTEST_PX = 0.8  # blur of what is in focus, which smooths edges
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
    base = _linear(codes[chance.integers(len(codes))])
    off = chance.standard_normal(4, np.float32) * np.float32(spread)
    return np.minimum(base * np.exp(off[0] + np.float32(0.25) * off[1:]), np.float32(0.95))


def fractal(
    size: Size,
    chance: np.random.Generator,
    roughness: float = 1.0,
    coarsest: float = 2.0,
    stretch: float = 1.0,
) -> np.ndarray:
    """(h, w) float32 periodic noise of mean 0 and variance 1, whose octaves fall by a power.

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
        result += amplitude * _enlarged(chance.standard_normal((rows, columns), np.float32), size)
        waves, amplitude = waves * 2, amplitude * 2.0**-roughness
    return (result - result.mean()) / max(float(result.std()), 1e-6)


def _enlarged(grid: np.ndarray, size: Size) -> np.ndarray:
    """A periodic grid with smooth values between, (h, w)."""
    rows, columns = grid.shape
    step = np.array([[columns / size[1], 0, 0], [0, rows / size[0], 0]])
    step[:, 2] = 1.5 + 0.5 * np.diag(step)  # two more cells at each side, integer cell centres
    padded = np.pad(grid, 2, mode="wrap")
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(padded, step, size[::-1], flags=flags)


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


def speckle(
    size: Size, chance: np.random.Generator, share: float, spread: float = 1.0
) -> np.ndarray:
    """(h, w) float32: sparse bright points, log-normal in brightness, 0 elsewhere."""
    points = chance.random(size, np.float32) < share
    result = np.zeros(size, np.float32)
    result[points] = np.exp(spread * chance.standard_normal(int(points.sum()), np.float32))
    return result
