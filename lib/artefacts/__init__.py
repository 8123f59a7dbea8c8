"""The files under results/: what each holds, how it is written, how it is read back."""

from lib.artefacts.appearance import Albedo, Highlights
from lib.artefacts.base import Artefact, FieldSpec, array, how_to_rebuild, ragged, text
from lib.artefacts.batch import (
    OK,
    BatchReader,
    BatchWriter,
    Outcome,
    digest,
    earliest_failures,
)
from lib.artefacts.multiview import BaseMesh, Displacement, Rig, Surface, Volume
from lib.artefacts.process import as_failure, process_batch
from lib.artefacts.scores import Scores
from lib.artefacts.stages import (
    Capture,
    FaceFit,
    Faces,
    Landmarks,
    Parsing,
    Parts,
    Regression,
    SkinMask,
    Texture,
)
from lib.artefacts.truth import PART_LABELS, Truth

ARTEFACTS = {
    "capture": Capture,
    "faces": Faces,
    "landmarks": Landmarks,
    "skin": SkinMask,
    "parsing": Parsing,
    "rig": Rig,
    "regression": Regression,
    "fit": FaceFit,
    "parts": Parts,
    "base": BaseMesh,
    "volume": Volume,
    "surface": Surface,
    "highlights": Highlights,
    "texture": Texture,
    "albedo": Albedo,
    "displacement": Displacement,
    "scores": Scores,
    "truth": Truth,
}

EXPORT_VERSION = 5  # of the exported files, which are no artefacts: same meaning as theirs

__all__ = [
    "ARTEFACTS",
    "EXPORT_VERSION",
    "OK",
    "PART_LABELS",
    "Albedo",
    "Artefact",
    "BaseMesh",
    "BatchReader",
    "BatchWriter",
    "Capture",
    "Displacement",
    "FaceFit",
    "Faces",
    "FieldSpec",
    "Highlights",
    "Landmarks",
    "Outcome",
    "Parsing",
    "Parts",
    "Regression",
    "Rig",
    "Scores",
    "SkinMask",
    "Surface",
    "Texture",
    "Truth",
    "Volume",
    "array",
    "as_failure",
    "digest",
    "earliest_failures",
    "how_to_rebuild",
    "process_batch",
    "ragged",
    "text",
]
