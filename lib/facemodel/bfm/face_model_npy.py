"""3DDFA_V3's `face_model.npy`: BFM 2009 as Deep3DFaceRecon has it, with chart, marks and parts.

The file is a pickled dictionary. It is read without executing anything that it may carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lib.errors import ConfigError, MissingModelError
from lib.facemodel.bfm.source import (
    N_ALBEDO,
    N_EXPRESSION,
    N_IDENTITY,
    BfmSource,
    indices,
    modes,
    points,
)
from lib.facemodel.model import PARTS
from lib.facemodel.safe_arrays import read_pickled_npy

WHERE = (
    "Get face_model.npy from the folder assets of 3DDFA_V3's data set; it is under the licence of "
    "the Basel Face Model."
)
NEEDED = (
    "u", "id", "exp", "u_alb", "alb", "tri", "uv_coords", "ldm68", "ldm106", "ldm134",
    "annotation", "annotation_tri", "parallel",
)  # fmt: skip
LENGTHS = {"annotation": len(PARTS), "annotation_tri": len(PARTS), "parallel": 33}


def read_face_model_npy(path: str | Path) -> BfmSource:
    """The arrays of `face_model.npy`; its mean may be recentred already, or not.

    Raises:
        MissingModelError: there is no such file.
        ConfigError: it is something else, or holds what could be code.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingModelError(f"{path} is not there; expected face_model.npy. {WHERE}")
    content = read_pickled_npy(path)
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds no dictionary of arrays. {WHERE}")
    lost = [name for name in NEEDED if name not in content]
    if lost:
        raise ConfigError(
            f"{path} has no {', '.join(lost)}; it has {', '.join(map(str, content))}. {WHERE}"
        )
    lists = {name: _lists(content[name], name, path) for name in LENGTHS}
    triangles = indices(content["tri"], 0)
    return BfmSource(
        edition=path.name,
        mean=points(_numbers(content, "u")),
        identity=modes(_numbers(content, "id"), N_IDENTITY),
        expression=modes(_numbers(content, "exp"), N_EXPRESSION),
        albedo_mean=points(_numbers(content, "u_alb")),
        albedo=modes(_numbers(content, "alb"), N_ALBEDO),
        triangles=triangles,
        landmarks={
            scheme: indices(content[name], 0).ravel()
            for scheme, name in (("ibug68", "ldm68"), ("ldm106", "ldm106"), ("ldm134", "ldm134"))
        },
        parts=dict(zip(PARTS, lists["annotation"], strict=True)),
        uv=_numbers(content, "uv_coords")[:, :2],
        contour33=lists["parallel"],
        extras={
            f"annotation_triangles/{name}": _rows(triangles, corners.reshape(-1, 3), path)
            for name, corners in zip(PARTS, lists["annotation_tri"], strict=True)
        },
    )


def _numbers(content: Mapping[str, Any], name: str) -> np.ndarray:
    values = np.asarray(content[name])
    if values.dtype.kind not in "fiu":
        raise ConfigError(f"face_model.npy: {name} holds no numbers, but {values.dtype}. {WHERE}")
    return values


def _lists(values: Any, name: str, path: Path) -> tuple[np.ndarray, ...]:
    """Lists of indices that count from 0."""
    if len(values) != LENGTHS[name]:
        raise ConfigError(
            f"{path}: {name} has {len(values)} lists, expected {LENGTHS[name]}. {WHERE}"
        )
    return tuple(indices(one, 0).ravel() for one in values)


def _rows(triangles: np.ndarray, wanted: np.ndarray, path: Path) -> np.ndarray:
    """(k,) rows of a triangle list that have the corners (k, 3), in any order."""
    count = int(triangles.max()) + 1

    def keys(corners: np.ndarray) -> np.ndarray:
        ordered = np.sort(corners, axis=1).astype(np.int64)
        return (ordered[:, 0] * count + ordered[:, 1]) * count + ordered[:, 2]

    known = keys(triangles)
    order = np.argsort(known)
    at = np.searchsorted(known, keys(wanted), sorter=order).clip(max=len(order) - 1)
    rows = order[at]
    if not np.array_equal(known[rows], keys(wanted)):
        raise ConfigError(f"{path}: annotation_tri has triangles that tri has not. {WHERE}")
    return rows.astype(np.int32)
