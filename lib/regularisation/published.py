"""The surface in a response volume by MVFR's 3D network and its soft-argmin."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from lib.errors import ConfigError, ShapeError
from lib.networks.mvfr import DEPTH_STEP, RegulariserNet, soft_argmax

TILE_ROWS = 256
HALO_ROWS = 32  # more than a texel's result depends on to each side


def check_depth(d_size: int, key: str = "implicit.d_size") -> None:
    """Refuse a number of hypotheses that the network cannot take.

    Raises:
        ConfigError: it is not 1 modulo 4; the message names the next that is.
    """
    if d_size % DEPTH_STEP != 1:
        good = d_size + (1 - d_size) % DEPTH_STEP
        raise ConfigError(
            f"{key} is {d_size}; the regulariser of MVFR halves and doubles the depth twice and "
            f"needs 4 n + 1 hypotheses. Set {key}: {good}, or another regularise.method."
        )


@torch.inference_mode()
def regularise_published(
    volume: np.ndarray,
    mask: np.ndarray,
    network: RegulariserNet,
    device: torch.device | str = "cpu",
    tile_rows: int = TILE_ROWS,
) -> np.ndarray:
    """(rows, cols) float32 distance of the surface, in intervals from the middle hypothesis.

    A grid whose sides are no multiples of 4 is continued by zeros, as is what lies off the mask.

    Args:
        volume: (d, rows, cols) 0..1; d is 1 modulo 4.
        mask: (rows, cols) bool.
        network: of `load_regulariser`.
        device: where to compute.
        tile_rows: rows at a time, a multiple of 4; less needs less memory and gives the same.

    Raises:
        ConfigError: d is not 1 modulo 4.
        ShapeError: volume and mask do not fit together.
    """
    check_depth(len(volume))
    if volume.shape[1:] != mask.shape:
        raise ShapeError("volume", volume.shape, f"{(len(volume), *mask.shape)}, as the mask says")
    if tile_rows < DEPTH_STEP or tile_rows % DEPTH_STEP:
        raise ConfigError(f"tile_rows is {tile_rows}, expected a multiple of {DEPTH_STEP}.")
    rows, cols = mask.shape
    network = network.to(device).eval()
    result = np.zeros((rows, cols), np.float32)
    for first in range(0, rows, tile_rows):
        last = min(first + tile_rows, rows)
        low, high = max(first - HALO_ROWS, 0), min(last + HALO_ROWS, rows)
        part = torch.tensor(volume[:, low:high] * mask[low:high], dtype=torch.float32)
        scores = _scores(part.to(device), network)
        inner = slice(first - low, last - low)
        result[first:last] = soft_argmax(scores[None, :, inner])[0].float().cpu().numpy()
    return result * mask


def _scores(volume: torch.Tensor, network: RegulariserNet) -> torch.Tensor:
    """(d, rows, cols) the network's output, of a grid of any size."""
    rows, cols = volume.shape[1:]
    padded = F.pad(volume, (0, -cols % DEPTH_STEP, 0, -rows % DEPTH_STEP))
    return network(padded[None, None])[0, 0, :, :rows, :cols]
