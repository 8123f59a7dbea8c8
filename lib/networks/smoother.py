"""Our network that finds the surface in a response volume, and says how sure it is."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from lib.networks.checkpoints import load_weights, read_weights

WIDTHS = (6, 12, 16)
REACH_TEXELS = 24  # how far around a texel the network looks
LEAST_SIGMA = 0.02  # intervals


class Smoother(nn.Module):
    """A 3D U-Net of any size of volume, over responses and how many views were compared.

    It starts as a plain soft-argmax of the responses and learns what to change.
    """

    def __init__(self):
        super().__init__()
        full, half, quarter = WIDTHS
        self.enter = _block(2, full)
        self.down1 = _block(full, half, 2)
        self.mid1 = _block(half, half)
        self.down2 = _block(half, quarter, 2)
        self.mid2 = nn.Sequential(_block(quarter, quarter), _block(quarter, quarter))
        self.up1 = nn.Conv3d(quarter, half, 1)
        self.join1 = _block(half, half)
        self.up2 = nn.Conv3d(half, full, 1)
        self.leave = nn.Conv3d(full, 1, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)
        self.sharpness = nn.Parameter(torch.tensor(2.0))  # log: weight of the response itself
        self.sure = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 1))

    def forward(
        self, response: torch.Tensor, compared: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Distance of the surface and its standard deviation, (n, h, w) each, in intervals.

        Args:
            response: (n, d, h, w) 0..1.
            compared: (n, h, w) number of views that were compared.
        """
        views = compared / (compared + 4)
        x = torch.stack([response, views[:, None].expand_as(response)], 1)
        full = self.enter(x)
        half = self.mid1(self.down1(full))
        quarter = self.mid2(self.down2(half))
        half = self.join1(half + _to(self.up1(quarter), half))
        change = self.leave(F.relu(full + _to(self.up2(half), full)))[:, 0]
        weight = torch.softmax(response * self.sharpness.exp() + change, 1)
        index = torch.arange(response.shape[1], dtype=x.dtype, device=x.device)
        index = (index - response.shape[1] // 2)[:, None, None]
        mean = (weight * index).sum(1)
        spread = ((weight * (index - mean[:, None]).square()).sum(1) + 1e-6).sqrt()
        told = [spread.log(), weight.amax(1), response.amax(1), views]
        log_sigma = spread.log() + self.sure(torch.stack(told, 1))[:, 0]
        return mean, log_sigma.clamp(-6, 6).exp() + LEAST_SIGMA


def _block(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(before, after, 3, stride, 1), nn.ReLU())


def _to(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Twice as large along each axis, cut to the size of another volume."""
    depth, height, width = like.shape[2:]
    return F.interpolate(x, scale_factor=2, mode="nearest")[:, :, :depth, :height, :width]


def load_smoother(path: str | Path) -> Smoother:
    """Our regulariser of a file of `train_regularise`, ready for inference.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds something else.
    """
    network = Smoother()
    load_weights(network, read_weights(path, "our regulariser (train_regularise makes it)"), path)
    return network.eval()
