"""Our small network that tells the eight parts of a face on a crop around its landmarks."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lib.networks.checkpoints import load_weights, read_weights

SIDE = 144  # px of the crop
MARGIN = 1.35  # side of the crop over the extent of the 68 points
UP = 0.04  # of the side, that the crop lies higher than the points
WIDTHS = (12, 24, 48, 96)
N_LABELS = 9  # background and eight parts
GROUPS = 4


class Parser(nn.Module):
    """A U-Net over four scales; scores of the background and of each part for every pixel."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Sequential(_block(3, WIDTHS[0]), _block(WIDTHS[0], WIDTHS[0]))
        steps = list(itertools.pairwise(WIDTHS))
        self.down = nn.ModuleList(
            nn.Sequential(_block(fine, coarse, 2), _block(coarse, coarse)) for fine, coarse in steps
        )
        self.middle = _block(WIDTHS[-1], WIDTHS[-1], dilation=2)
        self.up = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in reversed(steps))
        self.join = nn.ModuleList(_block(fine, fine) for fine, _ in reversed(steps))
        self.leave = nn.Conv2d(WIDTHS[0], N_LABELS, 1)

    def forward(self, crop: torch.Tensor) -> torch.Tensor:
        """(n, 9, SIDE, SIDE) log odds, up to a constant per pixel.

        Args:
            crop: (n, 3, SIDE, SIDE) sRGB 0..1.
        """
        x = self.enter(2 * crop - 1)
        kept = []
        for step in self.down:
            kept.append(x)
            x = step(x)
        x = x + self.middle(x)
        for lift, join, fine in zip(self.up, self.join, reversed(kept)):
            x = join(fine + F.interpolate(lift(x), scale_factor=2, mode="nearest"))
        return self.leave(x)


def _block(before: int, after: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, dilation, dilation, bias=False),
        nn.GroupNorm(GROUPS, after),
        nn.ReLU(),
    )


def parser_crop(ibug68_px: np.ndarray, side: int = SIDE, margin: float = MARGIN) -> np.ndarray:
    """(2, 3) affine map from image px to px of the upright crop around a face.

    Args:
        ibug68_px: (68, 2) px; rows with NaN are left out.
        side: of the crop.
        margin: side of the crop over the extent of the points.
    """
    points = ibug68_px[np.isfinite(ibug68_px).all(axis=1)].astype(np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = margin * float((high - low).max())
    zoom = side / extent
    middle = (low + high) / 2 - [0, UP * extent]
    return np.column_stack([zoom * np.eye(2), (side - 1) / 2 - zoom * middle])


def load_parser(path: str | Path) -> Parser:
    """Our parser of a file of `train_parser`, ready for inference.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds something else.
    """
    network = Parser()
    load_weights(network, read_weights(path, "our face parser (train_parser makes it)"), path)
    return network.eval()
