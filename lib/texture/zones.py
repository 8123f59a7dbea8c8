"""Places on a head where colours other than bare skin's are expected, or nothing but skin is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from lib.facemodel import FaceModel
from lib.uvspace.regions import region

EYE_MM = 6.0  # around eyes and brows: lids, lashes, shadow, make-up
LIDS_MM = 2.0  # around the lids: lashes and corners, which are the eye's own
BROW_MM = 3.5  # around a brow
TAIL_MM = 6.0  # the brow's outer end, over which hair often lies
RING_MM = (4.0, 12.0)  # around an eye: skin unless something covers the eye
BELOW_MM = 4.0  # the middle of an eye: where the cheek begins
ABOVE_MM = (3.0, 9.0)  # above a brow: skin unless something hangs over the brow
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
        eyes: (V, 2) what is near the subject's right and left eye.
        lids: (V, 2) each eye with its lids.
        brows: (V, 2) each brow, and what lies between it and the lids.
        around_brows: (V, 2) what is near each brow.
        rings: (V, 2) cheek and lids around each eye.
        below_eyes: (V, 2) the cheek's part of the rings.
        above_brows: (V, 2) forehead next to each brow.
        nostrils: the underside of the nose.
        lips: lips and what is near them.
    """

    middle: np.ndarray
    below_brows: np.ndarray
    seed: np.ndarray
    beard: np.ndarray
    eyes: np.ndarray
    lids: np.ndarray
    brows: np.ndarray
    around_brows: np.ndarray
    rings: np.ndarray
    below_eyes: np.ndarray
    above_brows: np.ndarray
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
    rings = np.column_stack(
        [
            (ball[side] > RING_MM[0]) & (ball[side] < RING_MM[1]) & (brow[side] > RING_MM[0])
            for side in near
        ]
    )
    cheek = height < points[36:48, 1].mean() - BELOW_MM
    balls = np.unique(model.triangles[region(model, "eye")])
    eyes = [_fade(distance, EYE_MM) for distance in ball.values()]
    around = [_fade(distance, EYE_MM) for distance in brow.values()]
    brows, lids = zip(*(_brow_and_lids(model, side, brow[side], ball[side]) for side in near))
    for eye, lid, sign in zip(eyes, lids, (-1, 1), strict=True):
        eye[balls[sign * model.mean[balls, 0] > 0]] = 1
        lid[balls[sign * model.mean[balls, 0] > 0]] = 1
    above = [
        (brow[side] > ABOVE_MM[0]) & (brow[side] < ABOVE_MM[1]) & ~_below(model, side)
        for side in near
    ]
    below = np.clip((nose + 0.5 * SOFT_MM - height) / SOFT_MM, 0, 1)
    front = np.clip((model.mean[:, 2] - points[[0, 16], 2].mean()) / SOFT_MM, 0, 1)
    return Zones(
        middle=central.astype(np.float32),
        below_brows=np.clip((points[17:27, 1].max() - height) / SOFT_MM, 0, 1).astype(np.float32),
        seed=seed.astype(np.float32),
        beard=(below * front).astype(np.float32),
        eyes=np.column_stack(eyes),
        lids=np.column_stack(lids),
        brows=np.column_stack(brows),
        around_brows=np.column_stack(around),
        rings=rings.astype(np.float32),
        below_eyes=(rings & cheek[:, None]).astype(np.float32),
        above_brows=np.column_stack(above).astype(np.float32),
        nostrils=_fade(cKDTree(points[31:36]).query(model.mean)[0], NOSTRILS_MM),
        lips=_fade(mouth, LIPS_MM),
    )


def _distance(model: FaceModel, *parts: str) -> np.ndarray:
    """(V,) mm to the nearest vertex of some parts; FAR_MM when they are empty."""
    members = np.concatenate([model.parts[part] for part in parts])
    if not len(members):
        return np.full(model.n_vertices, FAR_MM)
    return cKDTree(model.mean[members]).query(model.mean)[0]


def _brow_and_lids(
    model: FaceModel, side: str, brow_mm: np.ndarray, eye_mm: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(V,) each: a brow; an eye with its lids. They share what lies between them."""
    between = _below(model, side)
    lids = _fade(eye_mm, LIDS_MM)
    brow = np.maximum(_fade(brow_mm, BROW_MM), _fade(brow_mm, EYE_MM) * between * (1 - lids))
    aside = np.abs(model.mean[:, 0])
    outer = aside[model.parts[f"{side}_eyebrow"]].max(initial=0)
    brow = brow * np.clip((0.95 * outer - aside) / TAIL_MM, 0, 1).astype(np.float32)
    return brow, np.maximum(lids, _fade(eye_mm, EYE_MM) * between) * (1 - brow)


def _below(model: FaceModel, side: str) -> np.ndarray:
    """(V,) bool: below the nearest point of a brow, above the middle of the eye."""
    brow, eye = (model.mean[model.parts[f"{side}_{part}"]] for part in ("eyebrow", "eye"))
    if not len(brow) or not len(eye):
        return np.zeros(model.n_vertices, bool)
    nearest = cKDTree(brow).query(model.mean)[1]
    height = model.mean[:, 1]
    return (height < brow[nearest, 1]) & (height > eye[:, 1].mean())


def _fade(distance: np.ndarray, reach: float) -> np.ndarray:
    """(V,) float32 1 within the reach, 0 at one and a half times it."""
    return np.clip(3 - 2 * distance / reach, 0, 1).astype(np.float32)
