"""Networks that read the coefficients of a face off its aligned picture.

Backbones and heads bear the key names of Deep3DFaceRecon's and 3DDFA_V3's checkpoints.

Source: Deng et al. 2019, CVPRW; Wang et al. 2024, CVPR.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from lib.errors import ConfigError
from lib.networks.checkpoints import CheckpointError, load_weights, read_checkpoint, weights_in
from lib.networks.mobilenet import FEATURES as MOBILE_FEATURES
from lib.networks.mobilenet import MobileNetV3
from lib.networks.resnet import ResNet

Backbone = Literal["resnet50", "resnet18", "mobilenet_v3"]
ENVELOPE = "net_recon"
INPUT_PX = 224
PARTS = ("identity", "expression", "albedo", "angles", "light", "translation")


@dataclass(frozen=True)
class CodeLayout:
    """How many coefficients of each kind a network tells, in the published order.

    Args:
        identity: of the head model.
        expression: of the head model.
        albedo: of the head model.
    """

    identity: int = 80
    expression: int = 64
    albedo: int = 80

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of identity, expression, albedo, angles, light and translation."""
        return (self.identity, self.expression, self.albedo, 3, 27, 3)

    @property
    def heads(self) -> tuple[int, ...]:
        """Of the seven heads: the translation has two, (x, y) and z."""
        return (*self.sizes[:-1], 2, 1)

    @property
    def total(self) -> int:
        """Length of the code; 257 as published."""
        return sum(self.sizes)


PUBLISHED_LAYOUT = CodeLayout()


@dataclass(frozen=True)
class Code:
    """What a network says of n faces, by its parts.

    Args:
        identity: (n, n_identity) sigma.
        expression: (n, n_expression) of the model's expressions.
        albedo: (n, n_albedo) sigma.
        angles: (n, 3) rad: pitch, yaw, roll.
        light: (n, 27): 9 bands per channel, without the 0.8 of the first.
        translation: (n, 3) decimetres.
    """

    identity: torch.Tensor
    expression: torch.Tensor
    albedo: torch.Tensor
    angles: torch.Tensor
    light: torch.Tensor
    translation: torch.Tensor


def split_code(code: torch.Tensor, layout: CodeLayout) -> Code:
    """The parts of (n, layout.total) coefficients.

    Raises:
        ConfigError: the code is of another length.
    """
    if code.shape[-1] != layout.total:
        raise ConfigError(
            f"a network gives {code.shape[-1]} coefficients, the head model asks for "
            f"{layout.total} ({' + '.join(map(str, layout.sizes))}). Take the head model that the "
            "network was trained with."
        )
    return Code(*code.split(layout.sizes, dim=-1))


class CoefficientRegressor(nn.Module):
    """(n, 3, 224, 224) RGB 0..1, sRGB-encoded -> (n, layout.total) coefficients.

    Args:
        backbone: feature network.
        layout: of the code.
        single_head: one linear layer instead of seven heads (`use_last_fc`, ResNet alone).
        input_px: side that crops are reduced to first; 224 as published.
    """

    def __init__(
        self,
        backbone: Backbone = "resnet50",
        layout: CodeLayout = PUBLISHED_LAYOUT,
        single_head: bool = False,
        input_px: int = INPUT_PX,
    ):
        super().__init__()
        self.layout, self.input_px = layout, input_px
        if backbone == "mobilenet_v3":
            self.backbone, features = MobileNetV3(), MOBILE_FEATURES
        else:
            self.backbone = ResNet(backbone)
            features = self.backbone.features
        self.single_head = single_head
        if single_head:
            self.backbone.fc = nn.Linear(features, layout.total)
            nn.init.zeros_(self.backbone.fc.weight)
            nn.init.zeros_(self.backbone.fc.bias)
            return
        self.final_layers = nn.ModuleList(nn.Conv2d(features, n, 1) for n in layout.heads)
        for head in self.final_layers:  # the mean face to begin with
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if self.input_px < image.shape[-1]:
            size = (self.input_px, self.input_px)
            image = F.interpolate(image, size, mode="bilinear", antialias=True)
        return self.code(image)

    def code(self, image: torch.Tensor) -> torch.Tensor:
        """(n, layout.total) of pictures that already have the side that the network sees."""
        x = self.backbone(image).mean((2, 3), keepdim=True)
        if self.single_head:
            return self.backbone.fc(x.flatten(1))
        return torch.cat([head(x) for head in self.final_layers], 1).flatten(1)


def load_regressor(path: str | Path) -> CoefficientRegressor:
    """The network of a checkpoint, ready for inference; backbone and sizes are told by its keys.

    Reads `epoch_20.pth`, `net_recon.pth`, `net_recon_mbnet.pth` and what `train_coarse` writes.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds no such network.
    """
    what = "weights of a coefficient regressor (net_recon)"
    content = read_checkpoint(path, what)
    state = recon_weights(content, path, what)
    input_px = content.get("input_px", INPUT_PX) if isinstance(content, Mapping) else INPUT_PX
    network = CoefficientRegressor(*_architecture(state, path), int(input_px))
    load_weights(network, {key: _single(value) for key, value in state.items()}, path)
    return network.eval()


def _single(value: torch.Tensor) -> torch.Tensor:
    """Weights kept in half precision are computed with in single."""
    return value.float() if value.is_floating_point() else value


def recon_weights(content: object, path: str | Path, what: str) -> dict[str, torch.Tensor]:
    """The weights below `net_recon` of a checkpoint's content, or else those it holds at all."""
    if isinstance(content, Mapping) and isinstance(content.get(ENVELOPE), Mapping):
        content = content[ENVELOPE]
    return weights_in(content, path, what)


def _architecture(
    state: Mapping[str, torch.Tensor], path: str | Path
) -> tuple[Backbone, CodeLayout, bool]:
    """Backbone, layout and kind of head that the keys and shapes of weights tell."""
    single = "backbone.fc.weight" in state
    if "backbone.features.0.0.weight" in state:
        backbone: Backbone = "mobilenet_v3"
    elif "backbone.layer1.0.conv3.weight" in state:
        backbone = "resnet50"
    elif "backbone.layer1.0.conv2.weight" in state:
        backbone = "resnet18"
    else:
        raise CheckpointError(
            f"{path} holds neither a ResNet nor a MobileNet-V3 under `backbone.`, expected the "
            "keys of net_recon. Is it the file of another network?"
        )
    if single:
        return backbone, PUBLISHED_LAYOUT, True
    heads = [state[f"final_layers.{k}.bias"] for k in range(3) if f"final_layers.{k}.bias" in state]
    if len(heads) < 3:
        raise CheckpointError(
            f"{path} lacks the heads `final_layers.0` to `.6`, expected all seven. Is it the file "
            "of a backbone alone?"
        )
    return backbone, CodeLayout(*(len(bias) for bias in heads)), False
