"""A rectangle of an image at another scale: the picture of it, its camera and its points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from lib.render.rasterise import Camera


@dataclass(frozen=True)
class Window:
    """A rectangle of an image that is shown at another size.

    Args:
        corner: (x, y) of its first pixel in the image.
        extent: (h, w) of the rectangle in image pixels.
        size: (h, w) at which it is shown.
    """

    corner: tuple[int, int]
    extent: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def around(
        cls, points_px: np.ndarray, image_size: tuple[int, int], side: int, margin: float
    ) -> Self:
        """The square around points, clipped to the image; its longer side is shown as `side` px.

        Args:
            points_px: (n, 2) points (x, y); NaN points are left out.
            image_size: (h, w) of the image.
            side: px.
            margin: share of the points' extent that is added at each border.
        """
        height, width = image_size
        known = points_px[np.isfinite(points_px).all(axis=1)]
        if not len(known):
            known = np.array([[0.0, 0.0], [width - 1.0, height - 1.0]])
        low, high = known.min(axis=0), known.max(axis=0)
        half = max(8.0, (0.5 + margin) * float((high - low).max()))
        middle = (low + high) / 2
        limit = np.array([width, height])
        first = np.clip(np.floor(middle - half), 0, limit - 2).astype(int)
        last = np.clip(np.ceil(middle + half), first + 1, limit - 1).astype(int)
        extent = int(last[1] - first[1] + 1), int(last[0] - first[0] + 1)
        scale = side / max(extent)
        size = max(1, round(extent[0] * scale)), max(1, round(extent[1] * scale))
        return cls((int(first[0]), int(first[1])), extent, size)

    @property
    def scale(self) -> float:
        """Shown pixels per image pixel."""
        return max(self.size) / max(self.extent)

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The picture, at `size`, of the rectangle of an (h, w) or (h, w, c) image."""
        (x, y), (height, width) = self.corner, self.extent
        inside = np.ascontiguousarray(image[y : y + height, x : x + width])
        smooth = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_CUBIC
        return cv2.resize(inside, self.size[::-1], interpolation=smooth)

    def points(self, points_px: np.ndarray) -> np.ndarray:
        """(..., 2) image points in the shown picture."""
        return (points_px - np.array(self.corner) + 0.5) * self.scale - 0.5

    def camera(self, camera: Camera) -> Camera:
        """The camera of the shown picture."""
        centre = self.points(np.asarray(camera.centre_px, np.float64))
        return Camera(camera.world_to_camera, float(camera.focal_px) * self.scale, centre)
