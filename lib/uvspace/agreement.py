"""How well views agree about the surface: normalised cross-correlation on a texel grid.

Every view is worked on by itself and only in the box of texels that it sees: a tensor of all views
is many times larger than the caches, and most of it nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import EllipsisType

import torch

from lib.uvspace.filters import blur

LEAST_WEIGHT = 1e-4
ALIGNED = 32  # columns: a box of other breadths is rounded otherwise by vectorised filters
Box = tuple[int, EllipsisType, slice, slice]  # index of (n_views, ..., rows, cols)


def seen_boxes(weight: torch.Tensor) -> list[Box]:
    """Of each view that sees anything, the least box of texels around what it sees.

    Args:
        weight: (n_views, rows, cols); 0 = does not see the texel.

    Returns:
        Indices of tensors (n_views, ..., rows, cols).
    """
    boxes: list[Box] = []
    for view, seen in enumerate(weight > 0):
        sides = [seen.any(1 - axis).nonzero() for axis in (0, 1)]
        if len(sides[0]):
            (top, bottom), (left, right) = ((int(side[0]), int(side[-1])) for side in sides)
            left, right = left // ALIGNED * ALIGNED, (right // ALIGNED + 1) * ALIGNED
            boxes.append((view, ..., slice(top, bottom + 1), slice(left, right)))
    return boxes


@dataclass(frozen=True)
class Contrast:
    """Values brought to mean 0 and about deviation 1 in a window around every texel.

    Args:
        values: (n_views, c, rows, cols).
        gain: (n_views, c, rows, cols): factor from image values to `values`; 0 where not seen.
        total: (n_views, rows, cols) share of the window that is seen.
    """

    values: torch.Tensor
    gain: torch.Tensor
    total: torch.Tensor


def local_contrast(
    images: torch.Tensor, inside: torch.Tensor, sigma: float, noise: float | torch.Tensor
) -> Contrast:
    """Each image less its local mean, over its local deviation.

    Args:
        images: (n_views, c, rows, cols).
        inside: (n_views, rows, cols) 0..1: where the values count.
        sigma: of the window, in texels.
        noise: standard deviation of an image value, or (c, 1, 1) one per channel; contrast below it
            is damped.
    """
    values, gains = torch.zeros_like(images), torch.zeros_like(images)
    totals = torch.zeros_like(inside)
    for box in seen_boxes(inside):
        weight = inside[box]
        total = blur(weight, sigma).clamp_min_(LEAST_WEIGHT)
        off = images[box] - blur(images[box] * weight, sigma) / total
        spread = blur(off.square().mul_(weight), sigma) / total
        gain = spread.add_(noise * noise).rsqrt_().mul_(weight)
        values[box], gains[box], totals[box] = off.mul_(gain), gain, total
    return Contrast(values, gains, totals)


def agreement(
    contrast: torch.Tensor, weight: torch.Tensor, sigma: float, passes: int = 2
) -> tuple[torch.Tensor, torch.Tensor]:
    """Correlation of each view with the mean of the others, and how far each is believed.

    The first pass believes every view by its weight alone; the later ones by its correlation, too,
    so that a view with a highlight or something before the face does not spoil the mean.

    Args:
        contrast: (n_views, c, rows, cols) of `local_contrast`.
        weight: (n_views, rows, cols) not negative; 0 = does not see the texel.
        sigma: of the window, in texels.
        passes: at least 1.

    Returns:
        correlation: (n_views, rows, cols) -1..1; 0 where there is no other view.
        belief: (n_views, rows, cols): weight times how well the view fits in.
    """
    boxes = seen_boxes(weight)
    own = {box[0]: blur(contrast[box].square().sum(0), sigma) for box in boxes}
    correlation, belief = torch.zeros_like(weight), weight
    for _ in range(passes):
        total, sum_weight = weighted_total(contrast, belief, boxes), belief.sum(0)
        updated = torch.zeros_like(weight)
        for box in boxes:
            rest = sum_weight[box[1:]] - belief[box]
            share = belief[box] * contrast[box]
            others = (total[box[1:]] - share).div_(rest.clamp_min(LEAST_WEIGHT))
            others *= weight[box] > 0  # both sides of a correlation lie in the same texels
            cross = blur((contrast[box] * others).sum(0), sigma)
            power = blur(others.square_().sum(0), sigma)
            fit = cross * (own[box[0]] * power + LEAST_WEIGHT).rsqrt_()
            fit[(rest < LEAST_WEIGHT) | (weight[box] <= 0)] = 0
            correlation[box] = fit
            updated[box] = weight[box] * fit.clamp_min(0.02).square_()
        belief = updated
    return correlation, belief


def weighted_total(values: torch.Tensor, weight: torch.Tensor, boxes: list[Box]) -> torch.Tensor:
    """(c, rows, cols) sum over the views of weight (n_views, rows, cols) times values.

    Args:
        values: (n_views, c, rows, cols).
        weight: (n_views, rows, cols) or (n_views, c, rows, cols).
        boxes: of `seen_boxes`; elsewhere the weight is 0.
    """
    result = torch.zeros_like(values[0])
    for box in boxes:
        result[box[1:]] += weight[box] * values[box]
    return result


def consensus(correlation: torch.Tensor, weight: torch.Tensor, tolerance: float) -> torch.Tensor:
    """(rows, cols) 0..1: how well the views that fit in agree; 1 = perfectly.

    Args:
        correlation: (n_views, rows, cols) of `agreement`.
        weight: what went into `agreement`.
        tolerance: loss of correlation at which a view's vote falls to 1/e.
    """
    votes = torch.zeros_like(weight[0])
    for box in seen_boxes(weight):
        votes[box[2:]] += weight[box] * ((correlation[box] - 1) / tolerance).exp_()
    return votes / weight.sum(0).clamp_min(LEAST_WEIGHT)
