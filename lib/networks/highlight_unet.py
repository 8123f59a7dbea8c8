"""The network that finds highlights on a picture and takes them away; published and small.

Source: Wu et al. 2023, Joint specular highlight detection and removal in single images via
Unet-Transformer (Computational Visual Media 9).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from lib.errors import ConfigError
from lib.networks.checkpoints import (
    CheckpointError,
    load_weights,
    read_checkpoint,
    weights_in,
)
from lib.networks.swin import RemovalUNet, mirrored
from lib.networks.unet_parts import DetectionUNet

LEVELS = 5  # sizes, each half the one before
START = -3.0  # log odds of share and probability that the small network says before it learnt
BUFFERS = ("x_mean", "x_std")


@dataclass(frozen=True)
class HighlightNetworkOptions:
    """Sizes of the network; the defaults are the published ones.

    Args:
        detection: channels of the detecting U-Net's five sizes.
        removal: channels of the removing U-Net's five sizes.
        blocks: of attention per stage.
        heads: per stage.
        head_dim: channels of each head.
        window: side of the windows of attention.
        composition: `published` = the removing network sees the picture without the highlights
            and tells all colours anew; `share` = it sees picture and probability and tells which
            share of each colour is mirrored light.
    """

    detection: tuple[int, ...] = (64, 128, 256, 512, 512)
    removal: tuple[int, ...] = (64, 128, 256, 512, 512)
    blocks: tuple[int, ...] = (2, 2, 6, 2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    head_dim: int = 32
    window: int = 8
    composition: Literal["published", "share"] = "published"

    def __post_init__(self) -> None:
        lengths = [len(part) for part in (self.detection, self.removal, self.blocks, self.heads)]
        even = not any(n % 2 for n in self.blocks) and self.window % 2 == 0
        if lengths != [LEVELS, LEVELS, LEVELS - 1, LEVELS - 1] or not even:
            raise ConfigError(
                f"a highlight network of {lengths} widths, blocks and heads, window {self.window}: "
                f"expected {LEVELS} widths twice, {LEVELS - 1} even blocks, {LEVELS - 1} heads and "
                "an even window."
            )


SMALL = HighlightNetworkOptions(
    detection=(8, 16, 32, 64, 64),
    removal=(16, 32, 64, 128, 128),
    blocks=(2, 2, 2, 2),
    heads=(1, 2, 4, 4),
    composition="share",
)


class Removed(NamedTuple):
    """What the network says of pictures (n, 3, h, w).

    Args:
        coarse: (n, 3, h, w) what the removing network says, sRGB-encoded 0..1.
        diffuse: (n, 3, h, w) the picture without highlights, likewise.
        probability: (n, 1, h, w) that a highlight is seen.
    """

    coarse: torch.Tensor
    diffuse: torch.Tensor
    probability: torch.Tensor

    @property
    def label(self) -> torch.Tensor:
        """(n, 1, h, w) bool: where a highlight is seen."""
        return self.probability > 0.5


class HighlightNetwork(nn.Module):
    """Detection and removal together; `revomal` is the name in published files."""

    def __init__(self, options: HighlightNetworkOptions | None = None):
        super().__init__()
        self.options = options = options or HighlightNetworkOptions()
        published = options.composition == "published"
        self.detection = DetectionUNet(options.detection, corners=published)
        self.revomal = RemovalUNet(
            options.removal,
            options.blocks,
            options.heads,
            options.head_dim,
            options.window,
            corners=published,
            n_in=3 if published else 4,
        )
        if not published:
            for part in (self.detection, self.revomal):
                nn.init.zeros_(part.outc.conv.weight)
                nn.init.constant_(part.outc.conv.bias, START)

    @property
    def unit(self) -> int:
        """Pixels after which the windows of all stages repeat."""
        return self.options.window * 2 ** (LEVELS - 1)

    def forward(self, picture: torch.Tensor) -> Removed:
        """Highlights of pictures of any size.

        Args:
            picture: (n, 3, h, w) sRGB-encoded 0..1.
        """
        h, w = picture.shape[2:]
        least = 2 ** (LEVELS - 1)  # of which one pixel is left at the smallest size
        if min(h, w) < least:
            whole = self(mirrored(picture, 1, least))
            return Removed(*(part[:, :, :h, :w] for part in whole))
        probability = self.detection(picture).float().sigmoid()
        if self.options.composition == "published":
            coarse = self.revomal(picture * (1 - probability)).float().sigmoid()
            return Removed(coarse, composed(picture, coarse, probability), probability)
        share = self.revomal(torch.cat([picture, probability], 1)).float().sigmoid()
        diffuse = picture * (1 - share)
        return Removed(diffuse, diffuse, probability)

    def composed(
        self, picture: torch.Tensor, coarse: torch.Tensor, probability: torch.Tensor
    ) -> torch.Tensor:
        """The picture without highlights, of the other parts of `Removed`."""
        if self.options.composition == "published":
            return composed(picture, coarse, probability)
        return coarse


def composed(
    picture: torch.Tensor, coarse: torch.Tensor, probability: torch.Tensor
) -> torch.Tensor:
    """The published composition: `coarse` in highlights, its mean with the picture elsewhere."""
    rest = (probability < 0.5).to(picture.dtype)
    return (coarse + rest * picture) / (1 + rest)


def packed(network: HighlightNetwork, epoch: int, steps: int, half: bool = False) -> dict[str, Any]:
    """Content of a file of weights: the published layout, and the sizes of ours.

    Args:
        network: any.
        epoch: of its training.
        steps: of its training.
        half: store what was learnt in 16 bits; statistics, which may be large, stay as they are.
    """
    state = network.state_dict()
    if half:
        state |= {name: part.detach().half() for name, part in network.named_parameters()}
    content: dict[str, Any] = {"model": state, "epoch": epoch, "iter": steps}
    if network.options != HighlightNetworkOptions():
        told = asdict(network.options)
        content["sizes"] = {k: list(v) if isinstance(v, tuple) else v for k, v in told.items()}
    return content


def load_highlight_network(path: str | Path) -> HighlightNetwork:
    """The network of a file, ready for inference: a published checkpoint or one of ours.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds another network.
    """
    what = "weights of a highlight network (`detection.*`, `revomal.*`; train_highlights makes one)"
    content = read_checkpoint(path, what)
    state = weights_in(content, path, what)
    sizes = content.get("sizes") if isinstance(content, dict) else None
    try:
        options = HighlightNetworkOptions(**_tuples(sizes or {}))
    except (TypeError, ConfigError) as error:
        raise CheckpointError(f"{path}: its `sizes` are not those of {what}: {error}") from error
    network = HighlightNetwork(options)
    for part in ("detection", "revomal"):
        for name in BUFFERS:  # three numbers, in whatever shape
            own, key = getattr(getattr(network, part), name), f"{part}.{name}"
            if key in state and state[key].numel() == own.numel():
                state[key] = state[key].reshape(own.shape)
    whole = {key: part.float() if part.is_floating_point() else part for key, part in state.items()}
    load_weights(network, whole, path)
    return network.eval().requires_grad_(False)


def _tuples(sizes: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in sizes.items()}
