"""RetinaFace with the published weights and their preprocessing, as HRN and 3DDFA_V3 use it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from lib.detection.options import Detection, DetectionOptions, roll_of_five
from lib.errors import MissingModelError
from lib.networks import RETINAFACE
from lib.networks.retinaface import FaceFinder

_MIN_SCORE = 0.7  # as published


class RetinaFaceDetector:
    """Faces from about 16 px in a photo reduced or enlarged to 512 px.

    Args:
        options: settings with `weights`.
        device: where the network runs.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it is not a file of this network.
    """

    def __init__(self, options: DetectionOptions, device: torch.device | str = "cpu"):
        if not options.weights:
            raise MissingModelError(
                f"detection.weights is not set; method 'retinaface' needs {RETINAFACE.file} "
                f"({RETINAFACE.licence}).\n    Get it: {RETINAFACE.obtain}\n"
                "    Or set detection.method: blaze, which needs no file of yours."
            )
        self._find = FaceFinder(options.weights, device)
        self._options = options

    def detect(self, image: np.ndarray, name: str = "") -> list[Detection]:
        """Faces of an (h, w, 3) uint8 RGB image, best first."""
        return self.detect_many([image])[0]

    def detect_many(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Faces of each (h, w, 3) uint8 RGB image, best first; one batch of the network."""
        limit = max(_MIN_SCORE, self._options.min_score)
        photos = []
        for found in self._find(images, limit):
            rows = zip(found.box_px, found.score, found.points_px, strict=True)
            faces = [_detection(*row) for row in rows]
            photos.append([face for face in faces if face.side_px >= self._options.min_face_px])
        return photos


def _detection(box: np.ndarray, score: float, five: np.ndarray) -> Detection:
    roll = roll_of_five(five)
    if round(roll / (np.pi / 2)) % 2:  # the face lies: its width is the height of the box
        centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2])[::-1] / 2
        box = np.concatenate([centre - half, centre + half])
    return Detection(box, float(score), five, roll)
