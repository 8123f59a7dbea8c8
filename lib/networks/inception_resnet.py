"""The face recognition network InceptionResnetV1, by the key names of facenet-pytorch.

Source: Szegedy et al. 2017, Inception-v4, Inception-ResNet and the impact of residual connections
(AAAI); Schroff et al. 2015, FaceNet (CVPR); weights of VGGFace2, Cao et al. 2018.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from lib.networks.arcface import ArcFace, load_arcface
from lib.networks.checkpoints import load_weights, read_weights

SIDE_PX, EMBEDDING = 160, 512
EPSILON = 1e-3
FIRST = "conv2d_1a.conv.weight"
UNUSED = "logits."  # of its classes
WHAT = "weights of InceptionResnetV1 (facenet-pytorch, VGGFace2) or of ArcFace (backbone.pth)"


class _Conv(nn.Module):
    def __init__(
        self,
        before: int,
        after: int,
        size: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ):
        super().__init__()
        self.conv = nn.Conv2d(before, after, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(after, EPSILON)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.bn(self.conv(x)))


class _Block(nn.Module):
    """Branches side by side, mixed by 1 x 1, scaled, and added to the input."""

    def __init__(
        self, width: int, branches: list[nn.Module], joined: int, scale: float, last: bool = False
    ):
        super().__init__()
        self.count, self.scale, self.last = len(branches), scale, last
        for index, branch in enumerate(branches):
            self.add_module(f"branch{index}", branch)
        self.conv2d = nn.Conv2d(joined, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branches = [self.get_submodule(f"branch{k}")(x) for k in range(self.count)]
        y = x + self.scale * self.conv2d(torch.cat(branches, 1))
        return y if self.last else F.relu(y)


def _block35(scale: float) -> _Block:
    branches = [
        _Conv(256, 32, 1),
        nn.Sequential(_Conv(256, 32, 1), _Conv(32, 32, 3, padding=1)),
        nn.Sequential(_Conv(256, 32, 1), _Conv(32, 32, 3, padding=1), _Conv(32, 32, 3, padding=1)),
    ]
    return _Block(256, branches, 96, scale)


def _block17(scale: float) -> _Block:
    across = _Conv(128, 128, (1, 7), padding=(0, 3)), _Conv(128, 128, (7, 1), padding=(3, 0))
    branches = [_Conv(896, 128, 1), nn.Sequential(_Conv(896, 128, 1), *across)]
    return _Block(896, branches, 256, scale)


def _block8(scale: float, last: bool = False) -> _Block:
    across = _Conv(192, 192, (1, 3), padding=(0, 1)), _Conv(192, 192, (3, 1), padding=(1, 0))
    branches = [_Conv(1792, 192, 1), nn.Sequential(_Conv(1792, 192, 1), *across)]
    return _Block(1792, branches, 384, scale, last)


class _Reduction(nn.Module):
    """Branches side by side that halve the picture; the last is a maximum over 3 x 3."""

    def __init__(self, branches: list[nn.Module]):
        super().__init__()
        self.count = len(branches) + 1
        for index, branch in enumerate([*branches, nn.MaxPool2d(3, 2)]):
            self.add_module(f"branch{index}", branch)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.get_submodule(f"branch{k}")(x) for k in range(self.count)], 1)


class InceptionResnetV1(nn.Module):
    """Embeddings (n, 512) of length 1, of faces (n, 3, 160, 160) RGB in -1..1."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2d_1a, self.conv2d_2a = _Conv(3, 32, 3, 2), _Conv(32, 32, 3)
        self.conv2d_2b, self.conv2d_3b = _Conv(32, 64, 3, padding=1), _Conv(64, 80, 1)
        self.conv2d_4a, self.conv2d_4b = _Conv(80, 192, 3), _Conv(192, 256, 3, 2)
        self.repeat_1 = nn.Sequential(*(_block35(0.17) for _ in range(5)))
        wide = _Conv(256, 192, 1), _Conv(192, 192, 3, padding=1), _Conv(192, 256, 3, 2)
        self.mixed_6a = _Reduction([_Conv(256, 384, 3, 2), nn.Sequential(*wide)])
        self.repeat_2 = nn.Sequential(*(_block17(0.10) for _ in range(10)))
        self.mixed_7a = _Reduction(
            [
                nn.Sequential(_Conv(896, 256, 1), _Conv(256, 384, 3, 2)),
                nn.Sequential(_Conv(896, 256, 1), _Conv(256, 256, 3, 2)),
                nn.Sequential(
                    _Conv(896, 256, 1), _Conv(256, 256, 3, padding=1), _Conv(256, 256, 3, 2)
                ),
            ]
        )
        self.repeat_3 = nn.Sequential(*(_block8(0.20) for _ in range(5)))
        self.block8 = _block8(1.0, last=True)
        self.last_linear = nn.Linear(1792, EMBEDDING, bias=False)
        self.last_bn = nn.BatchNorm1d(EMBEDDING, EPSILON)

    def forward(self, face: torch.Tensor) -> torch.Tensor:
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(face)))
        x = self.conv2d_4b(self.conv2d_4a(self.conv2d_3b(F.max_pool2d(x, 3, 2))))
        x = self.repeat_2(self.mixed_6a(self.repeat_1(x)))
        x = self.block8(self.repeat_3(self.mixed_7a(x)))
        return F.normalize(self.last_bn(self.last_linear(x.mean((2, 3)))))


class Recogniser(nn.Module):
    """Embeddings (n, 512) of length 1, of pictures (n, 3, h, w) RGB 0..1, by a frozen network.

    Args:
        network: `InceptionResnetV1` or `ArcFace`.
        side: of the pictures that it takes.
    """

    def __init__(self, network: nn.Module, side: int):
        super().__init__()
        self.network, self.side = network.eval().requires_grad_(False), side

    def train(self, mode: bool = True) -> Recogniser:
        """Stays as it is used."""
        return super().train(False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        size = (self.side, self.side)
        resized = F.interpolate(pictures, size, mode="bilinear", align_corners=False)
        return self.network(2 * resized - 1)


def load_recogniser(path: str | Path) -> Recogniser:
    """The recognition network of a file, told by its keys.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds neither network.
    """
    state = read_weights(path, WHAT)
    if FIRST not in state:
        network: ArcFace = load_arcface(path)
        return Recogniser(network, 112)
    inception = InceptionResnetV1()
    load_weights(inception, {k: v for k, v in state.items() if not k.startswith(UNUSED)}, path)
    return Recogniser(inception, SIDE_PX)
