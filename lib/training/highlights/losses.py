"""The published losses of highlight detection and removal.

Source: Wu et al. 2023, Joint specular highlight detection and removal in single images via
Unet-Transformer (Computational Visual Media 9); the style of Gatys et al. 2016 (CVPR).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from lib.networks.highlight_unet import Removed
from lib.networks.vgg19 import Vgg19Features
from lib.training.highlights.options import HighlightTrainingOptions

SQUARES, SLOPES = 0.2, 0.4  # of the content
LARGE = 20.0  # squares in `pixel`: the shares of highlights are learnt soon, not the median alone
EVEN = 0.02  # of `pixel`
STYLE_SCALE = 1e4


def highlight_losses(
    found: Removed,
    diffuse: torch.Tensor,
    mask: torch.Tensor,
    options: HighlightTrainingOptions,
    vgg: Vgg19Features | None = None,
    weight: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    """Every weighted term of a batch; terms without a weight are left out.

    Args:
        found: what the network says.
        diffuse: (n, 3, h, w) the true picture without highlights, sRGB-encoded 0..1.
        mask: (n, 1, h, w) how much of a highlight is there, 0..1.
        options: with the weights.
        vgg: where style has a weight.
        weight: (n, 1, h, w) how much a pixel counts in `detection` and `pixel`; None = all alike.
    """
    terms = {}
    weight = torch.ones_like(mask) if weight is None else weight
    if options.detection:
        terms["detection"] = options.detection * cross_entropy(found.probability, mask, weight)
    if options.content:
        terms["content"] = options.content * content(found.diffuse, diffuse)
    if options.pixel:
        counted = weight * (1 + options.highlight * mask)
        terms["pixel"] = options.pixel * pixel(found.diffuse, diffuse, counted)
    if options.coarse:
        terms["coarse"] = options.coarse * content(found.coarse, diffuse)
    if options.style and vgg is not None:
        terms["style"] = options.style * style(vgg, found.diffuse.float(), diffuse)
    return terms


def cross_entropy(
    probability: torch.Tensor, mask: torch.Tensor, weight: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean cross entropy of a probability and how much is true, in whole precision."""
    with torch.autocast(probability.device.type, enabled=False):
        return F.binary_cross_entropy(probability.float(), mask, weight)


def content(found: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Squared difference of values, and absolute one of those of neighbours, of (n, c, h, w)."""
    error = found.float() - true
    down, across = error.diff(dim=2).abs().mean(), error.diff(dim=3).abs().mean()
    return SQUARES * error.square().mean() + SLOPES * (down + across)


def pixel(found: torch.Tensor, true: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean of the absolute difference and of `LARGE` times its square; ours.

    Of a picture whose mean is far above `EVEN` its logarithm counts, so that weak highlights are
    learnt beside strong ones, as scores in decibels ask.
    """
    error = (found.float() - true).abs()
    means = (weight * (error + LARGE * error.square())).mean(dim=(1, 2, 3))
    return EVEN * torch.log1p(means / EVEN).mean()


def style(vgg: Vgg19Features, found: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """How differently the channels of VGG-19 go together on two batches (n, 3, h, w)."""
    with torch.no_grad():
        wanted = [gram(part) for part in vgg(true)]
    pairs = zip(vgg(found), wanted)
    return STYLE_SCALE * sum((gram(one) - two).square().mean() for one, two in pairs)


def gram(features: torch.Tensor) -> torch.Tensor:
    """(n c, n c) products of all channels of all pictures, as published: a batch is one picture."""
    rows = features.float().flatten(0, 1).flatten(1)
    return rows @ rows.T / rows.numel()
