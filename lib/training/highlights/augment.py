"""Other pictures of the same: cuts, mirrors, and renders under other light, of other skin."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from lib.imaging import linear_to_srgb, luminance
from lib.training.highlights.options import Flip

HIGHLIGHT = (
    0.04  # mirrored light, of white, that counts as a highlight; as the renders' truth has it
)
ZOOM = (0.6, 1.7)  # of a cut
NO_GLOSS = 0.08  # share of cuts without mirrored light
GLOSS, UNEVEN, UNEVEN_SHARE = 0.6, 0.5, 0.5  # deviations of its logarithm, overall and about
EXPOSURE, WHITE, SKIN = 0.25, 0.06, 0.06  # deviations of logarithms
GAMMA, CONTRAST = 0.12, 0.3
MOST_NOISE, BLURRED, MOST_BLUR = 0.02, 0.3, 1.0


class Pair(NamedTuple):
    """A picture and what is true about it, float32 0..1, sRGB-encoded.

    Args:
        photo: (h, w, 3) with highlights.
        diffuse: (h, w, 3) without; None = not known.
        mask: (h, w) how much of a highlight is there; None = not known.
    """

    photo: np.ndarray
    diffuse: np.ndarray | None
    mask: np.ndarray | None

    def mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> Pair:
        """The same done to all parts that are known."""
        return Pair(*(None if part is None else change(part) for part in self))


def cut_square(pair: Pair, side: int, chance: np.random.Generator) -> Pair:
    """A square at random; a smaller picture is mirrored at its right and lower border."""
    h, w = pair.photo.shape[:2]
    top, left = (int(chance.integers(0, max(n - side, 0) + 1)) for n in (h, w))

    def cut(part: np.ndarray) -> np.ndarray:
        part = part[top : top + side, left : left + side]
        missing = [(0, side - n) for n in part.shape[:2]] + [(0, 0)] * (part.ndim - 2)
        return np.pad(part, missing, "symmetric")

    return pair.mapped(cut)


def mirrored(pair: Pair, flip: Flip, chance: np.random.Generator) -> Pair:
    """Mirrored along the axes that may be, each by chance."""
    turned = (chance.random(2) < 0.5) & (flip == "both", flip != "none")
    rows, cols = (slice(None, None, -1 if axis else 1) for axis in turned)
    return pair.mapped(lambda part: np.ascontiguousarray(part[rows, cols]))


def cut_render(
    diffuse: np.ndarray,
    specular: np.ndarray,
    face: np.ndarray,
    side: int,
    chance: np.random.Generator,
) -> Pair:
    """A square of a render about a place of the face, with other gloss, light, skin and sensor.

    Args:
        diffuse: (h, w, 3) matte light, 1 = white.
        specular: (h, w, 3) mirrored light.
        face: (h, w) bool.
        side: of the square; 0 = the whole picture.
        chance: of everything.
    """
    parts = np.dstack([diffuse, specular])
    if side:
        parts = _zoomed(parts, face, side, chance)
    diffuse, specular = parts[..., :3], parts[..., 3:]
    gloss = np.exp(chance.normal(0, GLOSS)) * (chance.random() >= NO_GLOSS)
    field = _smooth(parts.shape[:2], chance) if chance.random() < UNEVEN_SHARE else 0.0
    specular = specular * (gloss * np.exp(np.clip(UNEVEN * field, -1.5, 1.5)))
    light = np.exp(chance.normal(0, EXPOSURE) + chance.normal(0, WHITE, 3))
    skin = np.exp(chance.normal(0, SKIN, 3))
    noise = chance.normal(0, chance.uniform(0, MOST_NOISE), diffuse.shape)
    diffuse = np.maximum(diffuse * skin * light + noise * np.sqrt(np.maximum(diffuse, 0)), 0)
    gamma, contrast = np.exp(chance.normal(0, GAMMA)), chance.uniform(0, CONTRAST)
    blur = chance.uniform(0.3, MOST_BLUR) if chance.random() < BLURRED else 0.0
    return developed(diffuse, specular * light, float(gamma), float(contrast), blur)


def developed(
    diffuse: np.ndarray,
    specular: np.ndarray,
    gamma: float = 1.0,
    contrast: float = 0.0,
    blur_px: float = 0.0,
) -> Pair:
    """The photo of matte and mirrored light, that of the matte light alone, and the mask.

    Args:
        diffuse: (h, w, 3) linear, 1 = white; what is brighter clips.
        specular: (h, w, 3) likewise.
        gamma: exponent over encoded values.
        contrast: of an S-shaped curve over them, 0..0.9.
        blur_px: sigma of a blur of the light.
    """
    diffuse, specular = (np.asarray(part, np.float32) for part in (diffuse, specular))
    if blur_px:
        diffuse, specular = (cv2.GaussianBlur(p, (0, 0), blur_px) for p in (diffuse, specular))

    def encoded(light: np.ndarray) -> np.ndarray:
        value = linear_to_srgb(np.clip(light, 0, 1)) ** np.float32(gamma)
        value = value + np.float32(contrast) * value * (1 - value) * (2 * value - 1)
        return np.clip(value, 0, 1).astype(np.float32)

    mask = (luminance(specular) > HIGHLIGHT).astype(np.float32)
    return Pair(encoded(diffuse + specular), encoded(diffuse), mask)


def _zoomed(
    parts: np.ndarray, face: np.ndarray, side: int, chance: np.random.Generator
) -> np.ndarray:
    """(side, side, 6) about a pixel of the face, or of the picture where there is none."""
    h, w = face.shape
    low, high = np.log(ZOOM)
    size = int(np.clip(round(side / np.exp(chance.uniform(low, high))), 8, min(h, w)))
    places = np.argwhere(face) if face.any() else np.array([[h // 2, w // 2]])
    middle = places[chance.integers(len(places))]
    top, left = (int(np.clip(m - size // 2, 0, n - size)) for m, n in zip(middle, (h, w)))
    cut = np.ascontiguousarray(parts[top : top + size, left : left + size])
    way = cv2.INTER_AREA if size > side else cv2.INTER_LINEAR
    sized = [cv2.resize(p, (side, side), interpolation=way) for p in (cut[..., :3], cut[..., 3:])]
    return np.dstack(sized)


def _smooth(size: tuple[int, int], chance: np.random.Generator) -> np.ndarray:
    """(h, w, 1) smooth values about 0."""
    coarse = chance.normal(0, 1, (5, 5)).astype(np.float32)
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)[..., None]
