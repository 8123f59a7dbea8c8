"""Settings of the shading, with their defaults; `config.yaml` documents each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ShadingOptions:
    """How the relief of a single photo is found.

    Args:
        method: `none` = the fitted head without relief; `optimise` = the relief that explains light
            and dark best, without weights; `detail_layer` = the published network; `learned` =
            ours.
        weights: file of the network, for methods that have one.
        uv_size: texels along each side of the surface.
    """

    method: Literal["none", "optimise", "detail_layer", "learned"] = "optimise"
    weights: str = ""
    uv_size: int = 1024
