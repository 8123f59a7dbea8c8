"""Settings of the segmentation, with their defaults; `config.yaml` documents each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Method = Literal["raster", "3ddfa_v3"]


@dataclass(frozen=True)
class SegmentationOptions:
    """How parts of the face are found.

    Args:
        method: `raster` labels each pixel by the nearest surface of the whole head at its centre;
            `3ddfa_v3` decides by vertices, on a crop of 224 pixels a side, as that system does.
    """

    method: Method = "raster"
