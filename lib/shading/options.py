"""Settings of the shading, with their defaults; `config.yaml` documents each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ShadingOptions:
    """How the relief of a single photo is found.

    Args:
        method: `none` = the fitted head without relief.
        uv_size: texels along each side of the surface.
    """

    method: Literal["none"] = "none"
    uv_size: int = 1024
