"""Pinhole cameras of one capture that stand in one frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.geometry import project, to_camera


@dataclass(frozen=True)
class Cameras:
    """Cameras in the OpenCV convention; a row of NaN is a view whose camera nobody knows.

    Args:
        world_to_camera: (n_views, 3, 4) rigid [R|t], any unit of length.
        focal_px: (n_views,).
        centre_px: (n_views, 2) principal point.
    """

    world_to_camera: np.ndarray
    focal_px: np.ndarray
    centre_px: np.ndarray

    def __len__(self) -> int:
        return len(self.focal_px)

    @property
    def known(self) -> np.ndarray:
        """(n_views,) bool: pose and focal length are there."""
        return np.isfinite(self.world_to_camera).all((1, 2)) & np.isfinite(self.focal_px)

    @property
    def positions(self) -> np.ndarray:
        """(n_views, 3) where the cameras stand, in the world."""
        rotation, translation = self.world_to_camera[..., :3], self.world_to_camera[..., 3]
        return -(rotation.swapaxes(1, 2) @ translation[..., None])[..., 0]

    def project(self, points: np.ndarray) -> np.ndarray:
        """(n_views, p, 2) px of world points (p, 3); NaN on or behind a camera's plane."""
        return project(points[None], self.world_to_camera, self.focal_px, self.centre_px)

    def derivatives(self, points: np.ndarray) -> np.ndarray:
        """(n_views, p, 2, 3) px per unit of length by which a world point (p, 3) moves."""
        seen = to_camera(points[None], self.world_to_camera)
        slope = np.zeros((*seen.shape[:2], 2, 3))
        depth = np.where(seen[..., 2] > 0, seen[..., 2], np.nan)
        scale = self.focal_px[:, None] / depth
        slope[..., 0, 0] = slope[..., 1, 1] = scale
        slope[..., 2] = -scale[..., None] * seen[..., :2] / depth[..., None]
        return slope @ self.world_to_camera[:, None, :, :3]

    def rays(self, points_px: np.ndarray) -> np.ndarray:
        """(n_views, p, 3) unit directions in the world of image points (n_views, p, 2)."""
        plane = (points_px - self.centre_px[:, None]) / self.focal_px[:, None, None]
        ahead = np.concatenate([plane, np.ones((*plane.shape[:2], 1))], 2)
        ahead = ahead @ self.world_to_camera[:, :, :3]
        return ahead / np.linalg.norm(ahead, axis=2, keepdims=True)

    def scaled(self, scale: float) -> Cameras:
        """The same cameras in a world that many times as large."""
        moved = self.world_to_camera.copy()
        moved[..., 3] *= scale
        return Cameras(moved, self.focal_px, self.centre_px)

    def only(self, kept: np.ndarray) -> Cameras:
        """The cameras with the poses of views that are not kept (n_views, bool) forgotten."""
        poses = np.where(kept[:, None, None], self.world_to_camera, np.nan)
        return Cameras(poses, self.focal_px, self.centre_px)
