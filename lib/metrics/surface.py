"""A triangle surface for distances to it, points spread over one, and which part of it counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lib.errors import ShapeError
from lib.geometry import SurfaceTree


@dataclass(frozen=True)
class Mesh:
    """Triangles with or without landmarks, in one frame.

    Args:
        vertices: (n, 3) mm; any unit where an alignment with scale follows.
        triangles: (t, 3) vertex indices, counter-clockwise from outside.
        landmarks: (68, 3) in iBUG order and the vertices' frame, or None.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    landmarks: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name, array in (("vertices", self.vertices), ("triangles", self.triangles)):
            if np.ndim(array) != 2 or np.shape(array)[1] != 3 or len(array) == 0:
                raise ShapeError(name, np.shape(array), "(n, 3) with at least one row")
        if self.landmarks is not None and np.shape(self.landmarks) != (68, 3):
            raise ShapeError("landmarks", np.shape(self.landmarks), "(68, 3)")

    @cached_property
    def surface(self) -> Surface:
        """The triangles, ready to be measured to; made once."""
        return Surface.of(self.vertices, self.triangles)

    def with_vertices(self, vertices: np.ndarray, landmarks: np.ndarray | None = None) -> Mesh:
        """The same triangles with other vertices (n, 3) and landmarks (68, 3)."""
        return replace(self, vertices=vertices, landmarks=landmarks)


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


@dataclass(frozen=True)
class SurfaceSample:
    """Points on a surface.

    Args:
        points: (n, 3) mm.
        normals: (n, 3) unit, interpolated between the vertex normals.
        triangles: (n,) that hold them.
        barycentric: (n, 3) weights of their corners.
    """

    points: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray
    barycentric: np.ndarray

    def __len__(self) -> int:
        return len(self.points)

    def only(self, chosen: np.ndarray) -> SurfaceSample:
        """The points of an index or mask."""
        return SurfaceSample(
            self.points[chosen],
            self.normals[chosen],
            self.triangles[chosen],
            self.barycentric[chosen],
        )


@dataclass(frozen=True)
class Region:
    """The part of a true surface that counts: a set of vertices, a ball, or (the default) all.

    Args:
        vertices: indices, or (n_vertices,) bool; triangles with all corners in it count.
        centre: (3,) mm of a ball.
        radius_mm: of the ball.
    """

    vertices: np.ndarray | None = None
    centre: np.ndarray | None = None
    radius_mm: float = 95.0

    def holds(
        self, points: np.ndarray, on_triangles: np.ndarray, triangles: np.ndarray
    ) -> np.ndarray:
        """(n,) bool: which points count.

        Args:
            points: (n, 3) mm.
            on_triangles: (n,) the true surface's triangle that holds each point.
            triangles: (t, 3) of the true surface.
        """
        if self.vertices is not None:
            return self.holds_triangles(triangles)[on_triangles]
        if self.centre is not None:
            return np.linalg.norm(points - self.centre, axis=1) < self.radius_mm
        return np.ones(len(points), bool)

    def holds_triangles(self, triangles: np.ndarray) -> np.ndarray:
        """(t,) bool: triangles (t, 3) with all corners in a set of vertices."""
        chosen = np.asarray(self.vertices)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        inside = np.zeros(max(triangles.max(), chosen.max(initial=0)) + 1, bool)
        inside[chosen] = True
        return inside[triangles].all(axis=1)


def sample_surface(
    vertices: np.ndarray, triangles: np.ndarray, count: int, seed: int = 0
) -> SurfaceSample:
    """Points spread evenly by area, so that a mesh's density does not weigh in a score.

    Args:
        vertices: (n_vertices, 3) mm.
        triangles: (t, 3).
        count: number of points.
        seed: of the points.
    """
    corners = vertices[triangles].astype(np.float64)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.cumsum(np.linalg.norm(cross, axis=1))
    generator = np.random.default_rng(seed)
    chosen = np.searchsorted(area, generator.random(count) * area[-1])
    chosen = np.minimum(chosen, len(area) - 1)
    weights = random_weights(count, generator)
    points = np.einsum("nk,nkd->nd", weights, corners[chosen])
    normals = normals_at(vertices, triangles, chosen, weights)
    return SurfaceSample(points, normals, chosen, weights)


def normals_at(
    vertices: np.ndarray, triangles: np.ndarray, chosen: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """(n, 3) unit normals at barycentric weights (n, 3) of the triangles `chosen` (n,)."""
    normals = angle_normals(vertices, triangles)[triangles[chosen]]
    normals = np.einsum("nk,nkd->nd", weights, normals)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def angle_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit vertex normals, each the mean of the normals around it by the angle at the vertex.

    Unlike weights by area these do not depend on how a surface is cut into triangles, which for
    decimated scans makes a difference of some tenths of a degree.

    Args:
        vertices: (n, 3).
        triangles: (t, 3), counter-clockwise from outside.

    Returns:
        (n, 3); zero where a vertex has no triangle with an area.

    Source: Thurmer & Wuthrich 1998, Computing vertex normals from polygonal facets (JGT 3(1)).
    """
    corners = np.asarray(vertices, np.float64)[triangles]
    sides = np.roll(corners, -1, axis=1) - corners
    sides = sides / np.maximum(np.linalg.norm(sides, axis=2, keepdims=True), 1e-12)
    cosine = -(sides * np.roll(sides, 1, axis=1)).sum(axis=2)
    angle = np.arccos(np.clip(cosine, -1, 1))
    normal = np.cross(sides[:, 0], sides[:, 1])
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    result = np.empty((len(vertices), 3))
    for axis in range(3):
        shares = (angle * normal[:, axis : axis + 1]).ravel()
        result[:, axis] = np.bincount(triangles.ravel(), shares, minlength=len(vertices))
    return result / np.maximum(np.linalg.norm(result, axis=1, keepdims=True), 1e-12)


def random_weights(count: int, generator: np.random.Generator) -> np.ndarray:
    """(count, 3) barycentric weights, uniform over a triangle."""
    first, second = generator.random((2, count))
    root = np.sqrt(first)
    return np.stack([1 - root, root * (1 - second), root * second], axis=1)
