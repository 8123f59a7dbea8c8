"""A triangle surface with its normals, for distances to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.geometry import SurfaceTree


@dataclass(frozen=True)
class Surface:
    """Triangles that know their nearest points; see `Surface.of`.

    Args:
        normals: (t, 3) unit, 0 for a triangle without area.
        tree: finds nearest points.
    """

    normals: np.ndarray
    tree: SurfaceTree

    @classmethod
    def of(cls, vertices: np.ndarray, triangles: np.ndarray) -> Surface:
        """The surface of a mesh.

        Args:
            vertices: (n, 3) mm.
            triangles: (t, 3) vertex indices.
        """
        corners = vertices[triangles].astype(np.float64)
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.linalg.norm(cross, axis=1)
        normals = cross / np.maximum(length, 1e-12)[:, None]
        # Named, not `auto`: scores do not depend on what else is installed.
        return cls(normals, SurfaceTree(vertices, triangles, backend="numba"))

    def nearest(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Nearest point (n, 3), its distance (n,) and its triangle (n,) for points (n, 3)."""
        found = self.tree.nearest(points)
        return found.points, found.distance_mm, found.triangles


def random_weights(count: int, generator: np.random.Generator) -> np.ndarray:
    """(count, 3) barycentric weights, uniform over a triangle."""
    first, second = generator.random((2, count))
    root = np.sqrt(first)
    return np.stack([1 - root, root * (1 - second), root * second], axis=1)
