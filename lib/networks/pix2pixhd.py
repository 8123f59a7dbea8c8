"""The generator of pix2pixHD that makes FaceScape's displacement maps from textures.

The module carries the parameter names of the published file, so that it loads as it is.

Source: Wang et al. 2018, High-Resolution Image Synthesis and Semantic Manipulation with
Conditional GANs (CVPR), the global generator; Yang et al. 2020, FaceScape (CVPR).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from lib.errors import MissingModelError
from lib.networks.cards import DPMAP_SINGLE
from lib.networks.checkpoints import CheckpointError, read_weights

WIDTH, N_DOWN, N_BLOCKS = 64, 4, 9


class ResidualBlock(nn.Module):
    """Two convolutions whose result is added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv_block(x)


class GlobalGenerator(nn.Module):
    """Image to image at one size; sides are multiples of 2 ** `n_down`.

    Args:
        n_in: channels of the input.
        n_out: channels of the output.
        width: channels of the first layer.
        n_down: halvings.
        n_blocks: residual blocks at the smallest size.
    """

    def __init__(
        self,
        n_in: int = 3,
        n_out: int = 1,
        width: int = WIDTH,
        n_down: int = N_DOWN,
        n_blocks: int = N_BLOCKS,
    ) -> None:
        super().__init__()
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(n_in, width, 7), *_normalised(width)]
        for level in range(n_down):
            here = width * 2**level
            layers += [nn.Conv2d(here, 2 * here, 3, stride=2, padding=1), *_normalised(2 * here)]
        layers += [ResidualBlock(width * 2**n_down) for _ in range(n_blocks)]
        for level in reversed(range(n_down)):
            here = width * 2**level
            up = nn.ConvTranspose2d(2 * here, here, 3, stride=2, padding=1, output_padding=1)
            layers += [up, *_normalised(here)]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, n_out, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(n, n_in, h, w) of -1..1 -> (n, n_out, h, w) of -1..1."""
        return self.model(image)


def _normalised(width: int) -> list[nn.Module]:
    return [nn.InstanceNorm2d(width), nn.ReLU(inplace=True)]


def load_generator(path: str | Path, generator: GlobalGenerator | None = None) -> GlobalGenerator:
    """The generator with the weights of a file, ready to run.

    Args:
        path: a plain state dictionary, such as `dpmap_single_net_G.pth`.
        generator: of another size than the published one.

    Raises:
        MissingModelError: the file is not there, or holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingModelError(
            f"displacement.weights is '{path}', which is not there. Method 'pix2pixhd' needs "
            f"{DPMAP_SINGLE.file} ({DPMAP_SINGLE.size_mb:.0f} MB; {DPMAP_SINGLE.licence}).\n"
            f"    Source: {DPMAP_SINGLE.source}. Or set displacement.method: highpass."
        )
    if generator is None:
        with torch.device("meta"):
            generator = GlobalGenerator()
    try:
        state = read_weights(path, DPMAP_SINGLE.name)
        generator.load_state_dict(state, assign=True)
    except (CheckpointError, RuntimeError) as error:
        raise MissingModelError(
            f"{path} does not hold the weights of {DPMAP_SINGLE.name}: "
            f"{str(error).splitlines()[0]} Expected a plain state dictionary with the keys "
            "model.1.weight to model.38.bias. Download it again."
        ) from error
    return generator.float().eval().requires_grad_(False)
