"""Small files of FaceScape's formats, made from the default head: its skin, few identities."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from lib.facemodel import FaceModel
from lib.facemodel.facescape.model import EXPRESSIONS

N_SUBJECTS = 847  # the factors of one are about 1 / sqrt(847)
OWN = 0.2  # by how much of its size an expression differs between people, at one sigma


@dataclass(frozen=True)
class SmallFaceScape:
    """What the files hold, and what a conversion must find in them.

    Args:
        core: (3 n, 52, n_identity).
        arrays: of the .npz file of v1.6.
    """

    core: np.ndarray
    id_mean: np.ndarray
    id_var: np.ndarray
    arrays: dict[str, np.ndarray]

    def face(self, sigma: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(n, 3) the bilinear model itself, in the frame of the file."""
        factors = self.id_mean + sigma * np.sqrt(self.id_var)
        mixed = np.concatenate([[1 - weights.sum()], weights])
        return np.einsum("rek,e,k->r", self.core.astype(np.float64), mixed, factors).reshape(-1, 3)


def small_facescape(head: FaceModel, n_identity: int = 6, seed: int = 0) -> SmallFaceScape:
    """The skin of `head` as a bilinear model in FaceScape's frame and layout."""
    used, triangles = np.unique(head.triangles[head.region("skin")], return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    chart_used, chart = np.unique(head.uv_triangles[head.region("skin")], return_inverse=True)
    place = (head.mean[used] + [1.5, -40, 20]).astype(np.float64)
    modes = head.identity_basis[: n_identity - 1, used].astype(np.float64)
    rows = [head.expression_names.index(name) for name in EXPRESSIONS]
    moves = head.expression_basis[rows][:, used].astype(np.float64)
    rng = np.random.default_rng(seed)
    waves = np.sin(place / 60 @ rng.normal(size=(3, n_identity - 1)) + rng.uniform(0, 6))
    first, rest = N_SUBJECTS**-0.5, N_SUBJECTS**0.5
    neutral = np.stack([place / first, *(modes * rest)], axis=-1)
    change = np.stack(
        [moves / first, *(OWN * rest * moves * wave[:, None] for wave in waves.T)], axis=-1
    )
    core = np.concatenate([neutral[None], neutral + change]).reshape(52, -1, n_identity)
    front = np.isin(triangles, np.flatnonzero(np.isin(used, head.parts["face_mask"]))).all(axis=1)
    marks = head.landmarks["ibug68"].on(head.mean, head.triangles)
    number = np.full(head.n_vertices, -1)
    number[used] = np.arange(len(used))
    id_var = np.full(n_identity, 1 / N_SUBJECTS)
    id_var[0] = 1e-9
    core = np.ascontiguousarray(core.swapaxes(0, 1), np.float32)
    id_mean = np.array([first] + [0.0] * (n_identity - 1))
    arrays = {
        "shape_bm_core": core,
        "id_mean": id_mean,
        "id_var": id_var,
        "vert_num": np.array(len(used)),
        "fv_indices": triangles + 1,
        "ft_indices": chart.reshape(-1, 3) + 1,
        "fv_indices_front": triangles[front] + 1,
        "texcoords": head.uv[chart_used].astype(np.float64),
        "sym_dict": number[head.mirror[used]],
        "lm_list_v16": cKDTree(head.mean[used]).query(marks)[1],
        "contour_line_right": np.array([[1, 2], [3]], dtype=object),  # pickled, as lists of lists
    }
    return SmallFaceScape(core, id_mean, id_var, arrays)


def write_npz(path: Path, small: SmallFaceScape, **changed: np.ndarray | None) -> Path:
    """The .npz of v1.6; an array that is None is left out."""
    arrays = {k: v for k, v in (small.arrays | changed).items() if v is not None}
    np.savez(path, **arrays)
    return path


def write_folder(folder: Path, small: SmallFaceScape) -> Path:
    """The folder of v1.0 to v1.3."""
    folder.mkdir()
    arrays = small.arrays
    np.save(folder / "core_847_50_52.npy", np.ascontiguousarray(small.core.transpose(2, 1, 0)))
    marks = 3 * arrays["lm_list_v16"][:, None] + np.arange(3)
    factors = {
        "id_mean": small.id_mean.tolist(),
        "id_var": small.id_var.tolist(),
        "lm_index_full": marks.ravel().tolist(),
        "faces": arrays["fv_indices"].tolist(),
    }
    (folder / "factor_847_50_52.json").write_text(json.dumps(factors))
    lines = [
        f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in small.face(0 * small.id_mean, np.zeros(51))
    ]
    lines += [f"vt {u:.7f} {v:.7f}" for u, v in arrays["texcoords"]]
    lines += [
        "f " + " ".join(f"{v}/{t}" for v, t in zip(*row))
        for row in zip(arrays["fv_indices"], arrays["ft_indices"])
    ]
    (folder / "1_neutral.obj").write_text("\n".join(lines) + "\n")
    return folder
