"""RetinaFace with a ResNet-50 body: every face of a picture, with a box and five points.

The modules carry the names of the published file, of which one is spelt differently (`conv7x7_3`).

Source: Deng et al. 2020, RetinaFace: Single-shot Multi-level Face Localisation in the Wild, CVPR;
boxes about priors as Liu et al. 2016 (SSD); context modules as Najibi et al. 2017 (SSH).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lib.networks.ahead import at_once
from lib.networks.blazeface import suppressed
from lib.networks.checkpoints import load_weights, read_weights
from lib.networks.resnet import ResNet

SIDE = 512  # px of the square that the network sees
STRIDES = (8, 16, 32)
SIZES = ((16, 32), (64, 128), (256, 512))  # px of the priors of each stride
WIDTH = 256
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2
SAME_FACE = 0.4
MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255  # ImageNet, RGB
SPREAD = np.array([0.229, 0.224, 0.225], np.float32) * 255


@dataclass(frozen=True)
class Placement:
    """Where a photo lies in the network's square.

    Args:
        pad_px: (x, y) of the photo's first pixel in the square.
        scale: photo px per px of the square.
        size: (w, h) of the photo.
    """

    pad_px: tuple[int, int]
    scale: float
    size: tuple[int, int]


@dataclass(frozen=True)
class FacesFound:
    """Faces of one photo, best first.

    Args:
        box_px: (n, 4) x0, y0, x1, y1, whole numbers as published.
        score: (n,) 0..1.
        points_px: (n, 5, 2) right eye, left eye, nose tip, right and left mouth corner.
    """

    box_px: np.ndarray
    score: np.ndarray
    points_px: np.ndarray


class _Pyramid(nn.Module):
    """Features of three sizes, the finer ones with what the coarser ones know."""

    def __init__(self, before: Sequence[int]):
        super().__init__()
        self.output1, self.output2, self.output3 = (_conv(width, WIDTH, 1) for width in before)
        self.merge1, self.merge2 = _conv(WIDTH, WIDTH, 3), _conv(WIDTH, WIDTH, 3)

    def forward(self, levels: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        fine, middle, coarse = levels
        coarse, middle, fine = self.output3(coarse), self.output2(middle), self.output1(fine)
        middle = self.merge2(middle + F.interpolate(coarse, middle.shape[2:], mode="nearest"))
        fine = self.merge1(fine + F.interpolate(middle, fine.shape[2:], mode="nearest"))
        return fine, middle, coarse


class _Context(nn.Module):
    """What lies around a place within 3 x 3, 5 x 5 and 7 x 7, beside each other."""

    def __init__(self) -> None:
        super().__init__()
        half, quarter = WIDTH // 2, WIDTH // 4
        self.conv3X3 = _conv(WIDTH, half, 3, rectified=False)
        self.conv5X5_1 = _conv(WIDTH, quarter, 3)
        self.conv5X5_2 = _conv(quarter, quarter, 3, rectified=False)
        self.conv7X7_2 = _conv(quarter, quarter, 3)
        self.conv7x7_3 = _conv(quarter, quarter, 3, rectified=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        middle = self.conv5X5_1(x)
        wide = self.conv7x7_3(self.conv7X7_2(middle))
        return F.relu(torch.cat([self.conv3X3(x), self.conv5X5_2(middle), wide], 1))


class _Head(nn.Module):
    """`count` numbers about each prior of each place."""

    def __init__(self, count: int):
        super().__init__()
        self.conv1x1 = nn.Conv2d(WIDTH, len(SIZES[0]) * count, 1)
        self._count = count

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) -> (n, h * w * priors, count), row by row."""
        return self.conv1x1(x).permute(0, 2, 3, 1).reshape(len(x), -1, self._count)


class RetinaFace(nn.Module):
    """(n, 3, 512, 512) normalised -> offsets of boxes, logits and offsets of points per prior."""

    def __init__(self) -> None:
        super().__init__()
        self.body = ResNet("resnet50")
        self.fpn = _Pyramid((512, 1024, 2048))
        self.ssh1, self.ssh2, self.ssh3 = _Context(), _Context(), _Context()
        self.ClassHead = nn.ModuleList(_Head(2) for _ in STRIDES)
        self.BboxHead = nn.ModuleList(_Head(4) for _ in STRIDES)
        self.LandmarkHead = nn.ModuleList(_Head(10) for _ in STRIDES)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Offsets of boxes (n, p, 4), logits (n, p, 2) and offsets of points (n, p, 10)."""
        levels = self.fpn(self.body.stages(image)[1:])
        levels = [ssh(x) for ssh, x in zip((self.ssh1, self.ssh2, self.ssh3), levels, strict=True)]
        heads = (self.BboxHead, self.ClassHead, self.LandmarkHead)
        box, logit, points = (
            torch.cat([one(x) for one, x in zip(head, levels, strict=True)], 1) for head in heads
        )
        return box, logit, points


def _conv(before: int, after: int, kernel: int, rectified: bool = True) -> nn.Sequential:
    layers = [nn.Conv2d(before, after, kernel, 1, kernel // 2, bias=False), nn.BatchNorm2d(after)]
    return nn.Sequential(*layers, *([nn.ReLU()] if rectified else []))


def priors(side: int = SIDE) -> np.ndarray:
    """(p, 4) centre and size (x, y, w, h) of all priors, as shares of `side`."""
    levels = []
    for stride, sizes in zip(STRIDES, SIZES, strict=True):
        count = -(-side // stride)
        y, x = np.mgrid[:count, :count]
        centre = np.repeat((np.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride, len(sizes), 0)
        size = np.tile(np.array(sizes, np.float64)[:, None], (count * count, 2))
        levels.append(np.concatenate([centre, size], 1))
    return (np.concatenate(levels) / side).astype(np.float32)


def decode_boxes(offset: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """(n, 4) corners x0, y0, x1, y1 of offsets (n, 4) about priors (n, 4), in the priors' unit."""
    centre = prior[:, :2] + offset[:, :2] * CENTRE_VARIANCE * prior[:, 2:]
    size = prior[:, 2:] * np.exp(offset[:, 2:] * SIZE_VARIANCE)
    low = centre - size / 2
    return np.concatenate([low, low + size], 1)


def decode_points(offset: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """(n, 5, 2) points of offsets (n, 10) about priors (n, 4), in the priors' unit."""
    steps = offset.reshape(-1, 5, 2) * CENTRE_VARIANCE
    return prior[:, None, :2] + steps * prior[:, None, 2:]


def prepare(image: np.ndarray) -> tuple[np.ndarray, Placement]:
    """A photo as the published weights expect it, and where it lies in the square.

    The longer side becomes 512 px, bilinearly and without smoothing, small photos too; the rest
    of the square is 0 after normalisation.

    Args:
        image: (h, w, 3) uint8 RGB.

    Returns:
        (3, 512, 512) float32, and the placement.
    """
    longest = max(image.shape[:2])
    size = [max(1, round(side * (SIDE / longest))) for side in image.shape[1::-1]]
    small = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    left, top = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
    square = np.zeros((SIDE, SIDE, 3), np.float32)
    square[top : top + size[1], left : left + size[0]] = (small - MEAN) / SPREAD
    return square.transpose(2, 0, 1), Placement((left, top), longest / SIDE, image.shape[1::-1])


def to_photo(boxes: np.ndarray, points: np.ndarray, place: Placement) -> tuple[np.ndarray, ...]:
    """Boxes (n, 4) and points (n, 5, 2) of the square in photo px.

    Boxes lose their fractions before and after scaling, as published: the crops of the network of
    106 points start from them. Points keep theirs.
    """
    pad = np.array(place.pad_px)
    whole = np.trunc(boxes) - np.tile(pad, 2)
    return np.trunc(whole * place.scale), (points - pad) * place.scale


class FaceFinder:
    """RetinaFace with the weights of a file, on photos of any size.

    Args:
        path: a state dictionary such as `retinaface_resnet50_2020-07-20_old_torch.pth`.
        device: where the network runs.
        batch: photos that it sees at once; 0 = what suits the device.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it is not a file of this network.
    """

    def __init__(self, path: str | Path, device: torch.device | str = "cpu", batch: int = 0):
        with torch.device("meta"):
            network = RetinaFace()
        network = network.to_empty(device="cpu")
        what = "weights of RetinaFace with a ResNet-50 body"
        load_weights(network, read_weights(path, what), path)
        self._network = network.to(device).eval().requires_grad_(False)
        self._priors, self._device = priors(), device
        self._batch = batch or at_once(device)

    @torch.inference_mode()
    def __call__(self, images: Sequence[np.ndarray], min_score: float) -> list[FacesFound]:
        """Faces of every (h, w, 3) uint8 RGB photo whose score is above `min_score`."""
        found: list[FacesFound] = []
        for start in range(0, len(images), self._batch):
            found += self._look(images[start : start + self._batch], min_score)
        return found

    def _look(self, images: Sequence[np.ndarray], min_score: float) -> list[FacesFound]:
        prepared = [prepare(image) for image in images]
        batch = torch.from_numpy(np.stack([square for square, _ in prepared])).to(self._device)
        box, logit, points = self._network(batch)
        score = logit.softmax(-1)[..., 1]
        parts = (part.float().cpu().numpy() for part in (box, score, points))
        return [
            _faces(*rows, self._priors, place, min_score)
            for *rows, (_, place) in zip(*parts, prepared, strict=True)
        ]


def _faces(
    box: np.ndarray,
    score: np.ndarray,
    points: np.ndarray,
    prior: np.ndarray,
    place: Placement,
    min_score: float,
) -> FacesFound:
    likely = np.flatnonzero(score > min_score)
    corners = decode_boxes(box[likely], prior[likely]) * SIDE
    kept = suppressed(corners, score[likely], SAME_FACE)
    five = decode_points(points[likely], prior[likely]) * SIDE
    corners, five = to_photo(corners[kept], five[kept], place)
    on = ((corners[:, 2:] > 0) & (corners[:, :2] < np.array(place.size) - 1)).all(1)
    found = corners[on].astype(np.float32), score[likely][kept][on], five[on].astype(np.float32)
    return FacesFound(*found)
