"""How well views agree about the surface: normalised cross-correlation on a texel grid."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lib.uvspace.filters import blur

LEAST_WEIGHT = 1e-4


@dataclass(frozen=True)
class Contrast:
    """Values brought to mean 0 and about deviation 1 in a window around every texel.

    Args:
        values: (n_views, c, rows, cols).
        gain: (n_views, c, rows, cols): factor from image values to `values`.
    """

    values: torch.Tensor
    gain: torch.Tensor


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
    weight = inside[:, None].expand_as(images)
    total = blur(weight, sigma).clamp_min(LEAST_WEIGHT)
    mean = blur(images * weight, sigma) / total
    spread = blur((images - mean).square() * weight, sigma) / total
    gain = (spread + noise * noise).rsqrt()
    return Contrast((images - mean) * gain * weight, gain)


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
    own = blur(contrast.square().sum(1), sigma)
    belief = weight
    for _ in range(passes):
        share = belief[:, None] * contrast
        total, sum_weight = share.sum(0), belief.sum(0)
        others = (total[None] - share) / (sum_weight[None] - belief).clamp_min(LEAST_WEIGHT)[
            :, None
        ]
        cross = blur((contrast * others).sum(1), sigma)
        power = blur(others.square().sum(1), sigma)
        correlation = cross * (own * power + LEAST_WEIGHT).rsqrt()
        alone = (sum_weight[None] - belief) < LEAST_WEIGHT
        correlation = torch.where(alone | (weight <= 0), torch.zeros_like(cross), correlation)
        belief = weight * correlation.clamp_min(0.02).square()
    return correlation, belief


def consensus(
    correlation: torch.Tensor, belief: torch.Tensor, weight: torch.Tensor, tolerance: float
) -> torch.Tensor:
    """(rows, cols) 0..1: how well the views that fit in agree; 1 = perfectly.

    Args:
        correlation: (n_views, rows, cols) of `agreement`.
        belief: of `agreement`.
        weight: what went into `agreement`.
        tolerance: loss of correlation at which a view's vote falls to 1/e.
    """
    vote = torch.exp((correlation - 1) / tolerance)
    return (weight * vote).sum(0) / weight.sum(0).clamp_min(LEAST_WEIGHT)
