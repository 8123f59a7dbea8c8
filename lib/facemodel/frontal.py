"""A head seen from the front by parallel rays: points of the skin by their (x, y)."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from lib.facemodel.raster import cover
from lib.geometry import vertex_normals

STEP = 0.25  # mm per cell
LEFT, BOTTOM = -110.0, -150.0  # mm
SIZE = (960, 880)  # cells


class FrontalView:
    """The front-most skin at every (x, y) of the face.

    Args:
        vertices: (n, 3) mm, origin between the eyes.
        triangles: (t, 3) all triangles.
        seen: (t,) bool, which of them take part.
        window: (left, bottom, right, top) in mm, what is looked at; None = the whole face.
        step: mm per cell.
    """

    def __init__(
        self,
        vertices: np.ndarray,
        triangles: np.ndarray,
        seen: np.ndarray,
        window: tuple[float, float, float, float] | None = None,
        step: float = STEP,
    ):
        self.vertices = vertices
        self.triangles = triangles
        self._rows = np.flatnonzero(seen)
        self._low, self._size, self._step = np.array([LEFT, BOTTOM]), SIZE, step
        if window is not None:
            self._low, high = np.array(window[:2]), np.array(window[2:])
            width, height = np.ceil((high - self._low) / step).astype(int).tolist()
            self._size = (height, width)
        cells = (vertices[:, :2] - self._low) / step
        self._coverage = cover(cells, triangles[self._rows], self._size, vertices[:, 2])

    @cached_property
    def _normals(self) -> np.ndarray:
        return vertex_normals(self.vertices.astype(np.float64), self.triangles[self._rows])

    def triangle_at(self, points: np.ndarray) -> np.ndarray:
        """(n,) index of the triangle seen at (n, 2) mm points; -1 = none."""
        points = np.atleast_2d(points)
        height, width = self._size
        column = np.floor((points[:, 0] - self._low[0]) / self._step).astype(int)
        row = height - 1 - np.floor((points[:, 1] - self._low[1]) / self._step).astype(int)
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        row, column = np.where(inside, row, 0), np.where(inside, column, 0)
        found = np.where(inside, self._coverage.triangle[row, column], -1)
        return np.where(found >= 0, self._rows[np.maximum(found, 0)], -1)

    def surface_points(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Triangles (n,) and barycentric weights (n, 3) of the skin seen at (n, 2) mm points."""
        triangle = self.triangle_at(points)
        if (triangle < 0).any():
            lost = np.atleast_2d(points)[triangle < 0][0]
            raise ValueError(f"No skin is seen at x, y = {lost} mm of the frontal view.")
        return triangle, flat_barycentric(
            np.atleast_2d(points), self.vertices[self.triangles[triangle]][..., :2]
        )

    def value(self, points: np.ndarray, field: np.ndarray) -> np.ndarray:
        """(n,) or (n, k) vertex field at (n, 2) mm points; NaN where no skin is seen."""
        points = np.atleast_2d(points)
        triangle = self.triangle_at(points)
        corners = self.triangles[np.maximum(triangle, 0)]
        weights = flat_barycentric(points, self.vertices[corners][..., :2])
        result = np.einsum("pc,pc...->p...", weights, field[corners])
        result[triangle < 0] = np.nan
        return result

    def depth(self, points: np.ndarray) -> np.ndarray:
        """(n,) z in mm."""
        return self.value(points, self.vertices[:, 2])

    def normal(self, points: np.ndarray) -> np.ndarray:
        """(n, 3) smooth normals."""
        return self.value(points, self._normals)


def flat_barycentric(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Weights (n, 3) of (n, 2) points in (n, 3, 2) triangles, kept within 0..1."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    offset = points - corners[:, 0]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    area = np.where(np.abs(area) < 1e-12, 1e-12, area)
    b = (offset[:, 0] * second[:, 1] - offset[:, 1] * second[:, 0]) / area
    c = (first[:, 0] * offset[:, 1] - first[:, 1] * offset[:, 0]) / area
    weights = np.clip(np.stack([1 - b - c, b, c], axis=1), 0, 1)
    return weights / weights.sum(axis=1, keepdims=True)
