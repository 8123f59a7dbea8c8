"""The colour of the light on a photo, with how sure it is and what told it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lib.highlights.separator import FacePhoto

CAMERA_SIGMA = 0.12  # log ratio: how far a camera's own white balance lies off


@dataclass(frozen=True)
class Illuminant:
    """The colour that a white sheet would have on a photo.

    Args:
        rgb: (3,) float32 linear RGB of mean 1.
        sigma: standard deviation of log(R/G) and log(B/G).
        source: highlights, eyes, camera or setting.
    """

    rgb: np.ndarray
    sigma: float
    source: str


CAMERA = Illuminant(np.ones(3, np.float32), CAMERA_SIGMA, "camera")


def given_illuminant(rgb: Sequence[float]) -> Illuminant | None:
    """The light that the user told; None where they told none."""
    if not len(rgb):
        return None
    colour = np.asarray(rgb, np.float32)
    return Illuminant(colour / colour.mean(), 0.0, "setting")


def find_illuminant(photo: FacePhoto) -> Illuminant:
    """The light of a photo: the camera's white balance is taken as right."""
    return CAMERA
