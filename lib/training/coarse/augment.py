"""Random shifts, scales, turns and mirrors of an aligned crop with all that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.training.coarse.options import CoarseOptions

# The iBUG point on the other side of each.
MIRRORED68 = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *range(27, 31),
        *range(35, 30, -1),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
        *(64, 63, 62, 61, 60, 67, 66, 65),
    ]
)
MIRRORED_PARTS = np.array([0, 2, 1, 4, 3, 5, 6, 7, 8], np.uint8)  # labels: 0 = background


@dataclass(frozen=True)
class Change:
    """One augmentation.

    Args:
        matrix: (2, 3) from old to new crop px, y down.
        flip: left and right are exchanged.
        gain: (3,) factor on each channel.
    """

    matrix: np.ndarray
    flip: bool
    gain: np.ndarray


def draw_change(options: CoarseOptions, side: int, chance: np.random.Generator) -> Change:
    """A random change: mirrored, then shifted, turned and scaled about the middle of the crop.

    Source: Deng et al. 2019, the order of their code: A = C S R T F C^-1.
    """
    scale = 1 + options.scale * chance.uniform(-1, 1)
    angle = np.radians(chance.uniform(-options.rotation_deg, options.rotation_deg))
    reach = round(options.shift_px * side / 224)
    shift = chance.integers(-reach, reach + 1, 2)
    flip = bool(options.flip and chance.random() < 0.5)
    gain = 1 + options.colour * (0.7 * chance.uniform(-1, 1) + 0.3 * chance.uniform(-1, 1, 3))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]])
    middle = np.full(2, (side - 1) / 2)
    offset = middle + linear @ (shift - middle)
    matrix = np.column_stack([linear, offset])
    if flip:  # x -> 2 middle - x beforehand
        matrix[:, 2] += matrix[:, 0] * 2 * middle[0]
        matrix[:, 0] *= -1
    return Change(matrix, flip, gain)


def no_change() -> Change:
    """The crop as it is."""
    return Change(np.eye(2, 3), False, np.ones(3))


def changed_image(image: np.ndarray, change: Change) -> np.ndarray:
    """(h, w, 3) or (h, w) uint8 after a change, bicubic, black outside; colours change, too."""
    size = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(image, change.matrix, size, flags=cv2.INTER_CUBIC)
    if image.ndim == 3 and not np.allclose(change.gain, 1):
        moved = np.clip(np.rint(moved * change.gain), 0, 255).astype(np.uint8)
    return moved


def changed_labels(labels: np.ndarray, change: Change) -> np.ndarray:
    """(h, w) uint8 part labels after a change, sides exchanged by a mirror, 0 outside."""
    size = (labels.shape[1], labels.shape[0])
    moved = cv2.warpAffine(labels, change.matrix, size, flags=cv2.INTER_NEAREST)
    return MIRRORED_PARTS[moved] if change.flip else moved


def changed_points(points: np.ndarray, change: Change) -> np.ndarray:
    """(68, 2) px, y down, after a change; renumbered by a mirror."""
    moved = points @ change.matrix[:, :2].T + change.matrix[:, 2]
    return moved[MIRRORED68] if change.flip else moved
