"""The default head, and the same head without eyeballs."""

import pytest

from lib.facemodel import FaceModel, load_face_model
from lib.segmentation import PartSurfaces, part_surfaces
from tests.posed_head import without_eyeballs


@pytest.fixture(scope="session")
def model() -> FaceModel:
    return load_face_model("makehuman")


@pytest.fixture(scope="session")
def surfaces(model) -> PartSurfaces:
    return part_surfaces(model)


@pytest.fixture(scope="session")
def skin_alone(model) -> FaceModel:
    return without_eyeballs(model)
