"""Networks that tell real pictures from made ones, and the losses of that game.

Source: Isola et al. 2017, Image-to-image translation with conditional adversarial networks (CVPR);
Mao et al. 2017, Least squares GAN (ICCV); Gulrajani et al. 2017, Improved training of WGAN.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

Kind = Literal["patch", "global"]
GanLoss = Literal["lsgan", "bce"]
WIDTH, N_LAYERS, MOST = 64, 3, 8
LAMBDA = 10.0


class PatchDiscriminator(nn.Module):
    """Scores (n, 1, h', w') of patches of pictures (n, c, h, w), or (n, 1, 1, 1) of whole ones.

    Args:
        n_in: channels of the pictures.
        width: channels of the first layer; they double up to eight times as many.
        kind: `global` = the mean of the patches' scores.
        layers: halvings.
    """

    def __init__(
        self, n_in: int = 3, width: int = WIDTH, kind: Kind = "patch", layers: int = N_LAYERS
    ):
        super().__init__()
        self.kind = kind
        parts: list[nn.Module] = [nn.Conv2d(n_in, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        before = width
        for level in range(1, layers + 1):
            after = width * min(2**level, MOST)
            stride = 2 if level < layers else 1
            parts += [nn.Conv2d(before, after, 4, stride, 1, bias=False), nn.BatchNorm2d(after)]
            parts += [nn.LeakyReLU(0.2)]
            before = after
        parts += [nn.Conv2d(before, 1, 4, 1, 1)]
        self.model = nn.Sequential(*parts)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        scores = self.model(pictures)
        return scores if self.kind == "patch" else scores.mean((2, 3), keepdim=True)


def gan_loss(scores: torch.Tensor, real: bool, kind: GanLoss) -> torch.Tensor:
    """How far scores are from what real pictures, or made ones, should have.

    `lsgan` = mean squared distance to 1 or 0; `bce` = cross entropy of the scores as log odds.
    """
    wanted = torch.full_like(scores, float(real))
    if kind == "lsgan":
        return F.mse_loss(scores, wanted)
    return F.binary_cross_entropy_with_logits(scores, wanted)


def gradient_penalty(
    critic: nn.Module,
    real: torch.Tensor,
    made: torch.Tensor,
    share: torch.Tensor,
    weight: float = LAMBDA,
) -> torch.Tensor:
    """weight * mean (|d critic / d picture| - 1)^2 at pictures between real and made ones.

    Args:
        critic: any network of pictures.
        real: (n, c, h, w).
        made: likewise.
        share: (n,) 0..1 of the real picture at each place between.
        weight: lambda.
    """
    share = share.view(-1, 1, 1, 1)
    between = (share * real + (1 - share) * made).detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return weight * ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
