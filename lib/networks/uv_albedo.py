"""The UV network that tells a face's albedo and the light on each texel, by published key names.

Source: 3DFaceTexture, self-supervised re-renderable facial albedo from a single image; sizes as its
authors' code has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from lib.errors import ShapeError
from lib.networks.checkpoints import CheckpointError, load_weights, read_checkpoint

WIDTH, N_BLOCKS, SIDE = 64, 6, 256
N_INPUT, N_ALBEDO, N_LIGHT = 6, 3, 27
MULTIPLE = 16  # of the sides: four halvings
GENERATOR = "generator"  # key of the weights in published files
WHAT = "weights of the UV network: a checkpoint with `generator`, published or of train_albedo"


class UVMaps(NamedTuple):
    """What the network tells of n charts of s x s texels.

    Args:
        albedo: (n, 3, s, s) sRGB-encoded 0..1.
        light: (n, 27, s, s) nine bands of red, of green, of blue, on encoded colour; without the
            ambient part that `lib.render.encoded_light` adds.
    """

    albedo: torch.Tensor
    light: torch.Tensor


@dataclass(frozen=True)
class UVNetOptions:
    """Size of the network.

    Args:
        width: channels of the first layer; the middle has eight times as many.
        blocks: residual blocks in the middle.
    """

    width: int = WIDTH
    blocks: int = N_BLOCKS

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels from the middle outwards."""
        return tuple(self.width * factor for factor in (8, 4, 2, 1, 1))


class _Layers(nn.Module):
    def __init__(self, layers: list[nn.Module]):
        super().__init__()
        self.network = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x)


class _Residual(nn.Module):
    """Two convolutions whose result is added to their input."""

    def __init__(self, width: int):
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv_block(x)


class UVNet(nn.Module):
    """Photo and prior on a face's chart -> albedo and light on it; sides are multiples of 16."""

    def __init__(self, options: UVNetOptions | None = None):
        super().__init__()
        self.options = options or UVNetOptions()
        out = self.options.widths
        down = [nn.Conv2d(N_INPUT, out[-1], 3, 1, 1, bias=False), *_leaky(out[-1])]
        for before, after in pairwise(out[::-1]):
            down += [nn.Conv2d(before, after, 4, 2, 1, bias=False), *_leaky(after)]
        texture, light = [], []
        for before, after in pairwise(out):
            up = nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)
            texture += [up, *_rectified(after)]
            light += [_upsampled(before, after), *_rectified(after)]
        texture += [nn.Conv2d(out[-1], N_ALBEDO, 3, 1, 1), nn.Tanh()]
        light += [nn.Conv2d(out[-1], N_LIGHT, 3, 1, 1)]
        self.encoder, self.tex_decoder = _Layers(down), _Layers(texture)
        self.light_decoder = _Layers(light)
        blocks = [_Residual(out[0]) for _ in range(self.options.blocks)]
        self.mid_res_block = nn.Sequential(*blocks)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, maps: torch.Tensor) -> UVMaps:
        """(n, 6, s, s) of `lib.albedo.prior.network_input` -> albedo and light.

        Raises:
            ShapeError: another number of channels, or sides that are no multiples of 16.
        """
        if maps.ndim != 4 or maps.shape[1] != N_INPUT or any(s % MULTIPLE for s in maps.shape[2:]):
            expected = f"(n, {N_INPUT}, h, w) with h and w multiples of {MULTIPLE}"
            raise ShapeError("maps", tuple(maps.shape), expected)
        middle = self.mid_res_block(self.encoder(maps))
        return UVMaps((self.tex_decoder(middle) + 1) / 2, self.light_decoder(middle))


def _leaky(width: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(width), nn.LeakyReLU(0.2, inplace=True)]


def _rectified(width: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]


def _upsampled(before: int, after: int) -> nn.Sequential:
    larger = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
    return nn.Sequential(larger, nn.Conv2d(before, after, 3, 1, 1, bias=False))


@dataclass(frozen=True)
class LoadedUVNet:
    """A network from a file.

    Args:
        network: for inference.
        chart: `face` = the square about the face on a head model's own chart; `published` = the
            chart of the Basel model's front.
        side: of the chart.
        face_model: name of the head model that it was trained with; empty = nobody says.
    """

    network: UVNet
    chart: str
    side: int
    face_model: str


def packed(network: UVNet, chart: str, side: int, face_model: str) -> dict[str, object]:
    """What a file of weights holds: the published envelope, and what `LoadedUVNet` tells."""
    state = network.state_dict()
    return {GENERATOR: state, "chart": chart, "side": side, "face_model": face_model}


def load_uvnet(path: str | Path) -> LoadedUVNet:
    """The network of a file, for inference; its size is told by its arrays.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds no such network.
    """
    content = read_checkpoint(path, WHAT)
    state = content.get(GENERATOR) if isinstance(content, Mapping) else None
    if isinstance(state, Mapping):  # saved from several GPUs
        state = {str(key).removeprefix("module."): value for key, value in state.items()}
    if not state or "encoder.network.0.weight" not in state:
        raise CheckpointError(
            f"{path} lacks {GENERATOR}: encoder.network.0.weight, expected {WHAT}."
        )
    blocks = sum(key.endswith("conv_block.0.weight") for key in state)
    options = UVNetOptions(len(state["encoder.network.0.weight"]), blocks)
    with torch.random.fork_rng(devices=[]):
        network = UVNet(options)
    load_weights(network, state, path)
    chart, side = str(content.get("chart", "published")), int(content.get("side", SIDE))
    frozen = network.eval().requires_grad_(False)
    return LoadedUVNet(frozen, chart, side, str(content.get("face_model", "")))
