"""Settings of face parsing; equal to section `parsing` of the config schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lib.errors import ConfigError


@dataclass(frozen=True)
class ParsingOptions:
    """Who tells which pixels show which part of the face.

    Args:
        method: `none` = nobody; `files` = masks of the user; `published` = a BiSeNet of 19 labels
            that the user has; `learned` = ours, of `train_parser`.
        masks: folder of the masks for `files`.
        labels: what the values of indexed masks mean: `parts` = 1 to 8 in the order of parts.h5,
            `celebamask_hq` = 0 to 18 as in that data set's own label maps, `bisenet` = in the order
            of the BiSeNet that was trained on it.
        weights: file of the network for `published` and `learned`.
    """

    method: Literal["none", "files", "published", "learned"] = "none"
    masks: str = ""
    labels: Literal["parts", "celebamask_hq", "bisenet"] = "parts"
    weights: str = ""

    def __post_init__(self) -> None:
        if self.method == "files" and not self.masks:
            raise ConfigError(
                "parsing.method is 'files' and parsing.masks is not set; name the folder with "
                "<photo name>.png, or with a folder of <part>.png, for each photo."
            )
        if self.method in ("published", "learned") and not self.weights:
            raise ConfigError(
                f"parsing.method is '{self.method}' and parsing.weights is not set; name the file "
                "of the network, such as 79999_iter.pth for 'published', or what "
                "`snakemake train_parser` made for 'learned'."
            )
