"""How alike two pictures of a face are: as VGG-Face sees them, or by gradients of the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from lib.networks.checkpoints import load_weights, read_checkpoint, weights_in
from lib.networks.tensorflow_ops import legacy_resize
from lib.networks.vggface import VggFace, vggface_of
from lib.networks.vggface_mat import read_vggface_mat
from lib.training.coarse.recognition import (
    gradient_histogram,
    perceptual_distance,
    recognition_matrix,
)
from lib.training.detail_layer.face import five_of

# Distance of pictures (n, 3, h, w) 0..255 and photos, whose 86 points (n, 86, 2) px are known.
Likeness = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class VggLikeness:
    """Mean squared difference of fc7 of VGG-Face, before its ReLU.

    Args:
        network: frozen.
        average: (3, 1, 1) or (3, side, side) that is taken off first; 0 as published.
    """

    network: VggFace
    average: torch.Tensor

    def __call__(
        self,
        pictures: torch.Tensor,
        photos: torch.Tensor,
        marks: torch.Tensor,
        photo_marks: torch.Tensor,
    ) -> torch.Tensor:
        size = (self.network.side, self.network.side)
        first = self.network(legacy_resize(pictures, size) - self.average)
        with torch.no_grad():
            second = self.network(legacy_resize(photos, size) - self.average)
        return ((first - second) ** 2).mean()


def gradient_likeness(
    pictures: torch.Tensor,
    photos: torch.Tensor,
    marks: torch.Tensor,
    photo_marks: torch.Tensor,
) -> torch.Tensor:
    """1 - cosine of histograms of gradients, which knows edges and not who somebody is."""
    return perceptual_distance(
        gradient_histogram, pictures / 255, photos / 255, _matrices(marks), _matrices(photo_marks)
    )


def _matrices(marks: torch.Tensor) -> torch.Tensor:
    """(n, 2, 3) to the picture that is compared, of the 86 points; carries no gradient."""
    five = five_of(marks.detach().cpu()).double().numpy() - 0.5  # places to pixel centres
    found = torch.stack([torch.tensor(recognition_matrix(one)) for one in five])
    return found.to(marks)


def load_recognition(path: str, average: str, device: torch.device) -> VggLikeness:
    """VGG-Face of `vgg-face.mat` or of imported weights.

    Args:
        path: of the file.
        average: `subtracted` = take off the average that the file tells; `published` = nothing.
        device: where it computes.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds no such network.
    """
    if Path(path).suffix == ".mat":
        file = read_vggface_mat(path)
        state, told = file.state, file.average
    else:
        what = "weights of VGG-Face, or vgg-face.mat"
        content = read_checkpoint(path, what)
        state = weights_in(content, path, what)
        told = content.get("average", torch.zeros(3))
    network = vggface_of(state, path)
    load_weights(network, state, path)
    taken = torch.zeros(3, 1, 1)
    if average == "subtracted":
        taken = told.view(3, 1, 1) if told.numel() == 3 else told.permute(2, 0, 1)
    frozen = network.eval().requires_grad_(False).to(device)
    return VggLikeness(frozen, taken.to(device))
