"""The weight-free implicit function: agreement of all views, coarse to fine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from lib.facemodel import FaceModel
from lib.implicit.options import ImplicitOptions
from lib.uvspace.grid import Grid, chart_grid
from lib.uvspace.heads import resized
from lib.uvspace.search import SEEN, Comparison, respond, search_level, view_weights
from lib.uvspace.views import CalibratedView, cast_rays, views_at

COARSE_LENGTHS = (4, 3, 2, 1.2)


def match(
    model: FaceModel,
    vertices: np.ndarray,
    views: Sequence[CalibratedView],
    options: ImplicitOptions,
    device: torch.device | str = "cpu",
) -> tuple[Grid, np.ndarray, np.ndarray, np.ndarray]:
    """How well the views agree at hypotheses about the base mesh.

    Args:
        model: the head model.
        vertices: (n_vertices, 3) mm of the base mesh, world frame.
        views: at least two.
        options: settings.
        device: where the tensors live.

    Returns:
        The grid; (rows, cols) distance of the middle hypothesis in mm; (d_size, rows, cols) float32
        0..1 responses; (rows, cols) number of views compared.
    """
    grid = chart_grid(model, vertices, options.uv_size)
    centre = np.zeros(grid.mask.shape, np.float32)
    comparison = Comparison(options.window, options.noise, max_samples=options.num_sample)
    if options.coarse_mm > 0:
        half = chart_grid(model, vertices, options.uv_size // 2)
        found = search_level(
            half, views, options.coarse_mm, 0.25, COARSE_LENGTHS, comparison, device
        )
        distance = found.distance_mm.cpu().numpy()[..., None]
        centre = resized(distance, half.mask, options.uv_size)[..., 0] * grid.mask
    sized = views_at(views, grid)
    moved = grid.moved(centre)
    weight = view_weights(sized, moved, comparison, device)
    around = torch.tensor(centre, device=device)
    offsets = hypotheses(options)
    response = respond(cast_rays(sized, grid, device), weight, around, offsets, comparison)
    compared = (weight > SEEN).sum(0).cpu().numpy()
    return grid, centre, response.cpu().numpy(), compared * grid.mask


def hypotheses(options: ImplicitOptions) -> list[float]:
    """Distances of the hypotheses in mm from the middle one, which is number d_size // 2."""
    first = -(options.d_size // 2)
    return [(first + index) * options.interval_mm for index in range(options.d_size)]
