"""Which part of the face each triangle of a head model belongs to."""

from __future__ import annotations

import numpy as np

from lib.facemodel.model import PARTS, FaceModel

HEAD, MOUTH = len(PARTS) + 1, len(PARTS) + 2  # labels of what is no part of the face


def part_of_triangles(model: FaceModel) -> np.ndarray:
    """(t,) uint8: 1 + index into PARTS; HEAD around the face, MOUTH behind the lips.

    These are the first values of `lib.artefacts.PART_LABELS`. A triangle of the skin belongs to
    the part that holds two of its corners; eyeballs and what surrounds them belong to the eyes.
    """
    of_skin = triangles_of_parts(model)
    part = np.where(of_skin.any(axis=0), of_skin.argmax(axis=0) + 1, HEAD)
    for index, name in enumerate(model.region_names):
        rows = model.triangle_region == index
        if name.startswith(("eye", "socket")):
            part[rows] = 1 + PARTS.index("right_eye" if name.endswith("right") else "left_eye")
        elif name != "skin":
            part[rows] = MOUTH
    return part.astype(np.uint8)


def triangles_of_parts(model: FaceModel) -> np.ndarray:
    """(8, t) bool: triangles with at least two corners in each part, whatever their region."""
    inside = np.zeros((len(PARTS), model.n_vertices), bool)
    for row, name in enumerate(PARTS):
        inside[row, np.asarray(model.parts.get(name, ()), np.int64)] = True
    return inside[:, model.triangles].sum(axis=2) >= 2


def eyeball_regions(model: FaceModel) -> tuple[str, ...]:
    """Regions of eyes that are bodies of their own; where eyes are patches of the skin, none."""
    skin = np.unique(model.triangles[model.region("skin")])
    return tuple(
        name
        for name in model.region_names
        if name.startswith("eye_") and not np.isin(model.triangles[model.region(name)], skin).any()
    )
