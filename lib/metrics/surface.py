"""The nearest point of a triangle mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from scipy.spatial import cKDTree

SPACING_MM = 1.5  # of the samples that find the nearest triangles
MOST_PER_TRIANGLE = 400
INWARDS = 0.2  # samples near corners: at a corner itself, those of all its triangles coincide
SEED = 1


@dataclass(frozen=True)
class Surface:
    """Triangles with a tree of points on them; see `Surface.of`.

    Args:
        corners: (t, 3, 3) mm.
        normals: (t, 3) unit, 0 for a triangle without area.
        owner: (n_samples,) triangle of each sample.
        tree: of the samples.
    """

    corners: np.ndarray
    normals: np.ndarray
    owner: np.ndarray
    tree: cKDTree

    @classmethod
    def of(
        cls, vertices: np.ndarray, triangles: np.ndarray, spacing_mm: float = SPACING_MM
    ) -> Surface:
        """The surface of a mesh.

        Args:
            vertices: (n, 3) mm.
            triangles: (t, 3) vertex indices.
            spacing_mm: of the samples; smaller is slower, and nearer to the exact answer.
        """
        corners = vertices[triangles].astype(np.float64)
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.linalg.norm(cross, axis=1)
        normals = cross / np.maximum(length, 1e-12)[:, None]
        longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
        wanted = np.maximum(length / 2 / spacing_mm**2, longest / spacing_mm)
        count = np.clip(np.ceil(wanted), 1, MOST_PER_TRIANGLE).astype(int)
        owner = np.repeat(np.arange(len(corners)), count)
        weights = random_weights(len(owner), np.random.default_rng(SEED))
        samples = np.einsum("nk,nkd->nd", weights, corners[owner])
        inner = INWARDS * corners.mean(axis=1, keepdims=True) + (1 - INWARDS) * corners
        owner = np.concatenate([owner, np.repeat(np.arange(len(corners)), 3)])
        samples = np.concatenate([samples, inner.reshape(-1, 3)])
        return cls(corners, normals, owner, cKDTree(samples))

    def nearest(
        self, points: np.ndarray, candidates: int = 4
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Nearest point (n, 3), its distance (n,) and its triangle (n,) for points (n, 3)."""
        _, near = self.tree.query(points, k=candidates)
        best = np.full(len(points), np.inf)
        nearest, triangle = np.zeros((len(points), 3)), np.zeros(len(points), int)
        for column in range(candidates):
            rows = self.owner[near[:, column]]
            found = trimesh.triangles.closest_point(self.corners[rows], points)
            distance = np.linalg.norm(found - points, axis=1)
            better = distance < best
            best[better], nearest[better] = distance[better], found[better]
            triangle[better] = rows[better]
        return nearest, best, triangle


def random_weights(count: int, generator: np.random.Generator) -> np.ndarray:
    """(count, 3) barycentric weights, uniform over a triangle."""
    first, second = generator.random((2, count))
    root = np.sqrt(first)
    return np.stack([1 - root, root * (1 - second), root * second], axis=1)
