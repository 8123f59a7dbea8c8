"""Part Re-projection Distance Loss: how far image anchors are from predicted and true parts.

A part is a set of image points without names: pixels of a mask, or projected vertices. What tells
two sets apart are three statistics of the distances from every anchor of a grid to the set:

    Gamma(C)_ij = f_j(C, a_i),   f = farthest, nearest and mean distance
    loss = sum_p w_p |Gamma(V_p) - Gamma(C_p)|^2

Source: Wang et al. 2024, "3D Face Reconstruction with the Geometric Guidance of Facial Part
Segmentation" (CVPR), equations 4 to 6. Here the sum over anchors is divided by their number, which
is the paper's division by height times width for an anchor on every pixel, and lets thin grids
stand for full ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lib.errors import ShapeError

N_FUNCTIONS = 3  # farthest, nearest, mean
FARTHEST, NEAREST, MEAN = range(N_FUNCTIONS)
MOST_DISTANCES = 4_000_000  # at once: bounds memory
CLOSEST_PX = 1e-6  # a point on an anchor has no direction from it, and pulls nowhere


@dataclass(frozen=True)
class PartTargets:
    """What predicted parts are compared with, worked out once for each image.

    Args:
        anchors: (a, 2) px.
        descriptors: (..., p, a, 3) px, farthest, nearest and mean distance; 0 for empty parts.
        present: (..., p) bool, False for a part without a point: its weight is 0.
    """

    anchors: torch.Tensor
    descriptors: torch.Tensor
    present: torch.Tensor


def anchor_grid(size: tuple[int, int], step_px: float = 1.0) -> np.ndarray:
    """(a, 2) float64 px: anchors over an image, on every pixel centre or on a thinner grid.

    Args:
        size: (h, w) of the image.
        step_px: between anchors; the grid is centred.
    """
    rows, columns = (max(1, int(side // step_px)) for side in size)
    y = (np.arange(rows) - (rows - 1) / 2) * step_px + (size[0] - 1) / 2
    x = (np.arange(columns) - (columns - 1) / 2) * step_px + (size[1] - 1) / 2
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def mask_points(mask: np.ndarray) -> np.ndarray:
    """(n, 2) float64 px: centres of the pixels of a (h, w) mask."""
    rows, columns = np.nonzero(mask)
    return np.stack([columns, rows], axis=1).astype(np.float64)


def farthest_points(points: np.ndarray, count: int) -> np.ndarray:
    """(min(count, n),) indices of points that lie far from one another.

    Each next one is the farthest from all before it; the first is the farthest from the middle.

    Args:
        points: (n, d).
        count: how many to keep.

    Source: Eldar et al. 1997, The Farthest Point Strategy for Progressive Image Sampling.
    """
    points = np.asarray(points, np.float64)
    if len(points) <= count:
        return np.arange(len(points))
    chosen = np.empty(count, np.int64)
    away = ((points - points.mean(axis=0)) ** 2).sum(axis=1)
    chosen[0] = away.argmax()
    away = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    for row in range(1, count):
        chosen[row] = away.argmax()
        away = np.minimum(away, ((points - points[chosen[row]]) ** 2).sum(axis=1))
    return chosen


def part_descriptor(
    points: torch.Tensor, anchors: torch.Tensor, counts: torch.Tensor | None = None
) -> torch.Tensor:
    """(..., a, 3) px: farthest, nearest and mean distance from each anchor to a set of points.

    Differentiable once by `points`. The farthest and the nearest distance move the one point that
    they are to; a point on an anchor is not moved.

    Args:
        points: (..., n, 2) px; n > 0.
        anchors: (a, 2) px.
        counts: (..., n) bool, points that belong to the set, at least one; None = all.

    Raises:
        ShapeError: an array has another shape.
    """
    if points.shape[-1:] != (2,) or points.dim() < 2 or points.shape[-2] == 0:
        raise ShapeError("points", tuple(points.shape), "(..., n, 2) with n > 0")
    if anchors.dim() != 2 or anchors.shape[1] != 2:
        raise ShapeError("anchors", tuple(anchors.shape), "(a, 2)")
    if counts is not None and counts.shape != points.shape[:-1]:
        raise ShapeError("counts", tuple(counts.shape), f"{tuple(points.shape[:-1])} as points")
    flat = points.reshape(-1, *points.shape[-2:])
    kept = torch.ones_like(flat[..., 0], dtype=torch.bool) if counts is None else counts
    found = _Descriptor.apply(flat, anchors, kept.reshape(flat.shape[:-1]))
    return found.reshape(*points.shape[:-2], len(anchors), N_FUNCTIONS)


def part_targets(parts: Sequence[np.ndarray], anchors: np.ndarray) -> PartTargets:
    """Targets of one image from its parts' points, in float64.

    Args:
        parts: (n, 2) px of each part, such as of `mask_points`; n = 0: the part is not there.
        anchors: (a, 2) px.
    """
    grid = torch.as_tensor(anchors, dtype=torch.float64)
    descriptors = torch.zeros(len(parts), len(grid), N_FUNCTIONS, dtype=torch.float64)
    present = torch.tensor([len(points) > 0 for points in parts])
    for row, points in enumerate(parts):
        if len(points):
            descriptors[row] = part_descriptor(torch.as_tensor(points, dtype=grid.dtype), grid)
    return PartTargets(grid, descriptors, present)


def part_distance_loss(
    predicted: Sequence[torch.Tensor],
    targets: PartTargets,
    weights: Sequence[float],
    counts: Sequence[torch.Tensor] | None = None,
) -> torch.Tensor:
    """(...) px^2: the loss of each image, a sum over parts and functions, a mean over anchors.

    Args:
        predicted: (..., n_p, 2) px of each part.
        targets: of the same parts.
        weights: of each part; one that the target lacks weighs nothing.
        counts: (..., n_p) bool of each part: points that count, such as those that no hair
            covers. A part of which none does weighs nothing. None = all.

    Raises:
        ShapeError: not one tensor and one weight for each part.
    """
    n_parts = targets.present.shape[-1]
    if not len(predicted) == len(weights) == n_parts:
        raise ShapeError("predicted, weights", (len(predicted), len(weights)), f"{n_parts} each")
    total = torch.zeros(predicted[0].shape[:-2], dtype=predicted[0].dtype)
    total = total.to(predicted[0].device)
    anchors = targets.anchors.to(predicted[0])
    for part, (points, weight) in enumerate(zip(predicted, weights)):
        kept = torch.ones_like(points[..., 0], dtype=torch.bool)
        kept = kept if counts is None else counts[part]
        counted = targets.present[..., part].to(points.device) & kept.any(-1)
        if weight == 0 or not counted.any():
            continue
        kept = kept | ~kept.any(-1, keepdim=True)
        difference = part_descriptor(points, anchors, kept)
        difference = difference - targets.descriptors[..., part, :, :].to(points)
        squared = (difference**2).sum((-2, -1)) / len(anchors)
        total = total + weight * torch.where(counted, squared, torch.zeros_like(squared))
    return total


class _Descriptor(torch.autograd.Function):
    """Distances in pieces, and again in pieces on the way back: memory does not grow with them."""

    @staticmethod
    def forward(ctx: Any, points: torch.Tensor, anchors: torch.Tensor, kept: torch.Tensor):
        found = points.new_empty(len(points), len(anchors), N_FUNCTIONS)
        chosen = points.new_empty(len(points), len(anchors), 2, dtype=torch.long)
        counts = kept.sum(1)[:, None]
        for rows in _pieces(points, anchors):
            distance = (points[:, None] - anchors[None, rows, None]).square().sum(-1).sqrt()
            far, chosen[:, rows, FARTHEST] = distance.where(kept[:, None], -1.0).max(-1)
            near, chosen[:, rows, NEAREST] = distance.where(kept[:, None], torch.inf).min(-1)
            mean = distance.where(kept[:, None], 0.0).sum(-1) / counts
            found[:, rows] = torch.stack([far, near, mean], -1)
        ctx.save_for_backward(points, anchors, kept, chosen)
        return found

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor):
        points, anchors, kept, chosen = ctx.saved_tensors
        result = torch.zeros_like(points)
        for function in (FARTHEST, NEAREST):
            index = chosen[..., function, None].expand(-1, -1, 2)
            way = _directions(points.gather(1, index) - anchors)
            result.scatter_add_(1, index, slope[..., function, None] * way)
        share = slope[..., MEAN] / kept.sum(1)[:, None]
        for rows in _pieces(points, anchors):
            way = _directions(points[:, None] - anchors[None, rows, None])
            moved = torch.einsum("ba,band->bnd", share[:, rows], way)
            result += moved * kept[..., None]
        return result, None, None


def _pieces(points: torch.Tensor, anchors: torch.Tensor) -> list[slice]:
    """Rows of anchors whose distances to all points fit into memory."""
    step = max(1, MOST_DISTANCES // max(1, points.shape[0] * points.shape[1]))
    return [slice(start, start + step) for start in range(0, len(anchors), step)]


def _directions(way: torch.Tensor) -> torch.Tensor:
    """Unit vectors (..., 2), 0 for those without length."""
    length = way.square().sum(-1, keepdim=True).sqrt()
    return torch.where(length > CLOSEST_PX, way / length.clamp_min(CLOSEST_PX), 0.0)
