"""dlib's 68 points with its real file, where a user has put it; see docs/config.md."""

from pathlib import Path

import numpy as np
import pytest

from lib.detection import DetectionOptions
from lib.detection.classic import DlibDetector
from lib.landmarks import LandmarkOptions
from lib.landmarks.dlib68 import _SYSTEM_FOLDER, DlibLandmarker
from lib.landmarks.options import FaceSeen
from lib.networks import DLIB_68
from tests.benchmarks.odd_photos import portrait
from tests.networks.weights import MODELS

FOLDER = next(
    (folder for folder in (MODELS, Path(_SYSTEM_FOLDER)) if (folder / DLIB_68.file).is_file()),
    None,
)
pytestmark = [
    pytest.mark.weights,
    pytest.mark.skipif(FOLDER is None, reason=f"{DLIB_68.file} is in no folder it is looked for"),
]


@pytest.fixture(scope="module")
def landmarker():
    return DlibLandmarker(LandmarkOptions(method="dlib", accept_dlib_licence=True), FOLDER)


@pytest.fixture(scope="module")
def seen():
    """The portrait's face as dlib's own detector boxes it."""
    (face,) = DlibDetector(DetectionOptions(method="dlib")).detect(portrait())
    return FaceSeen("anna.png", face.box_px, face.points_px, face.roll_rad)


def interocular(points):
    return np.linalg.norm(points[36] - points[45])


def distance(found, expected):
    """Mean distance of the inner 51 points in interocular distances."""
    return np.linalg.norm(found - expected, axis=1)[17:].mean() / interocular(expected)


def test_the_points_are_those_that_dlib_gives_in_its_own_box(landmarker, seen):
    import dlib

    predictor = dlib.shape_predictor(str(FOLDER / DLIB_68.file))
    box = dlib.rectangle(*(round(float(side)) for side in seen.box_px))
    expected = np.array([(p.x, p.y) for p in predictor(portrait(), box).parts()])
    found = landmarker.find(portrait(), seen)
    assert distance(found.points_px, expected) < 0.03
    assert (found.sigma_px > 0).all() and np.isnan(found.depth_px).all()


def test_a_photo_on_its_side_has_the_same_points(landmarker, seen):
    upright = landmarker.find(portrait(), seen).points_px
    lying = np.ascontiguousarray(np.rot90(portrait(), -1))  # a quarter turn clockwise
    height = len(portrait())
    centre = (seen.box_px[:2] + seen.box_px[2:]) / 2
    half = (seen.box_px[2:] - seen.box_px[:2]) / 2
    turned = np.array([height - 1 - centre[1], centre[0]])
    box = np.concatenate([turned - half, turned + half])  # in axes that turn with the face
    face = FaceSeen("anna.png", box, seen.points_px, np.pi / 2)
    found = landmarker.find(lying, face).points_px
    back = np.stack([found[:, 1], height - 1 - found[:, 0]], axis=1)
    assert distance(back, upright) < 0.02
