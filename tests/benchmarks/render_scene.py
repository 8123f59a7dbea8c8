"""What the speed of rendering is measured on: a mesh of a head, its camera, and copying memory."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

SIDE = 189  # 35,721 vertices and 70,688 triangles, as many as the Basel Face Model's face
RADII = 0.75, 1.008, 0.8  # 49 % of the image is covered
FOCAL = 1015 / 224  # per pixel of the image's side
DISTANCE, NEAR, FAR = 10.0, 5.0, 15.0


@dataclass(frozen=True)
class Scene:
    """A closed surface in front of a camera.

    Args:
        vertices: (V, 3) float32 in the camera's frame: x right, y down, z away.
        triangles: (T, 3) int64.
        uv: (V, 2) float32.
        clip: (B, V, 4) float32 of B turns of the surface; the first has none.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    clip: np.ndarray

    def rays(self, size: int) -> np.ndarray:
        """(size * size, 3) float32 ways of the pixel centres from the camera's centre."""
        along = (np.arange(size) + 0.5 - size / 2) / (FOCAL * size)
        y, x = np.meshgrid(along, along, indexing="ij")
        return np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3).astype(np.float32)


def head_scene(batch: int) -> Scene:
    """An ellipsoid as a grid of SIDE x SIDE vertices around it, of which one column is doubled."""
    polar, around = np.linspace(0, np.pi, SIDE), np.linspace(0, 2 * np.pi, SIDE)
    polar, around = np.meshgrid(polar, around, indexing="ij")
    unit = np.sin(polar) * np.cos(around), -np.cos(polar), np.sin(polar) * np.sin(around)
    surface = np.stack(unit, axis=-1).reshape(-1, 3) * RADII
    first = (np.arange(SIDE - 1)[:, None] * SIDE + np.arange(SIDE - 1)).ravel()
    corner = np.stack([first, first + 1, first + SIDE, first + SIDE + 1], axis=1)
    triangles = corner[:, [0, 1, 2, 1, 3, 2]].reshape(-1, 3)
    turned = [_in_camera(surface, 0.03 * b) for b in range(batch)]
    uv = np.stack([around, polar], axis=-1).reshape(-1, 2) / [2 * np.pi, np.pi]
    clip = np.stack([_to_clip(points) for points in turned])
    return Scene(turned[0].astype(np.float32), triangles, uv.astype(np.float32), clip)


def _in_camera(points: np.ndarray, turn: float) -> np.ndarray:
    cos, sin = np.cos(turn), np.sin(turn)
    x, y, z = points.T
    return np.stack([cos * x + sin * z, y, DISTANCE - cos * z + sin * x], axis=1)


def _to_clip(points: np.ndarray) -> np.ndarray:
    x, y, z = points.T
    depth = ((FAR + NEAR) * z - 2 * FAR * NEAR) / (FAR - NEAR)
    return np.stack([2 * FOCAL * x, 2 * FOCAL * y, depth, z], axis=1).astype(np.float32)


def boxes(scene: Scene, size: int) -> tuple[int, int]:
    """Triangles with a pixel centre in their bounding box, and such centres of all of them."""
    points = (scene.clip[0, :, :2] / scene.clip[0, :, 3:] + 1) * size / 2 - 0.5
    corners = np.rint(16 * points).astype(int)[scene.triangles]
    extent = corners.max(axis=1) // 16 + (-corners.min(axis=1)) // 16 + 1
    inside = np.maximum(extent, 0).prod(axis=1)
    return int((inside > 0).sum()), int(inside.sum())


def compulsory_bytes(scene: Scene, batch: int, size: int) -> int:
    """Traffic that no rasteriser can avoid: positions and indices in, four floats per pixel out."""
    pixels = batch * size * size
    return batch * scene.vertices.shape[0] * 16 + len(scene.triangles) * 12 + pixels * 16


def copy_bandwidth(threads: int, megabytes: int = 128, repeats: int = 10) -> float:
    """Bytes per second, read and written, of copying arrays far larger than the caches."""
    source = [np.ones(megabytes * 2**17 // threads) for _ in range(threads)]
    target = [np.zeros_like(array) for array in source]
    best = np.inf
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(repeats):
            start = time.perf_counter()
            list(pool.map(np.copyto, target, source))
            best = min(best, time.perf_counter() - start)
    return 2 * sum(array.nbytes for array in source) / best
