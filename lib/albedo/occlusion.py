"""What a head keeps of the light by standing in its own way: under brows, nose and chin."""

from __future__ import annotations

import numpy as np

from lib.facemodel import FaceModel
from lib.geometry import vertex_normals
from lib.render import Camera, render_buffers, visible
from lib.render.harmonics import sh_basis

DIRECTIONS, SIDE_PX = 96, 320
FAR = 20.0  # radii of the head
TOLERANCE_MM = 2.0  # behind the nearest surface what is still lit
BOUNCED = 0.3  # share of the hidden light that comes back from the skin around


def light_transfer(model: FaceModel) -> np.ndarray:
    """(n_vertices, 9) float32: dot light (9, 3), what reaches a vertex of the mean head, over pi.

    Without occlusion these are the cosine-weighted harmonics of the normal.

    Source: Sloan, Kautz & Snyder 2002, Precomputed radiance transfer (SIGGRAPH), eq. 9.
    """
    vertices = model.mean.astype(np.float64)
    normals = vertex_normals(vertices, model.triangles).astype(np.float64)
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    radius = float(np.linalg.norm(vertices - middle, axis=1).max())
    result = np.zeros((len(vertices), 9))
    for way in _sphere(DIRECTIONS):
        camera = _looking(middle + FAR * radius * way, way, radius)
        buffers = render_buffers(vertices, model.triangles, *camera, size=(SIDE_PX, SIDE_PX))
        seen = visible(vertices, normals, buffers, camera, TOLERANCE_MM)
        share = np.where(seen, np.maximum(normals @ way, 0), 0)
        result += share[:, None] * sh_basis(way)
    return (result * (4 / DIRECTIONS)).astype(np.float32)


def _looking(place: np.ndarray, way: np.ndarray, radius: float) -> Camera:
    """A camera at a place that looks against `way` at a ball of a radius, mm."""
    side = np.cross(way, [0.0, 1.0, 0.0] if abs(way[1]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    turn = np.stack([side, np.cross(-way, side), -way])
    middle = (SIDE_PX - 1) / 2
    pose = np.column_stack([turn, -turn @ place])
    return Camera(pose, 0.5 * SIDE_PX * FAR, np.array([middle, middle]))


def _sphere(count: int) -> np.ndarray:
    """(count, 3) unit vectors, evenly spread."""
    index = np.arange(count) + 0.5
    z, turn = 1 - 2 * index / count, np.pi * (1 + 5**0.5) * index
    side = np.sqrt(1 - z**2)
    return np.stack([side * np.cos(turn), side * np.sin(turn), z], axis=1)
