"""Networks of others: their weight cards, how their files are got, and how they are run."""

from lib.networks.cards import (
    BLAZEFACE,
    CARDS,
    DLIB_68,
    FACE_MESH,
    IRIS,
    MTCNN,
    POINTS_106,
    RETINAFACE,
    WeightCard,
    verify_weights,
)
from lib.networks.fetch import fetch_landmark_models
from lib.networks.origin import NOT_STATED, WeightOrigin, weight_origin

__all__ = [
    "BLAZEFACE",
    "CARDS",
    "DLIB_68",
    "FACE_MESH",
    "IRIS",
    "MTCNN",
    "NOT_STATED",
    "POINTS_106",
    "RETINAFACE",
    "WeightCard",
    "WeightOrigin",
    "fetch_landmark_models",
    "verify_weights",
    "weight_origin",
]
