"""Head models that people have, to files in our layout: one entry per model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lib.facemodel.facescape import facescape_model, read_facescape
from lib.facemodel.ict import ict_model, read_ict_checkout, read_ict_development_copy
from lib.facemodel.model import FaceModel
from lib.facemodel.schema import Provenance, write_face_model


@dataclass(frozen=True)
class Converter:
    """How one kind of model becomes ours.

    Args:
        title: for help texts.
        source: what to give it.
        convert: a path to the model and what its file says of its origin.
    """

    title: str
    source: str
    convert: Callable[[Path], tuple[FaceModel, Provenance]]


def convert_model(kind: str, source: str | Path, output: str | Path) -> None:
    """Write the head model file of a source.

    Args:
        kind: a key of `CONVERTERS`.
        source: the user's file or folder.
        output: .h5 file to write; its folder is made.

    Raises:
        MissingModelError: a file of the source is missing.
        ConfigError: the source is something else.
    """
    model, provenance = CONVERTERS[kind].convert(Path(source))
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    write_face_model(output, model, provenance=provenance, half_precision=True)


def _ict(source: Path) -> tuple[FaceModel, Provenance]:
    read = read_ict_development_copy if source.suffix == ".h5" else read_ict_checkout
    arrays = read(source)
    return ict_model(arrays), Provenance(
        created_by="python -m lib.facemodel convert-ict",
        copyright="Copyright (c) 2020 USC Institute for Creative Technologies",
        licence_text=arrays.licence_text,
    )


def _facescape(source: Path) -> tuple[FaceModel, Provenance]:
    return facescape_model(read_facescape(source)), Provenance(
        created_by="python -m lib.facemodel convert-facescape",
        redistributable=False,
    )


CONVERTERS: Mapping[str, Converter] = {
    "ict": Converter("ICT-FaceKit", "checkout of ICT-FaceKit, or its development copy (.h5)", _ict),
    "facescape": Converter(
        "FaceScape's bilinear model",
        "facescape_bm_v1.6_847_50_52_id_front.npz or another of v1.6, or a folder with "
        "core_847_50_52.npy, factor_847_50_52.json and 1_neutral.obj",
        _facescape,
    ),
}
