"""Lids before eyeballs: their shade, too close for shadow maps to see, and room behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.facemodel import FaceModel

UPPER, LOWER = ((36, 37, 38, 39), (42, 43, 44, 45)), ((39, 40, 41, 36), (45, 46, 47, 42))
PER_LID = 24  # points along a lid
UPPER_REACH_MM, LOWER_REACH_MM = 2.8, 1.5
UPPER_SHADE, LOWER_SHADE = 0.6, 0.3  # light that is lost at the lid's edge
SOCKET_SHADE = 0.12  # light that is lost all over
TUCK_MM, TUCK_OVER_MM = 1.5, (0.9, 2.4)  # how far eyeballs give way, and from where behind a lid


@dataclass(frozen=True)
class Lids:
    """Eyeballs and the landmarks of their lids.

    Args:
        eyeballs: (right, left) vertex indices.
    """

    eyeballs: tuple[np.ndarray, np.ndarray]

    def light(self, model: FaceModel, vertices: np.ndarray) -> np.ndarray:
        """(n_vertices,) share of light that lids let through to eyeballs; 1 elsewhere.

        Args:
            model: the head.
            vertices: (n_vertices, 3) mm, posed.
        """
        marks = model.landmarks["ibug68"].on(vertices, model.triangles).astype(np.float64)
        result = np.ones(len(vertices), np.float32)
        for ball, upper, lower in zip(self.eyeballs, UPPER, LOWER):
            points = vertices[ball]
            from_upper = _distance(points, marks[list(upper)]) / UPPER_REACH_MM
            from_lower = _distance(points, marks[list(lower)]) / LOWER_REACH_MM
            lost = UPPER_SHADE * np.exp(-(from_upper**2)) + LOWER_SHADE * np.exp(-(from_lower**2))
            result[ball] = (1 - SOCKET_SHADE) * np.clip(1 - lost, 0.1, 1)
        return result

    def tucked(self, model: FaceModel, vertices: np.ndarray) -> np.ndarray:
        """(n_vertices, 3) mm: eyeballs give way behind lids, which some faces push into them.

        Args:
            model: the head.
            vertices: (n_vertices, 3) mm, posed.
        """
        marks = model.landmarks["ibug68"].on(vertices, model.triangles).astype(np.float64)
        result = vertices.copy()
        for ball, upper, lower in zip(self.eyeballs, UPPER, LOWER):
            if not len(ball):
                continue
            points = vertices[ball].astype(np.float64)
            middle = points.mean(axis=0)
            behind = np.maximum(
                points[:, 1] - _line_height(marks[list(upper)], points[:, 0]),
                _line_height(marks[list(lower)], points[:, 0]) - points[:, 1],
            )
            way = (middle - points) / np.linalg.norm(middle - points, axis=1, keepdims=True)
            start, end = TUCK_OVER_MM
            amount = TUCK_MM * np.clip((behind - start) / (end - start), 0, 1)
            result[ball] = points + amount[:, None] * way
        return result


def find_lids(model: FaceModel) -> Lids:
    """The eyeballs of a model, right then left; empty for a model without them."""
    balls = []
    for name in ("eye_right", "eye_left"):
        has = name in model.region_names
        rows = model.region(name) if has else np.zeros(len(model.triangles), bool)
        balls.append(np.unique(model.triangles[rows]))
    return Lids((balls[0], balls[1]))


def _line_height(corners: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(n,) mm: y at x of a line through corners (k, 3)."""
    order = np.argsort(corners[:, 0])
    return np.interp(x, corners[order, 0], corners[order, 1])


def _distance(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(n,) mm to a line through corners (k, 3)."""
    share = np.linspace(0, len(corners) - 1, PER_LID)
    line = np.stack([np.interp(share, np.arange(len(corners)), corners[:, k]) for k in range(3)], 1)
    return np.linalg.norm(points[:, None] - line, axis=2).min(axis=1)
