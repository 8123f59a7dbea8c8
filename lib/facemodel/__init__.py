"""Head models: one interface, one file layout, a converter each."""

from lib.facemodel.base_texture import base_texture, model_skin_fields, random_skin
from lib.facemodel.load import DEFAULT_MODEL, face_model_file, load_face_model
from lib.facemodel.model import PARTS, FaceModel, SurfacePoints
from lib.facemodel.schema import (
    CoarseShape,
    Provenance,
    read_face_model,
    read_landmark_scheme,
    write_face_model,
    write_landmark_scheme,
)

__all__ = [
    "DEFAULT_MODEL",
    "PARTS",
    "CoarseShape",
    "FaceModel",
    "Provenance",
    "SurfacePoints",
    "base_texture",
    "face_model_file",
    "load_face_model",
    "model_skin_fields",
    "random_skin",
    "read_face_model",
    "read_landmark_scheme",
    "write_face_model",
    "write_landmark_scheme",
]
