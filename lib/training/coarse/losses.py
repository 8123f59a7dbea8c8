"""The terms that a coefficient regressor is trained with.

Source: Deng et al. 2019, CVPRW, section 3.2, with the weights of their code.
"""

from __future__ import annotations

import torch

from lib.networks.regressor import Code
from lib.training.coarse.options import CoarseOptions

HEAVY = 20.0  # nose ridge and inner lips
HEAVY_POINTS = (28, 29, 30, *range(60, 68))


def photometric_loss(
    picture: torch.Tensor, photo: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Mean colour distance over a mask.

    Args:
        picture: (n, h, w, 3).
        photo: (n, h, w, 3).
        mask: (n, h, w) 0..1, carries no gradient.
    """
    distance = (1e-6 + ((picture - photo) ** 2).sum(-1)).sqrt()
    return (distance * mask).sum() / mask.sum().clamp_min(1)


def landmark_loss(
    points: torch.Tensor, wanted: torch.Tensor, known: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean squared distance in px of (n, 68, 2), nose and inner lips 20 times."""
    weight = torch.ones(68, device=points.device)
    weight[list(HEAVY_POINTS)] = HEAVY
    squared = ((points - wanted) ** 2).sum(-1) * weight
    if known is not None:
        squared = torch.where(known, squared, 0.0)
    return squared.sum() / (68 * len(points))


def regularisation_loss(code: Code, options: CoarseOptions) -> torch.Tensor:
    """Weighted squared size of the coefficients, per face."""
    total = (
        options.identity * (code.identity**2).sum()
        + options.expression * (code.expression**2).sum()
        + options.albedo * (code.albedo**2).sum()
    )
    return total / len(code.identity)


def light_loss(light: torch.Tensor) -> torch.Tensor:
    """How far light (n, 27) is from grey."""
    bands = light.view(-1, 3, 9)
    return ((bands - bands.mean(1, keepdim=True)) ** 2).mean()


def reflectance_loss(texture: torch.Tensor, skin: torch.Tensor) -> torch.Tensor:
    """How uneven albedo (n, v, 3) is where skin (v,) is 1."""
    weight = skin[None, :, None]
    mean = (texture * weight).sum(1, keepdim=True) / weight.sum().clamp_min(1)
    return (((texture - mean) * weight) ** 2).sum() / (len(texture) * skin.sum()).clamp_min(1)


def shape_loss(found: torch.Tensor, wanted: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Mean squared distance in mm of faces (n, v, 3) in mm whose truth is known (n,)."""
    squared = ((found - wanted) ** 2).sum(-1).mean(1)
    return torch.where(known, squared, 0.0).sum() / known.sum().clamp_min(1)
