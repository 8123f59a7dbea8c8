"""The head that views are projected on: the base mesh, moved to where the surface was measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.artefacts import BaseMesh, Surface
from lib.errors import ShapeError
from lib.facemodel.model import FaceModel
from lib.geometry import vertex_normals
from lib.render import fill_margins, interpolate, sample_texture, uv_buffers
from lib.texture.chart import Chart
from lib.uvspace.regions import region

CUTS = 2  # times that each triangle is cut into four; edges are then about a millimetre long
MEASURED = (0.02, 0.2)  # confidence: a guess below, measured above


@dataclass(frozen=True)
class MeasuredHead:
    """A whole head in the world frame; eyes, mouth and what was not measured are the base's.

    Args:
        base: (V, 3) float32 mm, vertices of the base mesh.
        normals: (V, 3) float32 unit normals of the base moved to the surface.
        offset: (rows, cols, 4) float32: mm from the base to the surface (3), 0..1 measured; on the
            surface's own grid, goes on beyond the border of the chart.
        outer: (V,) float32: 1 where a vertex lies on the outer skin, which is measured.
        fine: (F, 3) float32 mm, vertices of the moved base with each triangle cut.
        fine_triangles: (T * 4 ** CUTS, 3); those of triangle i follow each other.
    """

    base: np.ndarray
    normals: np.ndarray
    offset: np.ndarray
    outer: np.ndarray
    fine: np.ndarray
    fine_triangles: np.ndarray

    def texels(self, chart: Chart, of: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points (k, 3) mm, unit normals (k, 3) and 0..1 measured (k,) of texels `of` (k,)."""
        values = np.column_stack([self.base, self.normals, self.outer])
        values = chart.weights[of] @ np.ascontiguousarray(values, np.float32)
        row, column = np.divmod(chart.texel[of], chart.size[1])
        uv = np.column_stack([(column + 0.5) / chart.size[1], 1 - (row + 0.5) / chart.size[0]])
        offset = sample_texture(self.offset, uv)
        outer = values[:, 6]
        normal = values[:, 3:6] / np.maximum(
            np.linalg.norm(values[:, 3:6], axis=1, keepdims=True), 1e-9
        )
        return values[:, :3] + offset[:, :3] * outer[:, None], normal, offset[:, 3] * outer


def measured_head(model: FaceModel, base: BaseMesh, surface: Surface) -> MeasuredHead:
    """The head of a base mesh and of the surface measured over it.

    Raises:
        ShapeError: `base` belongs to another model.
    """
    if base.vertices_mm.shape != model.mean.shape:
        raise ShapeError(
            "base.vertices_mm", base.vertices_mm.shape, f"{model.mean.shape} of {model.name}"
        )
    vertices = base.vertices_mm.astype(np.float32)
    outside = region(model, "skin")
    offset = _offset(model, vertices, surface, outside)
    outer = np.zeros(model.n_vertices, np.float32)
    outer[model.triangles[outside]] = 1
    triangles, values = model.triangles, np.column_stack([vertices, outer])
    uv_triangles, uv = model.uv_triangles, model.uv.astype(np.float64)
    levels = []
    for _ in range(CUTS + 1):
        moved = values[:, :3] + values[:, 3:] * _moved_by(
            offset, len(values), triangles, uv, uv_triangles, outside
        )
        levels.append((moved.astype(np.float32), triangles))
        triangles, values = cut(triangles, values)
        uv_triangles, uv = cut(uv_triangles, uv)
        outside = np.repeat(outside, 4)
    normals = vertex_normals(*levels[0])
    return MeasuredHead(vertices, normals, offset, outer, *levels[-1])


def cut(triangles: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each triangle cut into four at the middles of its sides.

    Args:
        triangles: (T, 3) indices into `values`.
        values: (V, C).

    Returns:
        (4 T, 3) triangles, the four of each next to each other, and (V + edges, C) values.
    """
    ends = np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=2).reshape(-1, 2)
    ends = np.sort(ends, axis=1).astype(np.int64)
    key, side = np.unique(ends[:, 0] * len(values) + ends[:, 1], return_inverse=True)
    one, other = np.divmod(key, len(values))
    middle = (len(values) + side.reshape(-1, 3)).astype(np.int32)
    corners = [(triangles[:, k], middle[:, k], middle[:, k - 1]) for k in range(3)]
    children = np.stack([*(np.stack(corner, axis=1) for corner in corners), middle], axis=1)
    return children.reshape(-1, 3), np.concatenate([values, (values[one] + values[other]) / 2])


def _offset(
    model: FaceModel, vertices: np.ndarray, surface: Surface, outside: np.ndarray
) -> np.ndarray:
    """(rows, cols, 4) from the base to the surface in mm, and how far it was measured."""
    size = surface.distance_mm.shape
    buffers = uv_buffers(model.uv, model.uv_triangles[outside], size)
    base = interpolate(buffers, vertices, model.triangles[outside])
    points = surface.points_mm
    known = buffers.mask & np.isfinite(points).all(axis=2)
    if not known.any():
        raise ShapeError("surface.position_mm", size, "a grid with points on the head's chart")
    measured = np.nan_to_num(surface.confidence.astype(np.float32))
    share = np.clip((measured - MEASURED[0]) / (MEASURED[1] - MEASURED[0]), 0, 1)
    layers = np.concatenate([np.where(known[..., None], points - base, 0), share[..., None]], 2)
    return fill_margins(layers.astype(np.float32), known)


def _moved_by(
    offset: np.ndarray,
    n_vertices: int,
    triangles: np.ndarray,
    uv: np.ndarray,
    uv_triangles: np.ndarray,
    outside: np.ndarray,
) -> np.ndarray:
    """(n_vertices, 3) mm that vertices move; one on a seam is looked up at one of its places."""
    at = np.zeros((n_vertices, 2))
    at[triangles] = uv[uv_triangles]
    at[triangles[outside]] = uv[uv_triangles[outside]]
    return sample_texture(offset, at)[:, :3]
