"""The scaled orthographic camera of the detail layer's networks, and its equal in mm.

Published points (mm, x to the picture's right, y up, z to the viewer, from the origin of the Basel
Face Model) are turned, scaled and moved to px of a crop of 300 about its centre, y up.

Source: Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP.
"""

from __future__ import annotations

import numpy as np

from lib.geometry.aligned_crop import AlignedCrop
from lib.geometry.crop_camera import TO_OPENCV, rotation_of_angles

CROP_PX = 300
BASE_SCALE = 1.5  # crop px per mm at log-scale 0
DEPTH_PX = -20.0  # added to z
FAR_MM = 10_000.0  # of the perspective camera that stands for the orthographic one
AIM_MM = np.array([0.0, -40.0, 15.0])  # in the model frame, where both see the same: the nose


def pose_matrix(pose: np.ndarray, size: int = CROP_PX) -> np.ndarray:
    """(3, 4) [scaled rotation | translation] for column vectors: mm to px about the crop's centre.

    Args:
        pose: (6,) pitch, yaw, roll in rad; x and y in px; logarithm of the scale.
        size: of the crop in px.
    """
    angles, (x, y, log_scale) = np.asarray(pose[:3], np.float64), np.asarray(pose[3:], np.float64)
    scale = np.exp(log_scale) * BASE_SCALE * size / CROP_PX
    return np.column_stack([scale * rotation_of_angles(angles), [x, y, DEPTH_PX]])


def image_points(camera: np.ndarray, size: int = CROP_PX) -> np.ndarray:
    """(..., 2) crop places of points (..., 3) about its centre; pixel k reaches from k to k + 1."""
    return np.stack([size / 2 + camera[..., 0], size / 2 - camera[..., 1]], -1)


def square_crop(size: tuple[int, int], corner: tuple[float, float], side: float) -> AlignedCrop:
    """The crop of a square of an image, as a crop of 300 px.

    Args:
        size: (h, w) of the image.
        corner: (left, top) of the square; pixel k reaches from k to k + 1.
        side: of it in px.
    """
    scale = CROP_PX / side
    height, width = size
    left, top = corner
    return AlignedCrop(
        size=(int(height), int(width)),
        scale=float(scale),
        centre=(float(left + side / 2), float(height - top - side / 2)),
        resized=(float(height * scale), float(width * scale)),
        corner=(float(left * scale), float(top * scale)),
        side=CROP_PX,
    )


def landmark_square(points: np.ndarray) -> tuple[tuple[int, int], int]:
    """Corner (left, top) and side in whole px of the square that the networks look at.

    Args:
        points: (n, 2) landmarks with the outline of the jaw and both brows; integers are centres.

    Raises:
        ValueError: they are not finite, or all in one place.
    """
    if not np.isfinite(points).all():
        raise ValueError("landmarks are not all known; expected the outline, brows, eyes and mouth")
    low, high = points.min(0), points.max(0)
    wide, tall = (high - low).tolist()
    half = max(0.8 * wide, 0.6 * tall)
    x, y = (low[0] + high[0]) / 2, low[1] + 0.4 * tall
    left, top = int(np.trunc(x - half + 0.5)), int(np.trunc(y - half + 0.5))
    right, bottom = int(np.trunc(x + half + 0.5)), int(np.trunc(y + half + 0.5))
    side = min(right - left, bottom - top)
    if side < 1:
        raise ValueError(f"landmarks span {wide:.1f} x {tall:.1f} px; expected a face's points")
    return (left, top), side


def camera_of_scaled_pose(
    pose: np.ndarray, origin_mm: np.ndarray, crop: AlignedCrop
) -> tuple[np.ndarray, float, np.ndarray]:
    """The same view as a pinhole camera of the whole image, ten metres away.

    At that distance a point 50 mm nearer than the middle of the face is drawn 0.5 % larger.

    Args:
        pose: (6,), see `pose_matrix`.
        origin_mm: (3,) published origin in the model frame.
        crop: the square that was looked at.

    Returns:
        (3, 4) world_to_camera in mm; focal length and (2,) principal point in image px.
    """
    rotation = TO_OPENCV @ rotation_of_angles(np.asarray(pose[:3], np.float64))
    scale = np.exp(float(pose[5])) * BASE_SCALE
    aimed = rotation @ (AIM_MM - np.asarray(origin_mm, np.float64))
    middle = np.array([pose[3], -pose[4]], np.float64) + CROP_PX / 2 - 0.5 + scale * aimed[:2]
    step = np.sqrt(np.prod(np.diagonal(crop.matrix[:, :2])))
    focal = scale * FAR_MM / step
    shift = [0.0, 0.0, FAR_MM] - rotation @ AIM_MM
    return np.column_stack([rotation, shift]), float(focal), crop.to_image(middle)
