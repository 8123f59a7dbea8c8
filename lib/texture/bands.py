"""Views joined band by band: fine detail of one view, coarse tones of all, and no seam between."""

from __future__ import annotations

import cv2
import numpy as np


class BandBlender:
    """Accumulates pictures band by band; one picture at a time is held besides the sum.

    Each picture's Laplacian pyramid is weighted by the Gaussian pyramid of its weight, so that the
    transition between two pictures is as wide as the structure that crosses it. The weights of all
    pictures should sum to at most one.

    Args:
        size: (rows, cols).
        levels: of the pyramid; transitions are up to about 2 ** levels texels wide.

    Source: Burt & Adelson 1983, A multiresolution spline with application to image mosaics.
    """

    def __init__(self, size: tuple[int, int], levels: int):
        self._shapes = [size]
        for _ in range(levels):
            rows, cols = self._shapes[-1]
            self._shapes.append(((rows + 1) // 2, (cols + 1) // 2))
        self._total = [np.zeros((*shape, 3), np.float32) for shape in self._shapes]

    @property
    def step(self) -> int:
        """Corners of windows are whole multiples of this."""
        return 2 ** (len(self._shapes) - 1)

    def add(self, values: np.ndarray, weight: np.ndarray, corner: tuple[int, int] = (0, 0)) -> None:
        """Add a window of a picture; it is zero outside the window.

        Args:
            values: (h, w, 3) float32; used up.
            weight: (h, w) float32 0..1.
            corner: (row, column) of the window, whole multiples of `step`.
        """
        row, column = corner
        for level, total in enumerate(self._total):
            if level + 1 < len(self._total):
                lower = cv2.pyrDown(values, borderType=cv2.BORDER_REFLECT_101)
                values -= cv2.pyrUp(lower, dstsize=values.shape[1::-1])
            window = (
                slice(row >> level, (row >> level) + values.shape[0]),
                slice(column >> level, (column >> level) + values.shape[1]),
            )
            values *= weight[..., None]
            total[window] += values
            if level + 1 < len(self._total):
                values, weight = lower, cv2.pyrDown(weight, borderType=cv2.BORDER_REFLECT_101)

    def collapse(self) -> np.ndarray:
        """(rows, cols, 3) float32 sum of all; what was added is given up."""
        result = self._total.pop()
        while self._total:
            finer = self._total.pop()
            finer += cv2.pyrUp(result, dstsize=finer.shape[1::-1])
            result = finer
        return result
