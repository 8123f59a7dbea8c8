"""The surface of a single photo: the fitted head, and the relief that shading tells over it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch

from lib.artefacts import Capture, FaceFit, Regression, SkinMask, Surface
from lib.artefacts.multiview import FROM_SHADING
from lib.errors import ConfigError
from lib.facemodel import FaceModel
from lib.geometry import project
from lib.render import Camera
from lib.shading.detail_layer.relief import DetailLayer, coarse_view
from lib.shading.learned import LearnedMethod
from lib.shading.optimise.relief import optimise_relief
from lib.shading.options import ShadingOptions
from lib.shading.wrinkles import expression_share
from lib.uvspace.grid import Grid, chart_grid
from lib.uvspace.shown import posed_vertices, sample_skin
from lib.uvspace.unwrap import ChartFields, chart_fields, unwrap_face

logger = logging.getLogger(__name__)

HEAD_FRAME = np.eye(3, 4)
ORIGIN = {  # of the weights, by method
    "detail_layer": "the fine network (docs/published_systems.md says where it comes from)",
    "learned": "the file that `snakemake --cores all train_shading` makes (docs/training.md)",
}


@dataclass(frozen=True)
class ShadingTools:
    """What a method needs beside the photo, loaded once for many.

    Args:
        detail_layer: network and chart of method `detail_layer`.
        learned: our network, of method `learned`.
        fields: of the chart, of method `optimise`.
    """

    detail_layer: DetailLayer | None = None
    learned: LearnedMethod | None = None
    fields: ChartFields | None = None

    @classmethod
    def load(
        cls, options: ShadingOptions, model: FaceModel, device: torch.device | str
    ) -> ShadingTools:
        """The tools of a method.

        Raises:
            ConfigError: it needs weights and none are named, or they are of another network.
            MissingModelError: the weights are not there.
        """
        if options.method == "optimise":
            return cls(fields=chart_fields(model, options.uv_size))
        if options.method not in ORIGIN:
            return cls()
        if not options.weights:
            raise ConfigError(
                f"shading.method is {options.method}, but shading.weights is empty. Name "
                f"{ORIGIN[options.method]}; or set shading.method: none."
            )
        if options.method == "learned":
            return cls(learned=LearnedMethod.load(options.weights, model, device))
        return cls(detail_layer=DetailLayer.load(options.weights, model, device))


def shade_capture(
    model: FaceModel,
    capture: Capture,
    skin: SkinMask,
    fit: FaceFit,
    options: ShadingOptions | None = None,
    tools: ShadingTools | None = None,
    code: Regression | None = None,
) -> Surface:
    """The surface that one photo shows, in the head's own frame; of several views, the frontal one.

    Args:
        model: the fitted head model.
        capture: the photo; its original is opened again.
        skin: where it shows bare skin.
        fit: the fitted head, camera and light.
        options: settings.
        tools: of the method; None = load them.
        code: what a network read off the photo, if one was asked.

    Raises:
        CaptureFailure: `original_missing`, or `fit_failed` where the fit shows no face.
    """
    options = options or ShadingOptions()
    tools = tools or ShadingTools.load(options, model, torch.device("cpu"))
    view = fit.frontal_view
    vertices = posed_vertices(model, fit, view)
    grid = chart_grid(model, vertices, options.uv_size)
    if tools.detail_layer is not None:
        layer = tools.detail_layer
        relief = layer.relief(coarse_view(model, capture, fit, view, code))
        distance, confidence = layer.on_grid(relief, grid)
        confidence *= bare_skin_seen(capture, skin, fit, view, grid)
        share = expression_share(model, fit.vertices, vertices, grid, distance)
    elif tools.learned is not None:
        found = tools.learned.relief(capture, skin, fit, view, grid.mask)
        distance, confidence = found.distance_mm, found.confidence
        share = expression_share(model, fit.vertices, vertices, grid, found.wrinkles_mm)
        share = share * found.wrinkles_share  # the base's own error stays
    elif tools.fields is not None:
        face = unwrap_face(model, capture, fit, skin, view, options.uv_size, tools.fields)
        distance, confidence = optimise_relief(face)
        share = expression_share(model, fit.vertices, vertices, grid, distance)
    else:
        distance = confidence = share = np.zeros(grid.mask.shape, np.float32)
    return _surface(options.method, grid, distance, confidence, share)


def bare_skin_seen(
    capture: Capture, skin: SkinMask, fit: FaceFit, view: int, grid: Grid
) -> np.ndarray:
    """(rows, cols) float32 0..1: probability of bare skin where a view has each texel of a head."""
    camera = Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view])
    place = project(grid.position[grid.mask].astype(np.float64), *camera)
    result = np.zeros(grid.mask.shape, np.float32)
    result[grid.mask] = sample_skin(skin.probability[view], capture.image[view], place)
    return result


def _surface(
    method: str, grid: Grid, distance: np.ndarray, confidence: np.ndarray, share: np.ndarray
) -> Surface:
    return Surface(
        method=FROM_SHADING + method,
        head_to_world=HEAD_FRAME,
        position_mm=np.where(grid.mask[..., None], grid.position, np.nan),
        normal=grid.normal,
        distance_mm=np.where(grid.mask, distance, 0),
        confidence=np.where(grid.mask, confidence, 0),
        expression_share=np.where(grid.mask, share, 0),
    )
