"""Which points of a surface a camera sees, told by its depth buffer."""

from __future__ import annotations

import numpy as np

from lib.geometry import to_camera
from lib.render.rasterise import Buffers, Camera


def facing(points: np.ndarray, normals: np.ndarray, camera: Camera) -> np.ndarray:
    """(P,) cosine between the normal and the direction to the camera; 1 = seen head-on.

    Args:
        points: (P, 3) mm, model frame.
        normals: (P, 3) unit.
        camera: the camera.
    """
    rotation, translation = camera.world_to_camera[:, :3], camera.world_to_camera[:, 3]
    to_eye = -rotation.T @ translation - points
    length = np.linalg.norm(to_eye, axis=1)
    return (normals * to_eye).sum(axis=1) / np.maximum(length, 1e-9)


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
    in_camera = to_camera(points, camera.world_to_camera)
    depth = in_camera[:, 2]
    cosine = facing(points, normals, camera)
    in_front = (depth > 0) & (cosine > 0)
    safe_depth = np.where(in_front, depth, 1.0)
    position = camera.focal_px * in_camera[:, :2] / safe_depth[:, None] + camera.centre_px
    pixel = np.rint(np.where(in_front[:, None], buffers.to_buffer(position), -1)).astype(np.int64)
    height, width = buffers.depth_mm.shape
    inside = (pixel >= 0).all(axis=1) & (pixel[:, 0] < width) & (pixel[:, 1] < height)
    seen = np.full(len(points), -np.inf)
    seen[inside] = buffers.depth_mm[pixel[inside, 1], pixel[inside, 0]]
    tangent = np.sqrt(1 - np.clip(cosine, 0.05, 1) ** 2) / np.clip(cosine, 0.05, 1)
    half_pixel_mm = 0.7072 * safe_depth / (camera.focal_px * buffers.supersample)
    return inside & in_front & (depth <= seen + tolerance_mm + half_pixel_mm * tangent)
