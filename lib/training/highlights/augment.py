"""Other pictures of the same: cuts, mirrors, and renders under other light, of other skin."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from lib.imaging import linear_to_srgb, luminance
from lib.training.highlights.options import Flip

HIGHLIGHT = (
    0.04  # mirrored light, of white, that counts as a highlight; as the renders' truth has it
)
ZOOM = (0.5, 1.5)  # of a cut
BRIGHT_SHARE = 0.6  # of cuts lie about a place that mirrors much, not about any place of the face
NO_GLOSS = 0.06  # share of cuts without mirrored light
GLOSS, UNEVEN, UNEVEN_SHARE = (0.15, 0.6), 0.5, 0.5  # of its logarithm, overall and about
PATCHES, PATCHY, PATCHY_SHARE = (8, 25), 1.2, 0.4  # per side, most of its logarithm; wet, dry skin
MOST_UNEVEN = (-2.5, 1.8)  # logarithm
SHARPER, SHARPER_SHARE = 1.2, 0.4  # exponent more of mirrored light, as of smoother skin
STRONG, MOST_SHARPER = 0.97, 3.0  # quantile of mirrored light that stays, and what grows most
ROUGHER_PX, ROUGHER_SHARE = 4.0, 0.2  # blur of it, as of rougher skin
OFF_FACE = 0.15  # how much counts what is no part of the face
EXPOSURE, WHITE, SKIN = 0.25, 0.06, 0.06  # deviations of logarithms
MOST_NOISE, MOST_GRAIN, BLURRED, MOST_BLUR = 0.02, 0.8, 0.3, 1.0
LINEAR_SHARE = 0.25  # of cameras that clip and do no more
KNEE, GAMMA, CONTRAST, SATURATION, SHARPENING = (0.5, 0.95), 0.1, 0.5, 0.12, 0.6
CODED_SHARE, QUALITY = 0.6, (60, 96)


class Pair(NamedTuple):
    """A picture and what is true about it, float32 0..1, sRGB-encoded.

    Args:
        photo: (h, w, 3) with highlights.
        diffuse: (h, w, 3) without; None = not known.
        mask: (h, w) how much of a highlight is there; None = not known.
        weight: (h, w) how much a pixel counts; None = all the same.
    """

    photo: np.ndarray
    diffuse: np.ndarray | None
    mask: np.ndarray | None
    weight: np.ndarray | None = None

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
    parts = [diffuse, specular, face.astype(np.float32)]
    if side:
        parts = _zoomed(parts, _places(specular, face, chance), side, chance)
    diffuse, specular, face = parts[0], _other_gloss(parts[1], chance), parts[2]
    light = np.exp(chance.normal(0, EXPOSURE) + chance.normal(0, WHITE, 3))
    skin = np.exp(chance.normal(0, SKIN, 3))
    diffuse, specular = diffuse * (skin * light), specular * light
    diffuse = np.maximum(diffuse + _noise(diffuse + specular, chance), 0)
    pair = developed(diffuse, specular, draw_camera(chance))
    pair = pair._replace(weight=(OFF_FACE + (1 - OFF_FACE) * face).astype(np.float32))
    if chance.random() < CODED_SHARE:
        return coded(pair, int(chance.integers(*QUALITY)))
    return pair


@dataclass(frozen=True)
class Camera:
    """What a camera makes of light; the defaults clip it.

    Args:
        blur_px: sigma of a blur of the light.
        knee: linear value from which bright light is pressed; 1 = it clips.
        gamma: exponent over encoded values.
        contrast: of an S-shaped curve over them, 0..0.9.
        saturation: of encoded values.
        sharpening: strength of an unsharp mask of sigma 1 px.
    """

    blur_px: float = 0.0
    knee: float = 1.0
    gamma: float = 1.0
    contrast: float = 0.0
    saturation: float = 1.0
    sharpening: float = 0.0

    def blurred(self, light: np.ndarray) -> np.ndarray:
        """(h, w, 3) light behind the lens."""
        return cv2.GaussianBlur(light, (0, 0), self.blur_px) if self.blur_px else light

    def encoded(self, light: np.ndarray) -> np.ndarray:
        """(h, w, 3) float32 0..1 of linear light."""
        light = np.maximum(light, 0)
        over, room = np.maximum(light - self.knee, 0), max(1 - self.knee, 1e-6)
        pressed = np.minimum(light, self.knee) + room * (1 - np.exp(-over / room))
        value = linear_to_srgb(pressed.astype(np.float32)) ** np.float32(self.gamma)
        value = value + np.float32(self.contrast) * value * (1 - value) * (2 * value - 1)
        grey = luminance(value)[..., None]
        value = grey + np.float32(self.saturation) * (value - grey)
        if self.sharpening:
            soft = cv2.GaussianBlur(value, (0, 0), 1.0)
            value = value + np.float32(self.sharpening) * (value - soft)
        return np.clip(value, 0, 1).astype(np.float32)


def draw_camera(chance: np.random.Generator) -> Camera:
    """One with a look of its own, or one that clips and does no more."""
    blur = float(chance.uniform(0.3, MOST_BLUR)) if chance.random() < BLURRED else 0.0
    if chance.random() < LINEAR_SHARE:
        return Camera(blur)
    return Camera(
        blur,
        knee=float(chance.uniform(*KNEE)),
        gamma=float(np.exp(chance.normal(0, GAMMA))),
        contrast=float(chance.uniform(0, CONTRAST)),
        saturation=float(np.exp(chance.normal(0, SATURATION))),
        sharpening=float(chance.uniform(0, SHARPENING)),
    )


def developed(diffuse: np.ndarray, specular: np.ndarray, camera: Camera | None = None) -> Pair:
    """The photo of matte and mirrored light, that of the matte light alone, and the mask.

    Args:
        diffuse: (h, w, 3) linear, 1 = white.
        specular: (h, w, 3) likewise.
        camera: None = one that clips.
    """
    camera = camera or Camera()
    diffuse, specular = (camera.blurred(np.asarray(p, np.float32)) for p in (diffuse, specular))
    mask = (luminance(specular) > HIGHLIGHT).astype(np.float32)
    return Pair(camera.encoded(diffuse + specular), camera.encoded(diffuse), mask)


def coded(pair: Pair, quality: int) -> Pair:
    """Photo as JPEG leaves it; the same is added to the picture without highlights."""
    buffer = io.BytesIO()
    pixels = np.rint(255 * pair.photo).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as picture:
        photo = np.asarray(picture.convert("RGB"), np.float32) / 255
    return pair._replace(photo=photo, diffuse=np.clip(pair.diffuse + photo - pair.photo, 0, 1))


def _places(specular: np.ndarray, face: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """(k, 2) rows and columns that a cut may be about."""
    bright = face & (luminance(specular) > HIGHLIGHT)
    for found in (bright if chance.random() < BRIGHT_SHARE else face, face):
        if found.any():
            return np.argwhere(found)
    return np.array([[side // 2 for side in face.shape]])


def _other_gloss(specular: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """(h, w, 3) mirrored light, stronger or weaker, here and there, of smoother or rougher skin."""
    kind = chance.random()
    if kind < SHARPER_SHARE:
        strength = specular.max(axis=2, keepdims=True)
        usual = max(float(np.quantile(strength, STRONG)), 1e-3)
        specular = specular * np.minimum(strength / usual, MOST_SHARPER) ** np.float32(
            chance.uniform(0, SHARPER)
        )
    elif kind > 1 - ROUGHER_SHARE:
        specular = cv2.GaussianBlur(specular, (0, 0), chance.uniform(0.5, ROUGHER_PX))
    gloss = np.exp(chance.normal(*GLOSS)) * (chance.random() >= NO_GLOSS)
    size = specular.shape[:2]
    field = UNEVEN * (chance.random() < UNEVEN_SHARE) * _smooth(size, 5, chance)
    if chance.random() < PATCHY_SHARE:
        patches = int(chance.integers(*PATCHES))
        field = field + chance.uniform(0, PATCHY) * _smooth(size, patches, chance)
    return specular * (gloss * np.exp(np.clip(field, *MOST_UNEVEN)))


def _noise(light: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """(h, w, 3) noise of a sensor, whose neighbours share some."""
    noise = chance.normal(0, chance.uniform(0, MOST_NOISE), light.shape)
    if (grain := chance.uniform(0, MOST_GRAIN)) > 0.2:
        noise = cv2.GaussianBlur(noise, (0, 0), grain) * (2 * np.sqrt(np.pi) * max(grain, 0.3))
    return noise * np.sqrt(np.maximum(light, 0))


def _zoomed(
    parts: Sequence[np.ndarray], places: np.ndarray, side: int, chance: np.random.Generator
) -> list[np.ndarray]:
    """(side, side, ...) of each part, about one of some places (k, 2) or a little beside it."""
    h, w = parts[0].shape[:2]
    low, high = np.log(ZOOM)
    size = int(np.clip(round(side / np.exp(chance.uniform(low, high))), 8, min(h, w)))
    middle = places[chance.integers(len(places))] + chance.uniform(-0.3, 0.3, 2) * size
    top, left = (int(np.clip(m - size // 2, 0, n - size)) for m, n in zip(middle, (h, w)))
    way = cv2.INTER_AREA if size > side else cv2.INTER_LINEAR
    cut = (np.ascontiguousarray(part[top : top + size, left : left + size]) for part in parts)
    return [cv2.resize(part, (side, side), interpolation=way) for part in cut]


def _smooth(size: tuple[int, int], cells: int, chance: np.random.Generator) -> np.ndarray:
    """(h, w, 1) smooth values about 0, of so many cells along each side."""
    coarse = chance.normal(0, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)[..., None]
