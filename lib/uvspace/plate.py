"""Smooth fields on a texel grid: the thin plate that lies nearest to weighted data."""

from __future__ import annotations

import torch
import torch.nn.functional as F

FLOOR = 1e-5  # weight of 0 where there is no data, so that the field dies out far from them
COARSEST = 32


def thin_plate(
    data: torch.Tensor,
    weight: torch.Tensor,
    mask: torch.Tensor,
    length: float,
    iterations: int = 60,
    start: torch.Tensor | None = None,
) -> torch.Tensor:
    """The field u that minimises sum(weight (u - data)^2) + length^4 sum((laplace u)^2).

    Where the weight is 1, ripples shorter than about 2 pi `length` are smoothed away; where it is
    less, longer ones. Differences across the border of the mask do not count.

    Args:
        data: (rows, cols).
        weight: (rows, cols), not negative; 0 = no data.
        mask: (rows, cols) bool; the field is 0 outside.
        length: of the smoothing, in texels.
        iterations: of the conjugate gradients at each resolution.
        start: first estimate; None = the solution at half the resolution.
    """
    if start is None:
        start = _coarse_start(data, weight, mask, length, iterations)
    weight = torch.where(mask, weight, torch.zeros_like(weight))
    right_side = weight * data
    right, down = _edges(mask)
    stiffness = length**4
    neighbours = right + down
    neighbours[:, 1:] += right[:, :-1]
    neighbours[1:] += down[:-1]
    held = weight + FLOOR
    scale = 1 / (held + stiffness * (neighbours * neighbours + neighbours))

    def apply(field: torch.Tensor) -> torch.Tensor:
        bent = laplace(laplace(field, right, down), right, down)
        return held * field + stiffness * bent

    field = torch.where(mask, start, torch.zeros_like(start))
    residual = right_side - apply(field)
    step = scale * residual
    direction, power = step.clone(), _total(residual * step)
    least = 1e-8 * _total(right_side * scale * right_side)
    for _ in range(iterations):
        if power <= least:
            break
        applied = apply(direction)
        length_of_step = power / _total(direction * applied).clamp_min(1e-30)
        field = field + length_of_step * direction
        residual = residual - length_of_step * applied
        step = scale * residual
        before, power = power, _total(residual * step)
        direction = step + (power / before) * direction
    return torch.where(mask, field, torch.zeros_like(field))


def _total(values: torch.Tensor) -> torch.Tensor:
    """The sum, row by row: of all at once, its rounding depends on the number of threads."""
    return values.sum(1).sum()


def laplace(field: torch.Tensor, right: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    """Sum of differences to the neighbours, over edges (rows, cols) to the right and down."""
    across, along = torch.zeros_like(field), torch.zeros_like(field)
    across[:, :-1] = (field[:, 1:] - field[:, :-1]) * right[:, :-1]
    along[:-1] = (field[1:] - field[:-1]) * down[:-1]
    result = across + along
    result[:, 1:] -= across[:, :-1]
    result[1:] -= along[:-1]
    return result


def enlarged(field: torch.Tensor, mask: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """A field at another resolution, its values carried on a little beyond the mask."""
    weight = mask.float()[None, None]
    total = F.avg_pool2d(field[None, None] * weight, 5, 1, 2)
    near = F.avg_pool2d(weight, 5, 1, 2)
    around = torch.where(near > 0, total / near.clamp_min(1e-6), torch.zeros_like(total))[0, 0]
    filled = torch.where(mask, field, around)
    return F.interpolate(filled[None, None], size, mode="bilinear", align_corners=False)[0, 0]


def _coarse_start(
    data: torch.Tensor, weight: torch.Tensor, mask: torch.Tensor, length: float, iterations: int
) -> torch.Tensor:
    if min(data.shape) < 2 * COARSEST or length < 1:
        return torch.zeros_like(data)
    inside = mask.float()

    def halved(values: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d((values * inside)[None, None], 2, ceil_mode=True)[0, 0]

    total = halved(weight)
    mean = torch.where(total > 0, halved(weight * data) / total.clamp_min(1e-12), 0)
    coarse = halved(torch.ones_like(data)) > 0.4
    field = thin_plate(mean, total, coarse, length / 2, iterations)
    doubled = (2 * field.shape[0], 2 * field.shape[1])
    return enlarged(field, coarse, doubled)[: data.shape[0], : data.shape[1]]


def _edges(mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    right, down = torch.zeros(2, *mask.shape, device=mask.device)
    right[:, :-1] = (mask[:, :-1] & mask[:, 1:]).float()
    down[:-1] = (mask[:-1] & mask[1:]).float()
    return right, down
