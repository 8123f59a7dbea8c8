"""Nearest points, rays and visibility on a triangle surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lib.errors import ShapeError, VisagraphError
from lib.geometry.mesh import vertex_normals

FACE, EDGE, CORNER = 0, (1, 2, 3), (4, 5, 6)  # parts of a triangle abc: ab, bc, ca; a, b, c


class SurfaceError(VisagraphError, ValueError):
    """A surface or a question to it makes no sense: a number, an index, a direction."""


@dataclass(frozen=True)
class NearestPoints:
    """The nearest points of a surface.

    Args:
        points: (n, 3) float64 mm.
        triangles: (n,) int64; of triangles that share the point, the lowest.
        barycentric: (n, 3) float64 weights of the triangle's corners, >= 0.
        distance_mm: (n,) float64; if signed, negative behind the surface.
        part: (n,) uint8: 0 inside the triangle abc; 1, 2, 3 on its edge ab, bc, ca; 4, 5, 6 its
            corner a, b, c.
    """

    points: np.ndarray
    triangles: np.ndarray
    barycentric: np.ndarray
    distance_mm: np.ndarray
    part: np.ndarray


@dataclass(frozen=True)
class RayHits:
    """Where rays meet a surface, from either side.

    Args:
        points: (n, 3) float64 mm, NaN where a ray meets nothing.
        triangles: (n,) int64, -1 where a ray meets nothing.
        barycentric: (n, 3) float64 weights of the triangle's corners, NaN where nothing is met.
        distance_mm: (n,) float64 along the direction, negative behind the origin; inf for nothing.
    """

    points: np.ndarray
    triangles: np.ndarray
    barycentric: np.ndarray
    distance_mm: np.ndarray


@dataclass(frozen=True)
class VertexVisibility:
    """Which vertices each camera centre sees.

    Args:
        visible: (n_cameras, n_vertices) bool: nothing lies between. A vertex of an open surface
            can be seen from behind.
        cosine: (n_cameras, n_vertices) float64 between the vertex normal and the direction to the
            camera.
    """

    visible: np.ndarray
    cosine: np.ndarray


class SurfaceTree:
    """A triangle surface that answers where it is nearest, what rays meet, and who sees it.

    Results do not depend on the backend, except where the answer is not unique: distances are
    equal, but another of several equally near triangles may be named.

    Args:
        vertices: (n_vertices, 3) mm.
        triangles: (t, 3) vertex indices, counter-clockwise from outside, at least one.
        backend: `auto` takes psbody-mesh where it can be imported, else `numba`.

    Raises:
        ShapeError: an array has another shape.
        SurfaceError: a coordinate is not finite, or an index names no vertex.
        ConfigError: the backend is not there.
    """

    def __init__(
        self,
        vertices: np.ndarray,
        triangles: np.ndarray,
        backend: Literal["auto", "numba", "psbody"] = "auto",
    ):
        # Here, so that those who import the room for its cameras do not wait for a compiler.
        from lib.geometry.proximity_backends import backend_class

        self.vertices = _finite_rows("vertices", vertices)
        self.triangles = _indices(triangles, len(self.vertices))
        self._corners = self.vertices[self.triangles]
        self._around: tuple[np.ndarray, np.ndarray] | None = None
        self._backend = backend_class(backend)(self.vertices, self.triangles)

    @property
    def backend(self) -> str:
        """Name of the backend that answers."""
        return self._backend.name

    def nearest(self, points: np.ndarray, signed: bool = False) -> NearestPoints:
        """The nearest point of the surface to each point.

        Args:
            points: (n, 3) mm.
            signed: make distances negative behind the surface. This is inside a closed surface;
                around an open one it is the side of the nearest point. Triangles must share
                their vertices: at a seam of doubled vertices the sign is that of one side.

        Raises:
            ShapeError: points are not (n, 3).
            SurfaceError: a coordinate is not finite.
        """
        from lib.geometry import proximity_kernels as kernels

        points = _finite_rows("points", points)
        if self._around is None:
            self._around = kernels.around(self.triangles, len(self.vertices))
        found = self._backend.nearest(points)
        weights, distance, part = kernels.settle(
            points, found, self._corners, self.triangles, *self._around, signed
        )
        return NearestPoints(self._at(found, weights), found, weights, distance, part)

    def along(
        self,
        origins: np.ndarray,
        directions: np.ndarray,
        both_ways: bool = False,
        start_mm: float = 0.0,
    ) -> RayHits:
        """The first hit along each ray or, both ways, the hit that is nearest to its origin.

        A triangle that a ray meets exactly from its edge is no hit; its neighbours are.

        Args:
            origins: (n, 3) mm.
            directions: (n, 3) of any length, such as vertex normals.
            both_ways: look along +direction and -direction.
            start_mm: hits nearer than this do not count; for rays that begin on the surface.

        Raises:
            ShapeError: the arrays are not (n, 3) each.
            SurfaceError: a number is not finite, a direction is 0, or `start_mm` is negative.
        """
        from lib.geometry import proximity_rays as rays

        origins = _finite_rows("origins", origins)
        directions = _unit(_finite_rows("directions", directions, len(origins)))
        start_mm = _start(start_mm)
        found = self._backend.first_hits(origins, directions, start_mm, both_ways)
        distance, weights = rays.meetings(origins, directions, found, self._corners)
        return RayHits(self._at(found, weights), found, weights, distance)

    def visible_from(
        self, cameras: np.ndarray, normals: np.ndarray | None = None, start_mm: float = 1e-3
    ) -> VertexVisibility:
        """Which vertices are seen from camera centres, in whatever direction these look.

        Args:
            cameras: (n_cameras, 3) mm, centres.
            normals: (n_vertices, 3) unit; those of `vertex_normals` where not given.
            start_mm: what is nearer to a vertex than this does not hide it.

        Raises:
            ShapeError: an array has another shape.
            SurfaceError: a number is not finite, or `start_mm` is negative.
        """
        cameras, start_mm = _finite_rows("cameras", cameras), _start(start_mm)
        if normals is None:
            normals = vertex_normals(self.vertices, self.triangles)
        normals = _finite_rows("normals", normals, len(self.vertices))
        cosine = np.empty((len(cameras), len(self.vertices)))
        for row, camera in enumerate(cameras):
            way = camera - self.vertices
            length = np.sqrt(np.einsum("nd,nd->n", way, way))
            along = np.einsum("nd,nd->n", way, normals)
            cosine[row] = along / np.where(length > 0, length, 1)
        return VertexVisibility(self._backend.visible(cameras, start_mm), cosine)

    def _at(self, triangles: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(n, 3) points of triangles with weights (n, 3)."""
        return np.einsum("nk,nkd->nd", weights, self._corners[triangles])


def _finite_rows(name: str, values: np.ndarray, count: int | None = None) -> np.ndarray:
    """(n, 3) contiguous float64."""
    values = np.asarray(values)
    if values.ndim != 2 or values.shape[1] != 3 or count not in (None, len(values)):
        raise ShapeError(name, values.shape, f"({'n' if count is None else count}, 3)")
    values = np.ascontiguousarray(values, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise SurfaceError(
            f"{name} has {len(bad)} rows that are not finite, the first is {bad[0]} with "
            f"{values[bad[0]]}. Expected finite numbers in mm: leave such rows out."
        )
    return values


def _indices(triangles: np.ndarray, n_vertices: int) -> np.ndarray:
    """(t, 3) contiguous int64."""
    triangles = np.asarray(triangles)
    if triangles.ndim != 2 or triangles.shape[1] != 3 or len(triangles) == 0:
        raise ShapeError("triangles", triangles.shape, "(t, 3) with at least one triangle")
    if not np.issubdtype(triangles.dtype, np.integer):
        raise SurfaceError(
            f"triangles are {triangles.dtype}, expected vertex indices of an integer type."
        )
    triangles = np.ascontiguousarray(triangles, dtype=np.int64)
    if triangles.min() < 0 or triangles.max() >= n_vertices:
        raise SurfaceError(
            f"triangles name vertices {triangles.min()} to {triangles.max()}, expected 0 to "
            f"{n_vertices - 1}. Pass the vertices that these triangles belong to."
        )
    return triangles


def _unit(directions: np.ndarray) -> np.ndarray:
    largest = np.abs(directions).max(axis=1, initial=0.0, keepdims=True)
    zero = np.flatnonzero(largest == 0)
    if len(zero):
        raise SurfaceError(
            f"directions has {len(zero)} rows of length 0, the first is {zero[0]}. Expected "
            "directions: leave out vertices without triangles, whose normals are 0."
        )
    directions = directions / largest  # squares of tiny or huge numbers would not hold
    return directions / np.sqrt(np.einsum("nd,nd->n", directions, directions))[:, None]


def _start(start_mm: float) -> float:
    if not 0 <= start_mm < np.inf:
        raise SurfaceError(f"start_mm is {start_mm}, expected a distance of 0 mm or more.")
    return float(start_mm)
