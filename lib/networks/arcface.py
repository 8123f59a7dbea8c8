"""The face recognition network that the perceptual loss asks, under its published key names.

Source: Deng, Guo, Xue, Zafeiriou 2019, ArcFace, CVPR; its improved ResNet-50.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from lib.networks.checkpoints import load_weights, read_weights

SIDE_PX = 112
EMBEDDING = 512
WIDTHS = (64, 128, 256, 512)
BLOCKS = {"r18": (2, 2, 2, 2), "r50": (3, 4, 14, 3)}
GRID = SIDE_PX // 2 ** len(WIDTHS)
EPSILON = 1e-5
DEEPEST = "layer3.13.conv1.weight"  # of r50 alone


class _Block(nn.Module):
    """norm, 3 x 3, norm, PReLU, 3 x 3, norm, beside the identity."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(before, EPSILON)
        self.conv1 = nn.Conv2d(before, after, 3, 1, 1, bias=False)
        self.bn2, self.prelu = nn.BatchNorm2d(after, EPSILON), nn.PReLU(after)
        self.conv2 = nn.Conv2d(after, after, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(after, EPSILON)
        self.downsample = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after, EPSILON)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        y = self.bn3(self.conv2(y))
        return y + (x if self.downsample is None else self.downsample(x))


class ArcFace(nn.Module):
    """Embeddings (n, 512) of length 1, of faces (n, 3, 112, 112) RGB in -1..1."""

    def __init__(self, name: str = "r50"):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1, self.prelu = nn.BatchNorm2d(64, EPSILON), nn.PReLU(64)
        before = 64
        for index, (width, count) in enumerate(zip(WIDTHS, BLOCKS[name], strict=True)):
            blocks = [
                _Block(before if k == 0 else width, width, 2 - min(k, 1)) for k in range(count)
            ]
            self.add_module(f"layer{index + 1}", nn.Sequential(*blocks))
            before = width
        self.bn2 = nn.BatchNorm2d(before, EPSILON)
        self.fc = nn.Linear(before * GRID**2, EMBEDDING)
        self.features = nn.BatchNorm1d(EMBEDDING, EPSILON)

    def forward(self, face: torch.Tensor) -> torch.Tensor:
        x = self.prelu(self.bn1(self.conv1(face)))
        for index in range(1, len(WIDTHS) + 1):
            x = self.get_submodule(f"layer{index}")(x)
        x = self.features(self.fc(self.bn2(x).flatten(1)))
        return F.normalize(x)


def load_arcface(path: str | Path) -> ArcFace:
    """The network with published weights (`backbone.pth`), frozen; its size is told by its keys.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it is not this network's.
    """
    state = read_weights(path, "ArcFace weights of an iResNet (backbone.pth)")
    network = ArcFace("r50" if DEEPEST in state else "r18")
    load_weights(network, state, path)
    return network.eval().requires_grad_(False)
