"""Settings of the displacement, with their defaults; `config.yaml` documents each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DisplacementOptions:
    """How pores and fine wrinkles are found.

    Args:
        method: `highpass` = dark detail of the texture lies deep, as far as the measured surface
            agrees; `pix2pixhd` = the generator published with FaceScape; `learned` = the network
            that `train_displacement` makes.
        uv_size: texels along each side of the height map.
        strength_mm: height per unit of log brightness, where no surface was measured to tell it.
        tie: how far what was measured decides over `strength_mm`; 0 = not at all.
        fine_mm: finest detail, as standard deviation of a Gaussian on the skin.
        surface_mm: finest detail that a measured surface holds; only finer detail is added to it.
        coarse_mm: coarsest detail added where no surface was measured.
        limit_mm: no height goes beyond it.
        weights: file of the network, for `pix2pixhd` and `learned`.
        template: for `pix2pixhd`, a FaceScape head as OBJ with texture coordinates.
        lab_transfer: for `pix2pixhd`, bring the colours to those that the network was trained on.
    """

    method: Literal["highpass", "pix2pixhd", "learned"] = "highpass"
    uv_size: int = 2048
    strength_mm: float = 0.15
    tie: float = 1.0
    fine_mm: float = 0.1
    surface_mm: float = 0.8
    coarse_mm: float = 1.6
    limit_mm: float = 0.3
    weights: str = ""
    template: str = ""
    lab_transfer: bool = True
