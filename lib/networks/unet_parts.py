"""The blocks of a classic U-Net with bilinear upsampling, under the names of published files.

Source: Ronneberger et al. 2015, U-Net: Convolutional networks for biomedical image segmentation
(MICCAI), with batch normalisation and without transposed convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class DoubleConv(nn.Module):
    """Twice a 3 x 3 convolution, normalised over the batch and cut at 0."""

    def __init__(self, before: int, after: int, middle: int = 0):
        super().__init__()
        middle = middle or after
        self.double_conv = nn.Sequential(
            nn.Conv2d(before, middle, 3, padding=1),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
            nn.Conv2d(middle, after, 3, padding=1),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.double_conv(x)


class Down(nn.Module):
    """Half the size by the largest of four, then a `DoubleConv`."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(before, after))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.maxpool_conv(x)


class Up(nn.Module):
    """Twice the size, set beside what the encoder had there, then a `DoubleConv`.

    Args:
        before: channels of both together.
        after: channels of the result.
        corners: the corners' centres stay in place, as published; else the pixels' areas do, and
            the result of a tile does not depend on its size.
    """

    def __init__(self, before: int, after: int, corners: bool = True):
        super().__init__()
        self.corners = corners
        self.conv = DoubleConv(before, after, before // 2)

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        size = [2 * side for side in coarse.shape[2:]]
        coarse = F.interpolate(coarse, size, mode="bilinear", align_corners=self.corners)
        rows, cols = (a - b for a, b in zip(fine.shape[2:], size))
        coarse = F.pad(coarse, [cols // 2, cols - cols // 2, rows // 2, rows - rows // 2])
        return self.conv(torch.cat([fine, coarse], 1))


class OutConv(nn.Module):
    """One number per output channel from the channels of a pixel."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.conv = nn.Conv2d(before, after, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class Decoder(nn.Module):
    """The way back from the smallest size; the parent of both U-Nets.

    The buffers hold what ImageNet's pictures have on average. No computation uses them: published
    files name them.

    Args:
        n_out: channels of the result.
        widths: channels of the five sizes, from the finest.
        corners: of `Up`.
    """

    def __init__(self, n_out: int, widths: Sequence[int], corners: bool = True):
        super().__init__()
        a, b, c, d, e = widths
        self.up1 = Up(e + d, c, corners)
        self.up2 = Up(c + c, b, corners)
        self.up3 = Up(b + b, a, corners)
        self.up4 = Up(a + a, a, corners)
        self.outc = OutConv(a, n_out)
        self.register_buffer("x_mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("x_std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))

    def decode(self, levels: Sequence[torch.Tensor]) -> torch.Tensor:
        """(n, n_out, h, w) from what the encoder has at the five sizes, from the finest."""
        x = levels[-1]
        for up, fine in zip((self.up1, self.up2, self.up3, self.up4), reversed(levels[:-1])):
            x = up(x, fine)
        return self.outc(x)


class DetectionUNet(Decoder):
    """A picture (n, 3, h, w) to the log odds (n, 1, h, w) that a highlight is seen."""

    def __init__(self, widths: Sequence[int], corners: bool = True):
        super().__init__(1, widths, corners)
        a, b, c, d, e = widths
        self.inc = DoubleConv(3, a)
        self.down1, self.down2 = Down(a, b), Down(b, c)
        self.down3, self.down4 = Down(c, d), Down(d, e)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        levels = [self.inc(x)]
        for down in (self.down1, self.down2, self.down3, self.down4):
            levels.append(down(levels[-1]))
        return self.decode(levels)
