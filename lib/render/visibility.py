"""Which points of a surface a camera sees, told by its depth buffer."""

from __future__ import annotations

import numpy as np

from lib.geometry import to_camera, vertex_normals
from lib.render.rasterise import Buffers, Camera


def facing(points: np.ndarray, normals: np.ndarray, camera: Camera) -> np.ndarray:
    """(P,) cosine between the normal and the direction to the camera; 1 = seen head-on.

    Args:
        points: (P, 3) mm, model frame.
        normals: (P, 3) unit.
        camera: the camera.
    """
    rotation, translation = camera.world_to_camera[:, :3], camera.world_to_camera[:, 3]
    eye = -rotation.T @ translation
    along, square = 0.0, 0.0
    for axis in range(3):  # column by column: sums over an axis of length 3 are slow
        to_eye = eye[axis] - points[:, axis]
        along = along + normals[:, axis] * to_eye
        square = square + to_eye * to_eye
    return along / np.maximum(np.sqrt(square), 1e-9)


def visible(
    points: np.ndarray,
    normals: np.ndarray,
    buffers: Buffers,
    camera: Camera,
    tolerance_mm: float = 1.0,
) -> np.ndarray:
    """(P,) bool: the point faces the camera, lies in the viewport, and nothing is before it.

    The depth is compared in the pixel that holds the point. A slanted surface changes its depth
    inside a pixel; that change is added to the tolerance.

    Args:
        points: (P, 3) mm, model frame.
        normals: (P, 3) unit.
        buffers: of `render_buffers` with the same camera.
        camera: the camera.
        tolerance_mm: how far behind the depth buffer a point still counts as on the surface.
    """
    cosine = facing(points, normals, camera)
    candidate = np.flatnonzero(cosine > 0)
    cosine, in_camera = cosine[candidate], to_camera(points[candidate], camera.world_to_camera)
    depth = in_camera[:, 2]
    safe_depth = np.where(depth > 0, depth, 1.0)
    position = camera.focal_px * in_camera[:, :2] / safe_depth[:, None] + camera.centre_px
    x, y = np.rint(buffers.to_buffer(position)).astype(np.int64).T
    height, width = buffers.depth_mm.shape
    inside = (depth > 0) & (x >= 0) & (y >= 0) & (x < width) & (y < height)
    seen = np.full(len(candidate), -np.inf)
    seen[inside] = buffers.depth_mm[y[inside], x[inside]]
    slope = np.clip(cosine, 0.05, 1)
    tangent = np.sqrt(1 - slope**2) / slope
    half_pixel_mm = 0.7072 * safe_depth / (camera.focal_px * buffers.supersample)
    result = np.zeros(len(points), bool)
    result[candidate] = inside & (depth <= seen + tolerance_mm + half_pixel_mm * tangent)
    return result


def corners_seen(
    vertices: np.ndarray, triangles: np.ndarray, buffers: Buffers, camera: Camera
) -> np.ndarray:
    """(V,) bool: corner of a triangle that some pixel shows, with its normal towards the camera.

    Corners just behind an edge count although they are hidden. The published systems decide so;
    `visible` tells which points are seen.

    Args:
        vertices: (V, 3) mm, model frame.
        triangles: (T, 3).
        buffers: of `render_buffers` with the same camera.
        camera: the camera; only its viewing direction matters.
    """
    seen = np.zeros(len(vertices), bool)
    seen[triangles[np.unique(buffers.triangle_id[buffers.mask])]] = True
    normals = vertex_normals(vertices, triangles)
    return seen & (normals @ camera.world_to_camera[2, :3] <= 0)


def landmarks_seen(
    points: np.ndarray, camera: Camera, depth_mm: np.ndarray, tolerance_mm: float = 1.0
) -> np.ndarray:
    """(n,) bool: the point lies in the picture and nothing is before it.

    One of the four pixels around the point must show something at its depth or beyond. So a point
    on an outline is seen although half of its pixels show a nearer part of the same slope, and one
    that is hidden by less than a pixel counts as seen.

    Args:
        points: (n, 3) mm, model frame.
        camera: of the picture.
        depth_mm: (h, w) camera depth of the nearest surface of all that stands in the scene; inf =
            none.
        tolerance_mm: how far behind that surface a point still counts as on it.
    """
    in_camera = to_camera(np.asarray(points, np.float64), camera.world_to_camera)
    depth = in_camera[:, 2]
    before = depth > 0
    position = camera.focal_px * in_camera[:, :2] / np.where(before, depth, 1.0)[:, None]
    position += camera.centre_px
    height, width = depth_mm.shape
    inside = before & (position > -0.5).all(axis=1)
    inside &= (position[:, 0] < width - 0.5) & (position[:, 1] < height - 0.5)
    corner = np.floor(np.where(inside[:, None], position, 0)).astype(np.int64)
    beyond = np.full(len(depth), -np.inf)
    for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        column = np.clip(corner[:, 0] + right, 0, width - 1)
        row = np.clip(corner[:, 1] + down, 0, height - 1)
        beyond = np.maximum(beyond, depth_mm[row, column])
    return inside & (depth <= beyond + tolerance_mm)
