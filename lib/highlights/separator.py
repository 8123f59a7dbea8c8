"""The seam at which methods meet that work on one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class FacePhoto:
    """One working image, and what is known of it.

    Args:
        rgb: (h, w, 3) float32 linear RGB 0..1.
        skin: (h, w) float32 0..1: probability of skin, its bright holes filled.
        head: (h, w) bool: pixels that the fitted head covers.
        illuminant: (3,) float32 linear RGB of the light, of mean 1.
        part: (h, w) uint8: `lib.artefacts.PART_LABELS` of the fitted head, 0 = none of it; None =
            not known.
        expected: (h, w) float32 brightness of the fitted head under the fitted light, without
            highlights, 0 off the head; None = not known.
        px_per_mm: pixels per millimetre on the face: lengths are measured with it.
    """

    rgb: np.ndarray
    skin: np.ndarray
    head: np.ndarray
    illuminant: np.ndarray
    part: np.ndarray | None = None
    expected: np.ndarray | None = None
    px_per_mm: float = 2.0


@dataclass(frozen=True)
class Separated:
    """A picture without its mirrored light.

    Args:
        diffuse: (h, w, 3) float32 linear RGB.
        probability: (h, w) float32 0..1 that a highlight is seen.
    """

    diffuse: np.ndarray
    probability: np.ndarray


class Separator(Protocol):
    """A method that takes the mirrored light off one picture."""

    def separate(self, photo: FacePhoto) -> Separated:
        """The picture without the light that its skin mirrors."""
        ...
