"""MobileNetV3-Large without a classifier, under the key names of published weights.

Source: Howard et al. 2019, ICCV, table 1.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

STEM = 16
FEATURES = 960
SQUEEZE = 4
MULTIPLE = 8  # of all widths


class _Row(NamedTuple):
    """One block: kernel, widening, channels after it, attention, hard swish, stride."""

    kernel: int
    widen: float
    after: int
    attend: bool
    swish: bool
    stride: int


TABLE = (
    _Row(3, 1, 16, False, False, 1),
    _Row(3, 4, 24, False, False, 2),
    _Row(3, 3, 24, False, False, 1),
    _Row(5, 3, 40, True, False, 2),
    _Row(5, 3, 40, True, False, 1),
    _Row(5, 3, 40, True, False, 1),
    _Row(3, 6, 80, False, True, 2),
    _Row(3, 2.5, 80, False, True, 1),
    _Row(3, 2.3, 80, False, True, 1),
    _Row(3, 2.3, 80, False, True, 1),
    _Row(3, 6, 112, True, True, 1),
    _Row(3, 6, 112, True, True, 1),
    _Row(5, 6, 160, True, True, 2),
    _Row(5, 6, 160, True, True, 1),
    _Row(5, 6, 160, True, True, 1),
)


class _Attention(nn.Module):
    """Squeeze and excitation: every channel times a factor 0..1 that all channels tell."""

    def __init__(self, channels: int):
        super().__init__()
        inner = nearest_width(channels // SQUEEZE)
        self.fc = nn.Sequential(nn.Linear(channels, inner), nn.ReLU(), nn.Linear(inner, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        factor = F.hardsigmoid(self.fc(x.mean((2, 3))))
        return x * factor.reshape(-1, factor.shape[1], 1, 1)


class _Residual(nn.Module):
    """Widen, convolve each channel, narrow; beside the identity where sizes allow."""

    def __init__(self, before: int, row: _Row):
        super().__init__()
        wide = nearest_width(before * row.widen)
        activation = nn.Hardswish if row.swish else nn.ReLU
        depthwise = nn.Conv2d(
            wide, wide, row.kernel, row.stride, row.kernel // 2, groups=wide, bias=False
        )
        attention = _Attention(wide) if row.attend else nn.Identity()
        middle = [depthwise, nn.BatchNorm2d(wide)]
        if wide == before:
            layers = [*middle, activation(), attention]
        else:
            widen = [nn.Conv2d(before, wide, 1, bias=False), nn.BatchNorm2d(wide), activation()]
            layers = [*widen, *middle, attention, activation()]
        narrow = [nn.Conv2d(wide, row.after, 1, bias=False), nn.BatchNorm2d(row.after)]
        self.conv = nn.Sequential(*layers, *narrow)
        self.identity = row.stride == 1 and before == row.after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv(x) if self.identity else self.conv(x)


class MobileNetV3(nn.Module):
    """(n, 3, h, w) -> (n, 960, h / 32, w / 32)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(_stem(3, STEM, 3, 2))
        before = STEM
        for row in TABLE:
            self.features.append(_Residual(before, row))
            before = row.after
        self.conv = _stem(before, FEATURES, 1, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.conv(self.features(image))


def nearest_width(channels: float) -> int:
    """The multiple of 8 nearest to a number of channels, never below 90 % of it."""
    width = max(MULTIPLE, int(channels + MULTIPLE / 2) // MULTIPLE * MULTIPLE)
    return width + MULTIPLE if width < 0.9 * channels else width


def _stem(before: int, after: int, kernel: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after), nn.Hardswish())
