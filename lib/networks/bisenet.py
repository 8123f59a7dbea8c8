"""BiSeNet with 19 labels of faces, in the layout of the field's common weights, 79999_iter.pth.

Source: Yu et al. 2018, BiSeNet (ECCV), in its form without a spatial path; CelebAMask-HQ labels.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from lib.networks.checkpoints import load_weights, read_weights

N_LABELS = 19
SIDE = 512
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, RGB 0..1
STAGES = ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))  # before, after, stride


class BiSeNet(nn.Module):
    """Scores of the 19 labels of CelebAMask-HQ; the names of its weights are the published ones.

    Two further heads only helped its training; they are here so that files fit key by key.
    """

    def __init__(self, n_labels: int = N_LABELS):
        super().__init__()
        self.cp = _Context()
        self.ffm = _Fusion(256, 256)
        self.conv_out = _Head(256, 256, n_labels)
        self.conv_out16 = _Head(128, 64, n_labels)
        self.conv_out32 = _Head(128, 64, n_labels)

    def forward(self, crop: torch.Tensor) -> torch.Tensor:
        """(n, 19, h, w) scores.

        Args:
            crop: (n, 3, h, w) RGB, sRGB 0..1; sides are multiples of 32.
        """
        mean = crop.new_tensor(MEAN)[:, None, None]
        deviation = crop.new_tensor(DEVIATION)[:, None, None]
        eighth, context = self.cp((crop - mean) / deviation)
        scores = self.conv_out(self.ffm(eighth, context))
        return F.interpolate(scores, crop.shape[2:], mode="bilinear", align_corners=True)


class _Unit(nn.Module):
    """Convolution, normalisation, rectifier."""

    def __init__(self, before: int, after: int, width: int = 3):
        super().__init__()
        self.conv = nn.Conv2d(before, after, width, padding=width // 2, bias=False)
        self.bn = nn.BatchNorm2d(after)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.bn(self.conv(x)))


class _Head(nn.Module):
    def __init__(self, before: int, between: int, after: int):
        super().__init__()
        self.conv = _Unit(before, between)
        self.conv_out = nn.Conv2d(between, after, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv_out(self.conv(x))


class _Attention(nn.Module):
    """Features weighed by what the whole picture says of each channel."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.conv = _Unit(before, after)
        self.conv_atten = nn.Conv2d(after, after, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(after)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        return x * torch.sigmoid(self.bn_atten(self.conv_atten(_everywhere(x))))


class _Fusion(nn.Module):
    def __init__(self, before: int, after: int):
        super().__init__()
        self.convblk = _Unit(before, after, 1)
        self.conv1 = nn.Conv2d(after, after // 4, 1, bias=False)
        self.conv2 = nn.Conv2d(after // 4, after, 1, bias=False)

    def forward(self, fine: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        x = self.convblk(torch.cat([fine, context], 1))
        return x + x * torch.sigmoid(self.conv2(F.relu(self.conv1(_everywhere(x)))))


class _Residual(nn.Module):
    """The basic block of ResNet-18."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = None
        if before != after or stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        changed = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(changed + (x if self.downsample is None else self.downsample(x)))


class _ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        for number, (before, after, stride) in enumerate(STAGES, 1):
            pair = nn.Sequential(_Residual(before, after, stride), _Residual(after, after, 1))
            setattr(self, f"layer{number}", pair)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Features at an eighth, a sixteenth and a thirty-second of the size."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        eighth = self.layer2(self.layer1(x))
        sixteenth = self.layer3(eighth)
        return eighth, sixteenth, self.layer4(sixteenth)


class _Context(nn.Module):
    def __init__(self):
        super().__init__()
        self.resnet = _ResNet18()
        self.arm16 = _Attention(256, 128)
        self.arm32 = _Attention(512, 128)
        self.conv_head32 = _Unit(128, 128)
        self.conv_head16 = _Unit(128, 128)
        self.conv_avg = _Unit(512, 128, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features of an eighth of the size: of that scale, and of the coarser ones."""
        eighth, sixteenth, least = self.resnet(x)
        coarse = self.arm32(least) + self.conv_avg(_everywhere(least))
        coarse = self.conv_head32(F.interpolate(coarse, sixteenth.shape[2:], mode="nearest"))
        middle = self.arm16(sixteenth) + coarse
        return eighth, self.conv_head16(F.interpolate(middle, eighth.shape[2:], mode="nearest"))


def _everywhere(x: torch.Tensor) -> torch.Tensor:
    return F.adaptive_avg_pool2d(x, 1)


def load_bisenet(path: str | Path) -> BiSeNet:
    """The network of a file in the layout of 79999_iter.pth, ready for inference.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds something else.
    """
    network = BiSeNet()
    load_weights(network, read_weights(path, "a BiSeNet face parser such as 79999_iter.pth"), path)
    return network.eval()
