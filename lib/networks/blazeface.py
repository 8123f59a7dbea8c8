"""BlazeFace short range, run by OpenCV: boxes and six points of upright faces in a square crop.

Source: Bazarevsky et al. 2019, BlazeFace, arXiv 1907.05047.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from lib.networks.cards import BLAZEFACE, verify_weights
from lib.networks.crop import CropFrame, cut

SIDE = 128
_STRIDES = ((8, 2), (16, 6))  # px per cell and anchors per cell of the two output grids
_SAME_FACE = 0.3  # overlap (intersection over union) above which two boxes are one face


@dataclass(frozen=True)
class Candidates:
    """Faces that the network proposes, best first.

    Args:
        box_px: (n, 4) x0, y0, x1, y1; in the crop's axes about the box centre when it is turned.
        score: (n,) 0..1.
        points_px: (n, 6, 2) right eye, left eye, nose tip, mouth, right ear, left ear.
    """

    box_px: np.ndarray
    score: np.ndarray
    points_px: np.ndarray

    def __len__(self) -> int:
        return len(self.score)


class BlazeFace:
    """The network, ready to run.

    Args:
        folder: folder of the weights.

    Raises:
        MissingModelError: the file is missing or is another one.
    """

    def __init__(self, folder: str | Path):
        self._net = cv2.dnn.readNetFromTFLite(str(verify_weights(BLAZEFACE, folder)))
        self._anchors = _anchors()

    def __call__(self, image: np.ndarray, frame: CropFrame, min_score: float) -> Candidates:
        """Faces in the square `frame` (of size 128) of an (h, w, 3) uint8 RGB photo, photo px."""
        crop = cut(image, frame)
        self._net.setInput(cv2.dnn.blobFromImage(crop.astype(np.float32) / 127.5 - 1))
        regressed, logits = self._net.forward(["regressors", "classificators"])
        score = 1 / (1 + np.exp(-np.clip(logits.ravel(), -80, 80)))
        good = np.flatnonzero(score >= min_score)
        regressed, anchors = regressed.reshape(-1, 16)[good], self._anchors[good]
        # The network counts edges of pixels from 0 to 128: half a pixel off centres at integers.
        centre = regressed[:, :2] + anchors - 0.5
        points = regressed[:, 4:].reshape(-1, 6, 2) + anchors[:, None] - 0.5
        boxes = np.concatenate([centre - regressed[:, 2:4] / 2, centre + regressed[:, 2:4] / 2], 1)
        return _to_photo(_merged(boxes, score[good], points), frame)


def _anchors() -> np.ndarray:
    """(896, 2) anchor centres (x, y) in px of the 128 px input."""
    anchors = []
    for stride, count in _STRIDES:
        y, x = np.mgrid[: SIDE // stride, : SIDE // stride]
        centres = (np.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride
        anchors.append(np.repeat(centres, count, axis=0))
    return np.concatenate(anchors)


def _merged(boxes: np.ndarray, score: np.ndarray, points: np.ndarray) -> Candidates:
    """Overlapping proposals averaged by score, as the paper's section 4.2 does."""
    left = np.argsort(-score, kind="stable")
    rows = []
    while len(left):
        same = overlap(boxes[left[0]], boxes[left]) > _SAME_FACE
        same[0] = True
        group, left_score = left[same], score[left[0]]
        weight = score[group] / score[group].sum()
        mean_points = np.einsum("n,nkc->kc", weight, points[group])
        rows.append((weight @ boxes[group], left_score, mean_points))
        left = left[~same]
    return Candidates(
        np.array([row[0] for row in rows]).reshape(-1, 4),
        np.array([row[1] for row in rows]).reshape(-1),
        np.array([row[2] for row in rows]).reshape(-1, 6, 2),
    )


def _to_photo(found: Candidates, frame: CropFrame) -> Candidates:
    step = frame.side_px / frame.size
    centre = frame.to_photo((found.box_px[:, :2] + found.box_px[:, 2:]) / 2)
    half = (found.box_px[:, 2:] - found.box_px[:, :2]) / 2 * step
    points = frame.to_photo(found.points_px)
    if frame.mirrored:
        points = points[:, [1, 0, 2, 3, 5, 4]]
    return Candidates(np.concatenate([centre - half, centre + half], 1), found.score, points)


def overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(n,) intersection over union of one box (4,) with boxes (n, 4)."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return shared / np.maximum((box[2:] - box[:2]).prod() + area - shared, 1e-9)


def suppressed(boxes: np.ndarray, score: np.ndarray, shared: float) -> np.ndarray:
    """Rows of boxes (n, 4) to keep, best first: none overlaps a better one by more than that."""
    left = np.argsort(-score, kind="stable")
    kept = []
    while len(left):
        kept.append(left[0])
        left = left[1:][overlap(boxes[left[0]], boxes[left[1:]]) <= shared]
    return np.array(kept, dtype=np.intp)
