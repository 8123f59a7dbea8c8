"""Training of our face parser: crops of synthetic photos, and which part each pixel shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lib.artefacts import BatchReader, Truth
from lib.log import progress
from lib.networks.parser import MARGIN, N_LABELS, SIDE, Parser, parser_crop

KEPT_SIDE, KEPT_MARGIN = 208, 1.8  # of the crops on disk, from which others are cut
MOST_TURN_DEG, MOST_ZOOM, MOST_SHIFT = 20.0, 1.2, 0.08
WEIGHTS = (0.6, 4.0, 4.0, 3.0, 3.0, 1.0, 3.0, 3.0, 0.8)  # of the labels; small parts count more
MIRRORED = np.array([0, 2, 1, 4, 3, 5, 6, 7, 8])  # label on the other side
OVERLAP = 0.5  # weight of the parts' overlap beside the likelihood
LAYOUT = 1  # raise when the files on disk change


@dataclass(frozen=True)
class ParserAsked:
    """(1, 3, SIDE, SIDE) crops 0..1 and (1, SIDE, SIDE) labels."""

    crop: torch.Tensor
    label: torch.Tensor


class ParserTask:
    """The parser, trained on crops in files.

    Args:
        files: one per view, of `crops_of_shards`.
    """

    name = "parser"

    def __init__(self, files: Sequence[Path]):
        self.files = files
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def network(self) -> nn.Module:
        """A network with random weights; the generator of PyTorch tells which."""
        return Parser()

    def draw(self, index: int, chance: np.random.Generator) -> ParserAsked:
        """A crop turned, shifted, mirrored and developed at random."""
        image, label = self._load(index)
        turn = np.radians(chance.normal(0, MOST_TURN_DEG / 2))
        zoom = KEPT_MARGIN / MARGIN * MOST_ZOOM ** chance.uniform(-1, 1) * SIDE / KEPT_SIDE
        shift = chance.uniform(-MOST_SHIFT, MOST_SHIFT, 2) * SIDE
        mirrored = bool(chance.random() < 0.5)
        image, label = _cut(image, label, turn, zoom, shift)
        if mirrored:
            image, label = image[:, ::-1], MIRRORED[label[:, ::-1]]
        return _asked(developed(image / np.float32(255), chance), label)

    def to_device(self, asked: ParserAsked, device: torch.device) -> ParserAsked:
        """The crop on a device."""
        return ParserAsked(asked.crop.to(device), asked.label.to(device))

    def loss(self, network: nn.Module, asked: ParserAsked) -> torch.Tensor:
        """Weighted likelihood of the labels, and one minus the overlap of the parts."""
        scores = network(asked.crop).float()
        weight = torch.tensor(WEIGHTS, device=scores.device)
        likelihood = F.cross_entropy(scores, asked.label, weight)
        share = scores.softmax(1)
        true = F.one_hot(asked.label, N_LABELS).movedim(-1, 1).float()
        both = (share * true).sum((0, 2, 3))
        either = (share + true).sum((0, 2, 3))
        there = true.sum((0, 2, 3)) > 0
        overlap = (2 * both[there] + 1) / (either[there] + 1)
        return likelihood + OVERLAP * (1 - overlap.mean())

    @torch.no_grad()
    def score(self, network: nn.Module, index: int, device: torch.device) -> dict[str, float]:
        """Loss, and mean intersection over union of the parts that are there or found."""
        image, label = self._load(index)
        zoom = KEPT_MARGIN / MARGIN * SIDE / KEPT_SIDE
        image, label = _cut(image, label, 0.0, zoom, np.zeros(2))
        asked = self.to_device(_asked(image / np.float32(255), label), device)
        found = network(asked.crop).argmax(1).cpu().numpy()[0]
        union = [((found == k) | (label == k)).sum() for k in range(1, N_LABELS)]
        both = [((found == k) & (label == k)).sum() for k in range(1, N_LABELS)]
        each = [b / u for b, u in zip(both, union) if u]
        return {
            "loss": float(self.loss(network, asked)),
            "iou": float(np.mean(each)) if each else 0.0,
        }

    def _load(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if index not in self._kept:
            with np.load(self.files[index], allow_pickle=False) as file:
                self._kept[index] = file["image"], file["label"]
        return self._kept[index]


def crops_of_shards(
    shards: Sequence[str], folder: Path, share: tuple[int, int] = (0, 1)
) -> tuple[list[Path], list[str], list[str]]:
    """Files, names and subjects of the views that show a face; files are made where missing.

    Args:
        shards: files of truth.
        folder: where the files go.
        share: rank and number of processes; each makes its part.
    """
    files, names, subjects = [], [], []
    place = folder / f"crops_{LAYOUT}_{Truth.version}"
    place.mkdir(parents=True, exist_ok=True)
    for number, shard in enumerate(shards):
        with BatchReader(shard, Truth) as reader:
            for name in progress(list(reader.captures), f"crops of shard {number}"):
                subject, seen = reader.field(name, "subject"), reader.field(name, "landmarks68_px")
                for view in range(len(seen)):
                    path = place / f"{subject}.{name}.{view}.npz"
                    if not path.is_file() and len(files) % share[1] == share[0]:
                        save_crop(path, reader[name], view)
                    files.append(path)
                    names.append(path.stem)
                    subjects.append(subject)
    return files, names, subjects


def save_crop(path: Path, truth: Truth, view: int) -> None:
    """The face of one view and its labels as a file."""
    matrix = parser_crop(truth.landmarks68_px[view], KEPT_SIDE, KEPT_MARGIN)
    image, label = np.asarray(truth.image[view]), np.asarray(truth.part[view])
    label = np.where(label < N_LABELS, label, 0).astype(np.uint8)
    size = (KEPT_SIDE, KEPT_SIDE)
    part = path.with_name(f".{path.stem}.part.npz")
    np.savez_compressed(
        part,
        image=cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR),
        label=cv2.warpAffine(label, matrix, size, flags=cv2.INTER_NEAREST),
    )
    part.replace(path)


def developed(image: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """A crop (h, w, 3) 0..1 as other cameras and programs would have it."""
    gain = np.exp(chance.normal(0, 0.12, 3) + chance.normal(0, 0.25))
    image = np.clip(image * gain, 0, 1) ** np.exp(chance.normal(0, 0.2))
    if chance.random() < 0.15:
        image = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
    if chance.random() < 0.4:
        image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), chance.uniform(0.3, 1.6))
    image = image + chance.normal(0, chance.uniform(0, 0.04), image.shape)
    return np.clip(image, 0, 1).astype(np.float32)


def _cut(
    image: np.ndarray, label: np.ndarray, turn: float, zoom: float, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(SIDE, SIDE) of a kept crop, turned (radians), enlarged and shifted (px) about its middle."""
    linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = np.full(2, (KEPT_SIDE - 1) / 2)
    matrix = np.column_stack([linear, (SIDE - 1) / 2 + shift - linear @ middle])
    size = (SIDE, SIDE)
    return (
        cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR),
        cv2.warpAffine(label, matrix, size, flags=cv2.INTER_NEAREST),
    )


def _asked(image: np.ndarray, label: np.ndarray) -> ParserAsked:
    return ParserAsked(
        torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)),
        torch.from_numpy(np.ascontiguousarray(label[None]).astype(np.int64)),
    )
