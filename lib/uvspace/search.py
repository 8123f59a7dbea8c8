"""Searching the surface along the normals: how well all views agree at each distance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lib.uvspace.agreement import agreement, consensus, local_contrast, seen_boxes
from lib.uvspace.filters import REACH
from lib.uvspace.grid import Grid
from lib.uvspace.plate import thin_plate
from lib.uvspace.strips import Strip, each_strip
from lib.uvspace.views import CalibratedView, Rays, cast_rays, views_at, visibility

STEEPEST_DEG = 75.0  # of the angle between normal and view at which a view counts nothing
SEEN = 0.02  # weight from which a view counts as one that was compared


@dataclass(frozen=True)
class Comparison:
    """How views are compared around a texel.

    Args:
        window: standard deviation of the window, in texels.
        noise: standard deviation of an image value, 1/255.
        tolerance: loss of correlation at which a view's vote falls to 1/e.
        angle_power: how much views that see the surface head-on count more.
        max_samples: values of all views, channels and texels held at once.
    """

    window: float = 2.0
    noise: float = 2.0
    tolerance: float = 0.5
    angle_power: float = 1.5
    max_samples: int = 80_000_000


@dataclass(frozen=True)
class Found:
    """What a search along the normals found.

    Args:
        distance_mm: (rows, cols) of the smoothed surface, 0 off the mask.
        confidence: (rows, cols) 0..1 that a texel's own measurement counted.
        n_compared: (rows, cols) views compared.
    """

    distance_mm: torch.Tensor
    confidence: torch.Tensor
    n_compared: torch.Tensor


def view_weights(
    views: Sequence[CalibratedView],
    grid: Grid,
    comparison: Comparison,
    device: torch.device | str = "cpu",
    others: tuple[np.ndarray, np.ndarray] | None = None,
    tolerance_mm: float | None = None,
) -> torch.Tensor:
    """(n_views, rows, cols): how much each view counts at each texel; 0 = does not see it."""
    tolerance = max(1.0, 2 * grid.spacing_mm) if tolerance_mm is None else tolerance_mm
    stride = max(1, grid.mask.shape[0] // 256)
    nowhere = np.zeros(grid.mask.shape, np.float32)
    cosine = visibility(views, grid, nowhere, others, tolerance, stride)
    least = math.cos(math.radians(STEEPEST_DEG))
    frontal = np.clip((cosine - least) / (1 - least), 0, None) ** comparison.angle_power
    points = grid.position[grid.mask][::37]
    fine = 1 / np.array([view.px_mm(points) for view in views])  # 0 = the head is behind it
    frontal *= (fine / max(fine.max(), 1e-12)).astype(np.float32)[:, None, None]
    return torch.tensor(frontal, device=device)


def respond(
    rays: Rays,
    weight: torch.Tensor,
    around_mm: torch.Tensor,
    offsets_mm: Sequence[float],
    comparison: Comparison,
) -> torch.Tensor:
    """(n, rows, cols) 0..1: how well the views agree at each of n distances.

    Strips of rows bound the memory; the result does not depend on their height.

    Args:
        rays: the grid in each view.
        weight: (n_views, rows, cols) of `view_weights`.
        around_mm: (rows, cols) distance that the offsets count from.
        offsets_mm: n distances.
        comparison: how views are compared.
    """
    rows, cols = around_mm.shape
    result = weight.new_zeros(len(offsets_mm), rows, cols)
    halo = 4 * math.ceil(REACH * comparison.window)  # contrast and agreement, two filters each
    per_row = cols * sum(image.shape[1] for image in rays.images)

    def work(strip: Strip) -> None:
        seen = weight[:, strip.read]
        if not (seen > 0).any():
            return
        part = rays.rows(strip.read)
        for index, offset in enumerate(offsets_mm):
            found = _agree(part, seen, around_mm[strip.read] + offset, comparison)
            result[index, strip.write] = found[strip.inner]

    each_strip(work, rows, comparison.max_samples // per_row, halo, weight.device)
    return result


def _agree(
    rays: Rays, weight: torch.Tensor, distance_mm: torch.Tensor, comparison: Comparison
) -> torch.Tensor:
    values, inside = rays.sample(distance_mm, seen_boxes(weight))
    weight = weight * inside
    seen = (weight > 0).float()
    contrast = local_contrast(values, seen, comparison.window, comparison.noise)
    correlation, _ = agreement(contrast.values, weight, comparison.window)
    return consensus(correlation, weight, comparison.tolerance)


def best_offset(
    cost: torch.Tensor, offsets_mm: Sequence[float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The least of (n, rows, cols) costs at evenly spaced offsets, between them by a parabola.

    Returns:
        (rows, cols) offset in mm; (rows, cols) bool: the least lies inside the range.
    """
    n, step = len(offsets_mm), float(offsets_mm[1] - offsets_mm[0])
    least = cost.argmin(0)
    middle = least.clamp(1, n - 2)
    before, here, after = (torch.gather(cost, 0, (middle + shift)[None])[0] for shift in (-1, 0, 1))
    bend = (before - 2 * here + after).clamp_min(1e-9)
    shift = ((before - after) / (2 * bend)).clamp(-0.5, 0.5)
    inside = (least > 0) & (least < n - 1)
    place = cost.new_tensor(offsets_mm)[least] + step * torch.where(inside, shift, 0)
    return place, inside


def settle(
    response: torch.Tensor,
    offsets_mm: Sequence[float],
    mask: torch.Tensor,
    n_compared: torch.Tensor,
    lengths: Sequence[float],
    doubt: float = 1.0,
    pull: float = 0.05,
) -> Found:
    """A smooth surface through the best distances: search and smoothing in turn.

    Each round smooths what the texels found by a thin plate, shorter every time, and lets them look
    again with a growing pull towards it, so that a wrong maximum gives way to the right one.

    Args:
        response: (n, rows, cols) 0..1.
        offsets_mm: n evenly spaced distances.
        mask: (rows, cols) bool.
        n_compared: (rows, cols) views compared; fewer than 2 measure nothing.
        lengths: of the plate in each round, in texels.
        doubt: power of how clear a texel's maximum is; more lets unclear ones count less.
        pull: of the smooth surface in the last round, per squared interval.

    Source: quadratic splitting after Newcombe, Lovegrove & Davison 2011 (DTAM).
    """
    step = float(offsets_mm[1] - offsets_mm[0])
    offsets = response.new_tensor(offsets_mm)[:, None, None]
    peak = response.max(0).values
    clear = ((peak - response.mean(0)) / 0.3).clamp(0, 1)
    trust = (clear * peak) ** doubt
    trust = torch.where(mask & (n_compared >= 2), trust, torch.zeros_like(peak))
    smooth = torch.zeros_like(peak)
    for index, length in enumerate(lengths):
        strength = pull / step**2 * 4.0 ** (index + 1 - len(lengths)) if index else 0.0
        cost = (1 - response) + strength * (offsets - smooth).square()
        own, inside = best_offset(cost, offsets_mm)
        weight = trust * inside
        if index:
            weight = weight / (1 + ((own - smooth) / (2 * step)).square()).square()
        smooth = thin_plate(own, weight, mask, length)
    return Found(smooth, weight, n_compared)


def search_level(
    grid: Grid,
    views: Sequence[CalibratedView],
    reach_mm: float,
    step_mm: float,
    lengths: Sequence[float],
    comparison: Comparison,
    device: torch.device | str = "cpu",
    others: tuple[np.ndarray, np.ndarray] | None = None,
    doubt: float = 1.0,
) -> Found:
    """Search the whole reach about a grid at one resolution, and settle on a smooth surface."""
    sized = views_at(views, grid)
    rays = cast_rays(sized, grid, device)
    weight = view_weights(sized, grid, comparison, device, others)
    offsets = evenly(reach_mm, step_mm)
    nowhere = torch.zeros(grid.mask.shape, device=device)
    response = respond(rays, weight, nowhere, offsets, comparison)
    mask = torch.tensor(grid.mask, device=device)
    return settle(response, offsets, mask, (weight > SEEN).sum(0), lengths, doubt)


def evenly(reach_mm: float, step_mm: float) -> list[float]:
    """Distances from -reach to +reach, 0 among them."""
    n = max(1, math.ceil(reach_mm / step_mm - 1e-9))
    return [index * step_mm for index in range(-n, n + 1)]
