"""Whether a fitted head is a network's code as it came."""

from __future__ import annotations

import numpy as np

from lib.artefacts import FaceFit, Regression
from lib.facemodel import FaceModel
from lib.facemodel.object_frame import published_origin
from lib.geometry.coded_camera import camera_of_code

SAME = 1e-6


def is_code(
    model: FaceModel, fit: FaceFit, regression: Regression | None, view: int, system: str
) -> bool:
    """Whether a view of a fit sees the face exactly as its code of a published system does.

    Args:
        model: the fitted head model.
        fit: the fitted face.
        regression: what a network read; None = nobody was asked.
        view: which one.
        system: `deep3d` or `detail_layer`; a code of the other is none here.
    """
    if regression is None or regression.system != system:
        return False
    if not np.isfinite(regression.scale[view]):
        return False
    told = camera_of_code(
        system,
        regression.angles[view],
        regression.translation[view],
        published_origin(model, system),
        regression.crop(view),
    )
    found = fit.world_to_camera[view], fit.focal_px[view], fit.centre_px[view]
    return all(np.allclose(a, b, atol=SAME) for a, b in zip(told, found, strict=True))
