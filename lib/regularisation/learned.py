"""The surface in a response volume by our network, with its standard deviation."""

from __future__ import annotations

import numpy as np
import torch

from lib.errors import ConfigError, ShapeError
from lib.networks.smoother import REACH_TEXELS, Smoother

TILE_ROWS = 128
ALIGN = 4  # texels that the network's coarsest level joins


@torch.inference_mode()
def regularise_learned(
    volume: np.ndarray,
    n_compared: np.ndarray,
    mask: np.ndarray,
    network: Smoother,
    device: torch.device | str = "cpu",
    tile_rows: int = TILE_ROWS,
) -> tuple[np.ndarray, np.ndarray]:
    """Distance of the surface and its standard deviation, in intervals.

    Args:
        volume: (d, rows, cols) 0..1, any sizes.
        n_compared: (rows, cols) views that were compared.
        mask: (rows, cols) bool.
        network: of `load_smoother`.
        device: where to compute.
        tile_rows: rows at a time, a multiple of 4; less needs less memory and gives the same.

    Returns:
        (rows, cols) float32 distance from the middle hypothesis d // 2, 0 off the mask;
        (rows, cols) float32 sigma, inf off the mask and where fewer than two views were compared.

    Raises:
        ShapeError: the arrays do not fit together.
        ConfigError: `tile_rows` is no multiple of 4.
    """
    if volume.shape[1:] != mask.shape or n_compared.shape != mask.shape:
        raise ShapeError("volume", volume.shape, f"(d, {mask.shape[0]}, {mask.shape[1]})")
    if tile_rows < ALIGN or tile_rows % ALIGN:
        raise ConfigError(f"tile_rows is {tile_rows}, expected a multiple of {ALIGN}.")
    rows, cols = mask.shape
    network = network.to(device).eval()
    distance, sigma = np.zeros((rows, cols), np.float32), np.full((rows, cols), np.inf, np.float32)
    for first in range(0, rows, tile_rows):
        last = min(first + tile_rows, rows)
        low, high = max(first - REACH_TEXELS, 0), min(last + REACH_TEXELS, rows)
        part = torch.tensor(volume[:, low:high] * mask[low:high], dtype=torch.float32)
        views = torch.tensor(n_compared[low:high] * mask[low:high], dtype=torch.float32)
        found = network(part[None].to(device), views[None].to(device))
        inner = slice(first - low, last - low)
        distance[first:last], sigma[first:last] = (
            item[0, inner].float().cpu().numpy() for item in found
        )
    told = mask & (n_compared >= 2)
    return distance * mask, np.where(told, sigma, np.inf).astype(np.float32)
