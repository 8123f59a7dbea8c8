"""A head as seen from its middle: how far its surface lies in every direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.geometry import SurfaceTree

FAR_MM = 400.0


@dataclass(frozen=True)
class Dome:
    """Directions about an axis through a head: turn around it, height above its base plane.

    Args:
        centre: (3,) mm.
        front: (3,) unit; where the turn is 0.
        side: (3,) unit; where the turn is pi / 2.
        axis: (3,) unit; where the height is pi / 2.
    """

    centre: np.ndarray
    front: np.ndarray
    side: np.ndarray
    axis: np.ndarray

    def direction(self, turn: np.ndarray, height: np.ndarray) -> np.ndarray:
        """(..., 3) unit, of angles (...)."""
        level = np.cos(turn)[..., None] * self.front + np.sin(turn)[..., None] * self.side
        return np.cos(height)[..., None] * level + np.sin(height)[..., None] * self.axis

    def angles(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Turns and heights (...) of points (..., 3) mm."""
        offset = points - self.centre
        turn = np.arctan2(offset @ self.side, offset @ self.front)
        length = np.maximum(np.linalg.norm(offset, axis=-1), 1e-9)
        return turn, np.arcsin(np.clip(offset @ self.axis / length, -1, 1))

    def radius(
        self, tree: SurfaceTree, turn: np.ndarray, height: np.ndarray, outermost: bool
    ) -> np.ndarray:
        """(r, c) mm to a surface; NaN where there is none.

        Args:
            tree: the surface.
            turn, height: (r, c) directions.
            outermost: look from outside, where ears and chin count; else from the middle.
        """
        way = self.direction(turn, height).reshape(-1, 3)
        if outermost:
            hits = tree.along(self.centre + FAR_MM * way, -way)
            distance = FAR_MM - hits.distance_mm
        else:
            hits = tree.along(np.broadcast_to(self.centre, way.shape), way)
            distance = hits.distance_mm
        return np.where(hits.triangles < 0, np.nan, distance).reshape(turn.shape)


def dome(front_mm: np.ndarray, back_mm: np.ndarray) -> Dome:
    """The dome over a plane that meets the head in front and behind.

    Args:
        front_mm: (3,) on the forehead.
        back_mm: (3,) on the back of the head.
    """
    front = front_mm - back_mm
    front = front / np.linalg.norm(front)
    side = np.cross([0.0, 1.0, 0.0], front)
    side /= np.linalg.norm(side)
    return Dome((front_mm + back_mm) / 2, front, side, np.cross(front, side))


def smoothed(radius: np.ndarray, rounds: int) -> np.ndarray:
    """(r, c) radius blurred along both; columns are closed, missing values filled row by row."""
    result = radius.copy()
    for row in result:
        known = np.isfinite(row)
        if known.any() and not known.all():
            n, at = len(row), np.flatnonzero(known)
            row[:] = np.interp(np.arange(n), [*(at - n), *at, *(at + n)], np.tile(row[known], 3))
    for _ in range(rounds):
        result = (np.roll(result, 1, 1) + 2 * result + np.roll(result, -1, 1)) / 4
        padded = np.concatenate([result[:1], result, result[-1:]])
        result = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return result
