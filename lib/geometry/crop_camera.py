"""The fixed camera that coefficient regressors assume before an aligned crop, and its equal in mm.

Object frame: decimetres, x to the picture's right, y up, z to the viewer; world = object . R + t
with row vectors; the camera looks from z = 10 down at crops of 224 px with a focal length of 1015.

Source: Deng et al. 2019, CVPRW.
"""

from __future__ import annotations

import numpy as np

from lib.geometry.aligned_crop import SIDE_PX, AlignedCrop
from lib.geometry.camera import project
from lib.geometry.pose import pose_from_points

FOCAL_PX = 1015.0  # of a crop of 224
CENTRE_UP = 112.0  # principal point of points with y up
CENTRE_PX = 111.5  # the same as pixel centres are counted: the middle of the crop
DISTANCE = 10.0  # decimetres
MM_PER_UNIT = 100.0
TO_OPENCV = np.diag([1.0, -1.0, -1.0])


def rotation_of_angles(angles: np.ndarray) -> np.ndarray:
    """(..., 3, 3) R for row vectors, of (..., 3) pitch, yaw and roll in rad: (Rz Ry Rx)^T."""
    x, y, z = np.moveaxis(np.asarray(angles, np.float64), -1, 0)
    zero, one = np.zeros_like(x), np.ones_like(x)

    def matrix(*values: np.ndarray) -> np.ndarray:
        return np.stack(values, -1).reshape(*x.shape, 3, 3)

    pitch = matrix(one, zero, zero, zero, np.cos(x), -np.sin(x), zero, np.sin(x), np.cos(x))
    yaw = matrix(np.cos(y), zero, np.sin(y), zero, one, zero, -np.sin(y), zero, np.cos(y))
    roll = matrix(np.cos(z), -np.sin(z), zero, np.sin(z), np.cos(z), zero, zero, zero, one)
    return np.swapaxes(roll @ yaw @ pitch, -1, -2)


def angles_of_rotation(rotation: np.ndarray) -> np.ndarray:
    """(..., 3) pitch, yaw and roll in rad of (..., 3, 3) R for row vectors; yaw in +-pi/2."""
    turned = np.swapaxes(rotation, -1, -2)
    pitch = np.arctan2(turned[..., 2, 1], turned[..., 2, 2])
    yaw = np.arctan2(-turned[..., 2, 0], np.hypot(turned[..., 2, 1], turned[..., 2, 2]))
    roll = np.arctan2(turned[..., 1, 0], turned[..., 0, 0])
    return np.stack([pitch, yaw, roll], -1)


def posed(points: np.ndarray, angles: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """World places of (n, p, 3) object points, for n angles and translations (n, 3)."""
    return points @ rotation_of_angles(angles) + translation[..., None, :]


def image_up(world: np.ndarray) -> np.ndarray:
    """(..., 2) crop px with y UP of (..., 3) world points."""
    depth = DISTANCE - world[..., 2:]
    return FOCAL_PX * world[..., :2] / depth + CENTRE_UP


def to_object(points_mm: np.ndarray, origin_mm: np.ndarray) -> np.ndarray:
    """Object frame of points (..., 3) in the head model's frame, whose object origin is given."""
    return (points_mm - origin_mm) / MM_PER_UNIT


def camera_of_pose(
    angles: np.ndarray, translation: np.ndarray, origin_mm: np.ndarray, crop: AlignedCrop
) -> tuple[np.ndarray, float, np.ndarray]:
    """The same view as a camera of the whole image.

    Args:
        angles: (3,) rad.
        translation: (3,) decimetres.
        origin_mm: (3,) object origin in the model frame.
        crop: the crop that was looked at.

    Returns:
        (3, 4) world_to_camera in mm; focal length and (2,) principal point in image px. A crop with
        whole-numbered sizes has slightly different scales along x and y: the focal length is their
        geometric mean.
    """
    turn = TO_OPENCV @ rotation_of_angles(angles).T
    shift = TO_OPENCV @ (MM_PER_UNIT * np.asarray(translation, np.float64))
    shift = shift - turn @ origin_mm + [0, 0, MM_PER_UNIT * DISTANCE]
    step = np.sqrt(np.prod(np.diagonal(crop.matrix[:, :2])))
    focal = FOCAL_PX * crop.side / SIDE_PX / step
    return np.column_stack([turn, shift]), float(focal), crop.to_image(_crop_centre(crop))


def pose_of_camera(
    points_mm: np.ndarray,
    world_to_camera: np.ndarray,
    focal_px: float,
    centre_px: np.ndarray,
    origin_mm: np.ndarray,
    crop: AlignedCrop,
) -> tuple[np.ndarray, np.ndarray]:
    """Angles (3,) and translation (3,) under which the fixed camera sees points as a camera does.

    The fixed camera has a perspective of its own, so that this is the nearest pose, not the same
    picture.

    Args:
        points_mm: (p, 3) model points that are to agree.
        world_to_camera: (3, 4) mm.
        focal_px: of the image.
        centre_px: (2,) of the image.
        origin_mm: (3,) object origin in the model frame.
        crop: of that image.

    Raises:
        PoseError: the points do not tell a pose.
    """
    seen = project(
        points_mm[None], world_to_camera[None], np.array([focal_px]), np.asarray(centre_px)[None]
    )[0]
    focal = FOCAL_PX * crop.side / SIDE_PX
    pose = pose_from_points(points_mm - origin_mm, crop.to_crop(seen), focal, _crop_centre(crop))
    rotation = (TO_OPENCV @ pose[:, :3]).T
    translation = TO_OPENCV @ (pose[:, 3] - [0, 0, MM_PER_UNIT * DISTANCE]) / MM_PER_UNIT
    return angles_of_rotation(rotation), translation


def _crop_centre(crop: AlignedCrop) -> np.ndarray:
    return np.full(2, (crop.side - 1) / 2)
