"""A U-Net whose encoder attends within shifted windows, under the names of a published system.

Source: Liu et al. 2021, Swin transformer: Hierarchical vision transformer using shifted windows
(ICCV). The published system differs: one bias table for all heads, heads of a fixed width, patch
merging before the blocks, and masks among the weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from lib.networks.unet_parts import Decoder, DoubleConv

MLP_RATIO = 4


class Residual(nn.Module):
    """What a module makes of its input, and the input."""

    def __init__(self, fn: nn.Module):
        super().__init__()
        self.fn = fn

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fn(x) + x


class PreNorm(nn.Module):
    """A module on channels that are normalised per place."""

    def __init__(self, width: int, fn: nn.Module):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fn = fn

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fn(self.norm(x))


class FeedForward(nn.Module):
    """Two layers on the channels of each place."""

    def __init__(self, width: int):
        super().__init__()
        inner = MLP_RATIO * width
        self.net = nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


class WindowAttention(nn.Module):
    """Places (n, h, w, width) attend to those of their window.

    Args:
        width: channels.
        heads: of attention.
        head_dim: channels of each head, whatever the width.
        window: side of a window; h and w are multiples of it.
        shifted: windows lie half their side to the right and below; those at the border hold two
            or four separate pieces.
    """

    def __init__(self, width: int, heads: int, head_dim: int, window: int, shifted: bool):
        super().__init__()
        self.heads, self.window = heads, window
        self.shift = window // 2 if shifted else 0
        inner = heads * head_dim
        self.scale = head_dim**-0.5
        self.to_qkv = nn.Linear(width, 3 * inner, bias=False)
        self.pos_embedding = nn.Parameter(torch.randn(2 * window - 1, 2 * window - 1))
        self.to_out = nn.Linear(inner, width)
        place = torch.cartesian_prod(torch.arange(window), torch.arange(window))
        away = place[None] - place[:, None] + window - 1  # of the key from the query
        self.register_buffer("away", away, persistent=False)
        if shifted:
            for axis, name in enumerate(("upper_lower_mask", "left_right_mask")):
                beyond = place[:, axis] >= window - self.shift
                apart = beyond[None] != beyond[:, None]
                mask = torch.zeros(window**2, window**2).masked_fill(apart, float("-inf"))
                setattr(self, name, nn.Parameter(mask, requires_grad=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.shift:
            x = x.roll((-self.shift, -self.shift), (1, 2))
        n, h, w, _ = x.shape
        size, rows, cols = self.window, h // self.window, w // self.window
        qkv = self.to_qkv(x).view(n, rows, size, cols, size, 3, self.heads, -1)
        # 3, n, heads, windows, places of a window, channels of a head
        qkv = qkv.permute(5, 0, 6, 1, 3, 2, 4, 7).flatten(5, 6).flatten(3, 4)
        query, key, value = qkv
        bias = self.pos_embedding[self.away[..., 0], self.away[..., 1]]
        scores = query @ key.transpose(-1, -2) * self.scale + bias
        if self.shift:
            scores = scores + self._masks(rows, cols)
        found = scores.softmax(-1) @ value
        found = found.view(n, self.heads, rows, cols, size, size, -1)
        found = found.permute(0, 2, 4, 3, 5, 1, 6).reshape(n, h, w, -1)
        found = self.to_out(found)
        return found.roll((self.shift, self.shift), (1, 2)) if self.shift else found

    def _masks(self, rows: int, cols: int) -> torch.Tensor:
        """(windows, places, places): -inf between pieces that are not neighbours."""
        low = torch.zeros_like(self.upper_lower_mask)
        upper, left = self.upper_lower_mask, self.left_right_mask
        masks = [
            (upper if row == rows - 1 else low) + (left if col == cols - 1 else low)
            for row in range(rows)
            for col in range(cols)
        ]
        return torch.stack(masks)


class SwinBlock(nn.Module):
    """Attention within windows, then a layer per place, both beside their input."""

    def __init__(self, width: int, heads: int, head_dim: int, window: int, shifted: bool):
        super().__init__()
        attention = WindowAttention(width, heads, head_dim, window, shifted)
        self.attention_block = Residual(PreNorm(width, attention))
        self.mlp_block = Residual(PreNorm(width, FeedForward(width)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mlp_block(self.attention_block(x))


class PatchMerging(nn.Module):
    """Four places (n, c, h, w) become one (n, h / 2, w / 2, after)."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.linear = nn.Linear(4 * before, after)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        x = x.view(n, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5)
        return self.linear(x.reshape(n, h // 2, w // 2, 4 * c))


class SwinStage(nn.Module):
    """Half the size, then blocks in pairs of plain and shifted windows."""

    def __init__(
        self, before: int, after: int, blocks: int, heads: int, head_dim: int, window: int
    ):
        super().__init__()
        self.patch_partition = PatchMerging(before, after)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                SwinBlock(after, heads, head_dim, window, shifted) for shifted in (False, True)
            )
            for _ in range(blocks // 2)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch_partition(x)
        for plain, shifted in self.layers:
            x = shifted(plain(x))
        return x.permute(0, 3, 1, 2)


class SwinDown(nn.Module):
    """A stage on any size: mirrored at the right and below to whole windows, and cut again."""

    def __init__(
        self, before: int, after: int, blocks: int, heads: int, head_dim: int, window: int
    ):
        super().__init__()
        self.unit = 2 * window
        self.stage = SwinStage(before, after, blocks, heads, head_dim, window)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h, w = x.shape[2:]
        return self.stage(mirrored(x, self.unit))[:, :, : h // 2, : w // 2]


def mirrored(x: torch.Tensor, unit: int, least: int = 0) -> torch.Tensor:
    """(n, c, h', w') with h' and w' multiples of a unit: mirrored about the last row and column.

    Args:
        x: (n, c, h, w); where it is smaller than what is missing, it is mirrored again and again.
        unit: of both sides.
        least: of both sides.
    """
    h, w = (max(-(-side // unit) * unit, least) for side in x.shape[2:])
    if h < 2 * x.shape[2] and w < 2 * x.shape[3]:
        return F.pad(x, [0, w - x.shape[3], 0, h - x.shape[2]], "reflect")
    rows, cols = (_there_and_back(n, side, x.device) for n, side in zip(x.shape[2:], (h, w)))
    return x[:, :, rows][:, :, :, cols]


def _there_and_back(n: int, count: int, device: torch.device) -> torch.Tensor:
    """0, 1, .., n - 1, n - 2, .., 0, 1, ..: indices of mirrored places."""
    if n == 1:
        return torch.zeros(count, dtype=torch.long, device=device)
    place = torch.arange(count, device=device) % (2 * n - 2)
    return torch.minimum(place, 2 * n - 2 - place)


class RemovalUNet(Decoder):
    """A picture (n, n_in, h, w) to three numbers per pixel (n, 3, h, w), before their sigmoid.

    Args:
        widths: channels of the five sizes, from the finest.
        blocks: per stage, even.
        heads: per stage.
        head_dim: channels of each head.
        window: side of the windows.
        corners: of `Up`.
        n_in: channels of the input.
    """

    def __init__(
        self,
        widths: Sequence[int],
        blocks: Sequence[int],
        heads: Sequence[int],
        head_dim: int,
        window: int,
        corners: bool = True,
        n_in: int = 3,
    ):
        super().__init__(3, widths, corners)
        self.inc = DoubleConv(n_in, widths[0])
        for k, (before, after) in enumerate(itertools.pairwise(widths)):
            stage = SwinDown(before, after, blocks[k], heads[k], head_dim, window)
            setattr(self, f"down{k + 1}", stage)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        levels = [self.inc(x)]
        for down in (self.down1, self.down2, self.down3, self.down4):
            levels.append(down(levels[-1]))
        return self.decode(levels)
