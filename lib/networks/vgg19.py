"""The convolutions of VGG-19 whose correlations tell the style of a picture.

Source: Simonyan & Zisserman 2015, Very deep convolutional networks (ICLR), configuration E.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from lib.networks.checkpoints import load_weights, read_weights
from lib.networks.unet_parts import IMAGENET_MEAN, IMAGENET_STD

STYLE_LAYERS = (0, 5, 10, 19, 28)  # first convolution of each size, before it is cut at 0
WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512)  # 0 = halve


class Vgg19Features(nn.Module):
    """What five layers say of pictures; keys are torchvision's `features.N.weight` and `.bias`."""

    def __init__(self) -> None:
        super().__init__()
        layers, before = [], 3
        for width in WIDTHS:
            if width:
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                before = width
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[: STYLE_LAYERS[-1] + 1])
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), False)

    def forward(self, picture: torch.Tensor) -> list[torch.Tensor]:
        """(n, c, h, w) five times, of pictures (n, 3, h, w) sRGB-encoded; beyond 0..1 is cut."""
        x = (picture.clamp(0, 1) - self.mean) / self.std
        found = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in STYLE_LAYERS:
                found.append(x)
        return found


def load_vgg19(path: str | Path) -> Vgg19Features:
    """The features of a file of torchvision's VGG-19; layers that they do not need are left.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds something else.
    """
    state = read_weights(path, "VGG-19 of torchvision (`features.N.weight`)")
    network = Vgg19Features()
    known = {f"features.{n}" for n in range(64)} | {"classifier"}
    left = {k for k in state if k.rsplit(".", 1)[0] in known or k.startswith("classifier.")}
    own = set(network.state_dict())
    load_weights(network, {k: v for k, v in state.items() if k in own or k not in left}, path)
    return network.eval().requires_grad_(False)
