"""A first estimate: the mean face posed by its landmarks, focal length by EXIF or distance."""

from __future__ import annotations

import math

import torch

from lib.fitting.camera import Cameras
from lib.fitting.landmarks import LandmarkTerm
from lib.fitting.options import FitOptions

FRONTAL = ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0))  # model frame to camera frame


def first_cameras(
    term: LandmarkTerm, focal_px: torch.Tensor, centre_px: torch.Tensor, options: FitOptions
) -> Cameras:
    """Scaled-orthographic cameras of the mean face, by weighted least squares.

    Args:
        term: measured landmarks.
        focal_px: (n,) known focal length, NaN if unknown.
        centre_px: (n, 2) principal point.
        options: gives the distance that unknown focal lengths start from.

    Source: DeMenthon & Davis 1995, the first iteration of POS.
    """
    weight = torch.where(torch.isfinite(term.detector_sigma_px), 1.0, 0.0)
    weight = weight / (term.model_sigma_mm**2 + 1.0)
    total = weight.sum(1, keepdim=True)
    mean_px = (weight[..., None] * term.measured_px).sum(1) / total
    mean_mm = (weight @ term.model_points.mean) / total
    points = term.model_points.mean - mean_mm[:, None]
    # Normal equations and cross products: LAPACK's least squares and SVD give other last bits from
    # call to call.
    weighted = (points * weight[..., None]).double().transpose(1, 2)
    offset = (term.measured_px - mean_px[:, None]).double()
    axes = torch.linalg.solve(weighted @ points.double(), weighted @ offset)
    axes = axes.transpose(1, 2).float()  # (n, 2, 3): scale times the first two rows of R
    scale = axes.norm(dim=2).mean(1)
    third = torch.nn.functional.normalize(torch.linalg.cross(axes[:, 0], axes[:, 1]))
    first = torch.nn.functional.normalize(axes[:, 0])
    rotation = torch.stack([first, torch.linalg.cross(third, first), third], 1)
    origin = mean_px - scale[:, None] * (rotation[:, :2] @ mean_mm[..., None])[..., 0]
    guess = scale.log() + math.log(options.distance_mm)
    log_focal = torch.where(torch.isfinite(focal_px), focal_px.log(), guess)
    return Cameras(rotation, origin, scale.log(), log_focal, centre_px)
