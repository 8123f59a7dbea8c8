"""BFM 2009 as Deep3DFaceRecon makes it of the published files, or as it stored it.

Lengths become decimetres (published micrometres over 1e5), coefficients multiples of a standard
deviation; expressions are those of Guo et al. (`Exp_Pca.bin`), whose mean is not used. Vertices
are cut in two steps: 53,490 of the model to 53,215 that have expressions, these to 35,709.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import scipy.io

from lib.errors import ConfigError, MissingModelError
from lib.facemodel.bfm.source import (
    N_ALBEDO,
    N_EXPRESSION,
    N_IDENTITY,
    BfmSource,
    indices,
    modes,
    points,
    where_set,
)
from lib.inputs.matlab import check_mat
from lib.inputs.reading import reading

logger = logging.getLogger(__name__)

PREPARED = "BFM_model_front.mat"
MODEL, EXPRESSIONS, SPREAD = "01_MorphableModel.mat", "Exp_Pca.bin", "std_exp.txt"
TRIM, FRONT, INFO = "BFM_exp_idx.mat", "BFM_front_idx.mat", "facemodel_info.mat"
UNITS_PER_DM = 1e5
WHERE = (
    f"{MODEL} comes from the University of Basel (faces.dmi.unibas.ch/bfm, BFM 2009, by request), "
    f"{EXPRESSIONS} from Guo et al.'s Coarse_Dataset, the rest from the folder BFM of "
    "Deep3DFaceRecon_pytorch."
)


def read_deep3d(path: str | Path) -> BfmSource:
    """The folder with the published files, or `BFM_model_front.mat` (also inside the folder).

    Raises:
        MissingModelError: a file is not there.
        ConfigError: files do not belong together, or hold something else.
    """
    path = Path(path)
    if path.is_dir() and not (path / MODEL).is_file() and (path / PREPARED).is_file():
        path = path / PREPARED
    if path.is_dir():
        return _from_folder(path)
    if not path.is_file():
        raise MissingModelError(f"{path} is not there; expected a folder or {PREPARED}. {WHERE}")
    return _from_prepared(path)


def _from_prepared(path: Path) -> BfmSource:
    arrays = read_mat(path, "meanshape", "meantex", "idBase", "exBase", "texBase")
    return _source(
        path.name,
        points(arrays["meanshape"]),
        modes(arrays["idBase"], N_IDENTITY),
        modes(arrays["exBase"], N_EXPRESSION),
        points(arrays["meantex"]),
        modes(arrays["texBase"], N_ALBEDO),
        _topology(path),
    )


def _from_folder(folder: Path) -> BfmSource:
    lost = [
        name
        for name in (MODEL, EXPRESSIONS, SPREAD, TRIM, FRONT, INFO)
        if not (folder / name).is_file()
    ]
    if lost:
        raise MissingModelError(f"{folder} has no {', '.join(lost)}. {WHERE}")
    trim = indices(read_mat(folder / TRIM, "trimIndex")["trimIndex"].ravel(), 1)
    front = indices(read_mat(folder / FRONT, "idx")["idx"].ravel(), 1)
    if front.max() >= len(trim):
        raise ConfigError(
            f"{FRONT} names vertex {front.max() + 1}, but {TRIM} keeps {len(trim)}. {WHERE}"
        )
    chosen = trim[front]
    names = ("shapeMU", "shapePC", "shapeEV", "texMU", "texPC", "texEV")
    arrays = read_mat(folder / MODEL, *names)
    if chosen.max() >= arrays["shapeMU"].size // 3:
        raise ConfigError(
            f"{TRIM} names vertex {chosen.max() + 1}, but {MODEL} has "
            f"{arrays['shapeMU'].size // 3}. {WHERE}"
        )
    spread = np.loadtxt(folder / SPREAD, ndmin=1).ravel()
    expression = _expressions(folder / EXPRESSIONS, len(trim), len(spread))
    count = min(N_EXPRESSION, len(expression))
    return _source(
        "01_MorphableModel.mat and Exp_Pca.bin",
        points(arrays["shapeMU"])[chosen] / UNITS_PER_DM,
        _scaled(arrays["shapePC"], arrays["shapeEV"], N_IDENTITY)[:, chosen] / UNITS_PER_DM,
        expression[:count, front] * spread[:count, None, None] / UNITS_PER_DM,
        points(arrays["texMU"])[chosen],
        _scaled(arrays["texPC"], arrays["texEV"], N_ALBEDO)[:, chosen],
        _topology(folder / INFO),
    )


def _scaled(components: np.ndarray, deviation: np.ndarray, count: int) -> np.ndarray:
    """(count, n, 3) float64, the first components times their standard deviations."""
    first = modes(components, count).astype(np.float64)
    return first * deviation.ravel()[: len(first), None, None]


def _expressions(path: Path, n_vertices: int, n_spread: int) -> np.ndarray:
    """(k, n_vertices, 3) components: int32 k, a mean that is skipped, k components, float32."""
    content = path.read_bytes()
    count = int(np.frombuffer(content[:4], "<i4")[0]) if len(content) >= 4 else 0
    wanted = 4 + 4 * (count + 1) * 3 * n_vertices
    if count <= 0 or len(content) < wanted or n_spread < min(count, N_EXPRESSION):
        raise ConfigError(
            f"{path} says {count} components and has {len(content)} bytes, expected {wanted} for "
            f"{n_vertices} vertices, and {SPREAD} {n_spread} standard deviations. {WHERE}"
        )
    if len(content) > wanted:
        logger.warning("%s has %d bytes more than it says; not read", path, len(content) - wanted)
    values = np.frombuffer(content[:wanted], "<f4", offset=4).reshape(count + 1, n_vertices, 3)
    return values[1:].astype(np.float64)


def _topology(path: Path) -> Mapping[str, np.ndarray]:
    return read_mat(path, "tri", "keypoints", "frontmask2_idx", "skinmask", "tri_mask2")


def _source(
    edition: str,
    mean: np.ndarray,
    identity: np.ndarray,
    expression: np.ndarray,
    albedo_mean: np.ndarray,
    albedo: np.ndarray,
    topology: Mapping[str, np.ndarray],
) -> BfmSource:
    front = indices(topology["frontmask2_idx"].ravel(), 1)
    subset_triangles = indices(topology["tri_mask2"], 1)
    if subset_triangles.max() >= len(front):
        raise ConfigError(
            f"{edition}: tri_mask2 names vertex {subset_triangles.max() + 1} of a front with "
            f"{len(front)}. {WHERE}"
        )
    return BfmSource(
        edition=edition,
        mean=mean,
        identity=identity,
        expression=expression,
        albedo_mean=albedo_mean,
        albedo=albedo,
        triangles=indices(topology["tri"], 1),
        landmarks={"ibug68": indices(topology["keypoints"].ravel(), 1)},
        parts={"front_mask": front, "skin_mask": where_set(topology["skinmask"])},
        extras={"front_triangles": subset_triangles.astype(np.int32)},
    )


def read_mat(path: Path, *names: str) -> dict[str, np.ndarray]:
    """Numeric arrays of a MATLAB file of this model.

    Raises:
        ConfigError: it is no such file, or has not all of them.
    """
    with reading(path, "a MATLAB 5 file", WHERE):
        check_mat(path)
        found = scipy.io.loadmat(path, variable_names=list(names))
    lost = [name for name in names if name not in found]
    if lost:
        raise ConfigError(f"{path} has no {', '.join(lost)}; expected {', '.join(names)}. {WHERE}")
    return {name: np.asarray(found[name]) for name in names}
