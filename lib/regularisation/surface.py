"""The surface of a capture: found in the volume, then refined on the images."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch

from lib.artefacts import BaseMesh, Capture, Rig, Surface, Volume
from lib.facemodel import FaceModel
from lib.networks.mvfr import load_regulariser
from lib.networks.smoother import load_smoother
from lib.regularisation.learned import regularise_learned
from lib.regularisation.options import RegulariseOptions
from lib.regularisation.published import regularise_published
from lib.regularisation.refine import Refined, plate_bend, refine
from lib.uvspace.captures import is_calibrated, matching_views
from lib.uvspace.grid import Grid, chart_grid
from lib.uvspace.heads import resized
from lib.uvspace.search import Comparison, settle
from lib.uvspace.views import CalibratedView

logger = logging.getLogger(__name__)

LENGTHS = (4, 3, 2, 1.2)  # of the plate from round to round, texels of the volume
SURE_PER_MM2 = 100.0  # information, with what its neighbours add, of one half of confidence
NOTHING = "none"


def regularise_capture(
    model: FaceModel,
    capture: Capture,
    rig: Rig,
    base: BaseMesh,
    volume: Volume,
    options: RegulariseOptions | None = None,
    device: torch.device | str = "cpu",
) -> Surface:
    """One distance per texel, smooth where the images say little.

    Without hypotheses the surface is the base, with confidence 0.

    Args:
        model: the head model.
        capture: working images.
        rig: cameras in mm.
        base: base mesh of the capture.
        volume: responses about it.
        options: settings.
        device: where the tensors live.

    Raises:
        ConfigError: the method needs a checkpoint that is missing, does not fit, or cannot take
            this number of hypotheses.
    """
    options = options or RegulariseOptions()
    grid = chart_grid(model, base.vertices_mm, options.uv_size)
    if not len(volume.response) or not is_calibrated(rig):
        nothing = np.zeros(grid.mask.shape, np.float32)
        return _surface(NOTHING, base, grid, nothing, nothing)
    mask = np.isfinite(volume.position_mm[..., 0])
    in_volume = np.dstack(_in_volume(volume, options, device))
    upsampled = resized(in_volume, mask, options.uv_size) * grid.mask[..., None]
    distance, confidence = upsampled[..., 0], np.clip(upsampled[..., 1], 0, 1)
    if options.refine_iterations:
        views = matching_views(capture, rig)
        refined = _refined(model, base, views, in_volume[..., 0], mask, options, device)
        distance = refined.distance_mm.cpu().numpy()
        information = joined_information(refined.information.cpu().numpy(), options)
        confidence = np.sqrt(confidence * information / (information + SURE_PER_MM2))
    logger.info(
        "%.0f %% of the head's texels are measured", 100 * (confidence[grid.mask] > 0.1).mean()
    )
    return _surface(options.method, base, grid, distance, confidence)


def _refined(
    model: FaceModel,
    base: BaseMesh,
    views: Sequence[CalibratedView],
    distance: np.ndarray,
    mask: np.ndarray,
    options: RegulariseOptions,
    device: torch.device | str,
) -> Refined:
    """The surface at `uv_size`, from (rows, cols) distances in the volume.

    Photos are blurred by as much as a texel is larger than a pixel, so coarse texels see farther.
    """
    comparison = Comparison(noise=options.noise, max_samples=options.num_sample)
    for size in refined_sizes(len(mask), options.uv_size):
        grid = chart_grid(model, base.vertices_mm, size)
        start = resized(distance[..., None], mask, size)[..., 0] * grid.mask
        refined = refine(
            grid,
            views,
            torch.tensor(np.ascontiguousarray(start), device=device),
            options.refine_iterations,
            options.refine_window,
            options.relief,
            comparison,
            device,
        )
        distance, mask = refined.distance_mm.cpu().numpy(), grid.mask
    return refined


def refined_sizes(first: int, last: int) -> list[int]:
    """Sides of the grids that refinement goes through: from `first`, doubled, to `last`."""
    sizes = [last]
    while sizes[0] // 2 >= first:
        sizes.insert(0, sizes[0] // 2)
    return sizes


def joined_information(information: np.ndarray, options: RegulariseOptions) -> np.ndarray:
    """Information of a texel and of those that the thin plate joins with it, in 1/mm^2.

    A plate of length l texels averages about 4 pi l^2 of them, and l^-4 is the information times
    the squared bend: what is little sure by itself borrows from more neighbours.

    Args:
        information: 1/mm^2 of texels by themselves.
        options: say how much skin bends.
    """
    bend = plate_bend(options.relief, options.uv_size)
    return 4 * np.pi * np.sqrt(np.maximum(information, 0)) / bend


def _in_volume(
    volume: Volume, options: RegulariseOptions, device: torch.device | str
) -> tuple[np.ndarray, np.ndarray]:
    """(rows, cols) distance from the base in mm and confidence 0..1, by the method asked for."""
    interval, count = float(volume.interval_mm), len(volume.response)
    mask = np.isfinite(volume.position_mm[..., 0])
    seen = mask & (volume.n_compared >= 2)
    if options.method == "variational":
        response = torch.tensor(volume.response, device=device).float() / 255
        offsets = [(index - count // 2) * interval for index in range(count)]
        compared = torch.tensor(volume.n_compared, device=device)
        found = settle(response, offsets, torch.tensor(mask, device=device), compared, LENGTHS)
        distance, confidence = found.distance_mm.cpu().numpy(), found.confidence.cpu().numpy()
    elif options.method == "mvfr":
        network = load_regulariser(options.weights)
        response = volume.response.astype(np.float32) / 255
        distance = regularise_published(response, seen, network, device) * interval
        confidence = seen.astype(np.float32)
    else:
        network = load_smoother(options.weights)
        response = volume.response.astype(np.float32) / 255
        told, sigma = regularise_learned(response, volume.n_compared, mask, network, device)
        distance, confidence = told * interval, 1 / (1 + sigma**2)
    return volume.centre_mm + distance, confidence


def _surface(
    method: str, base: BaseMesh, grid: Grid, distance: np.ndarray, confidence: np.ndarray
) -> Surface:
    return Surface(
        method=method,
        head_to_world=base.head_to_world,
        position_mm=np.where(grid.mask[..., None], grid.position, np.nan),
        normal=grid.normal,
        distance_mm=distance,
        confidence=np.where(grid.mask, confidence, 0),
        expression_share=np.zeros_like(confidence),
    )
