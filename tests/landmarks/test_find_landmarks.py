import dataclasses
import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from skimage.data import astronaut

from lib.artefacts import Faces
from lib.errors import CaptureFailure, ConfigError
from lib.landmarks import FaceSeen, LandmarkOptions, ViewLandmarks, find_landmarks, load_landmarker
from lib.landmarks.blaze import _turned
from lib.landmarks.mesh import jitter
from lib.landmarks.pose import RoughPose
from lib.networks.crop import CropFrame
from lib.networks.facemesh import NOSE_TIP, RIGHT_EYE_CORNERS
from tests.detection.test_find_faces import capture
from tests.landmarks.heads import small_head
from tests.networks.weights import MODELS, needs_models

PHOTO = astronaut()
BOX = np.array([178, 69, 271, 176], float)
PUPILS = np.array([[203, 102], [246.5, 104.3]])  # by hand
MOUTH = np.array([[204, 141], [244, 143]])  # corners, by hand
SEEN = FaceSeen("anna.jpg", BOX, np.full((5, 2), np.nan), 0.06)
UNKNOWN = dataclasses.replace(small_head(), landmarks={})


def faces(*boxes):
    n = len(boxes)
    return Faces(
        photo="a",
        subject="anna",
        box_px=np.array(boxes, np.float32),
        score=np.ones(n, np.float32),
        points_px=np.full((n, 5, 2), np.nan, np.float32),
        roll_rad=np.full(n, 0.06, np.float32),
    )


class Refusing:
    """A landmarker that fails on dark images."""

    scheme, n_points = "points5", 5

    def find(self, image, face):
        if not image.any():
            raise CaptureFailure("landmarks_unsure", "too dark")
        return ViewLandmarks(
            np.ones((5, 2)), np.ones(5), np.ones(5), np.ones((68, 2)), np.ones(68), 1.0
        )


def test_a_view_that_fails_is_nan_and_the_capture_goes_on():
    views = capture(PHOTO, np.zeros_like(PHOTO), PHOTO)
    found = find_landmarks(views, faces(BOX, BOX, np.full(4, np.nan)), Refusing())
    assert np.isfinite(found.points_px[0]).all()
    assert np.isnan(found.points_px[1:]).all() and np.isnan(found.ibug68_px[1:]).all()
    np.testing.assert_array_equal(found.presence, [1, 0, 0])
    assert found.view_reason == ("", "too dark", "no face was found")


def test_a_capture_whose_views_all_fail_keeps_the_reason_of_the_first():
    with pytest.raises(CaptureFailure, match="landmarks_unsure: too dark"):
        find_landmarks(capture(np.zeros_like(PHOTO)), faces(BOX), Refusing())


@pytest.fixture(scope="module")
def blaze():
    return load_landmarker(LandmarkOptions(), MODELS, UNKNOWN)


@needs_models
def test_mesh_points_lie_on_eyes_and_mouth_of_a_portrait(blaze):
    found = find_landmarks(capture(PHOTO), faces(BOX), blaze)
    assert found.scheme == "mesh468" and found.points_px.shape == (1, 468, 2)
    ibug = found.ibug68_px[0]
    eyes = np.stack([ibug[36:42].mean(0), ibug[42:48].mean(0)])
    np.testing.assert_allclose(eyes, PUPILS, atol=2)
    np.testing.assert_allclose(ibug[[48, 54]], MOUTH, atol=4)
    assert found.presence[0] > 0.99
    assert found.depth_px[0, NOSE_TIP] < found.depth_px[0, RIGHT_EYE_CORNERS[0]] - 10
    assert (found.sigma_px > 0.3).all() and (found.sigma_px < 12).all()


@needs_models
def test_the_same_photo_gives_the_same_bytes(blaze):
    first, second = (blaze.find(PHOTO, SEEN) for _ in range(2))
    assert first.points_px.tobytes() == second.points_px.tobytes()


@needs_models
def test_a_rough_box_leads_to_the_same_points(blaze):
    exact = blaze.find(PHOTO, SEEN)
    rough = blaze.find(PHOTO, dataclasses.replace(SEEN, box_px=BOX + [-8, -6, 12, 9], roll_rad=0.2))
    assert np.linalg.norm(exact.points_px - rough.points_px, axis=1).mean() < 0.8


@needs_models
def test_a_box_without_a_face_fails_with_a_reason(blaze):
    sky = dataclasses.replace(SEEN, box_px=np.array([300.0, 300, 400, 400]))
    with pytest.raises(CaptureFailure, match="landmarks_unsure"):
        blaze.find(PHOTO, sky)


@needs_models
def test_points_on_the_far_side_are_less_sure():
    known = load_landmarker(LandmarkOptions(), MODELS, small_head())
    pose = known._pose(known._measurer.measure(PHOTO, BOX, 0.06))
    cosine = -known._normals @ pose.rotation[2]
    free = load_landmarker(LandmarkOptions(), MODELS, UNKNOWN).find(PHOTO, SEEN)
    growth = known.find(PHOTO, SEEN).sigma_px / free.sigma_px / _turned(pose)
    np.testing.assert_allclose(growth[cosine > 0.35], 1)
    assert (cosine < 0.1).any() and (growth[cosine < 0.1] > 2).all()


def test_a_head_in_profile_is_less_sure_as_a_whole():
    def turned(degrees):
        rotation = Rotation.from_euler("y", degrees, degrees=True).as_matrix()
        return _turned(RoughPose(np.diag([1.0, -1.0, -1.0]) @ rotation, 1.0, np.zeros(2)))

    assert [turned(0), turned(5), turned(-60)] == [1, 1, 2.5]
    assert turned(25) == pytest.approx(turned(-25)) and 1 < turned(25) < 2.5


def test_crops_are_jittered_around_the_frame_and_half_are_mirrored():
    frame = CropFrame((100.0, 80.0), 150.0, 0.2, 192)
    frames = jitter(frame, 8)
    assert sum(f.mirrored for f in frames) == 4 and frames == jitter(frame, 8)
    sides = np.array([f.side_px for f in frames])
    assert len(set(sides)) == 4 and abs(sides / 150 - 1).max() <= 0.06


def test_the_dlib_points_need_an_accepted_licence():
    with pytest.raises(ConfigError, match="accept_dlib_licence: true"):
        load_landmarker(LandmarkOptions(method="dlib"), MODELS, UNKNOWN)


def test_points_of_a_file_are_taken_as_they_are(tmp_path):
    points = np.random.default_rng(0).uniform(180, 270, (68, 2)).round(2)
    (tmp_path / "anna.json").write_text(json.dumps({"points": points.tolist()}))
    options = LandmarkOptions(method="files", folder=str(tmp_path))
    landmarker = load_landmarker(options, MODELS, UNKNOWN)
    found = find_landmarks(capture(PHOTO), faces(BOX), landmarker)
    assert found.scheme == "ibug68"
    np.testing.assert_allclose(found.ibug68_px[0], points, atol=1e-4)


def test_points_of_a_file_count_in_px_of_the_original(tmp_path):
    points = np.random.default_rng(0).uniform(360, 540, (106, 2)).round(2)
    np.savetxt(tmp_path / "anna.txt", points)
    options = LandmarkOptions(method="files", folder=str(tmp_path))
    photo = dataclasses.replace(capture(PHOTO), working_to_original=np.array([[2.0, 2.5]]))
    found = find_landmarks(photo, faces(BOX), load_landmarker(options, MODELS, UNKNOWN))
    assert found.scheme == "ldm106"
    expected = (points + 0.5) / [2.0, 2.5] - 0.5
    np.testing.assert_allclose(found.points_px[0], expected, atol=1e-4)
    np.testing.assert_allclose(found.ibug68_px[0, 54], expected[90], atol=1e-4)


def test_a_photo_without_a_file_of_points_fails_with_a_reason(tmp_path):
    (tmp_path / "bob.txt").write_text("\n".join("1 2" for _ in range(5)))
    options = LandmarkOptions(method="files", folder=str(tmp_path))
    landmarker = load_landmarker(options, MODELS, UNKNOWN)
    with pytest.raises(CaptureFailure, match=r"no_landmarks: .* no 5 points for anna\.jpg"):
        find_landmarks(capture(PHOTO), faces(BOX), landmarker)


def test_a_single_crop_is_refused_because_it_has_no_spread():
    with pytest.raises(ConfigError, match="at least 2"):
        LandmarkOptions(augmentations=1)
