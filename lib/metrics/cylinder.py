"""FaceScape's single-view benchmark: chamfer, normals and completeness on a cylinder map.

Source: Zhu et al. 2023, FaceScape: 3D facial dataset and benchmark for single-view 3D face
reconstruction (PAMI), section 6, and the benchmark's public evaluation (MIT licence).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.metrics.distances import NothingToScore
from lib.metrics.surface import Mesh, Surface

PUPIL_DISTANCE_MM = 62.85  # to which the benchmark scales every true head
SIDE = 256
HALF_HEIGHT_MM = 150.0
OUTSIDE_MM = 400.0  # farther from the axis than any head
LARGEST_STEP_MM = 15.0  # neighbours of a map that differ by more are not joined


@dataclass(frozen=True)
class CylinderMap:
    """A head unrolled: rows from the top down, columns around, the back of the head at column 0.

    Args:
        radius_mm: (256, 256) distance from the axis, NaN where there is no surface.
        normals: (256, 256, 3) unit, of the triangle that is met; NaN likewise.
    """

    radius_mm: np.ndarray
    normals: np.ndarray

    @property
    def covered(self) -> np.ndarray:
        """(256, 256) bool."""
        return np.isfinite(self.radius_mm)


@dataclass(frozen=True)
class CylinderScore:
    """The benchmark's numbers.

    Args:
        chamfer_mm: mean distance of the vertices of either map's mesh to the other's, over the
            cells that both cover.
        completeness: share 0..1 of the truth's cells that the reconstruction covers.
        normal_deg: mean angle between normals of cells that both cover.
        published_normal_rad: the same as the published code has it, which adds 1 to each component
            first and so makes angles smaller; only to compare with published tables.
        truth: its map.
        reconstruction: its map.
    """

    chamfer_mm: float
    completeness: float
    normal_deg: float
    published_normal_rad: float
    truth: CylinderMap
    reconstruction: CylinderMap


def score_cylinder(
    reconstruction: Mesh,
    truth: Mesh,
    head_centre: np.ndarray,
    head_to_world: np.ndarray | None = None,
    true_map: CylinderMap | None = None,
) -> CylinderScore:
    """Chamfer, completeness and normals of what a cylinder around the head sees.

    No alignment: pose and place count. The benchmark scales to 62.85 mm between the pupils and
    shifts the reconstruction in depth, see `depth_shift`, before this.

    Args:
        reconstruction: mm.
        truth: mm, in the same frame.
        head_centre: (3,) a point of the axis, at its middle height.
        head_to_world: (3, 3) rotation; None = the frames agree (y up, z out of the face).
        true_map: `head_map` of the truth, where it is there already.

    Raises:
        NothingToScore: no cell sees both.
    """
    if true_map is None:
        true_map = head_map(truth, head_centre, head_to_world)
    found_map = head_map(reconstruction, head_centre, head_to_world)
    both = true_map.covered & found_map.covered
    true_mesh, found_mesh = (_map_mesh(one.radius_mm, both) for one in (true_map, found_map))
    if not both.any() or true_mesh is None or found_mesh is None:
        raise NothingToScore(
            "No part of the cylinder map sees both meshes, expected an overlap: check that both "
            "are in mm and that head_centre lies inside the head."
        )
    true_normal, found_normal = true_map.normals[both], found_map.normals[both]
    return CylinderScore(
        chamfer_mm=_chamfer(true_mesh, found_mesh),
        completeness=float(both.sum() / true_map.covered.sum()),
        normal_deg=float(np.degrees(_angle(true_normal, found_normal).mean())),
        published_normal_rad=float(_angle(_unit(true_normal + 1), _unit(found_normal + 1)).mean()),
        truth=true_map,
        reconstruction=found_map,
    )


def head_map(
    mesh: Mesh, head_centre: np.ndarray, head_to_world: np.ndarray | None = None
) -> CylinderMap:
    """The cylinder map of a mesh around a head's axis; arguments as in `score_cylinder`."""
    turn = np.eye(3) if head_to_world is None else np.asarray(head_to_world)
    return cylinder_map(
        (np.asarray(mesh.vertices, np.float64) - head_centre) @ turn, mesh.triangles
    )


def cylinder_map(vertices: np.ndarray, triangles: np.ndarray) -> CylinderMap:
    """The outermost surface seen from around the y axis, 256 heights by 256 angles.

    Deviation: where the published code keeps one of several hits by chance, this keeps the
    outermost.

    Args:
        vertices: (n, 3) mm, y up along the axis, z out of the face.
        triangles: (t, 3).
    """
    angle = np.arange(SIDE) * 2 * np.pi / (SIDE - 1)
    outward = np.stack([-np.sin(angle), np.zeros(SIDE), -np.cos(angle)], axis=1)
    origins = np.tile(outward * OUTSIDE_MM, (SIDE, 1))
    origins[:, 1] = np.repeat(np.linspace(HALF_HEIGHT_MM, -HALF_HEIGHT_MM, SIDE), SIDE)
    directions = np.tile(-outward, (SIDE, 1))
    surface = Surface.of(vertices, triangles)
    hits = surface.tree.along(origins, directions)
    seen = hits.distance_mm < OUTSIDE_MM
    radius = np.where(seen, OUTSIDE_MM - hits.distance_mm, np.nan)
    normals = np.where(seen[:, None], surface.normals[hits.triangles], np.nan)
    return CylinderMap(radius.reshape(SIDE, SIDE), normals.reshape(SIDE, SIDE, 3))


def depth_shift(reconstruction: Mesh, truth: Mesh, step_mm: float = 1.0) -> float:
    """Millimetres along z that bring a reconstruction to the truth, as the wild track does it.

    The shift with the least sum of absolute depth differences over what a camera far along +z
    sees of both: their median.

    Args:
        reconstruction: mm, z towards the camera.
        truth: mm, likewise.
        step_mm: between the rays. The benchmark's depth maps have 256 x 256 pixels over the photo.

    Raises:
        NothingToScore: the two do not overlap in x and y.
    """
    true_vertices = np.asarray(truth.vertices, np.float64)
    low, high = true_vertices.min(axis=0), true_vertices.max(axis=0)
    across = [np.arange(low[axis], high[axis], step_mm) for axis in (0, 1)]
    x, y = (grid.ravel() for grid in np.meshgrid(*across))
    top = max(high[2], np.max(reconstruction.vertices[:, 2])) + 1
    origins = np.stack([x, y, np.full(len(x), top)], axis=1)
    away = np.tile([0.0, 0.0, -1.0], (len(x), 1))
    depths = [
        Surface.of(mesh.vertices, mesh.triangles).tree.along(origins, away).distance_mm
        for mesh in (truth, reconstruction)
    ]
    both = np.isfinite(depths[0]) & np.isfinite(depths[1])
    if not both.any():
        raise NothingToScore(
            "Seen along z the meshes do not overlap, expected the same face at the same place: "
            "check their frames and units."
        )
    return float(np.median(depths[1][both] - depths[0][both]))


def _map_mesh(radius_mm: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Vertices and triangles of the chosen cells of a map, without steps; None = no triangle."""
    angle = np.arange(SIDE) * 2 * np.pi / (SIDE - 1)
    height = np.linspace(HALF_HEIGHT_MM, -HALF_HEIGHT_MM, SIDE)
    points = np.stack(
        [
            -radius_mm * np.sin(angle),
            np.broadcast_to(height[:, None], radius_mm.shape),
            -radius_mm * np.cos(angle),
        ],
        axis=2,
    )
    here = radius_mm[:-1, :-1]
    joined = chosen[:-1, :-1] & chosen[1:, :-1] & chosen[:-1, 1:] & chosen[1:, 1:]
    for other in (radius_mm[1:, :-1], radius_mm[:-1, 1:], radius_mm[1:, 1:]):
        with np.errstate(invalid="ignore"):
            joined &= np.abs(here - other) < LARGEST_STEP_MM
    row, column = np.nonzero(joined)
    if len(row) == 0:
        return None
    first = row * SIDE + column
    corners = np.stack([first, first + SIDE, first + 1, first + SIDE + 1], axis=1)
    triangles = np.concatenate([corners[:, [0, 1, 2]], corners[:, [1, 3, 2]]])
    used, triangles = np.unique(triangles, return_inverse=True)
    return points.reshape(-1, 3)[used], triangles.reshape(-1, 3)


def _chamfer(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> float:
    """Mean over the vertices of both of the distance to the other's surface, mm."""
    there = Surface.of(*first).nearest(second[0])[1]
    back = Surface.of(*second).nearest(first[0])[1]
    return float(np.concatenate([there, back]).mean())


def _angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n,) radians between unit vectors (n, 3)."""
    return np.arccos(np.clip((first * second).sum(axis=1), -1, 1))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
