"""Settings of the highlights, with their defaults; `config.yaml` documents each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lib.errors import ConfigError


@dataclass(frozen=True)
class HighlightOptions:
    """How highlights are taken off the skin.

    Args:
        method: `none` = the diffuse picture is the photo; `dichromatic` = by colour, without
            weights; `unet_transformer` = the published network; `learned` = the small one.
        weights: file of the network, for the last two; empty = of `learned` the one that ships.
        illuminant: linear red, green and blue of the light where the user knows it; empty = found.
        across_views: whether captures of many calibrated views compare them.
    """

    method: Literal["none", "dichromatic", "unet_transformer", "learned"] = "dichromatic"
    weights: str = ""
    illuminant: list[float] = field(default_factory=list)
    across_views: bool = True

    def __post_init__(self) -> None:
        given = self.illuminant
        if given and (len(given) != 3 or min(given) <= 0):
            raise ConfigError(
                f"highlights.illuminant is {given}, expected three numbers above 0 (linear red, "
                "green, blue), such as [1.1, 1.0, 0.9], or [] to have it found."
            )
