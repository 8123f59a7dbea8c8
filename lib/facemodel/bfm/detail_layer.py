"""The detail layer's files of BFM 2009: 53 thousand vertices in mm, and its chart of 512 x 512.

Source: Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lib.errors import ConfigError, ForeignFileError, MissingModelError
from lib.facemodel.bfm.deep3d import read_mat
from lib.facemodel.bfm.model import MM_PER_DM, bfm_model
from lib.facemodel.bfm.source import (
    N_ALBEDO,
    N_IDENTITY,
    N_KEYPOINTS,
    BfmSource,
    indices,
    modes,
    points,
)
from lib.facemodel.cylinder import SIDE, CylinderChart
from lib.facemodel.model import FaceModel
from lib.facemodel.points86 import BFM53_SIZES, BFM53_VERTICES, SCHEME
from lib.facemodel.safe_arrays import Archive
from lib.imaging import read_picture
from lib.inputs.arrays import read_npy

MODEL, CHART, REGION = "BFM2009_Model.mat", "vertex_uv_ind.npz", "face_mask.png"
BROWS, NOSE = "wo_eyebrow_mask.npy", "wo_nose_mask.npy"
KINDS = ("shape", "exp", "tex")
ARRAYS = (
    *(f"mu_{kind}" for kind in KINDS),
    *(f"bases_{kind}" for kind in KINDS),
    *(f"sigma_{kind}" for kind in KINDS),
    *("tri", "mask_face", "mask_wo_eye"),
)
HALF = 0.5
WHERE = (
    "All five are in the folder `resources` that the authors of the detail layer give out "
    "(unsupervised-detail-layer); they are under the licence of the Basel Face Model."
)
# Where each of the 68 is in the set of 86. Lids have three points above and below there, of which
# the outer two are at a quarter of the way, not at a third; brows are their upper lines.
IBUG68_OF_86 = np.array(
    [
        *range(17),
        *range(17, 22),
        *range(26, 31),
        *range(51, 55),
        *range(61, 66),
        *range(35, 41),
        *range(43, 49),
        *(66, 72, 67, 68, 69, 73, 70, 74, 85, 71, 84, 75),
        *(76, 78, 79, 80, 77, 83, 82, 81),
    ]
)


@dataclass(frozen=True)
class DetailLayerSource:
    """What the folder holds.

    Args:
        bfm: mean, modes, colours and triangles; the mean is that of shape and expression together.
        texel: (n, 2) row and column of each vertex in the chart.
        region: (512, 512) bool, texels of the dense mesh.
        face: (n,) bool.
        without_eyes: (n,) bool.
        without_nose: (n,) bool.
        without_brows: (n,) bool.
    """

    bfm: BfmSource
    texel: np.ndarray
    region: np.ndarray
    face: np.ndarray
    without_eyes: np.ndarray
    without_nose: np.ndarray
    without_brows: np.ndarray


def read_detail_layer(
    folder: str | Path, landmarks86: np.ndarray = BFM53_VERTICES
) -> DetailLayerSource:
    """The five files of a folder.

    Args:
        folder: with them.
        landmarks86: (86,) vertices of the landmarks, from 0.

    Raises:
        MissingModelError: a file is not there.
        ConfigError: files do not belong together, or hold something else.
    """
    folder = Path(folder)
    lost = [name for name in (MODEL, CHART, REGION, BROWS, NOSE) if not (folder / name).is_file()]
    if lost:
        raise MissingModelError(f"{folder} has no {', '.join(lost)}. {WHERE}")
    arrays = read_mat(folder / MODEL, *ARRAYS)
    n = arrays["mu_shape"].size // 3
    texel = _texels(folder / CHART)
    masks = {
        "face": arrays["mask_face"],
        "without_eyes": arrays["mask_wo_eye"],
        "without_nose": _array(folder / NOSE),
        "without_brows": _array(folder / BROWS),
    }
    sizes = {name: np.size(mask) for name, mask in masks.items()} | {CHART: len(texel)}
    wrong = [f"{name} of {size}" for name, size in sizes.items() if size != n]
    if wrong:
        raise ConfigError(f"{folder}: {MODEL} has {n} vertices, but {', '.join(wrong)}. {WHERE}")
    return DetailLayerSource(
        bfm=_source(arrays, landmarks86),
        texel=texel,
        region=_region(folder / REGION),
        **{name: np.asarray(mask).ravel() > HALF for name, mask in masks.items()},
    )


def detail_layer_model(source: DetailLayerSource, name: str) -> FaceModel:
    """The head model, with its own chart of the detail layer.

    Raises:
        ConfigError: the files do not give a face.
    """
    model = bfm_model(source.bfm, name)
    moved = MM_PER_DM * source.bfm.mean.astype(np.float64) - model.mean
    chart = CylinderChart(
        origin_mm=moved.mean(axis=0),
        texel=source.texel.astype(np.float32),
        drawn=np.ones(len(model.triangles), bool),
        region=source.region,
        face=source.face,
        without_eyes=source.without_eyes,
        without_nose=source.without_nose,
        without_brows=source.without_brows,
    )
    return replace(model, cylinder=chart)


def _source(arrays: dict[str, np.ndarray], landmarks86: np.ndarray) -> BfmSource:
    scaled = {}
    for kind, count in zip(KINDS, (N_IDENTITY, None, N_ALBEDO), strict=True):
        basis, sigma = arrays[f"bases_{kind}"], arrays[f"sigma_{kind}"].ravel()
        if (
            basis.ndim != 2
            or basis.shape[1] != len(sigma)
            or basis.shape[0] != arrays["mu_tex"].size
        ):
            raise ConfigError(
                f"{MODEL}: bases_{kind} has shape {basis.shape} and sigma_{kind} {len(sigma)} "
                f"values, expected ({arrays['mu_tex'].size}, k) and k. {WHERE}"
            )
        first = modes(basis, count or len(sigma)).astype(np.float64)
        scaled[kind] = first * sigma[: len(first), None, None]
    mean = points(arrays["mu_shape"]).astype(np.float64) + points(arrays["mu_exp"])
    return BfmSource(
        edition=MODEL,
        mean=mean / MM_PER_DM,
        identity=scaled["shape"] / MM_PER_DM,
        expression=scaled["exp"] / MM_PER_DM,
        albedo_mean=points(arrays["mu_tex"]),
        albedo=scaled["tex"],
        triangles=indices(arrays["tri"], 0),
        landmarks={SCHEME: landmarks86, "ibug68": landmarks86[IBUG68_OF_86][:N_KEYPOINTS]},
        parts={},
        n_published=BFM53_SIZES,
    )


def _texels(path: Path) -> np.ndarray:
    """(n, 2) row and column."""
    try:
        found = Archive(path).read("uv_ind")
    except ConfigError as error:
        raise ConfigError(f"{error} {WHERE}") from error
    if found.ndim != 2 or found.shape[1:] != (2,) or not len(found):
        raise ConfigError(f"{path}: uv_ind has shape {found.shape}, expected (n, 2). {WHERE}")
    if found.min() < 0 or found.max() >= SIDE:
        raise ConfigError(
            f"{path}: uv_ind has values {found.min()} to {found.max()}, expected rows and columns "
            f"of a chart of {SIDE}. {WHERE}"
        )
    return found


def _array(path: Path) -> np.ndarray:
    try:
        return read_npy(path)
    except ForeignFileError as error:
        raise ConfigError(f"{error} {WHERE}") from error


def _region(path: Path) -> np.ndarray:
    """(512, 512) bool of the picture's first channel."""
    try:
        values = read_picture(path)
    except ForeignFileError as error:
        raise ConfigError(f"{error} {WHERE}") from error
    first = values if values.ndim == 2 else values[..., 0]
    if first.shape != (SIDE, SIDE):
        raise ConfigError(f"{path} has {first.shape} texels, expected {SIDE} x {SIDE}. {WHERE}")
    return first / 255 >= HALF
