"""Our network that reads a face's relief off the shading of one photo, on the head's chart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from lib.errors import MissingModelError
from lib.networks.checkpoints import CheckpointError, load_weights, read_checkpoint

N_PLANES = 18  # of `lib.shading.learned.network_planes`
TONE, LIGHT = slice(0, 1), slice(3, 5)  # of them: log brightness, and how light answers to slopes
FAINT = 0.2  # answer of the light below which brightness tells little of slopes
UNIT_MM = 0.1  # usual size of relief
MIDDLE_MM = 0.5  # usual size of what the base mesh misses
LEAST_SLOPE, MOST_LOG_SLOPE = -4.5, 0.5  # of the log of a slope's deviation
KIND = "visagraph shading"


@dataclass(frozen=True)
class ShadedReliefOptions:
    """Size of the network.

    Args:
        widths: channels per level, the finest first; each level halves the chart.
        middle: level whose texels carry the smooth correction of the base; 3 = 64 of 512.
    """

    widths: tuple[int, ...] = (16, 32, 48, 64, 96)
    middle: int = 3


class Reading(NamedTuple):
    """What the network tells of (n, rows, cols) texels; heights along the normal, outwards +.

    Args:
        resting: mm, wrinkles that stay when the face rests.
        driven: mm, what the expression adds to them or takes away.
        middle: mm, smooth correction of the base mesh.
        log_slope: log of the deviation of the slope of their sum.
    """

    resting: torch.Tensor
    driven: torch.Tensor
    middle: torch.Tensor
    log_slope: torch.Tensor

    @property
    def height(self) -> torch.Tensor:
        """(n, rows, cols) mm of all together."""
        return self.resting + self.driven + self.middle


class ShadedRelief(nn.Module):
    """A U-Net of convolutions alone; rows and columns must be multiples of `multiple`.

    Beside the planes it sees the least slopes that explain the brightness at each texel.
    """

    def __init__(self, options: ShadedReliefOptions | None = None) -> None:
        super().__init__()
        self.options = options or ShadedReliefOptions()
        widths = list(self.options.widths)
        self.down = nn.ModuleList(
            _pair(before, after) for before, after in pairwise([N_PLANES + 2, *widths])
        )
        self.up = nn.ModuleList(_pair(fine + coarse, fine) for fine, coarse in pairwise(widths))
        self.head = nn.Conv2d(widths[0], 3, 1)
        self.smooth = nn.Conv2d(widths[self.options.middle], 1, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):  # without normalisation, signals must not fade
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        for layer in (self.head, self.smooth):
            nn.init.zeros_(layer.weight)
        self.to(memory_format=torch.channels_last)  # half as long again on CPUs otherwise

    @property
    def multiple(self) -> int:
        """What rows and columns must be multiples of."""
        return 2 ** (len(self.options.widths) - 1)

    def forward(self, planes: torch.Tensor) -> Reading:
        """(n, N_PLANES, rows, cols) of `network_planes` -> heights and deviation."""
        light = planes[:, LIGHT]
        slopes = planes[:, TONE] * light / (light.square().sum(1, keepdim=True) + FAINT**2)
        x = torch.cat([planes, slopes], dim=1).contiguous(memory_format=torch.channels_last)
        kept = []
        for level, block in enumerate(self.down):
            x = block(F.avg_pool2d(x, 2) if level else x)
            kept.append(x)
        smooth = x if self.options.middle == len(kept) - 1 else None
        for level in reversed(range(len(self.up))):
            coarse = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = self.up[level](torch.cat([kept[level], coarse], dim=1))
            smooth = x if level == self.options.middle else smooth
        middle = F.interpolate(
            self.smooth(smooth), size=planes.shape[2:], mode="bicubic", align_corners=False
        )
        resting, driven, log_slope = self.head(x).float().unbind(1)
        return Reading(
            resting * UNIT_MM,
            driven * UNIT_MM,
            middle[:, 0].float() * MIDDLE_MM,
            (log_slope - 2).clamp(LEAST_SLOPE, MOST_LOG_SLOPE),
        )


def _pair(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(  # no normalisation: a part of the chart reads like the whole
        nn.Conv2d(before, after, 3, padding=1, padding_mode="replicate"),
        nn.LeakyReLU(0.1, inplace=True),
        nn.Conv2d(after, after, 3, padding=1, padding_mode="replicate"),
        nn.LeakyReLU(0.1, inplace=True),
    )


def packed(network: ShadedRelief) -> dict[str, object]:
    """What a file of weights holds: the size of the network beside its state."""
    options = asdict(network.options)
    return {"kind": KIND, "widths": list(options["widths"]), "middle": options["middle"]} | {
        "model": network.state_dict()
    }


def load_shaded_relief(path: str | Path) -> ShadedRelief:
    """The network of a file of `train_shading`, ready for inference.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds something else.
    """
    if not Path(path).is_file():
        raise MissingModelError(
            f"shading.weights is '{path}', which is not there. Method 'learned' needs what "
            "`snakemake --cores all train_shading` makes, or set shading.method: optimise."
        )
    content = read_checkpoint(path, "our shading network (train_shading makes it)")
    if not isinstance(content, Mapping) or content.get("kind") != KIND:
        raise CheckpointError(
            f"{path} holds no network of train_shading. Train it again, or set shading.method: "
            "optimise."
        )
    options = ShadedReliefOptions(tuple(content["widths"]), int(content["middle"]))
    network = ShadedRelief(options)
    load_weights(network, content["model"], path)
    return network.eval().requires_grad_(False)
