"""A detector that the user brings as ONNX: YuNet, or any network of boxes and scores."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lib.detection.options import Detection, DetectionOptions, roll_of_five
from lib.errors import ConfigError, MissingModelError

_SIDE = 640  # px: longer side of what the network sees
_SAME_FACE = 0.4


class YuNetDetector:
    """YuNet through OpenCV's own decoder: boxes and five points.

    Args:
        options: settings with `onnx_file`.

    Raises:
        MissingModelError: the file is not there.
        ConfigError: OpenCV cannot read it as YuNet.

    Source: Wu, Peng, Yu 2023, YuNet: A Tiny Millisecond-level Face Detector.
    """

    def __init__(self, options: DetectionOptions):
        path = Path(options.onnx_file)
        if not options.onnx_file or not path.is_file():
            raise MissingModelError(
                f"detection.onnx_file is '{options.onnx_file}', which is not a file. Method 'onnx' "
                "expects a YuNet file, such as face_detection_yunet_2023mar.onnx of OpenCV's model "
                "zoo (MIT), or set detection.method: blaze, which needs no file of yours."
            )
        self._options = options
        try:
            self._net = cv2.FaceDetectorYN.create(
                str(path), "", (_SIDE, _SIDE), options.min_score, _SAME_FACE
            )
        except cv2.error as error:
            raise ConfigError(
                f"detection.onnx_file {path} cannot be read as YuNet ({error.err}). Only networks "
                "with YuNet's outputs are supported; give boxes of others by method 'files'."
            ) from error

    def detect(self, image: np.ndarray, name: str = "") -> list[Detection]:
        """Faces of an (h, w, 3) uint8 RGB image, best first."""
        scale = min(1.0, _SIDE / max(image.shape[:2]))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        self._net.setInputSize((small.shape[1], small.shape[0]))
        try:
            _, rows = self._net.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        except cv2.error as error:
            raise ConfigError(
                f"detection.onnx_file {self._options.onnx_file} does not give YuNet's outputs "
                f"({error.err}). Give boxes of other detectors by method 'files'."
            ) from error
        found = [_of_row(row, scale) for row in (rows if rows is not None else ())]
        found = [face for face in found if face.side_px >= self._options.min_face_px]
        return sorted(found, key=lambda face: -face.score)


def _of_row(row: np.ndarray, scale: float) -> Detection:
    """YuNet's row: x, y, w, h; right eye, left eye, nose, right and left mouth corner; score."""
    corners = np.concatenate([row[:2], row[:2] + row[2:4]])
    points = (row[4:14].reshape(5, 2) + 0.5) / scale - 0.5
    box = ((corners + 0.5) / scale - 0.5).astype(np.float32)
    return Detection(box, float(row[14]), points.astype(np.float32), roll_of_five(points))
