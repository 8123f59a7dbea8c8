"""106 points by the network of HRN and 3DDFA_V3, with the spread of its looks as sigma."""

from __future__ import annotations

import numpy as np
import torch

from lib.errors import CaptureFailure, MissingModelError
from lib.facemodel.dense_landmarks import OPPOSITE106
from lib.landmarks.ibug106 import ibug68_of_106, ibug68_sigma_of_106
from lib.landmarks.options import FaceSeen, LandmarkOptions, ViewLandmarks
from lib.networks import POINTS_106
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

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it is not a file of this network.
    """

    scheme = "ldm106"
    n_points = N_POINTS

    def __init__(self, options: LandmarkOptions, device: torch.device | str = "cpu"):
        if not options.weights:
            raise MissingModelError(
                f"landmarks.weights is not set; method 'points106' needs {POINTS_106.file} "
                f"({POINTS_106.licence}).\n    Get it: {POINTS_106.obtain}\n"
                "    Or set landmarks.method: blaze, which needs no file of yours."
            )
        self._finder = PointFinder(options.weights, device)

    def find(self, image: np.ndarray, face: FaceSeen) -> ViewLandmarks:
        """Landmarks of one face in an (h, w, 3) uint8 RGB image.

        Raises:
            CaptureFailure: `landmarks_unsure`: the points fall together or leave the face.
        """
        turns = round(face.roll_rad / (np.pi / 2)) % 4
        upright = np.ascontiguousarray(np.rot90(image, turns))
        box = turned_box(face.box_px.astype(np.float64), turns, image.shape[:2])
        first, second, (square,) = two_passes(self._finder, [upright], box[None])
        mirrored = self._finder([upright], [square], mirrored=True)[:, OPPOSITE106]
        _check(second[0], box)
        looks = np.concatenate([first, mirrored]) - second
        spread = np.sqrt((looks**2).mean((0, 2)))
        sigma = np.hypot(spread, _FLOOR * square.side_px / ENLARGED)
        points = turned_points(second[0], -turns % 4, upright.shape[:2])
        return ViewLandmarks(
            points,
            sigma,
            np.full(N_POINTS, np.nan),
            ibug68_of_106(points),
            ibug68_sigma_of_106(sigma),
            1.0,
        )


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


def _check(points: np.ndarray, box: np.ndarray) -> None:
    side = (box[2:] - box[:2]).max()
    low, high = points.min(0), points.max(0)
    moved = np.linalg.norm((low + high) / 2 - (box[:2] + box[2:]) / 2)
    if (high - low).max() < _SMALLEST * side or moved > _DRIFT * side:
        raise CaptureFailure(
            "landmarks_unsure",
            f"The 106 points span {(high - low).max():.0f} px, {moved:.0f} px away from the middle "
            f"of a face box of {side:.0f} px: the network sees no face there. Is landmarks.weights "
            "the right file?",
        )
