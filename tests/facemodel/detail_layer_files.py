"""The detail layer's folder of BFM 2009 in small, made from the default head's face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image

from lib.facemodel.bfm.detail_layer import IBUG68_OF_86
from lib.facemodel.cylinder import BASEL_MM, unrolled
from lib.render import uv_buffers
from tests.facemodel.bfm_files import SmallBfm, columns

N_UNUSED = 4  # modes beyond those that are taken


def landmarks86(small: SmallBfm) -> np.ndarray:
    """(86,) vertices: of the 68 where they tell them, else any vertex."""
    result = np.arange(86)
    result[IBUG68_OF_86] = small.face.ibug68
    return result


def published_mean(small: SmallBfm) -> np.ndarray:
    """(n, 3) mm, in the Basel frame."""
    return small.face.mean + BASEL_MM


def masks(small: SmallBfm) -> dict[str, np.ndarray]:
    """(n,) bool: what is face, and what is no eye, nose or brow."""
    marks = small.face.mean[small.face.ibug68]

    def far(points: slice, reach: float) -> np.ndarray:
        middle = marks[points].mean(axis=0)
        return np.linalg.norm(small.face.mean[:, :2] - middle[:2], axis=1) > reach

    return {
        "face": small.face.mean[:, 1] < 50,
        "without_eyes": far(slice(36, 42), 10) & far(slice(42, 48), 10),
        "without_nose": far(slice(29, 36), 14),
        "without_brows": far(slice(17, 22), 12) & far(slice(22, 27), 12),
    }


def write_detail_layer(folder: Path, small: SmallBfm) -> Path:
    """The five files."""
    folder.mkdir(exist_ok=True)
    face, mean = small.face, published_mean(small)
    made = masks(small)
    half = np.full_like(mean, 0.25)  # the mean is the sum of two

    def scaled(basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        spread = np.linspace(3, 1, len(basis))
        return columns(basis / spread[:, None, None]), spread[None]

    shape, sigma_shape = scaled(face.identity)
    expression, sigma_exp = scaled(face.expression)
    colour, sigma_tex = scaled(255 * face.albedo)
    arrays = {
        "mu_shape": (mean - half).reshape(-1, 1),
        "mu_exp": half.reshape(-1, 1),
        "mu_tex": 255 * face.albedo_mean.reshape(-1, 1),
        "bases_shape": shape,
        "bases_exp": expression,
        "bases_tex": colour,
        "sigma_shape": sigma_shape,
        "sigma_exp": sigma_exp,
        "sigma_tex": sigma_tex,
        "tri": face.triangles,
        "mask_face": made["face"][None].astype(float),
        "mask_wo_eye": made["without_eyes"][None].astype(float),
    }
    scipy.io.savemat(folder / "BFM2009_Model.mat", arrays)
    texel = np.clip(unrolled(mean, whole=True), 0, 511).astype(np.int64)
    np.savez(folder / "vertex_uv_ind.npz", uv_ind=texel)
    inside = made["face"][face.triangles].all(axis=1)
    uv = texel[:, ::-1] / 512 * [1, -1] + [0, 1]
    region = uv_buffers(uv, face.triangles[inside], (512, 512)).mask
    picture = np.repeat(255 * region[..., None].astype(np.uint8), 3, axis=2)
    Image.fromarray(picture).save(folder / "face_mask.png")
    np.save(folder / "wo_nose_mask.npy", made["without_nose"].astype(float))
    np.save(folder / "wo_eyebrow_mask.npy", made["without_brows"].astype(float))
    return folder
