"""A studio and a few small captures, made once."""

import pytest

from lib.facemodel import load_face_model
from lib.synthesis import draw_capture, open_studio
from tests.synthesis.worlds import PHOTOS, RIG


@pytest.fixture(scope="session")
def studio():
    return open_studio(load_face_model("makehuman"))


@pytest.fixture(scope="session")
def photo(studio):
    return draw_capture(studio, PHOTOS, 3)


@pytest.fixture(scope="session")
def rig(studio):
    return draw_capture(studio, RIG, 2)
