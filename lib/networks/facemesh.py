"""The 468-point face mesh network, run by OpenCV.

Source: Kartynnik et al. 2019, Real-time Facial Surface Geometry from Monocular Video on Mobile
GPUs, arXiv 1907.06724.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from lib.networks.cards import FACE_MESH, verify_weights
from lib.networks.crop import CropFrame, cut
from lib.networks.mesh_mirror import MIRROR

SIDE = 192
N_POINTS = 468
# Points of the mesh by the part of the face that they follow (numbers of the published mesh).
RIGHT_EYE_CORNERS = (33, 133)  # outer, inner
LEFT_EYE_CORNERS = (263, 362)
NOSE_TIP = 1
MOUTH_CORNERS = (61, 291)  # right, left
FOREHEAD, CHIN = 10, 152
_CROP_BOXES = 1.5  # side of the crop over the longer side of the points' bounding box


@dataclass(frozen=True)
class MeshPoints:
    """What the network says about one crop.

    Args:
        points_px: (468, 2) photo px.
        depth_px: (468,) relative depth, away from the camera positive, in photo px.
        presence: probability that the crop shows a face.
    """

    points_px: np.ndarray
    depth_px: np.ndarray
    presence: float


class FaceMesh:
    """The network, ready to run.

    Args:
        folder: folder of the weights.

    Raises:
        MissingModelError: the file is missing or is another one.
    """

    def __init__(self, folder: str | Path):
        self._net = cv2.dnn.readNetFromTFLite(str(verify_weights(FACE_MESH, folder)))
        layers = self._net.getUnconnectedOutLayersNames()
        self._net.setInput(np.zeros((1, 3, SIDE, SIDE), np.float32))
        sizes = [output.size for output in self._net.forward(layers)]
        self._layers = [layers[sizes.index(N_POINTS * 3)], layers[sizes.index(1)]]

    def __call__(self, image: np.ndarray, frame: CropFrame) -> MeshPoints:
        """Points in the square `frame` (of size 192) of an (h, w, 3) uint8 RGB photo."""
        crop = cut(image, frame).astype(np.float32) / 255
        self._net.setInput(cv2.dnn.blobFromImage(crop))
        points, logit = self._net.forward(self._layers)
        points = points.reshape(N_POINTS, 3).astype(np.float64)
        in_photo = frame.to_photo(points[:, :2] - 0.5)  # the network counts edges, not centres
        depth = points[:, 2] * frame.side_px / frame.size
        if frame.mirrored:
            in_photo, depth = in_photo[MIRROR], depth[MIRROR]
        presence = 1 / (1 + np.exp(-np.clip(float(logit.ravel()[0]), -80, 80)))
        return MeshPoints(in_photo, depth, presence)


def frame_of_points(points_px: np.ndarray) -> CropFrame:
    """The crop that fits a face whose 468 points are known.

    Args:
        points_px: (468, 2) photo px.

    Returns:
        A square about the points' bounding box in the axes of the face, 1.5 times its longer side.
    """
    roll = roll_of_points(points_px)
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    upright = points_px @ turn.T
    low, high = upright.min(0), upright.max(0)
    centre = (low + high) / 2 @ turn
    side = _CROP_BOXES * float((high - low).max())
    return CropFrame((float(centre[0]), float(centre[1])), side, roll, SIDE)


def frame_of_box(box_px: np.ndarray, roll_rad: float) -> CropFrame:
    """The crop that fits a face box (4,) of the detector, turned by `roll_rad`."""
    centre = (box_px[:2] + box_px[2:]) / 2
    side = _CROP_BOXES * float((box_px[2:] - box_px[:2]).max())
    return CropFrame((float(centre[0]), float(centre[1])), side, roll_rad, SIDE)


def five_of_mesh(points_px: np.ndarray) -> np.ndarray:
    """(5, 2) right eye, left eye, nose tip, right and left mouth corner of (468, 2) points."""
    right = points_px[list(RIGHT_EYE_CORNERS)].mean(0)
    left = points_px[list(LEFT_EYE_CORNERS)].mean(0)
    return np.stack([right, left, points_px[NOSE_TIP], *points_px[list(MOUTH_CORNERS)]])


def roll_of_points(points_px: np.ndarray) -> float:
    """In-plane rotation (rad, clockwise positive) of a face from its 468 points.

    The line of the eyes and the line from chin to forehead both count, each by its length, so that
    a profile whose eyes nearly coincide still has a defined roll.
    """
    eyes = points_px[list(LEFT_EYE_CORNERS)].mean(0) - points_px[list(RIGHT_EYE_CORNERS)].mean(0)
    down = points_px[CHIN] - points_px[FOREHEAD]
    across = eyes + np.array([down[1], -down[0]]) * 0.5
    return float(np.arctan2(across[1], across[0]))
