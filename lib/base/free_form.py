"""A smooth layer over a fitted head that brings it to where the views agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from lib.base.extend import extend_movement
from lib.base.options import BaseOptions
from lib.facemodel import FaceModel
from lib.uvspace.grid import Grid, chart_grid, grid_of, outer_skin
from lib.uvspace.heads import at_vertices, resized
from lib.uvspace.plate import thin_plate
from lib.uvspace.search import Comparison, Found, search_level
from lib.uvspace.views import CalibratedView

COARSE, FINE = 128, 256  # texels a side
# The layer moves along normals of the face at large, in chart units: along those of a lid's edge
# or of a lip's inner side, a search would tear the slit between the two open.
COARSE_NORMALS, FINE_NORMALS = 0.05, 0.025
DOUBT = 2.0  # hair and even skin, of which views say little, are to follow what is around them


def free_form(
    model: FaceModel,
    vertices: np.ndarray,
    views: Sequence[CalibratedView],
    options: BaseOptions,
    device: torch.device | str = "cpu",
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices drawn to the surface that the views show.

    The distance is searched over the whole reach on a coarse grid, then over less on finer ones,
    and what all found together is smoothed.

    Args:
        model: the head model.
        vertices: (n_vertices, 3) mm, world frame.
        views: at least two.
        options: settings.
        device: where the tensors live.

    Returns:
        (n_vertices, 3) float32 mm; (n_vertices,) float32 0..1 how much the images said.
    """
    inner = ~_in_chart(model)
    hidden = model.triangles[inner[model.triangles].all(axis=1)]
    others = (vertices, hidden)
    start = chart_grid(model, vertices, COARSE, COARSE_NORMALS)
    broad = Comparison(window=1.5)
    grid, far = start, options.search_mm
    for reach, step, lengths in ((far, 2.0, (6, 4, 3, 2)), (0.3 * far, 1.0, (4, 3, 2, 1.5))):
        found = search_level(grid, views, reach, step, lengths, broad, device, others, DOUBT)
        grid = grid.moved(found.distance_mm.cpu().numpy(), COARSE_NORMALS)
    fine = chart_grid(model, vertices, FINE)
    movement = resized(grid.position - start.position, start.mask, FINE)
    grid = grid_of(fine.position + movement, fine.mask, FINE_NORMALS)
    found = search_level(grid, views, 3.0, 0.5, (4, 3, 2, 1.2), Comparison(), device, others, DOUBT)
    grid = grid.moved(found.distance_mm.cpu().numpy())
    movement = _smooth(grid, fine, found, options.smooth_mm)
    values = np.dstack([movement, found.confidence.cpu().numpy()])
    at, skin = at_vertices(model, values, fine.mask)
    step = extend_movement(model, vertices, at[:, :3], skin)
    return (vertices + step).astype(np.float32), np.where(skin, at[:, 3], 0).astype(np.float32)


def _in_chart(model: FaceModel) -> np.ndarray:
    """(n_vertices,) bool: vertices of the outer skin."""
    result = np.zeros(model.n_vertices, bool)
    result[model.triangles[outer_skin(model)].ravel()] = True
    return result


def _smooth(moved: Grid, start: Grid, found: Found, smooth_mm: float) -> np.ndarray:
    """(rows, cols, 3) mm: from `start` to `moved`, without what the model's mesh cannot hold."""
    length = smooth_mm / (2 * np.pi * start.spacing_mm)
    mask = torch.tensor(start.mask)
    weight = 0.05 + found.confidence.cpu().clamp(0, 1)
    movement = torch.tensor(moved.position - start.position)
    axes = [thin_plate(axis, weight, mask, length) for axis in movement.unbind(2)]
    return torch.stack(axes, 2).numpy()
