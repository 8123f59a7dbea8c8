"""A first estimate: the mean face posed by its landmarks, focal length by EXIF or distance."""

from __future__ import annotations

import math

import numpy as np
import torch

from lib.facemodel import FaceModel
from lib.fitting.camera import Cameras
from lib.fitting.known import KnownCameras
from lib.fitting.landmarks import LandmarkTerm
from lib.fitting.options import FitOptions
from lib.fitting.views import View
from lib.geometry import align_points

FRONTAL = ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0))  # model frame to camera frame
FEWEST = 8  # triangulated points that place a head
REWEIGHTINGS = 10


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


def known_cameras(
    model: FaceModel, scheme: str, views: list[View], cameras: Cameras
) -> KnownCameras | None:
    """Which views stand in one world, and where the mean face is there; None where none does.

    Args:
        model: the head model.
        scheme: of the landmarks.
        views: the views of all captures.
        cameras: a first estimate of each view for itself.
    """
    if not any(view.setup.known for view in views):
        return None
    keys = [(view.name, None if view.setup.known else view.index) for view in views]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    group = np.array([numbers[key] for key in keys])
    first = np.unique(group, return_index=True)[1]
    points = model.landmarks[scheme].on(model.mean, model.triangles)
    alone = cameras.world_to_camera().double().cpu().numpy()
    heads = [
        _head_to_world(points, [views[i] for i in rows], alone[rows])
        for rows in (np.flatnonzero(group == number) for number in range(len(numbers)))
    ]
    poses = np.stack([view.setup.world_to_camera[view.index] for view in views])

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.tensor(values, device=cameras.rotation.device)

    return KnownCameras(
        tensor(group),
        tensor(first),
        tensor(np.array([views[row].setup.known for row in first])),
        tensor(np.nan_to_num(poses)),
        tensor(np.stack(heads)),
    )


def _head_to_world(points: np.ndarray, views: list[View], alone: np.ndarray) -> np.ndarray:
    """(3, 4) from triangulated landmarks, else from the view with the surest measurements."""
    setup = views[0].setup
    if not setup.known:
        return np.eye(3, 4)
    there = np.isfinite(setup.points_mm).all(1)
    if there.sum() >= FEWEST:
        source, target = points[there].astype(float), setup.points_mm[there]
        weights = np.ones(len(source))
        for _ in range(REWEIGHTINGS):
            _, rotation, translation = align_points(source, target, weights, with_scale=False)
            distance = np.linalg.norm(source @ rotation.T + translation - target, axis=1)
            weights = (1 + (distance / max(2 * float(np.median(distance)), 1e-6)) ** 2) ** -2.0
        return np.column_stack([rotation, translation])
    surest = int(np.argmin([np.nanmedian(view.sigma_px) for view in views]))
    pose = setup.world_to_camera[views[surest].index]
    inverse = pose[:, :3].T
    rotation = inverse @ alone[surest, :, :3]
    return np.column_stack([rotation, inverse @ (alone[surest, :, 3] - pose[:, 3])])
