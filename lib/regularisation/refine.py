"""Photometric refinement: the surface moves until all views show the same at every texel.

Around the present distance d each view's values are nearly linear, z_v(d + e) = z_v + e z_v'. The
views agree best where e minimises, over a small window, the weighted squares of what each differs
from the mean of all: the residuals r_v + e q_v with r_v = z_v - mean z and q_v = z_v' - mean z'.
Their normal equation A e = B gives both the step and its information A in 1/mm^2, with which a
thin plate weighs it against the smoothness of skin: step and smoothing take turns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lib.uvspace.agreement import (
    LEAST_WEIGHT,
    agreement,
    local_contrast,
    seen_boxes,
    weighted_total,
)
from lib.uvspace.channels import NOISE
from lib.uvspace.filters import REACH, blur
from lib.uvspace.grid import Grid
from lib.uvspace.plate import thin_plate
from lib.uvspace.search import Comparison, view_weights
from lib.uvspace.strips import Strip, each_strip
from lib.uvspace.views import CalibratedView, Rays, cast_rays, views_at

CONTRAST_WINDOW = 4.0  # texels; brightness and contrast are compared within it
ROBUST = 3.0  # residuals beyond so many standard deviations of the noise count little
LEAST_SIGMA = 1e-9  # of contrast values
MAX_STEP_MM = 0.3
REFERENCE_TEXELS = 1024
REWEIGHED = 4  # rounds after which visibility is worked out anew


@dataclass(frozen=True)
class Refined:
    """A refined surface.

    Args:
        distance_mm: (rows, cols).
        information: (rows, cols) 1/mm^2, of the measured distance.
    """

    distance_mm: torch.Tensor
    information: torch.Tensor


def refine(
    grid: Grid,
    views: Sequence[CalibratedView],
    distance_mm: torch.Tensor,
    iterations: int,
    window: float,
    relief: float,
    comparison: Comparison,
    device: torch.device | str = "cpu",
) -> Refined:
    """Move a surface along the normals of a grid until the views agree.

    Args:
        grid: the base.
        views: at least two.
        distance_mm: (rows, cols) first estimate, within about a pixel of the surface.
        iterations: rounds, at least 1.
        window: standard deviation of the window of the normal equations, in texels.
        relief: standard deviation of the surface's bend, mm per squared texel at 1024 texels.
        comparison: noise and memory.
        device: where the tensors live.

    Source: Lucas & Kanade 1981, over all views and along the normal; Beeler et al. 2010 for the
        alternation with a smoothness that yields where the images are sure.
    """
    sized = views_at(views, grid)
    rays = cast_rays(sized, grid, device)
    mask = torch.tensor(grid.mask, device=device)
    bend = plate_bend(relief, grid.mask.shape[0])
    reach = 0.5 * grid.spacing_mm
    distance, weight = distance_mm, None
    for index in range(iterations):
        if index % REWEIGHED == 0:
            moved = grid.moved(distance.cpu().numpy())
            weight = view_weights(sized, moved, comparison, device)
        step, information = _normal_equations(rays, weight, distance, reach, window, comparison)
        target = distance + step.clamp(-MAX_STEP_MM, MAX_STEP_MM)
        trust = (information * bend * bend).clamp(0, 1e4)
        distance = thin_plate(target, trust, mask, 1.0, start=distance)
    return Refined(distance, information)


def plate_bend(relief: float, uv_size: int) -> float:
    """The bend of `refine` in mm per squared texel of a chart of `uv_size` texels a side."""
    return relief * (REFERENCE_TEXELS / uv_size) ** 2


def _normal_equations(
    rays: Rays,
    weight: torch.Tensor,
    distance: torch.Tensor,
    reach: float,
    window: float,
    comparison: Comparison,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(rows, cols) best step in mm and its information in 1/mm^2, strip by strip."""
    rows, cols = distance.shape
    step, information = torch.zeros_like(distance), torch.zeros_like(distance)
    halo = math.ceil(REACH * (4 * CONTRAST_WINDOW + window))
    per_row = 3 * cols * sum(image.shape[1] for image in rays.images)

    def work(strip: Strip) -> None:
        seen = weight[:, strip.read]
        if not (seen > 0).any():
            return
        part, start = rays.rows(strip.read), distance[strip.read]
        found = _strip(part, seen, start, reach, window, comparison)
        step[strip.write], information[strip.write] = (item[strip.inner] for item in found)

    each_strip(work, rows, comparison.max_samples // per_row, halo, distance.device)
    return step, information


def _strip(
    rays: Rays,
    weight: torch.Tensor,
    distance: torch.Tensor,
    reach: float,
    window: float,
    comparison: Comparison,
) -> tuple[torch.Tensor, torch.Tensor]:
    boxes = seen_boxes(weight)
    values, inside = rays.sample(distance, boxes)
    slope = rays.sample(distance + reach, boxes)[0]
    slope -= rays.sample(distance - reach, boxes)[0]
    slope /= 2 * reach
    weight = weight * inside
    boxes = seen_boxes(weight)
    noise = values.new_tensor(NOISE)[:, None, None] * comparison.noise
    contrast = local_contrast(values, (weight > 0).float(), CONTRAST_WINDOW, noise)
    _, belief = agreement(contrast.values, weight, CONTRAST_WINDOW)
    everyone = belief.sum(0).clamp_min(LEAST_WEIGHT)
    mean = weighted_total(contrast.values, belief, boxes) / everyone
    trust = torch.zeros_like(values)
    for box in boxes:
        gain = contrast.gain[box]
        slope[box] -= blur(slope[box] * (gain > 0), CONTRAST_WINDOW) / contrast.total[box]
        slope[box] *= gain
        sigmas = (contrast.values[box] - mean[box[1:]]) / (gain * noise).clamp_min(LEAST_SIGMA)
        trust[box] = belief[box] / (1 + (sigmas / ROBUST).square())
    everyone = trust.sum(0).clamp_min(LEAST_WEIGHT)
    mean = weighted_total(contrast.values, trust, boxes).div_(everyone)
    mean_slope = weighted_total(slope, trust, boxes).div_(everyone)
    information, pull = torch.zeros_like(distance), torch.zeros_like(distance)
    for box in boxes:
        precision = trust[box] / (contrast.gain[box] * noise).clamp_min(LEAST_SIGMA).square()
        relative = slope[box] - mean_slope[box[1:]]
        told = precision * relative
        information[box[2:]] += (told * relative).sum(0)
        pull[box[2:]] -= told.mul_(contrast.values[box] - mean[box[1:]]).sum(0)
    information, pull = blur(information, window), blur(pull, window)
    return pull / information.clamp_min(1e-6), information
