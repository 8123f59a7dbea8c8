"""What the stages of many views found of a capture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.artefacts import BaseMesh, Rig, Surface


@dataclass(frozen=True)
class Measured:
    """What the stages of many views found of a capture: cameras, base mesh and surface."""

    rig: Rig
    base: BaseMesh
    surface: Surface

    @property
    def found(self) -> bool:
        """Whether cameras are known and anything of the surface was measured."""
        confidence = np.nan_to_num(self.surface.confidence)
        return self.rig.source != "none" and bool(self.rig.used.any() and confidence.max() > 0)
