"""Detectors that come inside packages without networks: dlib's HOG templates and Haar cascades."""

from __future__ import annotations

import cv2
import numpy as np

from lib.detection.options import Detection, DetectionOptions

_DLIB_SIDE = 800  # px: dlib looks at faces of 80 px and more; larger photos are reduced to this
_HAAR_SIDE = 1000
_CASCADE = "haarcascade_frontalface_alt2.xml"


class DlibDetector:
    """dlib's HOG detector: upright, nearly frontal faces.

    The photo is reduced to 800 px, where faces of 80 px are found; when there is none, it is
    enlarged twice, for faces of 40 px.

    Args:
        options: settings.
    """

    def __init__(self, options: DetectionOptions):
        import dlib  # a large library that no other method needs

        self._find = dlib.get_frontal_face_detector()
        self._options = options

    def detect(self, image: np.ndarray, name: str = "") -> list[Detection]:
        """Faces of an (h, w, 3) uint8 RGB image, best first; without points."""
        small, scale = _reduced(image, _DLIB_SIDE)
        for enlargements in (0, 1):
            boxes, scores, _ = self._find.run(np.ascontiguousarray(small), enlargements, 0.0)
            found = [
                _boxed([b.left(), b.top(), b.right(), b.bottom()], scale, 1 - np.exp(-3.0 * s))
                for b, s in zip(boxes, scores)
            ]
            found = [face for face in found if face.side_px >= self._options.min_face_px]
            if found:
                return sorted(found, key=lambda face: -face.score)
        return []


class HaarDetector:
    """OpenCV's frontal Haar cascade: upright, frontal, well lit faces; the weakest method.

    Args:
        options: settings.
    """

    def __init__(self, options: DetectionOptions):
        self._cascade = cv2.CascadeClassifier(cv2.data.haarcascades + _CASCADE)
        self._options = options

    def detect(self, image: np.ndarray, name: str = "") -> list[Detection]:
        """Faces of an (h, w, 3) uint8 RGB image, best first; without points."""
        small, scale = _reduced(image, _HAAR_SIDE)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        smallest = max(24, int(self._options.min_face_px / scale))
        boxes, _, weights = self._cascade.detectMultiScale3(
            grey, 1.1, 5, minSize=(smallest, smallest), outputRejectLevels=True
        )
        found = []
        for (x, y, w, h), weight in zip(boxes, np.ravel(weights)):
            # The cascade's square holds hair and background: the face is its lower middle.
            left, top, side = x + 0.1 * w, y + 0.16 * h, 0.8 * w
            score = 1 - np.exp(-float(weight) / 30)
            found.append(_boxed([left, top, left + side, top + side * 1.05], scale, score))
        return sorted(found, key=lambda face: -face.score)


def _reduced(image: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """The photo with its longer side at most `side`, and the factor back to the photo."""
    longest = max(image.shape[:2])
    if longest <= side:
        return image, 1.0
    size = tuple(round(v * side / longest) for v in image.shape[1::-1])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), longest / side


def _boxed(box: list[float], scale: float, score: float) -> Detection:
    corners = ((np.array(box, np.float64) + 0.5) * scale - 0.5).astype(np.float32)
    return Detection(corners, float(np.clip(score, 0, 1)), np.full((5, 2), np.nan), 0.0)
