"""The network of 106 face points that HRN and 3DDFA_V3 crop with, under its published key names.

Its weights were trained with what looks odd here: the heat maps are transposed, and the means of
blue, green and red are taken off red, green and blue. Both are kept.

Source: inverted residuals of Sandler et al. 2018 (MobileNetV2), CVPR; soft-argmax of heat maps as
Sun et al. 2018, Integral Human Pose Regression, ECCV.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from lib.networks.checkpoints import load_weights, read_weights

log = logging.getLogger(__name__)

N_POINTS = 106
SIDE = 224  # px of the crop
ENLARGED = 1.35  # crop sides per side of the face box
MEANS = (103.94, 116.78, 123.68)
BORDER = (104, 117, 124)  # those means, as the 8 bits of a picture hold them
# Of blocks 2-17: channels, expansion, stride, and whether the input is added.
BLOCKS = (
    *((64, 2, 1, False), (64, 2, 2, False), *((64, 2, 1, True),) * 4),
    *((128, 2, 2, False), (128, 4, 1, False), *((128, 4, 1, True),) * 5),
    *((128, 2, 1, False), (128, 2, 2, False), (128, 2, 1, False)),
)


@dataclass(frozen=True)
class Square:
    """An upright square on a photo.

    Args:
        corner_px: (2,) x, y of its upper left corner; may lie outside of the photo.
        side_px: its side.
    """

    corner_px: np.ndarray
    side_px: float


class _Residual(nn.Module):
    """Expansion, depthwise convolution and projection; perhaps beside the identity."""

    def __init__(self, before: int, after: int, expansion: int, stride: int, added: bool):
        super().__init__()
        width = before * expansion
        self.conv = nn.Sequential(
            *_layers(before, width, 1),
            *_layers(width, width, 3, stride, width),
            *_layers(width, after, 1)[:2],
        )
        self._added = added

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv(x) if self._added else self.conv(x)


class Points106(nn.Module):
    """(n, 3, 224, 224) -> (n, 106, 2): x, y of the points as shares of the crop's side."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = nn.Sequential(*_layers(3, 64, 3, 2))
        before = 64
        for number, (after, expansion, stride, added) in enumerate(BLOCKS, start=2):
            self.add_module(f"block{number}", _Residual(before, after, expansion, stride, added))
            before = after
        self.block18 = nn.Sequential(*_layers(before, 256, 3))
        self.block19 = nn.Conv2d(256, N_POINTS, 3, 1, 1, bias=False)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        x = crops
        for number in range(1, 20):
            x = self.get_submodule(f"block{number}")(x)
        return soft_argmax(x)


def _layers(
    before: int, after: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(after), nn.PReLU(after)]


def soft_argmax(maps: torch.Tensor) -> torch.Tensor:
    """(n, c, h, w) logits -> (n, c, 2): x = expected row / h, y = expected column / w."""
    height, width = maps.shape[2:]
    share = maps.flatten(2).softmax(2).reshape(maps.shape)
    rows = torch.arange(height, dtype=maps.dtype, device=maps.device) / height
    columns = torch.arange(width, dtype=maps.dtype, device=maps.device) / width
    return torch.stack([share.sum(3) @ rows, share.sum(2) @ columns], 2)


def square_about(low: np.ndarray, high: np.ndarray) -> Square:
    """The crop of a box from `low` (2,) to `high` (2,), both pixels included."""
    side = float((high - low + 1).max()) * ENLARGED
    return Square((np.asarray(low, np.float64) + high) / 2 - side / 2, side)


def cut_square(image: np.ndarray, square: Square) -> np.ndarray:
    """(224, 224, 3) uint8 of an (h, w, 3) uint8 RGB photo, cut at whole pixels.

    Bilinear without smoothing; beyond the photo lies the mean colour.
    """
    size = np.array(image.shape[1::-1])
    low, high = square.corner_px, square.corner_px + square.side_px
    start, end = np.maximum(low, 0).astype(int), np.minimum(high, size).astype(int)
    if (end <= start).any():
        return np.full((SIDE, SIDE, 3), BORDER, np.uint8)
    before, after = (np.maximum(gap, 0).astype(int) for gap in (-low, high - size))
    part = image[start[1] : end[1], start[0] : end[0]]
    edges = (int(edge) for edge in (before[1], after[1], before[0], after[0]))
    padded = cv2.copyMakeBorder(part, *edges, cv2.BORDER_CONSTANT, value=BORDER)
    return cv2.resize(padded, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)


class PointFinder:
    """The network with the weights of a file, on squares of photos.

    Args:
        path: a file such as `large_base_net.pth`.
        device: where the network runs.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it is not a file of this network.
    """

    def __init__(self, path: str | Path, device: torch.device | str = "cpu"):
        network = Points106()
        state = read_weights(path, "weights of the network of 106 points")
        load_weights(network, _needed(network, state, path), path)
        self._network = network.to(device).eval().requires_grad_(False)
        self._device = device

    @torch.inference_mode()
    def __call__(
        self, images: Sequence[np.ndarray], squares: Sequence[Square], mirrored: bool = False
    ) -> np.ndarray:
        """(n, 106, 2) photo px of the face in each square of each (h, w, 3) uint8 RGB photo.

        With `mirrored` the network sees the crops left to right, and its right is the face's left;
        the points are those of the photo all the same.
        """
        crops = np.stack([cut_square(*pair) for pair in zip(images, squares, strict=True)])
        crops = crops[:, :, ::-1] if mirrored else crops
        batch = torch.from_numpy(crops.transpose(0, 3, 1, 2).astype(np.float32))
        batch = (batch - torch.tensor(MEANS)[:, None, None]) / 255
        share = self._network(batch.to(self._device)).float().cpu().numpy().astype(np.float64)
        if mirrored:
            share[..., 0] = (SIDE - 1) / SIDE - share[..., 0]
        corner = np.array([square.corner_px for square in squares])[:, None]
        side = np.array([square.side_px for square in squares])[:, None, None]
        return share * side + corner


def _needed(
    network: nn.Module, state: Mapping[str, torch.Tensor], path: str | Path
) -> dict[str, torch.Tensor]:
    """The entries of the network; the published code lets such files hold others beside them.

    Counters of batches, which nothing uses, may be missing.
    """
    own = network.state_dict()
    others = sorted(set(state) - set(own))
    if others:
        log.warning("%s: %d entries are not used: %s", path, len(others), ", ".join(others[:4]))
    counters = {key: own[key] for key in own if key.endswith("num_batches_tracked")}
    return counters | {key: value for key, value in state.items() if key in own}


def two_passes(
    finder: PointFinder, images: Sequence[np.ndarray], boxes_px: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[Square]]:
    """Points of the face in each box (n, 4), and again in the square about those points.

    Returns:
        (n, 106, 2) photo px of the first and of the second pass, and the squares of the second.
    """
    first = finder(images, [square_about(box[:2], box[2:]) for box in boxes_px])
    squares = [square_about(points.min(0), points.max(0)) for points in first]
    return first, finder(images, squares), squares
