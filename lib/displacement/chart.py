"""Millimetres on the skin per texel of a chart."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.artefacts import Surface
from lib.errors import CaptureFailure
from lib.render import fill_margins

SMOOTH_MM = 3.0  # of the metric, so that single noisy texels do not count
LEAST_MM = 1e-3


@dataclass(frozen=True)
class Metric:
    """Millimetres on the skin per texel, at some size of the chart.

    Args:
        across: (rows, cols) float32 mm to the next column.
        down: (rows, cols) float32 mm to the next row.
    """

    across: np.ndarray
    down: np.ndarray

    @property
    def mm_per_texel(self) -> np.ndarray:
        """(rows, cols) float32, of both directions together."""
        return np.sqrt(self.across * self.down)

    def resized(self, uv_size: int) -> Metric:
        """The metric of the same surface at another size of the chart."""
        factor = np.float32(len(self.across) / uv_size)
        planes = (resized(plane, uv_size) * factor for plane in (self.across, self.down))
        return Metric(*planes)


def surface_metric(surface: Surface) -> Metric:
    """The metric of a surface's grid, continued over texels that it does not have.

    Raises:
        CaptureFailure: `no_surface`, not a single texel has a place.
    """
    points = surface.points_mm
    known = np.isfinite(points).all(axis=2)
    if not (known[1:, 1:] & known[:-1, 1:] & known[1:, :-1]).any():
        raise CaptureFailure(
            "no_surface", "No texel of surface.h5 has a place. Force that stage to run again."
        )
    return Metric(*(_steps(points, known, axis) for axis in (1, 0)))


def _steps(points: np.ndarray, known: np.ndarray, axis: int) -> np.ndarray:
    """(rows, cols) smoothed distance to the next texel along an axis."""
    both = known & np.roll(known, -1, axis)
    both[(slice(None), -1) if axis else -1] = False
    step = np.linalg.norm(np.roll(points, -1, axis) - points, axis=2)
    step = np.where(both, step, 0).astype(np.float32)
    sigma = SMOOTH_MM / max(float(np.median(step[both])), LEAST_MM)
    weight = cv2.GaussianBlur(both.astype(np.float32), (0, 0), sigma)
    smooth = cv2.GaussianBlur(step, (0, 0), sigma) / np.maximum(weight, 1e-6)
    near = both & (weight > 1e-3)
    filled = fill_margins(smooth[..., None], near)[..., 0]
    return np.maximum(filled, LEAST_MM).astype(np.float32)


def resized(image: np.ndarray, uv_size: int) -> np.ndarray:
    """(uv_size, uv_size[, c]) float32: texels are averaged where the chart shrinks."""
    image = image.astype(np.float32)
    if len(image) == uv_size:
        return image
    way = cv2.INTER_AREA if len(image) > uv_size else cv2.INTER_LINEAR
    return cv2.resize(image, (uv_size, uv_size), interpolation=way)
