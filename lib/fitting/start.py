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
    root = weight.sqrt()[..., None]
    solution = torch.linalg.lstsq(points * root, (term.measured_px - mean_px[:, None]) * root)
    axes = solution.solution.transpose(1, 2)  # (n, 2, 3): scale times the first two rows of R
    scale = axes.norm(dim=2).mean(1)
    third = torch.linalg.cross(axes[:, 0], axes[:, 1]) / scale[:, None]
    u, _, v = torch.linalg.svd(torch.cat([axes, third[:, None]], 1))
    sign = torch.ones(len(u), 3, device=u.device)
    sign[:, 2] = torch.sign(torch.linalg.det(u @ v))
    rotation = u @ (sign[..., None] * v)
    origin = mean_px - scale[:, None] * (rotation[:, :2] @ mean_mm[..., None])[..., 0]
    guess = scale.log() + math.log(options.distance_mm)
    log_focal = torch.where(torch.isfinite(focal_px), focal_px.log(), guess)
    return Cameras(rotation, origin, scale.log(), log_focal, centre_px)
