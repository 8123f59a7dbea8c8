"""The published networks of MVFR: an implicit function over views, and its 3D regulariser.

Attribute names are those of the published checkpoints, so that their files load key by key.

Source: Xiao, Zhu, Yang, Diao, Lu, Cao 2022, Detailed Facial Geometry Recovery from Multi-View
Images by Learning an Implicit Function, AAAI.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from lib.networks.checkpoints import load_weights, read_checkpoint, read_weights, weights_in

CHANNELS = (32, 32, 64, 64, 64, 64)  # of the convolutions after the first one
FEATURES = 128
WIDTHS = (FEATURES + 1, 1024, 512, 256, 128, 1)
NORM_GROUPS = 32
LONG_SIDE_PX = 1296  # of the pictures that the published weights were trained on
STRIDE = 2  # pixels per feature along each axis
DEPTH_STEP = 4  # the regulariser needs hypotheses = 1 and texels = 0 modulo this

Norm = Literal["group", "batch"]


class _Block(nn.Module):
    """Convolution without bias, norm, ReLU."""

    def __init__(self, conv: nn.Module, bn: nn.Module):
        super().__init__()
        self.conv, self.bn = conv, bn

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.bn(self.conv(x)))


class ImageFilter(nn.Module):
    """Features of one picture at half its size: (n, 3, h, w) -> (n, 128, h / 2, w / 2)."""

    def __init__(self, norm: Norm = "group"):
        super().__init__()
        self.conv0 = nn.Conv2d(3, 32, 5, STRIDE, 2)
        before = 32
        for index, after in enumerate(CHANNELS, start=2):
            layer = nn.GroupNorm(NORM_GROUPS, after) if norm == "group" else nn.BatchNorm2d(after)
            block = _Block(nn.Conv2d(before, after, 3, 1, 1, bias=False), layer)
            self.add_module(f"conv{index}", block)
            before = after
        self.feature = nn.Conv2d(before, FEATURES, 3, 1, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.conv0(image)
        for index in range(2, 2 + len(CHANNELS)):
            x = self.get_submodule(f"conv{index}")(x)
        return self.feature(x)


class SurfaceClassifier(nn.Module):
    """(n, 129, p) variance of features and distance -> (n, 1, p) response 0..1."""

    def __init__(self, widths: Sequence[int] = WIDTHS):
        super().__init__()
        self.count = len(widths) - 1
        for index in range(self.count):
            self.add_module(f"conv{index}", nn.Conv1d(widths[index], widths[index + 1], 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for index in range(self.count):
            x = self.get_submodule(f"conv{index}")(x)
            if index + 1 < self.count:
                x = F.leaky_relu(x)
        return torch.sigmoid(x)


class ImplicitNet(nn.Module):
    """Response at points from what any number of views show of them.

    Args:
        norm: of the feature network; the published weights have `group`.
        widths: of the classifier.
        long_side_px: of the pictures that it is trained on; others are resized to it.
    """

    def __init__(
        self,
        norm: Norm = "group",
        widths: Sequence[int] = WIDTHS,
        long_side_px: int = LONG_SIDE_PX,
    ):
        super().__init__()
        self.long_side_px = long_side_px
        self.image_filter = ImageFilter(norm)
        self.surface_classifier = SurfaceClassifier(widths)

    def features(self, image: torch.Tensor) -> torch.Tensor:
        """(1, 128, h / 2, w / 2) of a BGR picture (1, 3, h, w) with values 0..255."""
        return self.image_filter(image)

    def respond(
        self,
        features: Sequence[torch.Tensor],
        projections: Sequence[torch.Tensor],
        points: torch.Tensor,
        distance: torch.Tensor,
    ) -> torch.Tensor:
        """(p,) response 0..1.

        Args:
            features: of each view, (1, 128, h, w).
            projections: (3, 4) world to feature pixels of each view.
            points: (p, 3) world.
            distance: (p,) signed distance from the base over half the searched range.
        """
        total, square = 0.0, 0.0
        for feature, projection in zip(features, projections, strict=True):
            value = look_up(feature, projection, points)
            total, square = total + value, square + value * value
        mean = total / len(features)
        variance = square / len(features) - mean * mean
        return self.surface_classifier(torch.cat([variance, distance[None]])[None])[0, 0]


def look_up(feature: torch.Tensor, projection: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """(c, p) features where points project; 0 outside the picture.

    The published system scales pixels to -1..1 between the centres of the outer pixels, and then
    samples as if those were the outer edges: up to half a feature pixel off at the border. Weights
    were trained so, and points behind a camera are not told apart; both are kept.

    Args:
        feature: (1, c, h, w).
        projection: (3, 4) world to feature pixels.
        points: (p, 3).
    """
    homogeneous = project(points, projection)
    place = homogeneous[:, :2] / homogeneous[:, 2:]
    height, width = feature.shape[-2:]
    half = place.new_tensor([(width - 1) / 2, (height - 1) / 2])
    grid = (place / half - 1)[None, None]
    return F.grid_sample(feature.float(), grid, align_corners=False)[0, :, 0]


def project(points: torch.Tensor, projection: torch.Tensor) -> torch.Tensor:
    """(p, 3) pixels times depth, and depth, of (p, 3) points; in full precision under autocast."""
    with torch.autocast(points.device.type, enabled=False):
        return torch.addmm(projection[:, 3], points, projection[:, :3].T)


class RegulariserNet(nn.Module):
    """U-Net over a response volume: (n, 1, d, h, w) -> the same shape, soft-max weights in waiting.

    d must be 1 modulo 4, h and w multiples of 4.
    """

    def __init__(self):
        super().__init__()
        layers = ((1, 1, 1), (1, 2, 2), (2, 2, 1), (2, 4, 2), (4, 4, 1))
        for index, (before, after, stride) in enumerate(layers):
            conv = nn.Conv3d(before, after, 3, stride, 1, bias=False)
            self.add_module(f"conv{index}", _Block(conv, nn.BatchNorm3d(after)))
        self.conv9 = _up(4, 2)
        self.conv11 = _up(2, 1)
        self.last_conv = nn.Conv3d(1, 1, 3, 1, 1)

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        full = self.conv0(volume)
        half = self.conv2(self.conv1(full))
        quarter = self.conv4(self.conv3(half))
        half = half + self.conv9(quarter)
        return self.last_conv(full + self.conv11(half))


def _up(before: int, after: int) -> nn.Sequential:
    """Twice the size in rows and columns, 2 n - 1 in depth."""
    conv = nn.ConvTranspose3d(before, after, 3, 2, 1, output_padding=(0, 1, 1), bias=False)
    return nn.Sequential(conv, nn.BatchNorm3d(after), nn.ReLU())


def soft_argmax(scores: torch.Tensor) -> torch.Tensor:
    """(n, h, w) mean hypothesis of (n, d, h, w) scores, counted from the middle one, d // 2."""
    count = scores.shape[1]
    index = torch.arange(count, dtype=scores.dtype, device=scores.device) - count // 2
    return (torch.softmax(scores, 1) * index[:, None, None]).sum(1)


def load_implicit(path: str | Path) -> ImplicitNet:
    """The implicit function of a checkpoint, ready for inference; its norm is told by its keys.

    Files of `train_implicit` also tell the size of pictures; the published one has the usual.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds something else.
    """
    what = "MVFR's implicit function (checkpoint_if.pkl)"
    content = read_checkpoint(path, what)
    state = weights_in(content, path, what)
    batch = any(key.endswith("bn.running_mean") for key in state)
    told = content.get("long_side_px") if isinstance(content, Mapping) else None
    long_side_px = told if isinstance(told, int) else LONG_SIDE_PX
    network = ImplicitNet("batch" if batch else "group", long_side_px=long_side_px)
    load_weights(network, state, path)
    return network.eval()


def load_regulariser(path: str | Path) -> RegulariserNet:
    """The regulariser of a checkpoint, ready for inference.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds something else.
    """
    network = RegulariserNet()
    load_weights(network, read_weights(path, "MVFR's regulariser (checkpoint_reg.pkl)"), path)
    return network.eval()
