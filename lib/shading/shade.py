"""The surface of a single photo: the fitted head, and the relief that shading tells over it."""

from __future__ import annotations

import logging

import numpy as np

from lib.artefacts import Capture, FaceFit, SkinMask, Surface
from lib.artefacts.multiview import FROM_SHADING
from lib.facemodel import FaceModel
from lib.shading.options import ShadingOptions
from lib.uvspace.grid import Grid, chart_grid
from lib.uvspace.shown import posed_vertices

logger = logging.getLogger(__name__)

HEAD_FRAME = np.eye(3, 4)


def shade_capture(
    model: FaceModel,
    capture: Capture,
    skin: SkinMask,
    fit: FaceFit,
    options: ShadingOptions | None = None,
) -> Surface:
    """The surface that one photo shows, in the head's own frame; of several views, the frontal one.

    Args:
        model: the fitted head model.
        capture: the photo; its original is opened again.
        skin: where it shows bare skin.
        fit: the fitted head, camera and light.
        options: settings.

    Raises:
        CaptureFailure: `original_missing`.
    """
    options = options or ShadingOptions()
    view = fit.frontal_view
    grid = chart_grid(model, posed_vertices(model, fit, view), options.uv_size)
    nothing = np.zeros(grid.mask.shape, np.float32)
    return _surface(options.method, grid, nothing, nothing, nothing)


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
