"""Small files of FLAME's formats, made from the default head's face and plain eyeballs."""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
from scipy.spatial import cKDTree

from lib.facemodel import FaceModel
from lib.facemodel.assemble import between_lids
from lib.facemodel.atlas import bordered_chart
from lib.facemodel.eyeballs import make_eyeballs
from lib.facemodel.flame.source import N_SHAPE
from lib.facemodel.landmark_rules import OPPOSITE
from tests.facemodel.resampled_face import ResampledFace

SHIFT = np.array([0.0004, -0.035, -0.02])  # m
N_EXPRESSION = 6
JAW_SIDES = np.array([[-0.06, -0.03, -0.045], [0.06, -0.03, -0.045]])  # m, before the ears


@dataclass(frozen=True)
class SmallFlame:
    """What the model's pickle holds, and the chart and landmarks of its other files."""

    arrays: dict[str, np.ndarray]
    uv: np.ndarray
    uv_triangles: np.ndarray
    lmk_triangle: np.ndarray
    lmk_weights: np.ndarray


def small_flame(face: ResampledFace, head: FaceModel) -> SmallFlame:
    """The face in metres with its eyes cut out and balls behind the lids."""
    marks = head.landmarks["ibug68"].on(head.mean, head.triangles).astype(np.float64)
    symmetric = (marks + _mirrored(marks)) / 2
    balls = make_eyeballs(symmetric)
    skin = face.triangles[between_lids(face.mean, face.triangles, symmetric) == 0]
    used, compact = np.unique(skin, return_inverse=True)
    skin = compact.reshape(-1, 3)
    mean = np.concatenate([face.mean[used], balls.vertices]) / 1000
    n = len(mean)
    directions = np.zeros((n, 3, N_SHAPE + N_EXPRESSION), np.float32)
    for first, modes in ((0, face.identity), (N_SHAPE, face.expression[:N_EXPRESSION])):
        columns = modes[:, used].transpose(1, 2, 0) / 1000
        directions[: len(used), :, first : first + columns.shape[2]] = columns
    lower = 1 / (1 + np.exp((mean[:, 1] - JAW_SIDES[0, 1] + 0.035) / 0.004))
    lower[len(used) :] = 0
    weights = np.zeros((n, 5))
    weights[:, 2], weights[:, 1] = lower, 1 - lower
    near = cKDTree(mean).query(JAW_SIDES, 3)[1].ravel()
    regressor = np.zeros((5, n))
    regressor[:, near] = 1 / len(near)
    rng = np.random.default_rng(4)
    pose = 1e-3 * rng.normal(size=36) * lower[:, None, None] * np.array([0.1, 1.0, 0.5])[:, None]
    chart, _ = bordered_chart(face.mean[used], skin)
    size = np.array([0.1, 0.1])
    charts = [0.02 + 0.8 * chart, *([0.85, y] + size * balls.uv for y in (0.1, 0.4))]
    starts = np.cumsum([0, *map(len, charts)])
    triangles = np.concatenate([skin, balls.triangles + len(used)])
    uv_triangles = np.concatenate([skin, *(balls.uv_triangles + s for s in starts[1:3])])
    triangle, weight = _corners(triangles, skin, face.mean[used], face, used)
    return SmallFlame(
        {
            "v_template": mean + SHIFT, "shapedirs": directions, "posedirs": pose,
            "J_regressor": regressor, "weights": weights, "f": triangles.astype(np.uint32),
            "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], range(5)]),
        },
        np.concatenate(charts), uv_triangles, triangle, weight,
    )  # fmt: skip


def _mirrored(marks: np.ndarray) -> np.ndarray:
    return marks[[OPPOSITE[i] for i in range(68)]] * [-1, 1, 1]


def _corners(
    triangles: np.ndarray, skin: np.ndarray, mean: np.ndarray, face: ResampledFace, used: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A triangle at the vertex nearest to each landmark, and all weight on that corner."""
    away = np.linalg.norm(mean[:, None] - face.mean[face.ibug68], axis=2)
    vertices = away.argmin(axis=0)
    rows = np.array([np.flatnonzero((skin == v).any(axis=1))[0] for v in vertices])
    return rows, (triangles[rows] == vertices[:, None]).astype(float)


@contextmanager
def pretend_chumpy() -> Iterator[type]:
    """A class that pickles under chumpy's name, as its arrays do: a dictionary with `x`."""
    module = types.ModuleType("chumpy.ch")
    kind = type("Ch", (object,), {"__module__": "chumpy.ch"})
    module.Ch = kind
    modules = {"chumpy": types.ModuleType("chumpy"), "chumpy.ch": module}
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules |= modules
    try:
        yield kind
    finally:
        for name, old in before.items():
            if old is None:
                del sys.modules[name]
            else:
                sys.modules[name] = old


def write_model(path: Path, small: SmallFlame, protocol: int = 2) -> Path:
    """The pickle; of the published ones some arrays are chumpy's, and one matrix is sparse."""
    with pretend_chumpy() as kind:
        content: dict[str, object] = dict(small.arrays)
        for name in ("v_template", "shapedirs"):
            leaf = kind()
            leaf.__dict__ |= {"x": content[name], "_dirty_vars": {"x"}, "_itr": None}
            content[name] = leaf
        content["J_regressor"] = sp.csc_matrix(small.arrays["J_regressor"])
        path.write_bytes(pickle.dumps(content, protocol))
    return path


def linked(folder: Path, to: Path) -> Path:
    """Another folder with the same files, of which some may be taken away or replaced."""
    to.mkdir()
    for path in folder.iterdir():
        (to / path.name).symlink_to(path)
    return to


def replaced(path: Path, content: bytes) -> None:
    """Write a file in place of a link to one."""
    path.unlink()
    path.write_bytes(content)


def write_landmarks(folder: Path, small: SmallFlame, ringnet: bool = False) -> None:
    """As DECA or as RingNet has them."""
    triangle, weights = small.lmk_triangle, small.lmk_weights
    if ringnet:
        inner = {"lmk_face_idx": triangle[17:].astype(np.uint32), "lmk_b_coords": weights[17:]}
        (folder / "flame_static_embedding.pkl").write_bytes(pickle.dumps(inner, 0))
        jaw = {
            "lmk_face_idx": np.stack([triangle[:17], triangle[:17] + 1]),
            "lmk_b_coords": np.stack([weights[:17]] * 2),
        }
        np.save(folder / "flame_dynamic_embedding.npy", jaw, allow_pickle=True)
    else:
        content = {
            "full_lmk_faces_idx": triangle[None],
            "full_lmk_bary_coords": weights[None],
            "dynamic_lmk_faces_idx": torch.zeros(79, 17),
        }
        np.save(folder / "landmark_embedding.npy", content, allow_pickle=True)


def write_folder(folder: Path, small: SmallFlame) -> Path:
    """All files."""
    folder.mkdir(exist_ok=True)
    write_model(folder / "generic_model.pkl", small)
    write_landmarks(folder, small)
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in small.arrays["v_template"]]
    lines += [f"vt {u:.7f} {v:.7f}" for u, v in small.uv]
    rows = zip(small.arrays["f"] + 1, small.uv_triangles + 1)
    lines += ["f " + " ".join(f"{v}/{t}" for v, t in zip(*row)) for row in rows]
    (folder / "head_template.obj").write_text("\n".join(lines) + "\n")
    return folder
