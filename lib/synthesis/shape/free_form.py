"""Shape that no coefficient can say: a smooth random displacement of a whole head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.facemodel import FaceModel
from lib.synthesis.chance import mixed

WAVES = ((95.0, 0.75), (48.0, 0.52), (26.0, 0.30))  # typical wavelength in mm, share of the rms
FIELD_SEED = 20
N_WAVES = 40  # of each wavelength
SIDEWAYS = 0.35  # rms across the normal over that along it
UNEVEN = 0.4  # share of the field that differs from side to side
STILL_MM, FREE_MM = 15.0, 32.0  # from an eye's centre: lids keep fitting their eyeballs


@dataclass(frozen=True)
class FreeForm:
    """A family of smooth displacements; one is drawn by mixing its waves.

    Args:
        waves: (n_waves, n_vertices) fields of variance 1/2, sines and cosines.
        share: (n_waves,) weight of each.
        frame: (3, n_vertices, 3) unit directions out of the head, sideways and up.
        free: (n_vertices,) 0 at the eyes, 1 away from them.
        mirror: (n_vertices,) vertex on the other side.
    """

    waves: np.ndarray
    share: np.ndarray
    frame: np.ndarray
    free: np.ndarray
    mirror: np.ndarray

    def draw(self, chance: np.random.Generator, rms_mm: float) -> np.ndarray:
        """(n_vertices, 3) mm.

        Args:
            chance: source of random numbers.
            rms_mm: root mean square out of the head, away from the eyes.
        """
        mix = chance.standard_normal((3, len(self.waves))) * self.share
        fields = mixed(mix.astype(np.float32), self.waves)[..., None]  # (3, n_vertices, 1)
        other = fields[:, self.mirror]
        even = np.float32(np.sqrt((1 - UNEVEN**2) / 2)) * (fields + other)
        fields = even + np.float32(UNEVEN / np.sqrt(2)) * (fields - other)
        along, across = fields[0], np.float32(SIDEWAYS) * fields[1:]
        moved = along * self.frame[0] + across[0] * self.frame[1] + across[1] * self.frame[2]
        return (np.float32(rms_mm) * self.free[:, None] * moved).astype(np.float32)


def free_form(model: FaceModel) -> FreeForm:
    """Smooth in space, so that lips, teeth and tongue move together.

    Source: Rahimi & Recht 2007, Random features for large-scale kernel machines: a sum of random
    waves with random weights is nearly a Gaussian process.
    """
    chance = np.random.default_rng(FIELD_SEED)
    mean = model.mean.astype(np.float64)
    waves, shares = [], []
    for wavelength, share in WAVES:
        direction = chance.standard_normal((3, N_WAVES))
        direction /= np.linalg.norm(direction, axis=0)
        phase = mean @ (direction * 2 * np.pi / (wavelength * chance.uniform(0.6, 1.6, N_WAVES)))
        waves += [np.sin(phase).T, np.cos(phase).T]
        shares += [np.full(2 * N_WAVES, share / np.sqrt(N_WAVES))]
    out = outward(model)
    side = np.cross([0.0, 1.0, 0.0], out)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
    return FreeForm(
        np.concatenate(waves).astype(np.float32),
        np.concatenate(shares),
        np.stack([out, side, np.cross(out, side)]).astype(np.float32),
        _free(model, mean).astype(np.float32),
        model.mirror,
    )


def outward(model: FaceModel) -> np.ndarray:
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
