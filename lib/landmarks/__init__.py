"""Finds the landmarks of the face in each photo, and where they lie on a head model."""

from lib.landmarks.correspondence import (
    CorrespondenceOptions,
    ibug68_by_mesh,
    mesh468_on_model,
    write_correspondence,
)
from lib.landmarks.depth_bias import depth_bias
from lib.landmarks.find import faces_on_photos, find_landmarks
from lib.landmarks.load import load_landmarker
from lib.landmarks.options import (
    BatchLandmarker,
    FaceSeen,
    Landmarker,
    LandmarkOptions,
    ViewLandmarks,
)
from lib.landmarks.picture import draw_on_head

__all__ = [
    "BatchLandmarker",
    "CorrespondenceOptions",
    "FaceSeen",
    "LandmarkOptions",
    "Landmarker",
    "ViewLandmarks",
    "depth_bias",
    "draw_on_head",
    "faces_on_photos",
    "find_landmarks",
    "ibug68_by_mesh",
    "load_landmarker",
    "mesh468_on_model",
    "write_correspondence",
]
