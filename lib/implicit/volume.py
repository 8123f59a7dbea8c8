"""The implicit function of a capture, by any method."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch

from lib.artefacts import BaseMesh, Capture, Rig, Volume
from lib.facemodel import FaceModel
from lib.geometry import project
from lib.implicit.learned import respond_learned
from lib.implicit.matching import hypotheses, match
from lib.implicit.options import ImplicitOptions
from lib.implicit.published import respond_published
from lib.networks.matcher import load_matcher
from lib.networks.mvfr import load_implicit
from lib.render import sample_image
from lib.uvspace.captures import chosen_views, is_calibrated, matching_views, rig_camera
from lib.uvspace.grid import Grid, chart_grid
from lib.uvspace.views import WITHIN, CalibratedView, visibility

logger = logging.getLogger(__name__)

NOTHING = "none"


def respond_capture(
    model: FaceModel,
    capture: Capture,
    rig: Rig,
    base: BaseMesh,
    options: ImplicitOptions | None = None,
    device: torch.device | str = "cpu",
) -> Volume:
    """How likely the surface passes at hypotheses along the normals of a base mesh.

    A capture without a calibrated rig has no hypotheses: the base stands for its surface.

    Args:
        model: the head model.
        capture: working images.
        rig: cameras in mm.
        base: of the same capture.
        options: settings.
        device: where the tensors live.

    Raises:
        ConfigError: the method needs a checkpoint that is missing or does not fit.
    """
    options = options or ImplicitOptions()
    vertices = base.vertices_mm
    if not is_calibrated(rig):
        grid = chart_grid(model, vertices, options.uv_size)
        nothing = np.zeros(grid.mask.shape, np.float32)
        return _volume(NOTHING, grid, nothing, options, np.zeros((0, *nothing.shape)), nothing)
    if options.method == "matching":
        views = matching_views(capture, rig)
        grid, centre, response, compared = match(model, vertices, views, options, device)
    else:
        grid = chart_grid(model, vertices, options.uv_size)
        centre = np.zeros(grid.mask.shape, np.float32)
        response, compared = _by_network(capture, rig, grid, options, device)
    seen = compared >= 2
    logger.info(
        "%d views, %.0f %% of the texels are seen by two or more",
        len(chosen_views(rig)),
        100 * seen.sum() / max(grid.mask.sum(), 1),
    )
    return _volume(options.method, grid, centre, options, response, compared)


def _by_network(
    capture: Capture, rig: Rig, grid: Grid, options: ImplicitOptions, device: torch.device | str
) -> tuple[np.ndarray, np.ndarray]:
    """(d, rows, cols) responses and (rows, cols) views compared, of a method with weights."""
    chosen = chosen_views(rig)
    images = [capture.image[view] for view in chosen]
    cameras = [rig_camera(rig, view) for view in chosen]
    nowhere = np.zeros(grid.mask.shape, np.float32)
    views = matching_views(capture, rig)
    cosine = visibility(views, grid, nowhere, tolerance_mm=2.0) * _allowed(views, grid)
    compared = (cosine > 0).sum(axis=0)
    where, offsets = grid.mask & (compared >= 2), np.array(hypotheses(options), np.float32)
    if options.method == "mvfr":
        network = load_implicit(options.weights)
        response = respond_published(
            grid.position,
            grid.normal,
            where,
            offsets,
            images,
            cameras,
            network,
            num_sample=_points_at_once(options, len(chosen)),
            device=device,
        )
    else:
        response = respond_learned(
            grid.position,
            grid.normal,
            where,
            offsets,
            images,
            cameras,
            cosine,
            load_matcher(options.weights),
            num_sample=_points_at_once(options, len(chosen)),
            device=device,
        )
    return response, compared


def _allowed(views: Sequence[CalibratedView], grid: Grid) -> np.ndarray:
    """(n_views, rows, cols) bool: texels that the user's mask of a view does not shut out.

    The published network takes every view everywhere; for it masks only say what two views see.
    """
    result = np.ones((len(views), *grid.mask.shape), bool)
    points = grid.position[grid.mask].astype(np.float64)
    for index, view in enumerate(views):
        if view.mask is not None:
            found = sample_image(view.mask[..., None], project(points, *view.camera))[:, 0]
            result[index][grid.mask] = np.nan_to_num(found) > WITHIN
    return result


def _points_at_once(options: ImplicitOptions, views: int) -> int:
    """Points whose features of all views are about `num_sample` values."""
    features = 128
    return max(1, options.num_sample // (features * views))


def _volume(
    method: str,
    grid: Grid,
    centre: np.ndarray,
    options: ImplicitOptions,
    response: np.ndarray,
    compared: np.ndarray,
) -> Volume:
    outside = ~grid.mask[..., None]
    return Volume(
        method=method,
        position_mm=np.where(outside, np.nan, grid.position),
        normal=grid.normal,
        centre_mm=centre,
        interval_mm=options.interval_mm,
        response=np.rint(np.clip(response, 0, 1) * 255),
        n_compared=np.minimum(compared, 255),
    )
