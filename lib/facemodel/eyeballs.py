"""Plain eyeballs for a head that has only lids: spheres that touch the lid rims."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.facemodel.frontal import FrontalView

RADIUS = 12.3  # mm, an adult eyeball
RINGS, SECTORS = 24, 32


@dataclass(frozen=True)
class Eyeballs:
    """Two spheres, right then left.

    Args:
        vertices: (2 * n_each, 3) mm.
        triangles: (2 t, 3) indices into `vertices`.
        uv: (n_uv, 2) of one ball: its front hemisphere in a disk above that of its back.
        uv_triangles: (t, 3).
        mirror_of_each: (n_each,) vertex of the other ball at the mirrored place.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    uv_triangles: np.ndarray
    mirror_of_each: np.ndarray

    @property
    def n_each(self) -> int:
        return len(self.mirror_of_each)


def make_eyeballs(marks: np.ndarray) -> Eyeballs:
    """Spheres on the lids, points 36..47 of (68, 3) mm, of a symmetric head."""
    unit, triangles = _sphere()
    right = _centre(marks[36:42])
    left = right * [-1, 1, 1]
    uv, uv_triangles = _charts(unit, triangles)
    return Eyeballs(
        vertices=np.concatenate([right + RADIUS * unit, left + RADIUS * unit]),
        triangles=np.concatenate([triangles, triangles + len(unit)]),
        uv=uv,
        uv_triangles=uv_triangles,
        mirror_of_each=_mirrored_sectors(),
    )


def eyeball_points(
    wanted: np.ndarray, mean: np.ndarray, triangles: np.ndarray, eyes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Surface points of the eyeballs in front of (n, 3) mm positions."""
    return FrontalView(mean, triangles, eyes).surface_points(wanted[:, :2])


def _centre(lids: np.ndarray) -> np.ndarray:
    """Centre of the sphere that touches the lid landmarks best, from behind."""
    centre = lids.mean(axis=0) - [0, 0, 0.8 * RADIUS]
    for _ in range(50):
        offset = lids - centre
        length = np.linalg.norm(offset, axis=1)
        step = ((1 - RADIUS / length)[:, None] * offset).mean(axis=0)
        centre = centre + step
    return centre


def _sphere() -> tuple[np.ndarray, np.ndarray]:
    """Unit sphere about the viewing axis: front pole, rings, back pole."""
    polar = np.pi * np.arange(1, RINGS) / RINGS
    around = 2 * np.pi * np.arange(SECTORS) / SECTORS
    ring = np.stack(
        [
            np.sin(polar)[:, None] * np.cos(around),
            np.sin(polar)[:, None] * np.sin(around),
            np.repeat(np.cos(polar)[:, None], SECTORS, axis=1),
        ],
        axis=2,
    ).reshape(-1, 3)
    points = np.concatenate([[[0, 0, 1]], ring, [[0, 0, -1]]])
    here, after = np.arange(SECTORS), (np.arange(SECTORS) + 1) % SECTORS
    first, last = 1, 1 + (RINGS - 2) * SECTORS
    faces = [np.stack([np.zeros(SECTORS, int), first + here, first + after], axis=1)]
    for k in range(RINGS - 2):
        a, b = 1 + k * SECTORS, 1 + (k + 1) * SECTORS
        faces.append(np.stack([a + here, b + here, b + after], axis=1))
        faces.append(np.stack([a + here, b + after, a + after], axis=1))
    back = np.full(SECTORS, len(points) - 1)
    faces.append(np.stack([last + after, last + here, back], axis=1))
    return points, np.concatenate(faces)


def _mirrored_sectors() -> np.ndarray:
    sector = (SECTORS // 2 - np.arange(SECTORS)) % SECTORS
    ring = (1 + np.arange(RINGS - 1) * SECTORS)[:, None] + sector
    return np.concatenate([[0], ring.ravel(), [1 + (RINGS - 1) * SECTORS]])


def _charts(points: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Front hemisphere in the lower half of the unit square, back hemisphere in the upper one."""
    angle = np.arccos(np.clip(points[:, 2], -1, 1))
    direction = points[:, :2] / np.maximum(np.linalg.norm(points[:, :2], axis=1), 1e-9)[:, None]
    front = np.array([0.5, 0.25]) + 0.24 * direction * (angle / (np.pi / 2))[:, None]
    back = (
        np.array([0.5, 0.75])
        + 0.24 * direction * [-1, 1] * ((np.pi - angle) / (np.pi / 2))[:, None]
    )
    behind = points[triangles].mean(axis=1)[:, 2] < 0
    both = triangles + np.where(behind, len(points), 0)[:, None]
    used, local = np.unique(both, return_inverse=True)
    return np.concatenate([front, back])[used], local.reshape(-1, 3)
