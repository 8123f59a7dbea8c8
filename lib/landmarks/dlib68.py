"""68 iBUG points by dlib's regression trees, in a crop that is turned upright.

Source: Kazemi & Sullivan 2014, One Millisecond Face Alignment with an Ensemble of Regression Trees.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from lib.errors import CaptureFailure, ConfigError
from lib.landmarks.mesh import jitter
from lib.landmarks.options import FaceSeen, LandmarkOptions, ViewLandmarks
from lib.networks import DLIB_68, verify_weights
from lib.networks.crop import CropFrame, cut

_SYSTEM_FOLDER = "/usr/share/dlib"  # where Debian's libdlib-data puts the file
_CROP, _BOX = 400, 200  # px: side of the crop and of dlib's box in its middle
_FLOOR = np.full(68, 0.010)  # sigma per axis in sides of the face box, from hand-marked photos
_FLOOR[:17] = 0.03
MIRROR_68 = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *(27, 28, 29, 30, 35, 34, 33, 32, 31),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65),
    ]
)


class DlibLandmarker:
    """68 points averaged over several crops, their spread as sigma.

    Args:
        options: settings; `accept_dlib_licence` must be true.
        models: folder where the file is looked for first; then Debian's folder.

    Raises:
        ConfigError: the licence is not accepted.
        MissingModelError: the file is nowhere.
    """

    scheme = "ibug68"
    n_points = 68

    def __init__(self, options: LandmarkOptions, models: str | Path):
        if not options.accept_dlib_licence:
            raise ConfigError(
                f"landmarks.method is 'dlib'; the licence of its file is {DLIB_68.licence}. "
                "Set landmarks.accept_dlib_licence: true if your use allows it, or use "
                "landmarks.method: blaze."
            )
        import dlib  # a large library that no other method needs

        folder = models if (Path(models) / DLIB_68.file).exists() else _SYSTEM_FOLDER
        folder = folder if (Path(folder) / DLIB_68.file).exists() else models
        self._predictor = dlib.shape_predictor(str(verify_weights(DLIB_68, folder)))
        self._box = dlib.rectangle(*[(_CROP - _BOX) // 2] * 2, *[(_CROP + _BOX) // 2] * 2)
        self._augmentations = options.augmentations

    def find(self, image: np.ndarray, face: FaceSeen) -> ViewLandmarks:
        """Landmarks of one face in an (h, w, 3) uint8 RGB image.

        Raises:
            CaptureFailure: `landmarks_unsure`: the face has no five points and no box.
        """
        frame = dlib_frame(face)
        crops = [self._points(image, crop) for crop in jitter(frame, self._augmentations)]
        mean = np.mean(crops, axis=0)
        frame = _refined(frame, mean)
        crops = [self._points(image, crop) for crop in jitter(frame, self._augmentations)]
        mean = np.mean(crops, axis=0)
        spread = np.std(crops, axis=0, ddof=1).mean(1)
        sigma = np.hypot(spread, _FLOOR * frame.side_px / 2)
        return ViewLandmarks(mean, sigma, np.full(68, np.nan), mean, sigma, 1.0)

    def _points(self, image: np.ndarray, frame: CropFrame) -> np.ndarray:
        shape = self._predictor(cut(image, frame), self._box)
        points = frame.to_photo(np.array([(p.x, p.y) for p in shape.parts()], np.float64))
        return points[MIRROR_68] if frame.mirrored else points


def dlib_frame(face: FaceSeen) -> CropFrame:
    """The crop in whose middle half dlib's own detector would draw its box."""
    if np.isfinite(face.points_px).all():
        return _frame_of(face.points_px[:2].mean(0), face.points_px[3:].mean(0), face)
    if not np.isfinite(face.box_px).all():
        raise CaptureFailure("landmarks_unsure", "The face has neither five points nor a box.")
    centre = (face.box_px[:2] + face.box_px[2:]) / 2
    side = float((face.box_px[2:] - face.box_px[:2]).max())
    return CropFrame((float(centre[0]), float(centre[1])), 1.9 * side, face.roll_rad, _CROP)


def _frame_of(eyes: np.ndarray, mouth: np.ndarray, face: FaceSeen) -> CropFrame:
    across = np.linalg.norm(face.points_px[1] - face.points_px[0])
    half = 1.15 * max(float(across), 0.85 * float(np.linalg.norm(mouth - eyes)))
    centre = (eyes + mouth) / 2
    return CropFrame((float(centre[0]), float(centre[1])), 4 * half, face.roll_rad, _CROP)


def _refined(frame: CropFrame, points: np.ndarray) -> CropFrame:
    """The crop moved to the points that it gave."""
    eyes, mouth = points[36:48].mean(0), points[[48, 54]].mean(0)
    across = np.linalg.norm(points[42:48].mean(0) - points[36:42].mean(0))
    half = 1.15 * max(float(across), 0.85 * float(np.linalg.norm(mouth - eyes)))
    centre = (eyes + mouth) / 2
    return replace(frame, centre_px=(float(centre[0]), float(centre[1])), side_px=4 * half)
