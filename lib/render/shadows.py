"""How much of a lamp, and of the sky, reaches points of a mesh."""

from __future__ import annotations

import numpy as np

from lib.geometry import sphere_directions, to_camera, vertex_normals
from lib.render.harmonics import SH_COSINE, sh_basis
from lib.render.light_sets import Lamp
from lib.render.rasterise import Camera, render_buffers

FAR_MM = 20_000.0  # where a lamp stands that counts as infinitely far
MAP_PX, SKY_MAP_PX = 512, 192  # side of a depth image as a lamp sees it
SKY_DIRECTIONS = 96
LIFT_MM = 0.8  # points are lifted off their own surface
FADE_MM = 2.0  # over which a shadow sets in behind what casts it
GOLDEN = np.pi * (3 - np.sqrt(5))


def lamp_share(
    points: np.ndarray,
    normals: np.ndarray,
    vertices: np.ndarray,
    triangles: np.ndarray,
    lamp: Lamp,
    places: int = 12,
    map_px: int = MAP_PX,
) -> np.ndarray:
    """(n,) float32 share of a lamp that points see past the mesh; 1 for all of it.

    Whether the surface faces the lamp is not looked at.

    Args:
        points: (n, 3) mm, model frame.
        normals: (n, 3) unit.
        vertices: (V, 3) mm, of what casts the shadows.
        triangles: (T, 3)
        lamp: the lamp.
        places: points spread over it.
        map_px: side of a depth image as the lamp sees it.
    """
    lifted = points + np.float32(LIFT_MM) * normals
    shares = [
        _reached(lifted, vertices, triangles, towards, map_px) for towards in _spread(lamp, places)
    ]
    return np.mean(shares, axis=0, dtype=np.float32)


def light_transfer(
    vertices: np.ndarray, triangles: np.ndarray, casting: np.ndarray | None = None
) -> np.ndarray:
    """(V, 9) float32: what a white matte surface shows of light in each harmonic, with shadows.

    sum over directions of V(d) max(n . d, 0) Y_k(d) 4 / N, with V = 1 where nothing stands in the
    way; without shadows it is `SH_COSINE` times the harmonics at the normal.

    Args:
        vertices: (V, 3) mm, model frame.
        triangles: (T, 3)
        casting: (T,) bool, those that cast shadows; None = all.

    Source: Sloan, Kautz & Snyder 2002, Precomputed radiance transfer, eq. 5 (diffuse, shadowed).
    """
    normals = vertex_normals(vertices, triangles)
    lifted = vertices + np.float32(LIFT_MM) * normals
    cast = triangles if casting is None else triangles[casting]
    total, open_sky = np.zeros((len(vertices), 9)), np.zeros((len(vertices), 9))
    for towards in sphere_directions(SKY_DIRECTIONS):
        cosine = np.maximum(normals @ towards, 0)
        basis = sh_basis(towards)
        open_sky += cosine[:, None] * basis
        cosine *= _reached(lifted, vertices, cast, towards, SKY_MAP_PX)
        total += cosine[:, None] * basis
    scale = 4 / SKY_DIRECTIONS
    exact = SH_COSINE * sh_basis(normals)  # the sum's own error is taken off
    return (exact + scale * (total - open_sky)).astype(np.float32)


def _reached(
    points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray, towards: np.ndarray, side: int
) -> np.ndarray:
    """(n,) float32 0..1: light from far away in a direction arrives at the points."""
    camera = _look_along(vertices, towards, side)
    depth = render_buffers(vertices, triangles, *camera, size=(side, side)).depth_mm
    inside = to_camera(points, camera.world_to_camera)
    place = camera.focal_px * inside[:, :2] / inside[:, 2:] + camera.centre_px
    column, row = np.clip(np.rint(place).astype(np.int64), 0, side - 1).T
    behind = inside[:, 2] - depth[row, column]  # nothing there: minus infinity
    return (1 - np.clip(behind / FADE_MM, 0, 1)).astype(np.float32)


def _look_along(vertices: np.ndarray, towards: np.ndarray, side: int) -> Camera:
    """A camera far away in a direction that has the whole mesh in its picture."""
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    reach = float(np.linalg.norm(vertices - middle, axis=1).max())
    forward = -towards / np.linalg.norm(towards)
    helper = np.array([0.0, 1.0, 0.0]) if abs(forward[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = np.cross(forward, helper)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    pose = np.column_stack([rotation, [0, 0, FAR_MM] - rotation @ middle])
    focal = 0.49 * side * (FAR_MM - reach) / reach
    return Camera(pose, focal, np.full(2, (side - 1) / 2))


def _spread(lamp: Lamp, count: int) -> np.ndarray:
    """(count, 3) unit directions spread evenly over a lamp."""
    step = np.arange(count)
    ring = np.sqrt((step + 0.5) / count) * np.tan(np.radians(lamp.half_angle_deg))
    axis = lamp.direction / np.linalg.norm(lamp.direction)
    helper = np.array([0.0, 1.0, 0.0]) if abs(axis[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    side = np.cross(axis, helper)
    side /= np.linalg.norm(side)
    up = np.cross(side, axis)
    turn = GOLDEN * step
    spread = ring[:, None] * (np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * up)
    return (axis + spread) / np.linalg.norm(axis + spread, axis=1, keepdims=True)
