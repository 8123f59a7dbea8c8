"""Pinhole cameras in the OpenCV convention: x right, y down, z forward; integer = pixel centre."""

from __future__ import annotations

import numpy as np

from lib.errors import ShapeError


def to_camera(points: np.ndarray, world_to_camera: np.ndarray) -> np.ndarray:
    """Points in the camera frame.

    Args:
        points: (..., P, 3) in mm, model frame.
        world_to_camera: (..., 3, 4) rigid transform [R|t], t in mm.

    Returns:
        (..., P, 3) in mm: x right, y down, z forward.

    Raises:
        ShapeError: `world_to_camera` is not (..., 3, 4).
    """
    if world_to_camera.shape[-2:] != (3, 4):
        raise ShapeError("world_to_camera", world_to_camera.shape, "(..., 3, 4)")
    rotation, translation = world_to_camera[..., :3], world_to_camera[..., None, :, 3]
    return points @ rotation.swapaxes(-1, -2) + translation


def project(
    points: np.ndarray, world_to_camera: np.ndarray, focal_px: np.ndarray, centre_px: np.ndarray
) -> np.ndarray:
    """Image positions of model points.

    Args:
        points: (..., P, 3) in mm, model frame.
        world_to_camera: (..., 3, 4) rigid transform [R|t], t in mm.
        focal_px: (...,) focal length in px; pixels are square.
        centre_px: (..., 2) principal point (x, y) in px.

    Returns:
        (..., P, 2) image points (x, y) in px. A point on or behind the camera plane is NaN.

    Raises:
        ShapeError: `world_to_camera` is not (..., 3, 4).

    Source: Hartley & Zisserman, Multiple View Geometry, 2nd ed., ch. 6.
    """
    focal_px, centre_px = np.asarray(focal_px), np.asarray(centre_px)
    in_camera = to_camera(points, world_to_camera)
    depth = np.where(in_camera[..., 2:] > 0, in_camera[..., 2:], np.nan)
    return focal_px[..., None, None] * in_camera[..., :2] / depth + centre_px[..., None, :]
