"""Head models: one interface, one file layout, a converter each."""

from lib.facemodel.base_texture import base_texture, model_skin_fields, random_skin
from lib.facemodel.contour import contour33, visible_contour
from lib.facemodel.dense_landmarks import LINES106, LINES134, landmarks106
from lib.facemodel.load import DEFAULT_MODEL, face_model_file, load_face_model
from lib.facemodel.model import PARTS, FaceModel, SurfacePoints
from lib.facemodel.origin import Provenance, read_labels, read_provenance, schemes_beside
from lib.facemodel.part_labels import eyeball_regions, part_of_triangles, triangles_of_parts
from lib.facemodel.pouch import Pouch, find_pouch
from lib.facemodel.schema import (
    CoarseShape,
    read_extra,
    read_face_model,
    read_landmark_scheme,
    write_face_model,
    write_landmark_scheme,
)

__all__ = [
    "DEFAULT_MODEL",
    "LINES106",
    "LINES134",
    "PARTS",
    "CoarseShape",
    "FaceModel",
    "Pouch",
    "Provenance",
    "SurfacePoints",
    "base_texture",
    "contour33",
    "eyeball_regions",
    "face_model_file",
    "find_pouch",
    "landmarks106",
    "load_face_model",
    "model_skin_fields",
    "part_of_triangles",
    "random_skin",
    "read_extra",
    "read_face_model",
    "read_labels",
    "read_landmark_scheme",
    "read_provenance",
    "schemes_beside",
    "triangles_of_parts",
    "visible_contour",
    "write_face_model",
    "write_landmark_scheme",
]
