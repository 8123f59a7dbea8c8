"""Settings of the texture, with their defaults; `config.yaml` documents each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Method = Literal["blend", "mvfr", "extract"]
Extract = Literal["poisson", "median"]


@dataclass(frozen=True)
class TextureOptions:
    """How a texture is blended.

    Args:
        method: of many calibrated views. `blend` weighs views by what they show, makes exposures
            equal and joins them without seams; `mvfr` is the published system's mean by cosine.
            `extract` is another published system's: of the most frontal view, what is seen is
            copied over the fitted model's colours.
        extract: how `extract` joins the two: `poisson` keeps the photo's gradients and takes up the
            step at the border, `median` mixes by a mask freed of specks.
        extract_upstream: as published, with the clone in the middle of the chart wherever it
            belongs, and colours sampled at the vertices on a crop of 224 px.
        relocate: also write the crop of FaceScape's chart that the published displacement network
            expects; on other charts it holds something else.
        uv_size: texels along each side of the square texture.
        grazing_deg: angle between surface normal and view beyond which a texel is not sampled.
        frontal_deg: angle up to which it counts fully.
        silhouette_mm: nearer to the outline than this, nothing is sampled, because a fit that is
            slightly off would put background or hair on the cheek; it counts fully at three times
            this distance.
        occlusion_mm: the same for edges inside the face, such as the nose before the cheek.
        skin_weight: how much the skin mask decides at the border of the face; 0 = not at all.
        outlier_weight: how much a colour that does not fit the face is held back; 0 = not at all.
        mirror_weight: how much fine detail unseen skin takes from the other side; 0 = none.
    """

    method: Method = "blend"
    extract: Extract = "poisson"
    extract_upstream: bool = False
    relocate: bool = False
    uv_size: int = 1024
    grazing_deg: float = 78.0
    frontal_deg: float = 55.0
    silhouette_mm: float = 3.0
    occlusion_mm: float = 1.0
    skin_weight: float = 1.0
    outlier_weight: float = 1.0
    mirror_weight: float = 1.0
