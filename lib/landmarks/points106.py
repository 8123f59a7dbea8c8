"""106 points by the network of HRN and 3DDFA_V3, with the spread of its looks as sigma."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lib.errors import CaptureFailure, MissingModelError
from lib.facemodel.dense_landmarks import OPPOSITE106
from lib.landmarks.ibug106 import ibug68_of_106, ibug68_sigma_of_106
from lib.landmarks.options import FaceOnPhoto, FaceSeen, LandmarkOptions, ViewLandmarks
from lib.networks import POINTS_106
from lib.networks.ahead import at_once
from lib.networks.points106 import ENLARGED, N_POINTS, PointFinder, two_passes

# Sigma per axis in sides of the face, as of dlib's points: the network's own error against hand-
# marked points has not been measured, since its weights are the user's.
_FLOOR = np.full(N_POINTS, 0.010)
_FLOOR[:33] = 0.03
_SMALLEST = 0.3  # sides of the face box: closer together, the points are of no face
_DRIFT = 0.6  # sides of the face box


class Points106Landmarker:
    """106 points of the second look; first look and mirrored second look tell how sure they are.

    A face that lies on its side or stands on its head is turned by quarters of a turn first: the
    network was made for upright ones.

    Args:
        options: settings with `weights`.
        device: where the network runs.
        batch: faces that it sees at once; 0 = what suits the device.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it is not a file of this network.
    """

    scheme = "ldm106"
    n_points = N_POINTS

    def __init__(
        self, options: LandmarkOptions, device: torch.device | str = "cpu", batch: int = 0
    ):
        if not options.weights:
            raise MissingModelError(
                f"landmarks.weights is not set; method 'points106' needs {POINTS_106.file} "
                f"({POINTS_106.licence}).\n    Get it: {POINTS_106.obtain}\n"
                "    Or set landmarks.method: blaze, which needs no file of yours."
            )
        self._finder = PointFinder(options.weights, device)
        self._batch = batch or at_once(device)

    def find(self, image: np.ndarray, face: FaceSeen) -> ViewLandmarks:
        """Landmarks of one face in an (h, w, 3) uint8 RGB image.

        Raises:
            CaptureFailure: `landmarks_unsure`: the points fall together or leave the face.
        """
        (found,) = self.find_many([(image, face)])
        if isinstance(found, CaptureFailure):
            raise found
        return found

    def find_many(self, faces: Sequence[FaceOnPhoto]) -> list[ViewLandmarks | CaptureFailure]:
        """Landmarks of each face, or why it has none; three passes of the network per batch."""
        found: list[ViewLandmarks | CaptureFailure] = []
        for start in range(0, len(faces), self._batch):
            found += self._look([_upright(*face) for face in faces[start : start + self._batch]])
        return found

    def _look(self, faces: Sequence[_Upright]) -> list[ViewLandmarks | CaptureFailure]:
        images, boxes = [face.image for face in faces], np.array([face.box_px for face in faces])
        first, second, squares = two_passes(self._finder, images, boxes)
        mirrored = self._finder(images, squares, mirrored=True)[:, OPPOSITE106]
        looks = np.stack([first, mirrored]) - second
        spread = np.sqrt((looks**2).mean((0, 3)))
        side = np.array([square.side_px / ENLARGED for square in squares])
        sigma = np.hypot(spread, _FLOOR * side[:, None])
        return [_measured(*row) for row in zip(faces, second, sigma, strict=True)]


@dataclass(frozen=True)
class _Upright:
    """A photo turned by quarters until its face is roughly upright.

    Args:
        image: (h, w, 3) uint8.
        box_px: (4,) of the face in it.
        turns: quarters by which np.rot90 turned it.
    """

    image: np.ndarray
    box_px: np.ndarray
    turns: int


def _upright(image: np.ndarray, face: FaceSeen) -> _Upright:
    turns = round(face.roll_rad / (np.pi / 2)) % 4
    box = turned_box(face.box_px.astype(np.float64), turns, image.shape[:2])
    return _Upright(np.ascontiguousarray(np.rot90(image, turns)), box, turns)


def _measured(
    face: _Upright, points: np.ndarray, sigma: np.ndarray
) -> ViewLandmarks | CaptureFailure:
    failure = _failure(points, face.box_px)
    if failure is not None:
        return failure
    points = turned_points(points, -face.turns % 4, face.image.shape[:2])
    ibug, ibug_sigma = ibug68_of_106(points), ibug68_sigma_of_106(sigma)
    return ViewLandmarks(points, sigma, np.full(N_POINTS, np.nan), ibug, ibug_sigma, 1.0)


def turned_points(points: np.ndarray, turns: int, size: tuple[int, int]) -> np.ndarray:
    """(..., 2) of (..., 2) px in a picture of `size` (h, w) after np.rot90 by `turns`."""
    height, width = size
    for _ in range(turns):
        points = np.stack([points[..., 1], width - 1 - points[..., 0]], -1)
        height, width = width, height
    return points


def turned_box(box: np.ndarray, turns: int, size: tuple[int, int]) -> np.ndarray:
    """(4,) of a face box (4,), whose sides are those of the face, not of the picture.

    Args:
        box: x0, y0, x1, y1 in axes turned by the face's roll about the box's centre.
        turns: quarters counter-clockwise, as of np.rot90.
        size: (h, w) of the picture before it is turned.
    """
    centre = turned_points((box[:2] + box[2:]) / 2, turns, size)
    half = (box[2:] - box[:2]) / 2
    return np.concatenate([centre - half, centre + half])


def _failure(points: np.ndarray, box: np.ndarray) -> CaptureFailure | None:
    side = (box[2:] - box[:2]).max()
    low, high = points.min(0), points.max(0)
    moved = np.linalg.norm((low + high) / 2 - (box[:2] + box[2:]) / 2)
    if (high - low).max() >= _SMALLEST * side and moved <= _DRIFT * side:
        return None
    return CaptureFailure(
        "landmarks_unsure",
        f"The 106 points span {(high - low).max():.0f} px, {moved:.0f} px away from the middle of "
        f"a face box of {side:.0f} px: the network sees no face there. Is landmarks.weights the "
        "right file?",
    )
