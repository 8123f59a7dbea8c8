"""What every texel of a head's texture chart is: where on the mean head, how large, which way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.facemodel import FaceModel
from lib.geometry import vertex_normals
from lib.render import Buffers, interpolate, uv_buffers


@dataclass(frozen=True)
class SkinChart:
    """The skin's part of a chart at one resolution; values are 0 outside it.

    Args:
        buffers: which triangle covers each texel.
        triangles: (t, 3) vertex indices of the model.
        inside: (side, side) bool, the texel lies on skin.
        position: (side, side, 3) mm on the mean head.
        normal: (side, side, 3) unit, of the mean head.
        along_u: (side, side, 3) mm on the mean head from a texel to the next in its row.
        along_v: (side, side, 3) mm to the next in its column; rows run down.
        mm_per_texel: (side, side) square root of the texel's area.
        uv: (n_uv, 2) of the model.
        uv_triangles: (t, 3) of the model.
    """

    buffers: Buffers
    triangles: np.ndarray
    inside: np.ndarray
    position: np.ndarray
    normal: np.ndarray
    along_u: np.ndarray
    along_v: np.ndarray
    mm_per_texel: np.ndarray
    uv: np.ndarray
    uv_triangles: np.ndarray

    @property
    def side(self) -> int:
        return len(self.inside)

    @property
    def triangle(self) -> np.ndarray:
        """(side, side) int32 triangle of the model, -1 off the chart."""
        return self.buffers.triangle_id

    @property
    def barycentric(self) -> np.ndarray:
        """(side, side, 3) weights of the triangle's corners."""
        return self.buffers.barycentric

    def on(self, field: np.ndarray) -> np.ndarray:
        """(side, side, C) of (n_vertices, C), or (side, side) of (n_vertices,) values."""
        flat = field if field.ndim == 2 else field[:, None]
        result = interpolate(self.buffers, flat, self.triangles) * self.inside[..., None]
        return result if field.ndim == 2 else result[..., 0]

    def frame(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(side, side, 3) mm along a row and down a column, on another shape of the head."""
        u, v = _tangents(vertices, self.triangles, self.buffers, self.uv, self.uv_triangles)
        return u * self.inside[..., None], v * self.inside[..., None]


def skin_chart(model: FaceModel, side: int) -> SkinChart:
    """The chart of a model's skin.

    Args:
        model: the head.
        side: rows and columns, texels.
    """
    buffers = uv_buffers(model.uv, model.uv_triangles, (side, side))
    inside = buffers.mask & model.region("skin")[np.maximum(buffers.triangle_id, 0)]
    mean = model.mean
    at = np.concatenate([mean, vertex_normals(mean, model.triangles)], axis=1)
    pixels = interpolate(buffers, at, model.triangles) * inside[..., None]
    length = np.linalg.norm(pixels[..., 3:], axis=2, keepdims=True)
    u, v = _tangents(mean, model.triangles, buffers, model.uv, model.uv_triangles)
    u, v = u * inside[..., None], v * inside[..., None]
    area = np.linalg.norm(np.cross(u, v), axis=2)
    return SkinChart(
        buffers,
        model.triangles,
        inside,
        pixels[..., :3],
        pixels[..., 3:] / np.maximum(length, 1e-9),
        u,
        v,
        np.sqrt(area),
        model.uv,
        model.uv_triangles,
    )


def _tangents(
    vertices: np.ndarray,
    triangles: np.ndarray,
    buffers: Buffers,
    uv: np.ndarray,
    uv_triangles: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Change of the surface point from texel to texel, smooth over triangles."""
    side = len(buffers.triangle_id)
    texel = uv.astype(np.float64) * side
    one, two = (texel[uv_triangles[:, k]] - texel[uv_triangles[:, 0]] for k in (1, 2))
    first, second = (
        vertices[triangles[:, k]].astype(np.float64) - vertices[triangles[:, 0]] for k in (1, 2)
    )
    area = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    inverse = 1 / np.where(np.abs(area) < 1e-9, np.inf, area)[:, None]
    by_u = (first * two[:, 1:] - second * one[:, 1:]) * inverse
    by_v = (second * one[:, :1] - first * two[:, :1]) * inverse
    both = np.concatenate([by_u, -by_v], axis=1)  # rows run against v
    weight = np.abs(area)
    total = np.bincount(triangles.ravel(), np.repeat(weight, 3), len(vertices))
    smooth = (
        np.stack(
            [
                np.bincount(triangles.ravel(), np.repeat(weight * both[:, k], 3), len(vertices))
                for k in range(6)
            ],
            axis=1,
        )
        / np.maximum(total, 1e-12)[:, None]
    )
    pixels = interpolate(buffers, smooth.astype(np.float32), triangles)
    return pixels[..., :3], pixels[..., 3:]
