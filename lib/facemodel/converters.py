"""Head models that people have, to files in our layout: one entry per model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lib.facemodel.bfm import (
    BfmSource,
    bfm_model,
    detail_layer_model,
    read_deep3d,
    read_detail_layer,
    read_face_model_npy,
    read_statismo,
    statismo_model,
)
from lib.facemodel.facescape import facescape_model, read_facescape
from lib.facemodel.flame import flame_model, read_flame
from lib.facemodel.ict import ict_model, read_ict_checkout, read_ict_development_copy
from lib.facemodel.model import FaceModel
from lib.facemodel.schema import Provenance, mesh_of, write_face_model


@dataclass(frozen=True)
class Conversion:
    """What goes into the file of a converted model.

    Args:
        model: the head.
        provenance: what the file says of its origin.
        extras: arrays of the source that are kept beside it.
        half_precision: bases as float16.
        fixed_landmarks: schemes that published networks speak of, whatever lies beside the file.
    """

    model: FaceModel
    provenance: Provenance
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)
    half_precision: bool = True
    fixed_landmarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Converter:
    """How one kind of model becomes ours.

    Args:
        title: for help texts.
        source: what to give it.
        convert: from a path to what goes into the file.
    """

    title: str
    source: str
    convert: Callable[[Path], Conversion]


def convert_model(kind: str, source: str | Path, output: str | Path) -> list[Path]:
    """Write the head model file of a source.

    Args:
        kind: a key of `CONVERTERS`.
        source: the user's file or folder.
        output: .h5 file to write; its folder is made.

    Returns:
        Landmark schemes beside the file that were found on another mesh of that name.

    Raises:
        MissingModelError: a file of the source is missing.
        ConfigError: the source is something else.
    """
    made, output = CONVERTERS[kind].convert(Path(source)), Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    same = output.is_file() and np.array_equal(mesh_of(output), made.model.triangles)
    write_face_model(
        output,
        made.model,
        provenance=made.provenance,
        half_precision=made.half_precision,
        extras=made.extras,
        fixed_landmarks=made.fixed_landmarks,
    )
    return [] if same else sorted(output.parent.glob(f"*_{output.stem}.json"))


def _ict(source: Path) -> Conversion:
    read = read_ict_development_copy if source.suffix == ".h5" else read_ict_checkout
    arrays = read(source)
    origin = Provenance(
        created_by="python -m lib.facemodel convert-ict",
        copyright="Copyright (c) 2020 USC Institute for Creative Technologies",
        licence_text=arrays.licence_text,
    )
    return Conversion(ict_model(arrays), origin)


def _facescape(source: Path) -> Conversion:
    return Conversion(facescape_model(read_facescape(source)), _licensed("facescape"))


def _bfm09(source: Path) -> Conversion:
    return _of_published_networks(read_deep3d(source), "bfm09")


def _bfm3ddfa(source: Path) -> Conversion:
    return _of_published_networks(read_face_model_npy(source), "bfm3ddfa")


def _bfm09_53k(source: Path) -> Conversion:
    read = read_detail_layer(source)
    return Conversion(
        detail_layer_model(read, "bfm09_53k"),
        _licensed("bfm09_53k"),
        half_precision=False,
        fixed_landmarks=tuple(read.bfm.landmarks),
    )


def _of_published_networks(source: BfmSource, kind: str) -> Conversion:
    """In full precision: coefficients of published networks shall give the published vertices."""
    return Conversion(
        bfm_model(source, kind),
        _licensed(kind),
        source.extras,
        half_precision=False,
        fixed_landmarks=tuple(source.landmarks),
    )


def _bfm2017(source: Path) -> Conversion:
    return Conversion(statismo_model(read_statismo(source), "bfm2017"), _licensed("bfm2017"))


def _bfm2019(source: Path) -> Conversion:
    return Conversion(statismo_model(read_statismo(source), "bfm2019"), _licensed("bfm2019"))


def _flame(source: Path) -> Conversion:
    return Conversion(flame_model(read_flame(source)), _licensed("flame"))


def _licensed(kind: str) -> Provenance:
    """Of a model that its owner gives to those alone who ask for it."""
    made_by = f"python -m lib.facemodel convert-{kind}"
    return Provenance(created_by=made_by, redistributable=False)


CONVERTERS: Mapping[str, Converter] = {
    "ict": Converter("ICT-FaceKit", "checkout of ICT-FaceKit, or its development copy (.h5)", _ict),
    "facescape": Converter(
        "FaceScape's bilinear model",
        "facescape_bm_v1.6_847_50_52_id_front.npz or another of v1.6, or a folder with "
        "core_847_50_52.npy, factor_847_50_52.json and 1_neutral.obj",
        _facescape,
    ),
    "bfm09": Converter(
        "the Basel Face Model 2009 of Deep3DFaceRecon",
        "folder with 01_MorphableModel.mat, Exp_Pca.bin, std_exp.txt, BFM_exp_idx.mat, "
        "BFM_front_idx.mat and facemodel_info.mat, or BFM_model_front.mat",
        _bfm09,
    ),
    "bfm3ddfa": Converter(
        "the Basel Face Model 2009 of 3DDFA_V3", "face_model.npy of 3DDFA_V3", _bfm3ddfa
    ),
    "bfm09_53k": Converter(
        "the Basel Face Model 2009 of the detail layer",
        "folder with BFM2009_Model.mat, vertex_uv_ind.npz, face_mask.png, wo_eyebrow_mask.npy and "
        "wo_nose_mask.npy",
        _bfm09_53k,
    ),
    "bfm2017": Converter(
        "the Basel Face Model 2017",
        "model2017-1_face12_nomouth.h5 or model2017-1_bfm_nomouth.h5",
        _bfm2017,
    ),
    "bfm2019": Converter(
        "the Basel Face Model 2019",
        "model2019_face12.h5, model2019_bfm.h5 or model2019_fullHead.h5",
        _bfm2019,
    ),
    "flame": Converter(
        "FLAME",
        "folder with the model (flame2023.pkl, generic_model.pkl, ...), FLAME_texture.npz or "
        "head_template.obj, and landmark_embedding.npy or flame_static_embedding.pkl and "
        "flame_dynamic_embedding.npy",
        _flame,
    ),
}
