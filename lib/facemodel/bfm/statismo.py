"""BFM 2017 and 2019 as published: Statismo's HDF5 layout, mm, x to the subject's left, y up.

Each of shape, expression and color has a model of mean (3 n), orthonormal components (3 n, k) and
variances (k). The expression model has a mean of its own, which is not zero: the published face at
coefficients c is neutral + mean expression + components. Here that mean is one mode more, the last,
so that all zero is the neutral face and the published c is (c, 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from lib.errors import ConfigError, MissingModelError
from lib.facemodel.assemble import HeadSource, SourceAlbedo, assemble_head, between_lids
from lib.facemodel.bfm.named_points import ibug68_by_names
from lib.facemodel.load import load_face_model
from lib.facemodel.model import FaceModel
from lib.inputs.hdf5 import check_contents
from lib.inputs.reading import reading
from lib.inputs.texts import parse_json

N_IDENTITY, N_EXPRESSION, N_ALBEDO = 120, 80, 80  # of 199, 100 and 199
MEAN_EXPRESSION = "expressionMean"
BRIGHTEST = 2.0  # a mean colour beyond is 0..255
LICENCE = "Basel Face Model licence: academic research, no redistribution"
WHERE = (
    "Get model2017-1_face12_nomouth.h5, model2019_face12.h5 or another of the same release from "
    "the University of Basel (faces.dmi.unibas.ch/bfm)."
)


@dataclass(frozen=True)
class StatismoSource:
    """A published model; modes are per sigma.

    Args:
        edition: file name.
        mean: (n, 3) mm, neutral.
        identity: (n_identity, n, 3) mm.
        expression: (n_expression, n, 3) mm.
        mean_expression: (n, 3) mm, displacement.
        albedo_mean: (n, 3) 0..1.
        albedo: (n_albedo, n, 3).
        triangles: (t, 3).
        named: landmark name -> (3,) mm on the mean.
    """

    edition: str
    mean: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    mean_expression: np.ndarray
    albedo_mean: np.ndarray
    albedo: np.ndarray
    triangles: np.ndarray
    named: Mapping[str, np.ndarray]


def read_statismo(path: str | Path) -> StatismoSource:
    """A file of BFM 2017 or 2019, whichever crop.

    Raises:
        MissingModelError: there is no such file.
        ConfigError: it is something else.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingModelError(f"{path} is not there. {WHERE}")
    what = (
        "BFM 2017 or 2019: shape, expression and color with model/mean, pcaBasis and pcaVariance, "
        "and metadata/landmarks/json"
    )
    with reading(path, what, WHERE), h5py.File(path, "r") as file:
        check_contents(file)
        mean, identity = _linear(file["shape/model"], N_IDENTITY)
        mean_expression, expression = _linear(file["expression/model"], N_EXPRESSION)
        albedo_mean, albedo = _linear(file["color/model"], N_ALBEDO)
        cells = file["shape/representer/cells"][...].astype(np.int64)
        named = _named(file["metadata/landmarks/json"][()])
    sizes = {len(field) for field in (mean, mean_expression, albedo_mean)}
    if len(sizes) > 1 or not 0 <= cells.min() <= cells.max() < len(mean):
        raise ConfigError(
            f"{path}: shape, expression, colour and triangles are of different meshes. {WHERE}"
        )
    scale = 255.0 if albedo_mean.max() > BRIGHTEST else 1.0
    return StatismoSource(
        edition=path.name,
        mean=mean,
        identity=identity,
        expression=expression,
        mean_expression=mean_expression,
        albedo_mean=albedo_mean / scale,
        albedo=albedo / scale,
        triangles=cells.T if cells.shape[0] == 3 and cells.shape[1] != 3 else cells,
        named=named,
    )


def _linear(group: h5py.Group, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean (n, 3) and (k, n, 3) modes per sigma, the first ones."""
    mean = group["mean"][...].astype(np.float64).reshape(-1, 3)
    spread = np.sqrt(np.maximum(group["pcaVariance"][:count].astype(np.float64), 0))
    basis = group["pcaBasis"][:, : len(spread)].astype(np.float64)
    return mean, (basis * spread).T.reshape(len(spread), -1, 3)


def _named(stored: bytes | str | np.ndarray) -> dict[str, np.ndarray]:
    """Names and places of landmarks, from text or from its bytes."""
    if isinstance(stored, np.ndarray):
        stored = stored.ravel()[0] if stored.dtype.kind in "OSU" else stored.tobytes()
    content = parse_json(stored)
    if isinstance(content, Mapping):
        return {name: np.array(place, float) for name, place in content.items()}
    return {entry["id"]: np.array(entry["coordinates"], float) for entry in content}


def statismo_model(source: StatismoSource, name: str) -> FaceModel:
    """The head model: published vertices, triangles and colours, the first modes of each kind.

    The 68 points are those of the default head, carried over by the landmarks that the file names.

    Raises:
        ConfigError: the file does not give a face.
    """
    default = load_face_model("makehuman")
    ibug68 = ibug68_by_names(source.named, source.mean, source.triangles, default, source.edition)
    marks = ibug68.on(source.mean, source.triangles)
    names = [f"expression{k:02d}" for k in range(len(source.expression))]
    return assemble_head(
        HeadSource(
            name=name,
            mean=source.mean,
            identity=source.identity,
            expression=np.concatenate([source.expression, source.mean_expression[None]]),
            expression_names=(*names, MEAN_EXPRESSION),
            not_free=(),
            triangles=source.triangles,
            uv=None,
            uv_triangles=None,
            ibug68=ibug68,
            mirror=None,
            face=None,
            licence=LICENCE,
            origin=f"Basel Face Model, {source.edition}; coefficient of {MEAN_EXPRESSION} is 1 in "
            "the published model",
            region=between_lids(source.mean, source.triangles, marks),
            albedo=SourceAlbedo(source.albedo_mean, source.albedo, "srgb"),
            expression_prior="normal",
        )
    )
