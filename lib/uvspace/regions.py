"""Parts of a head model by what they show: skin, eyes, mouth; brows and lips."""

from __future__ import annotations

import numpy as np

from lib.facemodel import FaceModel

FEATURES = ("right_eye", "left_eye", "right_eyebrow", "left_eyebrow", "upper_lip", "lower_lip")


def region(model: FaceModel, word: str) -> np.ndarray:
    """(T,) bool: triangles of the regions whose name starts with `word`."""
    return model.region(*(name for name in model.region_names if name.startswith(word)))


def features(model: FaceModel) -> np.ndarray:
    """(V,) 1 at eyes, brows and lips, whose colours are not those of skin."""
    result = np.zeros(model.n_vertices)
    for part in FEATURES:
        result[model.parts[part]] = 1
    return result
