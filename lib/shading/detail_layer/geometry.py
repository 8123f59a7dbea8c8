"""Poses, the orthographic camera, normals and the dense mesh of the detail layer, on tensors.

Points are published ones: mm in the Basel frame (`lib.facemodel.cylinder`). Camera places are px of
the crop about its centre, x to the picture's right, y up, z to the viewer. All is batch-first.

Source: Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lib.errors import ShapeError
from lib.geometry.orthographic import BASE_SCALE, CROP_PX, DEPTH_PX
from lib.render.differentiable import unit

DEEPEST = 10_000.0  # px before and behind the image plane that are drawn


def pose_matrix(pose: torch.Tensor, size: int = CROP_PX) -> torch.Tensor:
    """(B, 3, 4) [scaled rotation | translation] for column vectors, of poses (B, 6).

    Args:
        pose: (B, 6) pitch, yaw, roll in rad; x and y in px; logarithm of the scale.
        size: of the crop in px.

    Raises:
        ShapeError: `pose` is not (B, 6).
    """
    if pose.ndim != 2 or pose.shape[1] != 6:
        raise ShapeError("pose", tuple(pose.shape), "(B, 6)")
    pitch, yaw, roll = pose[:, 0], pose[:, 1], pose[:, 2]
    zero, one = torch.zeros_like(pitch), torch.ones_like(pitch)

    def matrix(*values: torch.Tensor) -> torch.Tensor:
        return torch.stack(values, -1).reshape(-1, 3, 3)

    about_x = matrix(
        one, zero, zero, zero, pitch.cos(), pitch.sin(), zero, -pitch.sin(), pitch.cos()
    )
    about_y = matrix(yaw.cos(), zero, -yaw.sin(), zero, one, zero, yaw.sin(), zero, yaw.cos())
    about_z = matrix(roll.cos(), roll.sin(), zero, -roll.sin(), roll.cos(), zero, zero, zero, one)
    scale = pose[:, 5].exp() * BASE_SCALE * size / CROP_PX
    shift = torch.stack([pose[:, 3], pose[:, 4], torch.full_like(pitch, DEPTH_PX)], -1)
    turned = scale[:, None, None] * (about_x @ about_y @ about_z)
    return torch.cat([turned, shift[..., None]], -1)


def to_camera(points: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """(B, V, 3) camera places of points (B|1, V, 3) under `pose_matrix`."""
    return points @ matrix[..., :3].transpose(-1, -2) + matrix[:, None, :, 3]


def to_image(camera: torch.Tensor, size: int = CROP_PX) -> torch.Tensor:
    """(..., 2) crop places x, y (down) of camera places; pixel k reaches from k to k + 1."""
    return torch.stack([size / 2 + camera[..., 0], size / 2 - camera[..., 1]], -1)


def to_clip(camera: torch.Tensor, size: int = CROP_PX) -> torch.Tensor:
    """(..., 4) clip positions for `lib.render.differentiable.rasterise`, row 0 at the top."""
    x, y, z = camera.unbind(-1)
    return torch.stack([2 * x / size, -2 * y / size, -z / DEEPEST, torch.ones_like(x)], -1)


def turned_normals(normals: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """(B, ..., 3) unit normals in the camera's frame, of normals in the model's."""
    turn = matrix[..., :3]
    return unit(
        torch.einsum("bij,b...j->b...i", turn, normals.expand(len(turn), *normals.shape[1:]))
    )


def vertex_normals(points: torch.Tensor, triangles: torch.Tensor) -> torch.Tensor:
    """(B, V, 3) unit normals: sums of those of the triangles around, by area.

    Args:
        points: (B, V, 3).
        triangles: (T, 3), counter-clockwise from outside.
    """
    across = triangle_normals(points, triangles)
    total = torch.zeros_like(points)
    for corner in triangles.long().unbind(1):
        total = total.index_add(1, corner, across)
    return unit(total)


def triangle_normals(points: torch.Tensor, triangles: torch.Tensor) -> torch.Tensor:
    """(B, T, 3) normals as long as twice the area, of points (B, V, 3)."""
    one, two, three = (points.index_select(1, k) for k in triangles.long().unbind(1))
    return torch.linalg.cross(two - one, three - one)


@dataclass(frozen=True)
class DenseMesh:
    """One vertex per texel of a region, two triangles per full block of 2 x 2.

    Args:
        texel: (n, 2) row and column of each vertex, row by row.
        triangles: (t, 3), counter-clockwise from outside: first the upper halves of all blocks.
        vertex: (rows, cols) vertex of each texel; -1 = none.
    """

    texel: np.ndarray
    triangles: np.ndarray
    vertex: np.ndarray


def dense_mesh(region: np.ndarray) -> DenseMesh:
    """The mesh of the texels of a region (rows, cols) bool.

    A block with corners a, b above and d, c below becomes (a, c, b) and (a, d, c).
    """
    vertex = np.full(region.shape, -1, np.int64)
    texel = np.argwhere(region)
    vertex[region] = np.arange(len(texel))
    a, b, d, c = vertex[:-1, :-1], vertex[:-1, 1:], vertex[1:, :-1], vertex[1:, 1:]
    full = (a >= 0) & (b >= 0) & (c >= 0) & (d >= 0)
    a, b, c, d = a[full], b[full], c[full], d[full]
    triangles = np.concatenate([np.stack([a, c, b], -1), np.stack([a, d, c], -1)])
    return DenseMesh(texel.astype(np.int32), triangles.astype(np.int32), vertex.astype(np.int32))
