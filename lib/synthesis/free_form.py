"""Shape that no coefficient can say: a smooth random displacement of a whole head."""

from __future__ import annotations

import numpy as np

from lib.facemodel import FaceModel
from lib.synthesis.chance import smooth_noise

WAVES = ((95.0, 0.75), (48.0, 0.52), (26.0, 0.30))  # wavelength in mm, share of the rms
SIDEWAYS = 0.35  # rms across the normal over that along it
UNEVEN = 0.4  # share of the field that differs from side to side
STILL_MM, FREE_MM = 15.0, 32.0  # from an eye's centre: lids keep fitting their eyeballs
N_WAVES = 10


def draw_free_form(model: FaceModel, chance: np.random.Generator, rms_mm: float) -> np.ndarray:
    """(n_vertices, 3) mm; smooth in space, so that lips, teeth and tongue move together.

    Args:
        model: the head.
        chance: source of random numbers.
        rms_mm: root mean square along the normal, away from the eyes.
    """
    mean = model.mean.astype(np.float64)
    fields = np.zeros((len(mean), 3))
    for k in range(3):
        for wavelength, share in WAVES:
            fields[:, k] += share * smooth_noise(mean, wavelength, chance, N_WAVES)
    other = fields[model.mirror]
    even = np.sqrt(1 - UNEVEN**2) * (fields + other) / np.sqrt(2)
    fields = even + UNEVEN * (fields - other) / np.sqrt(2)
    normals = smooth_normals(model)
    side = np.cross([0.0, 1.0, 0.0], normals)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
    up = np.cross(normals, side)
    moved = fields[:, :1] * normals + SIDEWAYS * (fields[:, 1:2] * side + fields[:, 2:] * up)
    return (rms_mm * _free(model, mean)[:, None] * moved).astype(np.float32)


def smooth_normals(model: FaceModel) -> np.ndarray:
    """(n_vertices, 3) directions away from the head's middle: normals without its features.

    True normals differ between a lip's inside and outside; displacements along them would tear.
    """
    mean = model.mean.astype(np.float64)
    middle = mean[model.parts["face_mask"]].mean(axis=0) - [0, 0, 75.0]
    away = mean - middle
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    return away


def _free(model: FaceModel, mean: np.ndarray) -> np.ndarray:
    """(n_vertices,) 0 at the eyes, 1 away from them."""
    marks = model.landmarks["ibug68"].on(mean, model.triangles)
    weight = np.ones(len(mean))
    for eye in (marks[36:42].mean(axis=0), marks[42:48].mean(axis=0)):
        distance = np.linalg.norm(mean - eye, axis=1)
        share = np.clip((distance - STILL_MM) / (FREE_MM - STILL_MM), 0, 1)
        weight = np.minimum(weight, share * share * (3 - 2 * share))
    return weight
