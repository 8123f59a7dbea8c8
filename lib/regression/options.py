"""Settings of the regression, with their defaults; `config.yaml` documents each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class RegressionOptions:
    """How a network's coefficients are read off photos.

    Args:
        weights: checkpoint of the network: a published one or one that `train_coarse` made.
        points: what the crop follows: `landmarks`, means of the 68 points; `detector`, the five
            points of the face detector.
        rounding: `exact`, or `published` with sizes and corners cut to whole pixels.
        crop: False takes pictures of the network's size as they are.
    """

    weights: str = ""
    points: Literal["landmarks", "detector"] = "landmarks"
    rounding: Literal["exact", "published"] = "exact"
    crop: bool = True
