"""Highlights of pictures of any size: tile by tile, and softly joined."""

from __future__ import annotations

import torch

from lib.networks.highlight_unet import HighlightNetwork, Removed

TILE_PX, OVERLAP_PX = 512, 128  # rounded to the windows of the network
CERTAIN = 0.25  # share of an overlap, at either end, where one tile alone counts


@torch.no_grad()
def remove_by_tiles(
    network: HighlightNetwork,
    picture: torch.Tensor,
    tile_px: int = TILE_PX,
    overlap_px: int = OVERLAP_PX,
) -> Removed:
    """Highlights of one picture; a picture up to a tile is shown to the network whole.

    Tiles begin where the windows of attention of the whole picture begin. So a tile says what the
    whole would, but near its border, which counts little or nothing where another tile is. Memory
    grows with the picture as the picture does, not with the network.

    Args:
        network: in evaluation mode.
        picture: (1, 3, h, w) sRGB-encoded 0..1, on the CPU.
        tile_px: side of a tile.
        overlap_px: of neighbouring tiles.

    Returns:
        Of the size of the picture, on the CPU. What the tiles say is joined, then composed.
    """
    device = next(network.parameters()).device
    step, tile = _steps(network.unit, tile_px, overlap_px)
    h, w = picture.shape[2:]
    coarse, probability = torch.zeros(1, 3, h, w), torch.zeros(1, 1, h, w)
    for top, bottom, down in _spans(h, tile, step):
        for left, right, across in _spans(w, tile, step):
            place = (..., slice(top, bottom), slice(left, right))
            weight = down[:, None] * across
            found = network(picture[place].to(device))
            coarse[place] += weight * found.coarse.cpu()
            probability[place] += weight * found.probability.cpu()
    return Removed(coarse, network.composed(picture, coarse, probability), probability)


def _steps(unit: int, tile_px: int, overlap_px: int) -> tuple[int, int]:
    """Pixels from tile to tile, and of a tile: multiples of a unit, an overlap of one at least."""
    overlap = max(unit, overlap_px // unit * unit)
    tile = max(2 * overlap, tile_px // unit * unit)
    return tile - overlap, tile


def _spans(size: int, tile: int, step: int) -> list[tuple[int, int, torch.Tensor]]:
    """Begin, end and weights of the tiles along a side; the weights of a place sum to 1."""
    starts = [0]
    while starts[-1] + tile < size:
        starts.append(starts[-1] + step)
    overlap = tile - step
    share = (torch.arange(overlap) + 0.5) / overlap
    rise = ((share - CERTAIN) / (1 - 2 * CERTAIN)).clamp(0, 1)
    rise = rise * rise * (3 - 2 * rise)
    found = []
    for start in starts:
        end = min(start + tile, size)
        weight = torch.ones(end - start)
        if start > 0:
            weight[:overlap] = rise
        if end < size:
            weight[-overlap:] *= 1 - rise
        found.append((start, end, weight))
    return found
