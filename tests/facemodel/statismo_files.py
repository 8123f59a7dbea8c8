"""A small file of BFM 2017's and 2019's format, made from the default head's face."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

from lib.facemodel import FaceModel
from lib.facemodel.bfm.named_points import BROW_PLACES, BY_NAME
from lib.facemodel.landmark_rules import BROW_HALF_HEIGHT, BROW_MARK
from tests.facemodel.resampled_face import ResampledFace

SHIFT = np.array([0.3, 31.0, 90.0])  # mm: the files' origin lies inside the head
MEAN_EXPRESSION = 0.3  # of the first mode


def named_places(head: FaceModel) -> dict[str, np.ndarray]:
    """Landmarks of the default head under the names of the file, in the file's frame."""
    marks = head.landmarks["ibug68"].on(head.mean, head.triangles).astype(np.float64) + SHIFT
    named = {name: marks[list(points)].mean(axis=0) for name, points in BY_NAME.items()}
    for side, points in (("right", (21, 18)), ("left", (22, 25))):
        for place, point, joint in zip(BROW_PLACES, points, "_."):
            middle = marks[point] - [0, BROW_MARK, 0]
            for edge, up in (("lower", -1), ("upper", 1)):
                named[f"{side}.eyebrow.{place}{joint}{edge}"] = middle + [
                    0, up * BROW_HALF_HEIGHT, 0,
                ]  # fmt: skip
    return named


def write_statismo(path: Path, face: ResampledFace, head: FaceModel, text: bool = False) -> Path:
    """Components are orthonormal as published; landmarks are bytes, or text."""
    fields = {
        "shape": (face.mean + SHIFT, face.identity),
        "expression": (MEAN_EXPRESSION * face.expression[0], face.expression),
        "color": (face.albedo_mean, face.albedo),
    }
    named = [
        {"id": name, "coordinates": place.tolist(), "uncertainty": {"stddevs": [1, 1, 1]}}
        for name, place in named_places(head).items()
    ]
    with h5py.File(path, "w") as file:
        for name, (mean, modes) in fields.items():
            columns = modes.reshape(len(modes), -1).T
            basis, spread, _ = np.linalg.svd(columns, full_matrices=False)
            file[f"{name}/model/mean"] = mean.ravel().astype(np.float32)
            file[f"{name}/model/pcaBasis"] = basis.astype(np.float32)
            file[f"{name}/model/pcaVariance"] = (spread**2).astype(np.float32)
            file[f"{name}/model/noiseVariance"] = 0.0
            file[f"{name}/representer/points"] = (face.mean + SHIFT).T.astype(np.float32)
            file[f"{name}/representer/cells"] = face.triangles.T.astype(np.int32)
        stored = json.dumps(named)
        file["metadata/landmarks/json"] = (
            stored if text else np.frombuffer(stored.encode(), np.uint8)
        )
    return path
