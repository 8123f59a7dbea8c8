"""From a fitted head to the base mesh of a capture."""

from __future__ import annotations

import logging

import numpy as np
import torch

from lib.artefacts import BaseMesh, Capture, FaceFit, Rig
from lib.base.free_form import free_form
from lib.base.options import BaseOptions
from lib.errors import ShapeError
from lib.facemodel import FaceModel
from lib.uvspace.captures import chosen_views, head_in_world, is_calibrated, matching_views

logger = logging.getLogger(__name__)

VIEWS, FIT = "views", "fit"


def fit_base_mesh(
    model: FaceModel,
    capture: Capture,
    rig: Rig,
    fit: FaceFit,
    options: BaseOptions | None = None,
    device: torch.device | str = "cpu",
) -> BaseMesh:
    """The head of one capture in its world frame, drawn to where its views agree.

    A capture without a calibrated rig keeps the fitted head: one view does not measure depth.

    Args:
        model: the fitted head model.
        capture: working images.
        rig: cameras in mm.
        fit: identity, expression and pose.
        options: settings.
        device: where the tensors live.

    Raises:
        ShapeError: the fit belongs to another model.
    """
    options = options or BaseOptions()
    if fit.vertices.shape != model.mean.shape:
        raise ShapeError("fit.vertices", fit.vertices.shape, f"{model.mean.shape} of {model.name}")
    placed, vertices = head_in_world(model, rig, fit)
    drawn, observed = vertices, np.zeros(len(vertices), np.float32)
    if is_calibrated(rig):
        views = matching_views(capture, rig)
        drawn, observed = free_form(model, vertices, views, options, device)
    moved = np.linalg.norm(drawn - vertices, axis=1)
    seen = observed > 0.1
    logger.info(
        "%d views, free form moves the seen vertices by %.2f mm on the whole, %.2f at most",
        len(chosen_views(rig)) if is_calibrated(rig) else 0,
        float(np.median(moved[seen])) if seen.any() else 0.0,
        float(moved.max()),
    )
    return BaseMesh(
        model=model.name,
        source=VIEWS if is_calibrated(rig) else FIT,
        vertices_mm=drawn,
        head_to_world=placed,
        free_form_mm=moved,
        observed=observed,
    )
