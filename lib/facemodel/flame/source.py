"""The arrays of FLAME's files, read without chumpy, SciPy's pickles or PyTorch's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from lib.errors import ConfigError, MissingModelError
from lib.facemodel.landmark_rules import ibug68_sigma
from lib.facemodel.model import SurfacePoints
from lib.facemodel.safe_arrays import Archive, read_pickled_npy, unpickle_arrays
from lib.facemodel.wavefront import read_obj
from lib.inputs.files import CappedReader
from lib.inputs.pickles import Inert

MODELS = (
    "flame2023.pkl", "flame2023_Open.pkl", "generic_model.pkl", "FLAME2020.pkl",
    "FLAME_NEUTRAL.pkl",
)  # fmt: skip
TEMPLATE, TEXTURE = "head_template.obj", "FLAME_texture.npz"
EMBEDDING = "landmark_embedding.npy"
STATIC, DYNAMIC = "flame_static_embedding.pkl", "flame_dynamic_embedding.npy"
N_SHAPE = 300  # of shapedirs; the rest are expressions
N_JOINTS, JAW = 5, 2
LARGEST_MATRIX = 1 << 27  # values
INNER, JAW_POINTS = 51, 17
SPARSE = {
    ("scipy.sparse.csc", "csc_matrix"), ("scipy.sparse._csc", "csc_matrix"),
    ("scipy.sparse.csr", "csr_matrix"), ("scipy.sparse._csr", "csr_matrix"),
}  # fmt: skip
CHUMPY = {("chumpy.ch", "Ch"), ("chumpy", "Ch")}
TORCH = {("torch._utils", "_rebuild_tensor_v2"), ("torch.storage", "_load_from_bytes")}
WHERE = (
    f"The model ({', '.join(MODELS[:3])}), its texture space and {TEMPLATE} come from "
    f"flame.is.tue.mpg.de (registration), {EMBEDDING} from DECA, {STATIC} and {DYNAMIC} from "
    "RingNet."
)


@dataclass(frozen=True)
class FlameSource:
    """FLAME in metres, in its neutral pose.

    Args:
        edition: file name of the model.
        mean: (n, 3).
        shape: (k, n, 3) per sigma.
        expression: (e, n, 3) per sigma.
        triangles: (t, 3).
        pose: (n, 3, 36) correctives of joints 1 to 4, nine each: rotation less identity.
        weights: (n, 5) of the joints.
        joint_regressor: (5, n).
        uv: (n_uv, 2), origin bottom-left.
        uv_triangles: (t, 3).
        ibug68: the 68 points, the jaw as seen from the front.
    """

    edition: str
    mean: np.ndarray
    shape: np.ndarray
    expression: np.ndarray
    triangles: np.ndarray
    pose: np.ndarray
    weights: np.ndarray
    joint_regressor: np.ndarray
    uv: np.ndarray
    uv_triangles: np.ndarray
    ibug68: SurfacePoints


def read_flame(path: str | Path) -> FlameSource:
    """A folder with the files, or the model's .pkl with the other files beside it.

    Raises:
        MissingModelError: a file is not there.
        ConfigError: files hold something else, or belong to different meshes.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    if path.is_dir():
        found = [path / name for name in MODELS if (path / name).is_file()]
        if not found:
            raise MissingModelError(f"{path} has none of {', '.join(MODELS)}. {WHERE}")
        path = found[0]
    if not path.is_file():
        raise MissingModelError(f"{path} is not there. {WHERE}")
    arrays = _model(path)
    triangles = arrays["f"].astype(np.int64)
    n = len(arrays["v_template"])
    directions = arrays["shapedirs"]
    wanted = {
        "weights": (n, N_JOINTS), "J_regressor": (N_JOINTS, n), "posedirs": (n, 3, 36),
    }  # fmt: skip
    wrong = [f"{k} {arrays[k].shape}" for k, shape in wanted.items() if arrays[k].shape != shape]
    if wrong or directions.shape[:2] != (n, 3) or directions.shape[2] <= N_SHAPE:
        raise ConfigError(
            f"{path} has shapedirs {directions.shape} {' '.join(wrong)}, expected those of "
            f"{n} vertices with {N_SHAPE} shape modes and more of expression. {WHERE}"
        )
    uv, uv_triangles = _chart(folder, triangles)
    modes = directions.transpose(2, 0, 1)
    return FlameSource(
        edition=path.name,
        mean=arrays["v_template"],
        shape=modes[:N_SHAPE],
        expression=modes[N_SHAPE:],
        triangles=triangles,
        pose=arrays["posedirs"],
        weights=arrays["weights"],
        joint_regressor=arrays["J_regressor"],
        uv=uv,
        uv_triangles=uv_triangles,
        ibug68=_landmarks(folder, len(triangles)),
    )


def _model(path: Path) -> dict[str, np.ndarray]:
    with CappedReader(path) as file:
        content = unpickle_arrays(file, path, SPARSE | CHUMPY)
    names = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f")
    lost = [name for name in names if not isinstance(content, Mapping) or name not in content]
    if lost:
        raise ConfigError(f"{path} has no {', '.join(lost)}; expected FLAME's model. {WHERE}")
    return {name: _plain(content[name], name, path) for name in names}


def _plain(value: Any, name: str, path: Path) -> np.ndarray:
    """Numbers of an array, of a chumpy leaf or of a sparse matrix."""
    if isinstance(value, Inert):
        state = value.state
        if "x" in state:
            return _plain(state["x"], name, path)
        if {"data", "indices", "indptr"} <= set(state):
            return _dense(state, name, path)
    values = np.asarray(value)
    if values.dtype.kind not in "fiu":
        raise ConfigError(
            f"{path}: {name} is {type(value).__name__} of "
            f"{', '.join(getattr(value, 'state', ())) or values.dtype}, expected numbers. {WHERE}"
        )
    return values.astype(np.float64) if values.dtype.kind == "f" else values


def _dense(state: Mapping[str, Any], name: str, path: Path) -> np.ndarray:
    """The numbers of a sparse matrix, all of whose indices lie in it."""
    try:
        shape = tuple(int(size) for size in state.get("_shape", state.get("shape", ())))
        parts = state["data"], state["indices"], state["indptr"]
        by_column = len(shape) == 2 and len(parts[2]) == shape[1] + 1
        matrix = (sp.csc_matrix if by_column else sp.csr_matrix)(parts, shape=shape)
        matrix.check_format(full_check=True)
        if math.prod(matrix.shape) > LARGEST_MATRIX:
            raise ValueError(f"it has shape {matrix.shape}")
        return matrix.toarray()
    except (ValueError, TypeError, IndexError) as error:
        raise ConfigError(f"{path}: {name} is no sparse matrix ({error}). {WHERE}") from error


def _chart(folder: Path, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if (folder / TEXTURE).is_file():
        archive = Archive(folder / TEXTURE)
        if {"vt", "ft"} <= archive.names:
            uv, uv_triangles = archive.read("vt"), archive.read("ft").astype(np.int64)
            return _checked(uv.astype(np.float64)[:, :2], uv_triangles, triangles, TEXTURE)
    if (folder / TEMPLATE).is_file():
        _, uv, corners, uv_corners = read_obj(folder / TEMPLATE)
        if np.array_equal(corners[:, :3], triangles):
            return _checked(uv, uv_corners[:, :3], triangles, TEMPLATE)
        raise ConfigError(f"{folder / TEMPLATE} has other triangles than the model. {WHERE}")
    raise MissingModelError(
        f"{folder} has neither {TEXTURE} nor {TEMPLATE}, one of which has the chart. {WHERE}"
    )


def _checked(
    uv: np.ndarray, uv_triangles: np.ndarray, triangles: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray]:
    if uv_triangles.shape != triangles.shape or uv_triangles.max() >= len(uv):
        raise ConfigError(f"The chart of {name} is not that of the model's triangles. {WHERE}")
    return uv, uv_triangles


def _landmarks(folder: Path, n_triangles: int) -> SurfacePoints:
    """The 68 points of DECA's file, or the 51 and 17 of RingNet's."""
    if (folder / EMBEDDING).is_file():
        content = read_pickled_npy(folder / EMBEDDING, TORCH)
        triangle, weights = _pair(
            content, ("full_lmk_faces_idx", "full_lmk_bary_coords"), folder / EMBEDDING
        )
    elif (folder / STATIC).is_file() and (folder / DYNAMIC).is_file():
        names = "lmk_face_idx", "lmk_b_coords"
        with CappedReader(folder / STATIC) as file:
            inner = _pair(unpickle_arrays(file, folder / STATIC), names, folder / STATIC)
        by_angle = _pair(read_pickled_npy(folder / DYNAMIC), names, folder / DYNAMIC)
        jaw = by_angle[0][:JAW_POINTS], by_angle[1][:JAW_POINTS]  # the first row is frontal
        triangle, weights = (np.concatenate(both) for both in zip(jaw, inner, strict=True))
    else:
        raise MissingModelError(
            f"{folder} has neither {EMBEDDING} nor {STATIC} and {DYNAMIC}, which say where the "
            f"landmarks are. {WHERE}"
        )
    if len(triangle) != JAW_POINTS + INNER or triangle.max() >= n_triangles:
        raise ConfigError(
            f"{folder}: {len(triangle)} landmarks on triangles up to {triangle.max()}, expected "
            f"{JAW_POINTS + INNER} on {n_triangles}. {WHERE}"
        )
    return SurfacePoints(
        triangle.astype(np.int32), weights.astype(np.float32), ibug68_sigma().astype(np.float32)
    )


def _pair(content: Any, names: tuple[str, str], path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Triangles (p,) and weights (p, 3) under two names."""
    lost = [name for name in names if not isinstance(content, Mapping) or name not in content]
    if lost:
        raise ConfigError(f"{path} has no {', '.join(lost)}. {WHERE}")
    triangle, weights = (_plain(content[name], name, path) for name in names)
    return triangle.astype(np.int64).ravel(), weights.reshape(-1, 3)
