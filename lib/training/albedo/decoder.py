"""From albedo and light on the chart to pictures, differentiable.

The shape is fixed, so that what a pixel shows is a look-up in the chart at a place that was
rasterised once; the published decoder gave each vertex the nearest texel's colour and blended them.
"""

from __future__ import annotations

import torch

from lib.render.differentiable import texture
from lib.render.encoded_light import AMBIENT, N_BANDS


def chart_shading(basis: torch.Tensor, light: torch.Tensor) -> torch.Tensor:
    """(n, 3, s, s) factor on encoded albedo.

    Args:
        basis: (n, 9, s, s) of `lib.render.encoded_light.encoded_basis` at the texels' normals.
        light: (n, 27, s, s), or (n, 27, 1, 1) for one light, without the ambient part.
    """
    bands = light.unflatten(1, (-1, N_BANDS))  # (n, 3, 9, s, s)
    return (bands * basis[:, None]).sum(2) + AMBIENT * basis[:, None, 0]


def pictures_of(maps: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """(n, c, h, w) what cameras see of charts.

    Args:
        maps: (n, c, s, s); row 0 is v = 1.
        places: (n, h, w, 2) texture coordinates (u, 1 - v) of each pixel.
    """
    image = maps.permute(0, 2, 3, 1).contiguous().float()
    seen = texture(image, places.contiguous(), filter="linear", boundary="clamp")
    return seen.permute(0, 3, 1, 2)


def before(pictures: torch.Tensor, photos: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(n, 3, h, w) drawn faces before their photos, 0..1; mask (n, 1, h, w)."""
    return pictures.clamp(0, 1) * mask + photos * (1 - mask)
