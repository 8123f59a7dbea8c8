"""Who answers for a `SurfaceTree`: our compiled tree, or psbody-mesh where it is installed.

A backend names triangles. Points, weights, parts, distances and signs are computed from these in
one place, `SurfaceTree`, so equal triangles give equal numbers whoever named them.
"""

from __future__ import annotations

import importlib
from functools import cached_property
from types import SimpleNamespace
from typing import Literal

import numpy as np

from lib.errors import ConfigError
from lib.geometry import proximity_kernels as kernels
from lib.geometry import proximity_rays as rays

TOLERANCE = 1e-9  # between two ways to compute the same distance
PSBODY_FAR = 1e99  # psbody-mesh writes 1e100 for a ray that meets nothing
PSBODY_MISSING = (
    "backend is 'psbody', but psbody-mesh cannot be imported ({reason}). It was expected as the "
    "package `psbody.mesh`. Set backend: numba (or auto), which needs nothing and gives the same "
    "results, or build it from https://github.com/MPI-IS/mesh; no package index has it, and "
    "docs/proximity.md tells how. Its licence allows non-commercial scientific research only."
)


class NumbaBackend:
    """A tree of boxes in compiled Python: needs nothing but the locked packages.

    Args:
        vertices: (n_vertices, 3) float64.
        triangles: (t, 3) int64, t > 0.
    """

    name = "numba"

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray):
        self.vertices, self.triangles = vertices, triangles

    @cached_property
    def tree(self) -> tuple[np.ndarray, ...]:
        """Corners in the order of the tree, and the tree: order, bounds, first, count."""
        corners = self.vertices[self.triangles]
        tree = kernels.build(corners)
        return corners[tree[0]], *tree

    def nearest(self, points: np.ndarray) -> np.ndarray:
        """(n,) triangle with the nearest point."""
        return kernels.nearest(points, *self.tree)

    def first_hits(
        self, origins: np.ndarray, directions: np.ndarray, start: float, both_ways: bool
    ) -> np.ndarray:
        """(n,) triangle that is met first, -1 for none; both ways: the nearer of two."""
        limit = np.full(len(origins), np.inf)
        found, distance = rays.first_hits(origins, directions, start, limit, *self.tree)
        if both_ways:
            behind, back = rays.first_hits(origins, -directions, start, distance, *self.tree)
            found = np.where(back < distance, behind, found)
        return found

    def visible(self, cameras: np.ndarray, start: float) -> np.ndarray:
        """(n_cameras, n_vertices) bool."""
        corners, _, bounds, first, count = self.tree
        return rays.visible(self.vertices, cameras, start, corners, bounds, first, count)


class PsbodyBackend(NumbaBackend):
    """psbody-mesh; our own tree answers what it has no query for.

    That is: the first hit in one direction, hits that begin away from the origin, and cameras
    inside the box around the mesh, since its rays go on behind the camera.
    """

    name = "psbody"

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray):
        super().__init__(vertices, triangles)
        search, visibility = _psbody_modules()
        self._aabb = search.AabbTree(SimpleNamespace(v=vertices, f=triangles))
        self._visibility_compute = visibility.visibility_compute

    def nearest(self, points: np.ndarray) -> np.ndarray:
        """(n,) triangle with the nearest point."""
        if len(points) == 0:
            return np.zeros(0, np.int64)
        found, _ = self._aabb.nearest(points)
        return found.ravel().astype(np.int64)

    def first_hits(
        self, origins: np.ndarray, directions: np.ndarray, start: float, both_ways: bool
    ) -> np.ndarray:
        """(n,) triangle that is met first, -1 for none; both ways: the nearer of two."""
        if not both_ways or start > 0 or len(origins) == 0:
            return super().first_hits(origins, directions, start, both_ways)
        distance, triangle, _ = self._aabb.nearest_alongnormal(origins, directions)
        hit = distance < PSBODY_FAR
        found = np.full(len(origins), rays.MISS)
        found[hit] = triangle[hit]
        ours, _ = rays.meetings(origins, directions, found, self.vertices[self.triangles])
        unsure = (
            np.isfinite(distance) & hit & ~(np.abs(ours) <= distance + TOLERANCE * (1 + distance))
        )
        unsure |= np.isnan(distance)
        if unsure.any():  # triangles that it meets from their edge, with a made-up point or none
            again = super().first_hits(origins[unsure], directions[unsure], start, both_ways)
            found[unsure] = again
        return found

    def visible(self, cameras: np.ndarray, start: float) -> np.ndarray:
        """(n_cameras, n_vertices) bool."""
        low, high = self.vertices.min(axis=0), self.vertices.max(axis=0)
        inside = ((cameras >= low) & (cameras <= high)).all(axis=1)
        seen = np.empty((len(cameras), len(self.vertices)), bool)
        if inside.any():
            seen[inside] = super().visible(cameras[inside], start)
        if not inside.all():
            seen[~inside], _ = self._visibility_compute(
                cams=np.ascontiguousarray(cameras[~inside]),
                v=self.vertices,
                f=self.triangles.astype(np.uint32),
                min_dist=start,
            )
        return seen


BACKENDS = {"numba": NumbaBackend, "psbody": PsbodyBackend}


def backend_class(setting: Literal["auto", "numba", "psbody"]) -> type[NumbaBackend]:
    """The backend of a setting; `auto` is psbody-mesh where it can be imported, else numba.

    Raises:
        ConfigError: the setting is unknown, or psbody-mesh is asked for and is not there.
    """
    if setting not in ("auto", *BACKENDS):
        names = ", ".join(("auto", *BACKENDS))
        raise ConfigError(f"backend is {setting!r}, expected one of {names}. Use auto.")
    if setting == "numba":
        return NumbaBackend
    try:
        _psbody_modules()
    except ImportError as error:
        if setting == "auto":
            return NumbaBackend
        raise ConfigError(PSBODY_MISSING.format(reason=error)) from error
    return PsbodyBackend


def _psbody_modules() -> tuple[object, object]:
    return (
        importlib.import_module("psbody.mesh.search"),
        importlib.import_module("psbody.mesh.visibility"),
    )
