"""The fine network of the detail layer: how far each texel lies off the coarse head.

Key names are ours: `down.0.weight` ... `down.9.bias`, `up.0.weight` ... `up.9.bias`.

Source: Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from lib.errors import ShapeError
from lib.networks.checkpoints import CheckpointError, load_weights, read_weights
from lib.networks.tensorflow_ops import CONVOLUTION, TRANSPOSED, SameConv, SameUpConv

SIDE = 512
WIDTHS = (16, 32, 64, 128, 256, 512, 512, 512, 512, 512)
FINE = "FineModel"


class DetailNetwork(nn.Module):
    """(n, 3, s, s) difference of photo and render in the chart -> (n, 1, s, s) mm in -1..1.

    Features of the encoder are added to those of the decoder of the same size.

    Args:
        widths: channels of the encoder; each after the first halves the side. As published, ten of
            them reduce a chart of 512 to one texel: `halvings` is the side of such a chart.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS):
        super().__init__()
        self.halvings = 2 ** (len(widths) - 1)
        self.down = nn.ModuleList(
            SameConv(before, after, 2 if k else 1)
            for k, (before, after) in enumerate(pairwise((3, *widths)))
        )
        back = widths[::-1]
        ups = [SameUpConv(before, after) for before, after in pairwise(back)]
        self.up = nn.ModuleList([*ups, SameUpConv(widths[0], 1, stride=1)])

    def forward(self, difference: torch.Tensor) -> torch.Tensor:
        if any(side % self.halvings for side in difference.shape[-2:]):
            expected = f"(n, 3, h, w) with h and w multiples of {self.halvings}"
            raise ShapeError("difference", tuple(difference.shape), expected)
        x, kept = difference, []
        for layer in self.down:
            x = F.relu(layer(x))
            kept.append(x)
        for layer, beside in zip(self.up[:-1], kept[-2::-1], strict=True):
            x = F.relu(layer(x)) + beside
        return torch.tanh(self.up[-1](x))


def tensorflow_names(network: DetailNetwork) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Our key -> name in published checkpoints, and the axes that `transpose` puts in our order."""
    names = {}
    for key in network.state_dict():
        group, number, kind = key.split(".")
        layer = "conv2d" if group == "down" else "conv2d_transpose"
        numbered = layer if number == "0" else f"{layer}_{number}"
        axes = {"down": CONVOLUTION, "up": TRANSPOSED}[group]
        name = f"{FINE}/{numbered}/{'kernel' if kind == 'weight' else 'bias'}"
        names[key] = (name, axes if kind == "weight" else (0,))
    return names


def load_detail(path: str | Path) -> DetailNetwork:
    """The fine network of a checkpoint, for inference; its widths are those of its arrays.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds no such network.
    """
    state = read_weights(path, "weights of the detail layer's fine network")
    widths: list[int] = []
    while (key := f"down.{len(widths)}.weight") in state:
        widths.append(len(state[key]))
    if not widths:
        raise CheckpointError(
            f"{path} lacks down.0.weight, expected the keys of the detail layer's fine network. A "
            "published checkpoint of TensorFlow must be imported first "
            "(docs/published_systems.md)."
        )
    network = DetailNetwork(tuple(widths))
    load_weights(network, state, path)
    return network.eval()
