"""Settings of the albedo, with their defaults; `config.yaml` documents each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class AlbedoOptions:
    """How albedo is told from light.

    Args:
        method: `none` = the fitted head's smooth albedo and light; `inverse` = the albedo and the
            local light that explain all photos of a subject best, without weights.
        uv_size: texels along each side of the albedo.
    """

    method: Literal["none", "inverse"] = "inverse"
    uv_size: int = 1024
