"""The MTCNN cascade: windows of an image pyramid, refined twice.

Source: Zhang et al. 2016, IEEE Signal Processing Letters 23(10); thresholds, pyramid factor and the
+1 px conventions are those with which the published weights were trained.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from lib.detection.options import Detection, DetectionOptions, roll_of_five
from lib.networks.blazeface import suppressed
from lib.networks.mtcnn import load_mtcnn

_FACTOR = 0.709  # of the pyramid
_THRESHOLDS = (0.6, 0.7, 0.7)
_CELL, _STRIDE = 12, 2  # px of the proposal network's window and its step


class MtcnnDetector:
    """MTCNN with facenet-pytorch's weights.

    Args:
        options: settings.
        models: folder with `pnet.pt`, `rnet.pt`, `onet.pt`.

    Raises:
        MissingModelError: the weights are missing.
    """

    def __init__(self, options: DetectionOptions, models: str | Path):
        self._proposal, self._refine, self._output = load_mtcnn(models)
        self._options = options

    @torch.inference_mode()
    def detect(self, image: np.ndarray, name: str = "") -> list[Detection]:
        """Faces of an (h, w, 3) uint8 RGB image, best first."""
        boxes = self._propose(image)
        if not len(boxes):
            return []
        score, offset = self._refine(_crops(image, boxes, 24))
        boxes = _keep(boxes, score.numpy(), offset.numpy(), _THRESHOLDS[1], 0.7)
        if not len(boxes):
            return []
        score, offset, points = (part.numpy() for part in self._output(_crops(image, boxes, 48)))
        return self._finish(boxes, score, offset, points)

    def _propose(self, image: np.ndarray) -> np.ndarray:
        """(n, 4) square boxes from all levels of the pyramid."""
        found = []
        scale = _CELL / self._options.min_face_px
        while min(image.shape[:2]) * scale >= _CELL:
            size = [int(np.ceil(side * scale)) for side in image.shape[1::-1]]
            level = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            score, offset = self._proposal(_tensor(level[None]))
            y, x = np.nonzero(score[0].numpy() >= _THRESHOLDS[0])
            corner = np.stack([x, y], 1) * _STRIDE
            boxes = np.concatenate([corner, corner + _CELL - 1], 1) / scale
            kept = suppressed(boxes, score[0].numpy()[y, x], 0.5)
            found.append(_shifted(boxes[kept], offset[0].numpy()[:, y, x].T[kept]))
            found[-1] = np.column_stack([found[-1], score[0].numpy()[y, x][kept]])
            scale *= _FACTOR
        merged = np.concatenate(found) if found else np.empty((0, 5))
        return _squared(merged[suppressed(merged[:, :4], merged[:, 4], 0.7), :4])

    def _finish(
        self, boxes: np.ndarray, score: np.ndarray, offset: np.ndarray, points: np.ndarray
    ) -> list[Detection]:
        limit = max(_THRESHOLDS[2], self._options.min_score)
        good = score >= limit
        boxes, score, offset, points = boxes[good], score[good], offset[good], points[good]
        size = (boxes[:, 2:] - boxes[:, :2] + 1)[:, :, None]
        corners = boxes[:, :2, None] - 1
        places = (points * size + corners).transpose(0, 2, 1)
        exact = _shifted(boxes, offset)
        kept = suppressed(exact, score, 0.6)
        found = []
        for row in kept:
            five = places[row].astype(np.float32)
            roll = roll_of_five(five)
            found.append(Detection(exact[row].astype(np.float32), float(score[row]), five, roll))
        return found


def _tensor(images: np.ndarray) -> torch.Tensor:
    return (torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127.5) / 128


def _crops(image: np.ndarray, boxes: np.ndarray, size: int) -> torch.Tensor:
    """(n, 3, size, size) what the boxes hold; black beyond the photo."""
    crops = np.zeros((len(boxes), size, size, 3), np.uint8)
    height, width = image.shape[:2]
    for index, box in enumerate(np.trunc(boxes).astype(int)):
        side = max(1, box[2] - box[0] + 1), max(1, box[3] - box[1] + 1)
        low = np.maximum(box[:2] - 1, 0)
        high = np.minimum(box[2:], [width, height])
        if (high <= low).any():
            continue
        patch = np.zeros((side[1], side[0], 3), np.uint8)
        part = image[low[1] : high[1], low[0] : high[0]]
        x, y = low - (box[:2] - 1)
        part = part[: side[1] - y, : side[0] - x]
        patch[y : y + part.shape[0], x : x + part.shape[1]] = part
        crops[index] = cv2.resize(patch, (size, size), interpolation=cv2.INTER_AREA)
    return _tensor(crops)


def _keep(
    boxes: np.ndarray, score: np.ndarray, offset: np.ndarray, limit: float, shared: float
) -> np.ndarray:
    """(n, 4) refined square boxes of the windows that are faces."""
    good = score >= limit
    boxes, score, offset = boxes[good], score[good], offset[good]
    kept = suppressed(boxes, score, shared)
    return _squared(_shifted(boxes[kept], offset[kept]))


def _shifted(boxes: np.ndarray, offset: np.ndarray) -> np.ndarray:
    size = np.tile(boxes[:, 2:] - boxes[:, :2] + 1, 2)
    return boxes + offset * size


def _squared(boxes: np.ndarray) -> np.ndarray:
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(1, initial=0, keepdims=True) / 2
    return np.concatenate([centre - half, centre + half], 1)
