"""Random colour, mirror and scale of a training photo with its points and labels, as published."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from lib.facemodel.points86 import MIRRORED86
from lib.training.coarse.augment import MIRRORED68
from lib.training.detail_layer.options import DetailTrainingOptions
from lib.training.detail_layer.tfrecord import SIDE, DetailExample

# Classes of eyes, brows and ears change sides with the picture.
MIRRORED_LABELS = np.array([0, 1, 2, 3, 5, 4, 7, 6, 9, 8, *range(10, 19)], np.uint8)


@dataclass(frozen=True)
class Change:
    """One augmentation, applied in this order.

    Args:
        gain: (3,) factor on each channel.
        flip: left and right are exchanged.
        scale: about the middle.
    """

    gain: np.ndarray
    flip: bool
    scale: float


NO_CHANGE = Change(np.ones(3), False, 1.0)


def draw_change(options: DetailTrainingOptions, chance: np.random.Generator) -> Change:
    """A random change; every photo takes equally many draws, whatever is switched off."""
    gain = 1 + options.colour * chance.uniform(-1, 1, 3)
    flip = bool(chance.random() < 0.5) and options.flip
    return Change(gain, flip, 1 + options.scale * chance.uniform(-1, 1))


def changed(example: DetailExample, change: Change) -> DetailExample:
    """The photo after a change: colour, mirror, then scale about its middle.

    A colour factor is limited so that the brightest pixel of its channel stays at 255. Scaled
    photos are cut or continued with black; labels take the nearest pixel.
    """
    example = replace(example, image=_tinted(example.image, change.gain))
    if change.flip:
        example = _mirrored(example)
    return _scaled(example, change.scale) if change.scale != 1 else example


def _tinted(image: np.ndarray, gain: np.ndarray) -> np.ndarray:
    brightest = np.maximum(image.reshape(-1, 3).max(0).astype(np.float64), 1)
    gain = np.minimum(gain, 255 / brightest)
    return np.rint(image * gain).astype(np.uint8)


def _mirrored(example: DetailExample) -> DetailExample:
    """Left and right exchanged; as places count, x becomes 300 - x, as published."""
    across, shift = np.float32([-1, 1]), np.float32([SIDE, 0])
    return DetailExample(
        np.ascontiguousarray(example.image[:, ::-1]),
        (example.points68_px * across + shift)[MIRRORED68],
        (example.points86_px * across + shift)[MIRRORED86],
        MIRRORED_LABELS[example.labels[:, ::-1]],
    )


def _scaled(example: DetailExample, scale: float) -> DetailExample:
    """Larger or smaller about the middle."""
    pixel = (SIDE - 1) / 2 * (1 - scale)  # OpenCV counts from pixel centres
    matrix = np.array([[scale, 0, pixel], [0, scale, pixel]])
    size, shift = (SIDE, SIDE), np.float32(SIDE / 2 * (1 - scale))
    return DetailExample(
        cv2.warpAffine(example.image, matrix, size, flags=cv2.INTER_LINEAR),
        example.points68_px * np.float32(scale) + shift,
        example.points86_px * np.float32(scale) + shift,
        cv2.warpAffine(example.labels, matrix, size, flags=cv2.INTER_NEAREST),
    )
