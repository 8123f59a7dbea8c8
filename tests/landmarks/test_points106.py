import numpy as np
import pytest
import torch

from lib.errors import CaptureFailure, ConfigError, MissingModelError
from lib.facemodel import load_face_model
from lib.facemodel.dense_landmarks import EYE_CENTRES106, LINES106, OPPOSITE106
from lib.geometry.five_points import FIVE_OF_106, aligning_five
from lib.landmarks import LandmarkOptions, load_landmarker
from lib.landmarks.dlib68 import MIRROR_68
from lib.landmarks.ibug106 import WEIGHTS, ibug68_of_106, ibug68_sigma_of_106
from lib.landmarks.options import FaceSeen
from lib.landmarks.points106 import turned_points
from lib.networks.ahead import Ahead
from tests.networks.published_detectors import points106_weights
from tests.networks.test_points106_network import photo

IBUG_LINES = [range(17), range(17, 22), range(22, 27), range(27, 36), range(36, 42)]
IBUG_LINES += [range(42, 48), range(48, 60), range(60, 65)]
BOX = np.array([50.0, 30.0, 139.0, 129.0], np.float32)


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture
def landmarker(tmp_path, model):
    torch.save({"state_dict": points106_weights()}, tmp_path / "large_base_net.pth")
    options = LandmarkOptions(method="points106", weights=str(tmp_path / "large_base_net.pth"))
    return load_landmarker(options, tmp_path, model)


def seen(box=BOX, roll=0.0):
    return FaceSeen("anna.jpg", box, np.full((5, 2), np.nan, np.float32), roll)


class Shown:
    """Stands for the network: points about the middle of the square, other ones when mirrored."""

    def __init__(self, offset_px):
        self.offset_px = offset_px
        self.squares = []

    def __call__(self, images, squares, mirrored=False):
        self.squares += squares
        spread = np.random.default_rng(0).uniform(-40, 40, (106, 2))
        moved = spread + self.offset_px[len(self.squares) - 1]
        return (np.array([95.0, 80.0]) + (moved[OPPOSITE106] if mirrored else moved))[None]


def test_sigma_grows_with_what_separates_the_looks(landmarker):
    landmarker._finder = Shown([0.0, 0.0, 0.0])
    still = landmarker.find(photo(), seen())
    landmarker._finder = Shown([3.0, 0.0, 1.0])
    moved = landmarker.find(photo(), seen())
    assert len(landmarker._finder.squares) == 3
    assert landmarker._finder.squares[1] is landmarker._finder.squares[2]
    side = landmarker._finder.squares[1].side_px / 1.35
    np.testing.assert_allclose(still.sigma_px[:33], 0.03 * side, rtol=1e-6)
    np.testing.assert_allclose(still.sigma_px[33:], 0.01 * side, rtol=1e-6)
    expected = np.sqrt((3.0**2 + 1.0**2) / 2)  # the first look is 3 px off, the mirrored one 1 px
    np.testing.assert_allclose(moved.sigma_px, np.hypot(still.sigma_px, expected), rtol=1e-6)
    np.testing.assert_array_equal(moved.points_px, still.points_px)  # those of the second look


def test_faces_of_several_captures_are_one_batch_and_give_what_single_ones_give(landmarker):
    images = [photo(), photo(150, 170), photo(200, 160)]
    faces = {f"c{i}": [(image, seen(roll=0.2 * i))] for i, image in enumerate(images)}
    faces["c1"] = [*faces["c1"], (np.zeros_like(images[1]), seen(np.float32([900, 900, 950, 950])))]
    alone = [landmarker.find_many([face])[0] for rows in faces.values() for face in rows]
    landmarker._batch = 3
    batches = []
    ahead = Ahead(
        lambda rows: batches.append(len(rows)) or landmarker.find_many(rows), list(faces), faces.get
    )
    together = [result for name, rows in faces.items() for result in ahead.take(name, rows)]
    assert batches == [4]
    for one, many in zip(alone, together, strict=True):
        assert type(one) is type(many)
        if not isinstance(one, CaptureFailure):
            np.testing.assert_allclose(many.points_px, one.points_px, atol=2e-2)
            np.testing.assert_allclose(many.sigma_px, one.sigma_px, atol=2e-2)
    assert sum(isinstance(result, CaptureFailure) for result in together) < 4


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_photo_gives_the_same_points_turned(landmarker, turns):
    image = photo()
    upright = landmarker.find(image, seen())
    turned = np.ascontiguousarray(np.rot90(image, -turns))  # clockwise
    centre = turned_points((BOX[:2] + BOX[2:]) / 2, 4 - turns, image.shape[:2])
    half = (BOX[2:] - BOX[:2]) / 2
    box = np.concatenate([centre - half, centre + half]).astype(np.float32)
    found = landmarker.find(turned, seen(box, turns * np.pi / 2 - 0.2))
    expected = turned_points(upright.points_px, 4 - turns, image.shape[:2])
    np.testing.assert_allclose(found.points_px, expected, atol=1e-3)
    np.testing.assert_allclose(found.sigma_px, upright.sigma_px, rtol=1e-4)


def test_a_pixel_keeps_its_colour_under_turned_points():
    image = photo(7, 5)
    for turns in range(4):
        turned = np.rot90(image, turns)
        x, y = turned_points(np.array([4, 1]), turns, image.shape[:2])
        np.testing.assert_array_equal(turned[y, x], image[1, 4])


def test_points_that_fall_together_or_leave_the_face_are_no_landmarks(landmarker):
    landmarker._finder = lambda images, squares, mirrored=False: np.full((1, 106, 2), 90.0)
    with pytest.raises(CaptureFailure, match=r"landmarks_unsure: The 106 points span 0 px"):
        landmarker.find(photo(), seen())
    landmarker._finder = Shown([200.0, 200.0, 200.0])
    with pytest.raises(CaptureFailure, match=r"28\d px away"):
        landmarker.find(photo(), seen())


def test_weights_that_are_not_named_are_asked_for(model):
    with pytest.raises(MissingModelError, match=r"landmarks\.weights is not set.*large_base_net"):
        load_landmarker(LandmarkOptions(method="points106"), "", model)


def test_an_unknown_method_is_refused():
    with pytest.raises(ConfigError, match="expected one of blaze, dlib, points106, files"):
        LandmarkOptions(method="fan")


def test_every_ibug_point_is_one_of_the_106_or_lies_between_two(model):
    np.testing.assert_allclose(WEIGHTS.sum(1), 1)
    assert (WEIGHTS >= 0).all() and ((WEIGHTS > 0).sum(1) <= 2).all()


def test_left_and_right_are_treated_alike():
    np.testing.assert_array_equal(WEIGHTS[MIRROR_68][:, OPPOSITE106], WEIGHTS)


def test_ibug_points_of_the_106_lie_at_those_of_the_head_model(model):
    place = {name: model.landmarks[name].on(model.mean, model.triangles) for name in
             ("ldm106", "ibug68")}  # fmt: skip
    away = np.linalg.norm(ibug68_of_106(place["ldm106"])[:, None] - place["ibug68"], axis=2)
    assert away.diagonal().max() < 6  # the head's iBUG points are where a network marks them
    assert away.diagonal()[[*range(17), 36, 39, 42, 45, 48, 54]].max() < 0.3
    for line in IBUG_LINES:
        own = away[np.ix_(line, line)]
        np.testing.assert_array_equal(own.argmin(0), np.arange(len(line)))


def test_five_points_of_the_crop_are_among_the_106():
    lips = LINES106["outer_lips"]
    assert (*EYE_CENTRES106, LINES106["nose_bridge"][-1], lips[0], lips[6]) == FIVE_OF_106
    assert FIVE_OF_106 == (74, 83, 54, 84, 90)
    points, ibug = np.random.default_rng(0).uniform(0, 9, (2, 106, 2)), np.ones((2, 68, 2))
    np.testing.assert_array_equal(aligning_five("ldm106", points, ibug), points[:, FIVE_OF_106])
    np.testing.assert_array_equal(aligning_five("mesh468", points, ibug), np.ones((2, 5, 2)))


def test_a_lost_point_loses_the_ibug_points_that_rest_on_it():
    points, sigma = np.random.default_rng(0).uniform(0, 9, (106, 2)), np.ones(106)
    points[68], sigma[68] = np.nan, np.nan
    for found in (ibug68_of_106(points)[:, 0], ibug68_sigma_of_106(sigma)):
        assert np.flatnonzero(np.isnan(found)).tolist() == [37, 38]
