"""Places on a head where colours other than bare skin's are expected, or nothing but skin is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from lib.facemodel import FaceModel

EYE_MM = 6.0  # around eyes and brows: lids, lashes, shadow, make-up
RING_MM = (4.0, 12.0)  # around an eye: skin unless something covers the eye
NOSTRILS_MM = 8.0  # around the lower rim of the nose
LIPS_MM = 4.0  # around the lips: where a smile that was fitted badly puts teeth
SEED_MM = 6.0  # from eyes, brows and lips
SOFT_MM = 8.0
FAR_MM = 1e3


@dataclass(frozen=True)
class Zones:
    """Places on the skin, per vertex, all (V,) or (V, 2) float32 of 0..1.

    Args:
        middle: inside of the face.
        below_brows: face below the upper rim of the brows.
        seed: nose and cheeks between brows and mouth, which hair seldom covers.
        beard: below the nose, in front of the ears.
        eyes: (V, 2) the subject's right and left eye with its lids and brow.
        rings: (V, 2) cheek and lids around each eye.
        nostrils: the underside of the nose.
        lips: lips and what is near them.
    """

    middle: np.ndarray
    below_brows: np.ndarray
    seed: np.ndarray
    beard: np.ndarray
    eyes: np.ndarray
    rings: np.ndarray
    nostrils: np.ndarray
    lips: np.ndarray

    @property
    def inside(self) -> np.ndarray:
        """(V,) where no hair of the head is expected."""
        return np.maximum(self.middle * self.below_brows, self.beard)


def find_zones(model: FaceModel, central: np.ndarray) -> Zones:
    """The zones of a head model.

    Args:
        model: knows the landmarks `ibug68`; zones of parts that it does not name are empty.
        central: (V,) 0..1 inside of the face.
    """
    height = model.mean[:, 1]
    points = model.landmarks["ibug68"].on(model.mean, model.triangles)
    nose = float(points[33, 1])
    near = {side: _distance(model, f"{side}_eye", f"{side}_eyebrow") for side in ("right", "left")}
    ball = {side: _distance(model, f"{side}_eye") for side in near}
    brow = {side: _distance(model, f"{side}_eyebrow") for side in near}
    mouth = _distance(model, "upper_lip", "lower_lip")
    nearest = np.minimum(np.minimum(near["right"], near["left"]), mouth)
    between = (height > nose - 2 * SOFT_MM) & (height < points[17:27, 1].max())
    seed = (central > 0.3) & between & (nearest > SEED_MM)
    rings = [
        (ball[side] > RING_MM[0]) & (ball[side] < RING_MM[1]) & (brow[side] > RING_MM[0])
        for side in near
    ]
    balls = np.unique(model.triangles[region(model, "eye")])
    eyes = [_fade(distance, EYE_MM) for distance in near.values()]
    for eye, sign in zip(eyes, (-1, 1), strict=True):
        eye[balls[sign * model.mean[balls, 0] > 0]] = 1
    below = np.clip((nose + 0.5 * SOFT_MM - height) / SOFT_MM, 0, 1)
    front = np.clip((model.mean[:, 2] - points[[0, 16], 2].mean()) / SOFT_MM, 0, 1)
    return Zones(
        middle=central.astype(np.float32),
        below_brows=np.clip((points[17:27, 1].max() - height) / SOFT_MM, 0, 1).astype(np.float32),
        seed=seed.astype(np.float32),
        beard=(below * front).astype(np.float32),
        eyes=np.column_stack(eyes),
        rings=np.column_stack(rings).astype(np.float32),
        nostrils=_fade(cKDTree(points[31:36]).query(model.mean)[0], NOSTRILS_MM),
        lips=_fade(mouth, LIPS_MM),
    )


def region(model: FaceModel, word: str) -> np.ndarray:
    """(T,) bool: triangles of the regions whose name starts with `word`."""
    return model.region(*(name for name in model.region_names if name.startswith(word)))


def _distance(model: FaceModel, *parts: str) -> np.ndarray:
    """(V,) mm to the nearest vertex of some parts; FAR_MM when they are empty."""
    members = np.concatenate([model.parts[part] for part in parts])
    if not len(members):
        return np.full(model.n_vertices, FAR_MM)
    return cKDTree(model.mean[members]).query(model.mean)[0]


def _fade(distance: np.ndarray, reach: float) -> np.ndarray:
    """(V,) float32 1 within the reach, 0 at one and a half times it."""
    return np.clip(3 - 2 * distance / reach, 0, 1).astype(np.float32)
