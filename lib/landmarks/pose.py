"""Rough pose of a head from points whose place on the head model is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RoughPose:
    """Scaled orthographic pose: image = scale * (rotation @ model)[:2] + offset_px.

    Args:
        rotation: (3, 3) model frame to camera axes (x right, y down, z forward).
        scale: px per mm.
        offset_px: (2,)
    """

    rotation: np.ndarray
    scale: float
    offset_px: np.ndarray

    @property
    def yaw_rad(self) -> float:
        """Turn of the head; positive when the nose points to the right of the picture."""
        nose = self.rotation[:, 2]
        return float(np.arctan2(nose[0], -nose[2]))

    def project(self, points: np.ndarray) -> np.ndarray:
        """(n, 3) mm -> (n, 2) px."""
        return self.scale * points @ self.rotation[:2].T + self.offset_px


def rough_pose(
    points: np.ndarray, image_px: np.ndarray, depth_px: np.ndarray, weight: np.ndarray
) -> RoughPose:
    """Similarity that takes model points to image points and their relative depth.

    Args:
        points: (n, 3) mm, model frame.
        image_px: (n, 2).
        depth_px: (n,) away from the camera positive, about the scale of the image.
        weight: (n,)

    Source: Umeyama 1991, IEEE PAMI 13(4), eqs. 40-42.
    """
    target = np.column_stack([image_px, depth_px])
    weight = weight / weight.sum()
    centre, target_centre = weight @ points, weight @ target
    model, seen = points - centre, target - target_centre
    covariance = (seen * weight[:, None]).T @ model
    left, singular, right = np.linalg.svd(covariance)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = left @ np.diag(sign) @ right
    scale = float((singular * sign).sum() / (weight @ (model**2).sum(1)))
    offset = target_centre - scale * rotation @ centre
    return RoughPose(rotation, scale, offset[:2])
