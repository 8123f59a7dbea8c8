"""A head as seen from its middle: how far its surface lies in every direction, and shells on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.geometry import SurfaceTree
from lib.synthesis.chance import smooth_noise
from lib.synthesis.props.tubes import fan, grid_triangles

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


@dataclass(frozen=True)
class Wearer:
    """A head that gets a hat.

    Args:
        vertices: (n_vertices, 3) mm.
        skin: (n,) vertices of its skin.
        tree: its skin.
        marks: (68, 3) iBUG points.
        back_mm: z of the back of the head.
    """

    vertices: np.ndarray
    skin: np.ndarray
    tree: SurfaceTree
    marks: np.ndarray
    back_mm: float

    def plane(self, above_brows_mm: float, back_y_mm: float) -> Dome:
        """The dome over a plane through the forehead and the back of the head."""
        brow = self.marks[17:27]
        x = brow[:, 0].mean()
        front = np.array([x, brow[:, 1].max() + above_brows_mm, brow[:, 2].max() - 8.0])
        return dome(front, np.array([x, back_y_mm, self.back_mm]))

    def above(self, place: Dome, low_mm: float, high_mm: float = np.inf) -> np.ndarray:
        """(n_vertices,) bool: skin between heights over the base plane."""
        height = (self.vertices - place.centre) @ place.axis
        covered = np.zeros(len(self.vertices), bool)
        covered[self.skin] = (height[self.skin] > low_mm) & (height[self.skin] < high_mm)
        return covered


@dataclass(frozen=True)
class Shell:
    """Directions (r, c) about a dome, and radii (r, c) in mm."""

    place: Dome
    turn: np.ndarray
    height: np.ndarray
    radius: np.ndarray

    def points(self, out: np.ndarray | float) -> np.ndarray:
        """(r, c, 3) mm at `out` mm over the radii."""
        way = self.place.direction(self.turn, self.height)
        return self.place.centre + (self.radius + out)[..., None] * way

    def mesh(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices and triangles of rows that run from the pole to a turned-in edge."""
        inside = self.points(-1.5)[-1] + 1.5 * self.place.axis  # the edge is turned in
        grid = np.concatenate([points, inside[None]])
        rows, columns = grid.shape[:2]
        flat = np.concatenate([grid.reshape(-1, 3), points[0].mean(axis=0, keepdims=True)])
        triangles = grid_triangles(rows, columns, closed=True)
        return flat, np.concatenate([triangles, fan(np.arange(columns), len(flat) - 1)])


def coloured(
    shell: Shell, points: np.ndarray, rgb: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    vertices, triangles = shell.mesh(points)
    flat = np.concatenate([rgb, 0.6 * rgb[-1:]]).reshape(-1, 3)
    return vertices, triangles, np.concatenate([flat, rgb[0].mean(axis=0, keepdims=True)])


def noise(shell: Shell, wavelength: float, chance: np.random.Generator) -> np.ndarray:
    """(r, c) smooth random numbers over the shell."""
    way = shell.place.direction(shell.turn, shell.height).reshape(-1, 3) * 95
    return smooth_noise(way, wavelength, chance, 12).reshape(shell.turn.shape)


def about(turn: np.ndarray) -> np.ndarray:
    return (turn + np.pi) % (2 * np.pi) - np.pi


def eased(value: np.ndarray, low: float, high: float) -> np.ndarray:
    share = np.clip((value - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
