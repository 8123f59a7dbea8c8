"""The camera that a network's code means, whichever published system the code is of."""

from __future__ import annotations

from typing import Literal

import numpy as np

from lib.geometry.aligned_crop import SIDE_PX, AlignedCrop
from lib.geometry.crop_camera import camera_of_pose
from lib.geometry.orthographic import CROP_PX, camera_of_scaled_pose

CodeSystem = Literal["deep3d", "detail_layer"]
DEEP3D, DETAIL_LAYER = "deep3d", "detail_layer"
SIDES_PX = {DEEP3D: SIDE_PX, DETAIL_LAYER: CROP_PX}  # of the crops


def camera_of_code(
    system: str,
    angles: np.ndarray,
    translation: np.ndarray,
    origin_mm: np.ndarray,
    crop: AlignedCrop,
) -> tuple[np.ndarray, float, np.ndarray]:
    """The view of a code as a camera of the whole image.

    Args:
        system: whose conventions angles and translation follow.
        angles: (3,) rad.
        translation: (3,) decimetres; of the detail layer x and y in px and the scale's logarithm.
        origin_mm: (3,) published origin in the model frame.
        crop: the crop that was looked at.

    Returns:
        (3, 4) world_to_camera in mm; focal length and (2,) principal point in image px.
    """
    if system == DETAIL_LAYER:
        return camera_of_scaled_pose(np.concatenate([angles, translation]), origin_mm, crop)
    return camera_of_pose(angles, translation, origin_mm, crop)
