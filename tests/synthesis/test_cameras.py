"""Cameras of photos and rigs: faces in the picture, usual poses, files that read back."""

import json

import numpy as np
import pytest

from lib.captures.cameras import find_camera
from lib.geometry import project
from lib.synthesis.cameras.rigs import RIGS, TARGET_MM, cameras_json, rig_views
from lib.synthesis.cameras.view import (
    FACE_MIDDLE_MM,
    PhotoCameraOptions,
    draw_photo_view,
    focal35_of,
    head_turn,
)
from lib.synthesis.chance import generator

COUNTS = {"triple": 3, "quad": 4, "octet": 8, "deca": 10, "hexadeca": 16, "facescape": 68}
FACE_ENDS_MM = FACE_MIDDLE_MM + np.array([[0, 100.0, 0], [0, -100.0, 0]])


def _px(view, points):
    camera = view.camera
    return project(
        points, camera.world_to_camera, np.array(camera.focal_px), np.array(camera.centre_px)
    )


def _centre_mm(view):
    pose = view.camera.world_to_camera
    return -pose[:, :3].T @ pose[:, 3]


@pytest.fixture(scope="module")
def photos():
    sizes = [(256, 256), (640, 480), (480, 640)]
    return [draw_photo_view(sizes[k % 3], generator(5, k, "camera")) for k in range(1500)]


def test_the_middle_of_the_face_is_inside_every_photo(photos):
    for view in photos:
        x, y = _px(view, FACE_MIDDLE_MM[None])[0]
        height, width = view.size
        assert 0.3 * width < x < 0.7 * width
        assert 0.3 * height < y < 0.7 * height


def test_a_face_takes_a_usual_share_of_the_height_and_stands_at_a_usual_distance(photos):
    focal, height = (np.array(v) for v in zip(*((v.camera.focal_px, v.size[0]) for v in photos)))
    distance = np.array([np.linalg.norm(_centre_mm(v) - FACE_MIDDLE_MM) for v in photos])
    np.testing.assert_allclose(distance, [view.focus_mm for view in photos])
    share = focal * 200 / distance / height
    assert share.min() * (1 + 1e-9) >= 0.25 and share.max() <= 0.75 * (1 + 1e-9)
    assert ((share > 0.37) & (share < 0.7)).mean() > 0.6
    assert distance.min() > 250 and distance.max() < 3000.1
    near = np.array([view.focal35_mm for view in photos]) < 26
    assert (distance[near] < 800).all()


def test_most_heads_are_within_45_degrees_and_one_in_seven_beyond_60(photos):
    yaw = np.abs([view.yaw_deg for view in photos])
    assert yaw.max() <= 90
    assert 0.12 < (yaw > 60).mean() < 0.18
    assert (yaw < 45).mean() > 0.65
    assert abs(np.mean([view.yaw_deg > 0 for view in photos]) - 0.5) < 0.05


def test_the_yaw_is_that_of_the_ray_to_the_face_wherever_it_stands_in_the_picture(photos):
    options = PhotoCameraOptions(pitch_deg=0, roll_deg=0)
    for k in range(50):
        view = draw_photo_view((256, 256), generator(6, k, "camera"), options=options)
        away = _centre_mm(view) - FACE_MIDDLE_MM
        assert np.degrees(np.arctan2(away[0], away[2])) == pytest.approx(-view.yaw_deg, abs=1e-6)
    asked = draw_photo_view((256, 256), generator(6, 0, "camera"), yaw_deg=33.0)
    assert asked.yaw_deg == 33.0


def test_a_head_turned_to_its_left_looks_to_the_right_of_the_picture():
    forward = head_turn(30.0, 0, 0) @ [0, 0, 1]
    np.testing.assert_allclose(forward, [0.5, 0, -np.cos(np.radians(30))], atol=1e-12)
    assert (head_turn(0, 10.0, 0) @ [0, 0, 1])[1] > 0  # a nod looks down: y down


def test_the_full_frame_equivalent_belongs_to_focal_length_and_size(photos):
    for view in photos[:50]:
        assert view.focal35_mm == pytest.approx(focal35_of(view.camera.focal_px, view.size))
        assert view.focal35_mm * (1 + 1e-9) >= 20 and view.focal35_mm <= 120 * (1 + 1e-9)
        assert 0.9 < view.focal35_mm / view.focal_mm < 9


def test_what_is_in_focus_is_sharp_and_a_far_wall_of_a_portrait_lens_is_not(photos):
    portraits = [v for v in photos if v.focal35_mm > 80 and v.f_number < 2.5]
    assert all(view.blur_radius_px(view.focus_mm) == 0 for view in portraits)
    assert min(v.blur_radius_px(20 * v.focus_mm) / v.size[0] for v in portraits) > 0.004


def test_the_same_seed_gives_the_same_camera():
    one, two = (draw_photo_view((64, 64), generator(1, 2, "camera")) for _ in range(2))
    np.testing.assert_array_equal(one.camera.world_to_camera, two.camera.world_to_camera)
    other = draw_photo_view((64, 64), generator(1, 3, "camera"))
    assert (one.camera.world_to_camera != other.camera.world_to_camera).all()


@pytest.mark.parametrize("name", COUNTS)
def test_a_rig_has_its_number_of_cameras_and_each_shows_the_face_in_full(name):
    for k in range(5):
        views = rig_views(name, (1600, 1200), generator(2, k, name))
        assert len(views) == COUNTS[name] == len(RIGS[name].places_deg)
        assert len({view.name for view in views}) == len(views)
        for view in views:
            assert np.abs(_px(view, TARGET_MM[None])[0] - [600, 800]).max() < 0.12 * 1200
            pose = view.camera.world_to_camera[:, :3]
            np.testing.assert_allclose(pose @ pose.T, np.eye(3), atol=1e-12)
            assert pose[1, 1] < -0.4  # the subject stands upright
            share = view.camera.focal_px * 200 / view.focus_mm / 1600
            assert 0.54 < share < 0.77


def test_a_phone_arc_goes_smoothly_from_one_side_to_the_other_with_one_lens():
    for k in range(20):
        views = rig_views("phone_arc", (640, 480), generator(3, k, "arc"))
        places = np.array([_centre_mm(view) - TARGET_MM for view in views])
        turn = np.degrees(np.arctan2(places[:, 0], places[:, 2]))
        assert len(views) == 24
        assert 52 < abs(turn[0]) < 90 and 52 < abs(turn[-1]) < 90 and turn[0] * turn[-1] < 0
        assert np.abs(np.diff(turn)).max() < 20
        distance = np.linalg.norm(places, axis=1)
        assert distance.min() > 320 and distance.max() < 580
        assert len({view.camera.focal_px for view in views}) == 1
        for view in views:
            x = _px(view, FACE_ENDS_MM)[:, 0]
            assert (x > 0).all() and (x < 480).all()


def test_no_two_rigs_are_equal_but_the_same_seed_gives_the_same():
    one, two, again = (rig_views("octet", (64, 48), generator(k, 0, "rig")) for k in (1, 2, 1))
    pose = [np.stack([v.camera.world_to_camera for v in views]) for views in (one, two, again)]
    assert np.abs(pose[0] - pose[1]).max() > 1
    np.testing.assert_array_equal(pose[0], pose[2])


def test_an_unknown_rig_is_refused():
    with pytest.raises(ValueError, match=r"'dome' is not known\. Choose one of phone_arc, triple"):
        rig_views("dome", (64, 64), generator(0, 0, "rig"))


def test_the_camera_file_of_a_rig_is_read_back_exactly(tmp_path):
    views = rig_views("deca", (1600, 1200), generator(4, 0, "rig"))
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps(cameras_json(views)))
    for view in views:
        found = find_camera(path, f"images/{view.name}.jpg", view.size)
        np.testing.assert_array_equal(found.world_to_camera, view.camera.world_to_camera)
        np.testing.assert_array_equal(found.centre_px, view.camera.centre_px)
        assert found.focal_px == pytest.approx(view.camera.focal_px, rel=1e-15)
