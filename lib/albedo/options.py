"""Settings of the albedo, with their defaults; `config.yaml` documents each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NETWORKS = ("face_texture", "learned")  # methods that need weights


@dataclass(frozen=True)
class AlbedoOptions:
    """How albedo is told from light.

    Args:
        method: `none` = the fitted head's smooth albedo and light; `inverse` = the albedo and the
            local light that explain all photos of a subject best, without weights; `face_texture` =
            the UV network of the published system of that name tells the face; `learned` = the same
            network, trained with true albedo. The last two need `weights`.
        weights: of the UV network: what `train_albedo` makes, or a published checkpoint.
        chart: file `BFM_UV.mat`, for published weights; empty = the square about the face.
        uv_size: texels along each side of the albedo.
    """

    method: Literal["none", "inverse", "face_texture", "learned"] = "inverse"
    weights: str = ""
    chart: str = ""
    uv_size: int = 1024
