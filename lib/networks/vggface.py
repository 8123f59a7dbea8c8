"""The coarse network of the detail layer: VGG-16 for faces, and five heads that tell coefficients.

Key names are ours: `encoder.conv1_1.weight`, `encoder.fc7.bias`, `heads.identity.weight`.
`tensorflow_names` says what each is called in published checkpoints and how its axes lie there.

Source: Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP;
Parkhi, Vedaldi, Zisserman 2015, Deep Face Recognition, BMVC, for the encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from lib.errors import ShapeError
from lib.networks.checkpoints import CheckpointError, load_weights, read_weights
from lib.networks.tensorflow_ops import CONVOLUTION, DENSE, legacy_resize, same_pool

CROP_PX = 300
INPUT_PX = 224
DEPTHS = (2, 2, 3, 3, 3)  # convolutions of each block
WIDTHS = (64, 128, 256, 512, 512)
FEATURES = 4096
HALVINGS = 2 ** len(DEPTHS)
ENCODER, HEADS = "encoder.", "heads."
HEAD_SIGMA = 0.002  # of the first weights of identity and albedo; the others begin with 0
PUBLISHED_HEADS = {
    "identity": "para_shape",
    "expression": "para_exp",
    "albedo": "para_tex",
    "pose": "para_pose",
    "light": "para_illum",
}
COARSE = "CoarseModel"


@dataclass(frozen=True)
class CoarseLayout:
    """How many coefficients of each kind the heads tell.

    Args:
        identity: of the head model.
        expression: of the head model; the checkpoint says how many.
        albedo: of the head model.
    """

    identity: int = 80
    expression: int = 64
    albedo: int = 80

    @property
    def sizes(self) -> dict[str, int]:
        """Head -> how many numbers; pose is 6 and light 27."""
        return {
            "identity": self.identity,
            "expression": self.expression,
            "albedo": self.albedo,
            "pose": 6,
            "light": 27,
        }

    @property
    def total(self) -> int:
        return sum(self.sizes.values())


@dataclass(frozen=True)
class CoarseCode:
    """What the network says of n faces.

    Args:
        identity: (n, n_identity) sigma.
        expression: (n, n_expression) sigma.
        albedo: (n, n_albedo) sigma.
        pose: (n, 6) pitch, yaw, roll in rad, x and y in px of the crop, logarithm of the scale.
        light: (n, 27): 9 bands per channel, without the first values.
    """

    identity: torch.Tensor
    expression: torch.Tensor
    albedo: torch.Tensor
    pose: torch.Tensor
    light: torch.Tensor


class VggFace(nn.Module):
    """(n, 3, side, side) RGB 0..255, no mean taken off -> (n, features) of fc7 before its ReLU.

    The published network was trained and is used without taking off the average image of
    VGG-Face, so its weights expect raw values.

    Args:
        widths: channels of each block.
        features: of fc6 and fc7.
        side: of the pictures, a multiple of 32.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = WIDTHS,
        features: int = FEATURES,
        side: int = INPUT_PX,
    ):
        super().__init__()
        self.side = side
        before = 3
        for block, (depth, width) in enumerate(zip(DEPTHS, widths, strict=True), 1):
            for k in range(1, depth + 1):
                self.add_module(f"conv{block}_{k}", nn.Conv2d(before, width, 3, padding=1))
                before = width
        self.fc6 = nn.Conv2d(before, features, side // HALVINGS)
        self.fc7 = nn.Conv2d(features, features, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if image.shape[1:] != (3, self.side, self.side):
            expected = f"(n, 3, {self.side}, {self.side})"
            raise ShapeError("image", tuple(image.shape), expected)
        x = image
        for block, depth in enumerate(DEPTHS, 1):
            for k in range(1, depth + 1):
                x = F.relu(self.get_submodule(f"conv{block}_{k}")(x))
            x = same_pool(x)
        return self.fc7(F.relu(self.fc6(x))).flatten(1)


class CoarseNetwork(nn.Module):
    """(n, 3, 300, 300) RGB 0..255 -> `CoarseCode`.

    Args:
        layout: how much the heads tell.
        widths: channels of the encoder's blocks.
        features: of its last layers.
        side: that crops are reduced to.
    """

    def __init__(
        self,
        layout: CoarseLayout,
        widths: tuple[int, ...] = WIDTHS,
        features: int = FEATURES,
        side: int = INPUT_PX,
    ):
        super().__init__()
        self.layout = layout
        self.encoder = VggFace(widths, features, side)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(features, size, bias=False) for name, size in layout.sizes.items()}
        )
        for name, head in self.heads.items():
            if name in ("identity", "albedo"):
                nn.init.trunc_normal_(
                    head.weight, std=HEAD_SIGMA, a=-2 * HEAD_SIGMA, b=2 * HEAD_SIGMA
                )
            else:
                nn.init.zeros_(head.weight)

    def forward(self, crop: torch.Tensor) -> CoarseCode:
        side = self.encoder.side
        features = self.encoder(legacy_resize(crop, (side, side)))
        return CoarseCode(**{name: head(features) for name, head in self.heads.items()})


def tensorflow_names(network: CoarseNetwork) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Our key -> name in published checkpoints, and the axes that `transpose` puts in our order.

    `CoarseModel/VGGFace/fc8_*` of the checkpoint has no counterpart: nothing asks it.
    """
    names = {}
    for key in network.state_dict():
        _, layer, kind = key.split(".")
        if key.startswith(ENCODER):
            axes = CONVOLUTION if kind == "weight" else (0,)
            names[key] = (f"{COARSE}/VGGFace/{layer}_{kind}", axes)
        else:
            names[key] = (f"{COARSE}/decoder/{PUBLISHED_HEADS[layer]}/kernel", DENSE)
    return names


def load_coarse(path: str | Path) -> CoarseNetwork:
    """The coarse network of a checkpoint, for inference; its sizes are those of its arrays.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds no such network.
    """
    state = read_weights(path, "weights of the detail layer's coarse network")
    network = coarse_of(state, path)
    load_weights(network, state, path)
    return network.eval()


def coarse_of(state: Mapping[str, torch.Tensor], path: str | Path) -> CoarseNetwork:
    """A network of the sizes that weights have, not yet with them.

    Raises:
        CheckpointError: keys that tell sizes are missing or of another rank.
    """
    _check_told(state, [f"{HEADS}{name}.weight" for name in PUBLISHED_HEADS], path)
    sizes = [len(state[f"{HEADS}{name}.weight"]) for name in ("identity", "expression", "albedo")]
    return CoarseNetwork(CoarseLayout(*sizes), *_encoder_sizes(state, ENCODER, path))


def load_vggface(path: str | Path) -> VggFace:
    """The encoder alone, frozen, of a file with its keys (`conv1_1.weight`, ..., `fc7.bias`).

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds no such network.
    """
    state = read_weights(path, "weights of VGG-Face")
    network = vggface_of(state, path)
    load_weights(network, state, path)
    return network.eval().requires_grad_(False)


def vggface_of(state: Mapping[str, torch.Tensor], path: str | Path) -> VggFace:
    """An encoder alone, of the sizes that weights have, not yet with them.

    Raises:
        CheckpointError: keys that tell sizes are missing.
    """
    return VggFace(*_encoder_sizes(state, "", path))


def _encoder_sizes(
    state: Mapping[str, torch.Tensor], prefix: str, path: str | Path
) -> tuple[tuple[int, ...], int, int]:
    """Widths, features and side of an encoder."""
    keys = [f"{prefix}conv{block}_1.weight" for block in range(1, len(DEPTHS) + 1)]
    last = f"{prefix}fc6.weight"
    _check_told(state, [*keys, last], path)
    widths = tuple(len(state[key]) for key in keys)
    return widths, len(state[last]), state[last].shape[-1] * HALVINGS


def _check_told(state: Mapping[str, torch.Tensor], keys: list[str], path: str | Path) -> None:
    missing = [key for key in keys if key not in state or state[key].ndim < 2]
    if missing:
        raise CheckpointError(
            f"{path} lacks {', '.join(missing)}, expected the keys of the detail layer's coarse "
            "network. A published checkpoint of TensorFlow must be imported first "
            "(docs/published_systems.md)."
        )
