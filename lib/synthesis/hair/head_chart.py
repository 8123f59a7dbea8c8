"""A head unrolled about its upright axis, for hair to stay outside of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.facemodel import FaceModel
from lib.geometry import SurfaceTree
from lib.synthesis.hair.ears import Ears

ROWS, COLUMNS = 64, 96
DEEP = 180.0  # mm below the dome's base where the chart ends
RADIUS_SHARE = 0.5  # of the dome over the depth of the head
RAY_FROM = 400.0
DRAPE = 0.45  # mm of distance from the axis lost per mm away from an ear
DRAPE_ROUNDS = 12  # cells
AROUND_MM = 5.0  # width of a column at the ears


@dataclass(frozen=True)
class HeadChart:
    """A head as distances from an upright axis: a cylinder under a dome.

    The column is the angle round the axis, 0 in front and growing to the subject's left; the row is
    the height over the dome's base, mm, and above it the arc on the dome.

    Args:
        centre: (3,) mm, middle of the dome on the mean head.
        radius: mm, of the dome.
        triangle: (rows, columns) outermost skin in each direction, -1 where there is none.
        barycentric: (rows, columns, 3) float64.
        ear: (rows, columns) bool, it is an ear.
        middle: (3,) mm, of the points under the dome on the mean head.
    """

    centre: np.ndarray
    radius: float
    triangle: np.ndarray
    barycentric: np.ndarray
    ear: np.ndarray
    middle: np.ndarray

    @property
    def angles(self) -> np.ndarray:
        """(columns,) radians."""
        return (np.arange(COLUMNS) + 0.5) / COLUMNS * 2 * np.pi - np.pi

    @property
    def heights(self) -> np.ndarray:
        """(rows,) mm."""
        return np.linspace(-DEEP, self.radius * (np.pi / 2 - 0.01), ROWS)

    def angle_of(self, points: np.ndarray) -> np.ndarray:
        """(n,) radians of points (n, 3) on the mean head."""
        return np.arctan2(points[:, 0] - self.centre[0], points[:, 2] - self.centre[2])

    def reach(self, vertices: np.ndarray, triangles: np.ndarray) -> HeadReach:
        """How far a head reaches in each direction.

        Args:
            vertices: (n_vertices, 3) mm.
            triangles: (t, 3) of the model.
        """
        points = self._points(vertices, triangles)
        dome = self.heights > 0
        offset = points - (self.centre + points[dome].mean(axis=(0, 1)) - self.middle)
        level = np.hypot(offset[..., 0], offset[..., 2])
        under = offset[..., 1] > 0
        distance = np.where(under, np.linalg.norm(offset, axis=2), level)
        # the place has left its row and column a little: follow the slope back
        angle = np.arctan2(offset[..., 0], offset[..., 2]) - self.angles
        angle = (angle + np.pi) % (2 * np.pi) - np.pi
        arc = self.radius * np.arctan2(offset[..., 1], level)
        row = np.where(under, arc, offset[..., 1]) - self.heights[:, None]
        by_row = np.gradient(distance, self.heights, axis=0)
        wrapped = np.concatenate([distance[:, -1:], distance, distance[:, :1]], axis=1)
        by_angle = (wrapped[:, 2:] - wrapped[:, :-2]) / (4 * np.pi / COLUMNS)
        moved = np.clip(by_row, -1, 1) * row + np.clip(by_angle, -80, 80) * angle
        eared = distance - np.clip(moved, -6, 6)
        eared = _filled(eared, self.triangle >= 0)
        plain = _bridged(eared, self.ear)
        eared = _draped(eared, self.ear, self.heights[1] - self.heights[0])
        centre = self.centre + points[dome].mean(axis=(0, 1)) - self.middle
        plain, eared = plain.astype(np.float32), eared.astype(np.float32)
        low, high = self.heights[[0, -1]]
        return HeadReach(centre, self.radius, plain, eared, float(low), float(high))

    def _points(self, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        corners = vertices[triangles[np.maximum(self.triangle, 0)]].astype(np.float64)
        return (corners * self.barycentric[..., None]).sum(axis=2)


@dataclass(frozen=True)
class HeadReach:
    """A head's outermost skin about an axis.

    Args:
        centre: (3,) mm.
        radius: mm, of the dome.
        plain: (rows, columns) float32 mm from the axis, or from the centre under the dome, of the
            head without ears.
        eared: (rows, columns) float32 mm, with ears.
        lowest: mm, height of the first row.
        highest: mm, of the last.
    """

    centre: np.ndarray
    radius: float
    plain: np.ndarray
    eared: np.ndarray
    lowest: float
    highest: float


def head_chart(model: FaceModel, ears: Ears) -> HeadChart:
    """The chart of a model's mean head."""
    mean = model.mean.astype(np.float64)
    rows = np.flatnonzero(model.region("skin"))
    skin = mean[np.unique(model.triangles[rows])]
    upper = skin[skin[:, 1] > 0]
    front = model.landmarks["ibug68"].on(mean, model.triangles)[27, 2]
    depth = front - upper[:, 2].min()
    radius = RADIUS_SHARE * depth
    centre = np.array([0.0, upper[:, 1].max() - radius, front - 0.5 * depth])
    empty = np.zeros((ROWS, COLUMNS))
    blank = HeadChart(centre, float(radius), empty, empty, empty, centre)
    start, way = _rays(blank)
    tree = SurfaceTree(mean, model.triangles[rows], backend="numba")
    hits = tree.along(start + RAY_FROM * way, -way)
    met = hits.distance_mm < RAY_FROM - 5
    triangle = np.where(met, rows[hits.triangles], -1).reshape(ROWS, COLUMNS)
    weights = np.where(met[:, None], hits.barycentric, 0).reshape(ROWS, COLUMNS, 3)
    ear = ears.near[model.triangles[np.maximum(triangle, 0)]].any(axis=2) & (triangle >= 0)
    middle = hits.points.reshape(ROWS, COLUMNS, 3)[blank.heights > 0].mean(axis=(0, 1))
    return HeadChart(centre, float(radius), triangle, weights, ear, middle)


def _rays(chart: HeadChart) -> tuple[np.ndarray, np.ndarray]:
    """Origins on the axis and outward directions, (rows * columns, 3)."""
    height = np.repeat(chart.heights, COLUMNS)
    angle = np.tile(chart.angles, ROWS)
    up = np.clip(height, 0, None) / chart.radius
    way = np.stack([np.cos(up) * np.sin(angle), np.sin(up), np.cos(up) * np.cos(angle)], axis=1)
    start = np.repeat(chart.centre[None], len(way), axis=0)
    start[:, 1] += np.minimum(height, 0)
    return start, way


def _filled(distance: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Below the neck's rim, the distance of the lowest row that is known in its column."""
    first = known.argmax(axis=0)
    below = np.arange(ROWS)[:, None] < first
    return np.where(below, distance[first, np.arange(COLUMNS)], distance)


def _draped(distance: np.ndarray, ear: np.ndarray, row_mm: float) -> np.ndarray:
    """The head under a cloth that falls off the ears no steeper than `DRAPE`."""
    peaks = np.where(ear, distance, 0.0)
    drop_up, drop_around = DRAPE * row_mm, DRAPE * AROUND_MM
    for _ in range(DRAPE_ROUNDS):
        spread = peaks.copy()
        spread[1:] = np.maximum(spread[1:], peaks[:-1] - drop_up)
        spread[:-1] = np.maximum(spread[:-1], peaks[1:] - drop_up)
        for shift in (-1, 1):
            spread = np.maximum(spread, np.roll(peaks, shift, axis=1) - drop_around)
        peaks = spread
    return np.maximum(distance, peaks)


def _bridged(distance: np.ndarray, ear: np.ndarray) -> np.ndarray:
    """Rows with the ears' stretches replaced by what leads from one side of them to the other."""
    result = distance.copy()
    column = np.arange(COLUMNS)
    for row in np.flatnonzero(ear.any(axis=1)):
        free = ~ear[row]
        result[row] = np.interp(column, column[free], distance[row, free])
    return result
