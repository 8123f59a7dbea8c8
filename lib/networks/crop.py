"""Square crops of a photo, turned, scaled and mirrored, and the way back to the photo."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.errors import ShapeError


@dataclass(frozen=True)
class CropFrame:
    """A turned square on a photo, seen as a small upright picture.

    Args:
        centre_px: (2,) centre of the square (x, y) in photo px.
        side_px: side of the square in photo px.
        roll_rad: in-plane rotation of the square, clockwise positive.
        size: side of the small picture in its own px.
        mirrored: the small picture is flipped left to right.
    """

    centre_px: tuple[float, float]
    side_px: float
    roll_rad: float
    size: int
    mirrored: bool = False

    @property
    def matrix(self) -> np.ndarray:
        """(2, 3) affine map from crop px to photo px."""
        step = self.side_px / self.size
        cos, sin = np.cos(self.roll_rad) * step, np.sin(self.roll_rad) * step
        linear = np.array([[cos, -sin], [sin, cos]])
        if self.mirrored:
            linear[:, 0] *= -1
        middle = np.full(2, (self.size - 1) / 2)
        return np.column_stack([linear, np.asarray(self.centre_px) - linear @ middle])

    def to_photo(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) crop px -> (..., 2) photo px."""
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) photo px -> (..., 2) crop px."""
        return (points - self.matrix[:, 2]) @ np.linalg.inv(self.matrix[:, :2]).T


def cut(image: np.ndarray, frame: CropFrame) -> np.ndarray:
    """The square of `frame`, free of aliasing; beyond the border the border is repeated.

    Args:
        image: (h, w, 3) uint8.
        frame: what to cut.

    Returns:
        (size, size, 3) uint8.

    Raises:
        ShapeError: `image` is not (h, w, 3).
    """
    if image.ndim != 3 or image.shape[2] != 3:
        raise ShapeError("image", image.shape, "(h, w, 3)")
    matrix = frame.matrix
    shrink = int(frame.side_px / frame.size)
    if shrink >= 2:
        image, matrix = _shrunk(image, frame, matrix, shrink)
    return cv2.warpAffine(
        image,
        matrix,
        (frame.size, frame.size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _shrunk(
    image: np.ndarray, frame: CropFrame, matrix: np.ndarray, shrink: int
) -> tuple[np.ndarray, np.ndarray]:
    """The part of the photo about the frame, averaged over shrink x shrink pixels."""
    height, width = image.shape[:2]
    corners = frame.to_photo(frame.size * np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) - 0.5)
    low = np.clip(np.floor(corners.min(0)).astype(int) - 2, 0, [width - 1, height - 1])
    high = np.clip(np.ceil(corners.max(0)).astype(int) + 3, low + 1, [width, height])
    part = image[low[1] : high[1], low[0] : high[0]]
    size = np.maximum(1, np.round((high - low) / shrink)).astype(int)
    small = cv2.resize(part, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    scale = size / (high - low)
    offset = (matrix[:, 2] - low + 0.5) * scale - 0.5
    return small, np.column_stack([matrix[:, :2] * scale[:, None], offset])
