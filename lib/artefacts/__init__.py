"""The files under results/: what each holds, how it is written, how it is read back."""

from lib.artefacts.base import Artefact, FieldSpec, array, ragged, text
from lib.artefacts.batch import OK, BatchReader, BatchWriter, Outcome, digest
from lib.artefacts.stages import Capture, FaceFit, Faces, Landmarks, SkinMask, Texture

ARTEFACTS = {
    "capture": Capture,
    "faces": Faces,
    "landmarks": Landmarks,
    "skin": SkinMask,
    "fit": FaceFit,
    "texture": Texture,
}

__all__ = [
    "ARTEFACTS",
    "OK",
    "Artefact",
    "BatchReader",
    "BatchWriter",
    "Capture",
    "FaceFit",
    "Faces",
    "FieldSpec",
    "Landmarks",
    "Outcome",
    "SkinMask",
    "Texture",
    "array",
    "digest",
    "ragged",
    "text",
]
