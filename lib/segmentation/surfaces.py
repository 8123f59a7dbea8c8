"""What segmentation needs to know of a head model: which triangles stand for which part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from lib.facemodel import (
    PARTS,
    FaceModel,
    contour33,
    eyeball_regions,
    part_of_triangles,
    triangles_of_parts,
)

LID_MM = 16.0  # around an eye, skin that far counts as its lids
EYES = {"right_eye": "eye_right", "left_eye": "eye_left"}


@dataclass(frozen=True)
class PartSurfaces:
    """Triangles of each part of a head model; one serves all captures.

    Args:
        model: the head model.
        label: (t,) uint8, 1 + index into PARTS; 0 = no part of the face.
        alone: of each part, the triangles that show it where nothing else is.
        lids: of each part, triangles that hide it all the same: the skin around an eyeball.
        members: (8, n_vertices) bool, vertices of each part.
        contour: candidates of the visible contour; None for a model without them.
    """

    model: FaceModel
    label: np.ndarray
    alone: tuple[np.ndarray, ...]
    lids: tuple[np.ndarray, ...]
    members: np.ndarray
    contour: tuple[np.ndarray, ...] | None


def part_surfaces(model: FaceModel) -> PartSurfaces:
    """The triangles of each part.

    An eyeball would be seen whole if nothing were before it, so an eye is its front within the
    opening of the lids. On a model without eyeballs it is the surface that closes the opening.
    """
    label = part_of_triangles(model)
    label[label > len(PARTS)] = 0
    by_corners = triangles_of_parts(model)
    members = np.zeros((len(PARTS), model.n_vertices), bool)
    alone, lids, balls = [], [], eyeball_regions(model)
    for index, name in enumerate(PARTS):
        members[index, np.asarray(model.parts.get(name, ()), np.int64)] = True
        ball = EYES.get(name)
        if ball in balls:
            alone.append(np.flatnonzero(by_corners[index]))
            lids.append(_lids(model, members[index], by_corners[index]))
        else:
            alone.append(np.flatnonzero(label == index + 1))
            lids.append(np.zeros(0, np.int64))
    lines = model.contour33 or model.contour
    contour = contour33(model) if lines and "ldm106" in model.landmarks else None
    return PartSurfaces(model, label, tuple(alone), tuple(lids), members, contour)


def _lids(model: FaceModel, eye: np.ndarray, of_eye: np.ndarray) -> np.ndarray:
    """Triangles of skin within LID_MM of an eye (n_vertices,) that are none of its own (t,)."""
    skin = model.region("skin")
    rim = eye & np.isin(np.arange(model.n_vertices), model.triangles[skin])
    if not rim.any():
        return np.zeros(0, np.int64)
    away, _ = cKDTree(model.mean[rim]).query(model.mean, distance_upper_bound=2 * LID_MM)
    near = (away < LID_MM)[model.triangles].all(axis=1)
    return np.flatnonzero(skin & near & ~of_eye)
