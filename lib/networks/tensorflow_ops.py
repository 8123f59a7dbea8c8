"""Layers as TensorFlow 1 computes them, where PyTorch's differ by a pixel.

SAME padding with a stride puts the odd pixel to the bottom and right; PyTorch pads both sides.
`resize_bilinear` of TensorFlow 1 puts pixel i of the new image at i * old / new of the old one,
with no half pixel.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

# Axes that turn arrays of a checkpoint into ours: (h, w, in, out), (h, w, out, in), (in, out).
CONVOLUTION = (3, 2, 0, 1)
TRANSPOSED = (3, 2, 0, 1)
DENSE = (1, 0)
KERNEL = 3


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pixels to add before and after a side, so that `ceil(size / stride)` come out."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pad_same(x: torch.Tensor, kernel: int, stride: int, value: float = 0.0) -> torch.Tensor:
    """(n, c, h, w) padded for SAME."""
    across = same_padding(x.shape[-1], kernel, stride)
    down = same_padding(x.shape[-2], kernel, stride)
    return F.pad(x, (*across, *down), value=value) if any((*across, *down)) else x


def same_pool(x: torch.Tensor) -> torch.Tensor:
    """Largest of each 2 x 2 block; an odd last row or column is a block of its own."""
    return F.max_pool2d(pad_same(x, 2, 2, value=-torch.inf), 2)


def legacy_resize(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(n, c, *size) bilinear of (n, c, h, w), pixel i taken at i * old / new, the border continued.

    Nothing is averaged when it shrinks.
    """
    for axis, new in ((-1, size[1]), (-2, size[0])):
        x = _resize_axis(x, axis, new)
    return x


def _resize_axis(x: torch.Tensor, axis: int, new: int) -> torch.Tensor:
    old = x.shape[axis]
    if old == new:
        return x
    # The step is rounded to single precision first, as there.
    step = torch.tensor(old, dtype=torch.float32) / new
    place = torch.arange(new, dtype=torch.float32) * step
    low = place.floor().long()
    share = (place - low).to(x).reshape((-1, 1) if axis == -2 else (-1,))
    low, high = low.clamp(max=old - 1), (low + 1).clamp(max=old - 1)
    before = x.index_select(axis, low.to(x.device))
    after = x.index_select(axis, high.to(x.device))
    return before + (after - before) * share


class SameConv(nn.Conv2d):
    """3 x 3 convolution padded SAME: with stride 2 and an even side, at bottom and right alone."""

    def __init__(self, before: int, after: int, stride: int = 1):
        super().__init__(before, after, KERNEL, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(pad_same(x, KERNEL, self.stride[0]))


class SameUpConv(nn.ConvTranspose2d):
    """Transpose of `SameConv` from `n` to `stride * n`: the last row and column are dropped."""

    def __init__(self, before: int, after: int, stride: int = 2):
        super().__init__(before, after, KERNEL, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        stride = self.stride[0]
        height, width = x.shape[-2] * stride, x.shape[-1] * stride
        whole = super().forward(x)
        top, left = (same_padding(side, KERNEL, stride)[0] for side in (height, width))
        return whole[..., top : top + height, left : left + width]
