"""Where the object frame of coefficient regressors has its origin on a head model."""

from __future__ import annotations

import numpy as np

from lib.facemodel.cylinder import BASEL_MM
from lib.facemodel.model import FaceModel

PUBLISHED = "front_mask"  # a part that only models of the published topology have
DETAIL_LAYER = "detail_layer"
WITHOUT_MASK = ("bfm3ddfa",)  # the published topology, from a file that has no such part


def of_published_topology(model: FaceModel) -> bool:
    """Whether a model has the vertices that published weights speak of, and no others."""
    return PUBLISHED in model.parts or model.name in WITHOUT_MASK


def object_origin(model: FaceModel) -> np.ndarray:
    """(3,) mm in the model frame: the middle of the mean face.

    Of the published topology it is the mean of all vertices, as the published weights demand; of
    heads with neck and scalp, the mean of the face alone.
    """
    if of_published_topology(model):
        return model.mean.astype(np.float64).mean(0)
    return model.mean[model.parts["face_mask"]].astype(np.float64).mean(0)


def published_origin(model: FaceModel, system: str) -> np.ndarray:
    """(3,) mm in the model frame: where a published system has its origin on a head model.

    Args:
        model: the head model.
        system: `detail_layer` = that of the Basel Face Model; any other = `object_origin`.
    """
    if system != DETAIL_LAYER:
        return object_origin(model)
    return -np.asarray(BASEL_MM if model.cylinder is None else model.cylinder.origin_mm, np.float64)
