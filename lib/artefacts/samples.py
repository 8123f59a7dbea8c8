"""What networks are trained on, prepared from runs and made-up worlds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lib.artefacts.base import Artefact, array, text

PART_UNKNOWN = 255


@dataclass(frozen=True)
class CoarseSample(Artefact):
    """One aligned crop. Without a truth its shape has no vertices."""

    version: ClassVar[int] = 1

    subject: str = text("whose face")
    image: np.ndarray = array("side side 3", "u1", "sRGB 0..255", "the crop")
    skin: np.ndarray = array("side side", "u1", "1/255", "probability of bare skin")
    landmarks_px: np.ndarray = array("68 2", "f4", "px", "crop px, y down; NaN = unknown")
    part: np.ndarray = array("side side", "u1", "label", "0 = none, part + 1, 255 = unknown")
    neutral_mm: np.ndarray = array("n_true 3", "f4", "mm", "from the object origin")
    posed_mm: np.ndarray = array("n_true 3", "f4", "mm", "with expression, likewise")
