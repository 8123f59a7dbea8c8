"""The rig of a capture: mm, views that take part, and a reason for each that does not."""

from __future__ import annotations

from typing import get_args

import cv2
import numpy as np
import pytest

from lib.errors import CaptureFailure, ConfigError
from lib.rig import RigOptions, calibrate_rig
from lib.rig.options import MARKERS
from lib.rig.shape import place_head
from tests.rig.conftest import SIZE, capture_of, head_points, landmarks_of, looking_at, ring


def rig_of(model, cameras, points_px=None, unit="mm", options=None, images=None, sigma_px=1.0):
    points_px = cameras.project(head_points(model)) if points_px is None else points_px
    capture = capture_of(cameras, unit)
    if images:
        shown = list(capture.image)
        for view, image in images.items():
            shown[view] = image
        capture = capture.replace(image=tuple(shown))
    marks = landmarks_of(points_px, sigma_px)
    return calibrate_rig(model, "anna", capture, marks, options or RigOptions())


def test_cameras_in_mm_stay_as_they_are(model):
    cameras = ring()
    rig = rig_of(model, cameras)
    assert (rig.source, rig.scale_source, rig.scale) == ("file", "file", 1.0)
    np.testing.assert_array_equal(rig.world_to_camera, cameras.world_to_camera)
    np.testing.assert_allclose(rig.points_mm, head_points(model), atol=1e-4)
    assert rig.used.all() and rig.inlier.all() and set(rig.reason) == {""}
    assert (np.linalg.eigvalsh(rig.covariance_mm2) > 0.5).all()  # never surer than landmarks are


def test_a_single_photo_has_no_rig(model):
    rig = rig_of(model, ring((0,)))
    assert rig.source == "none" and rig.used.tolist() == [1]
    assert np.isnan(rig.points_mm).all() and np.isnan(rig.world_to_camera).all()


def test_a_view_without_a_face_stays_when_its_picture_holds_the_head(model):
    cameras = ring()
    points_px = cameras.project(head_points(model))
    points_px[1] = np.nan
    rig = rig_of(model, cameras, points_px)
    assert rig.used.all() and not rig.inlier[1].any()


def test_a_black_picture_is_left_out_though_noise_is_in_it(model):
    cameras = ring()
    points_px = cameras.project(head_points(model))
    points_px[2] = np.nan
    noise = np.random.default_rng(0).integers(0, 9, (*SIZE, 3), np.uint8)
    rig = rig_of(model, cameras, points_px, images={2: noise})
    assert rig.used.tolist() == [1, 1, 0, 1, 1]
    assert "black or blank" in rig.reason[2]


def test_views_that_look_elsewhere_are_left_out_with_a_reason(model):
    cameras = ring()
    points_px = cameras.project(head_points(model))
    points_px[[0, 4]] = np.nan
    cameras.world_to_camera[0] = looking_at(np.array([0, 0, 900.0]), np.array([900.0, 0, 0]))
    cameras.world_to_camera[4] = looking_at(np.array([0, 0, 900.0]), np.array([0, 10.0, 2000.0]))
    rig = rig_of(model, cameras, points_px)
    assert rig.used.tolist() == [0, 1, 1, 1, 0]
    assert "outside" in rig.reason[0] and "behind" in rig.reason[4]


def test_a_wrong_camera_among_five_is_found_and_told(model):
    cameras = ring()
    points_px = cameras.project(head_points(model))
    cameras.world_to_camera[3] = ring((-5,), 700.0).world_to_camera[0]
    rig = rig_of(model, cameras, points_px)
    assert rig.used.tolist() == [1, 1, 1, 0, 1]
    assert "a wrong camera, another face" in rig.reason[3]
    np.testing.assert_allclose(rig.points_mm, head_points(model), atol=1e-4)


def test_two_views_that_contradict_each_other_are_a_failure(model):
    cameras = ring((-20, 20))
    points_px = cameras.project(head_points(model))
    points_px[1, :, 1] += 250
    with pytest.raises(CaptureFailure, match="do not meet"):
        rig_of(model, cameras, points_px)


def test_named_views_alone_are_used(model):
    rig = rig_of(model, ring(), options=RigOptions(views="01 04"))
    assert rig.used.tolist() == [0, 1, 0, 0, 1]
    assert rig.reason[0] == "rig.views leaves it out." and not rig.inlier[0].any()
    with pytest.raises(ConfigError, match="has the views 00, 01, 02"):
        rig_of(model, ring(), options=RigOptions(views="left"))


@pytest.mark.parametrize("source", ["distance", "model", "marker"])
def test_a_world_without_a_unit_becomes_mm(model, source):
    """The head is the model's mean, so that its prior, too, should find the very scale."""
    unit = 0.004
    cameras, world = ring(), ring().scaled(unit)
    points_px = cameras.project(head_points(model))
    options, images = RigOptions(), None
    if source == "distance":
        eyes = head_points(model)
        apart = np.linalg.norm(eyes[36:42].mean(0) - eyes[42:48].mean(0))
        options = RigOptions(distance_mm=float(apart))
    if source == "marker":
        options = RigOptions(marker_mm=40.0)
        images = {view: marked_picture(cameras, view) for view in range(5)}
    rig = rig_of(model, world, points_px, "unknown", options, images)
    assert rig.scale_source == source
    assert rig.scale == pytest.approx(1 / unit, rel=0.015 if source == "marker" else 5e-3)
    np.testing.assert_allclose(rig.points_mm, head_points(model), atol=1.0)
    np.testing.assert_allclose(
        rig.world_to_camera[..., 3], cameras.world_to_camera[..., 3], rtol=0.015, atol=0.5
    )


def marked_picture(cameras, view):
    """A picture of a marker of 40 mm in the world's plane z = 40 mm."""
    kind = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    square = np.full((300, 300), 255, np.uint8)
    square[50:250, 50:250] = cv2.aruco.generateImageMarker(kind, 7, 200)
    corners = np.array([[-20, 20, 40], [20, 20, 40], [20, -20, 40], [-20, -20, 40.0]])
    seen = cameras.project(corners)[view].astype(np.float32)
    drawn = np.array([[49.5, 49.5], [249.5, 49.5], [249.5, 249.5], [49.5, 249.5]], np.float32)
    warp = cv2.getPerspectiveTransform(drawn, seen)
    picture = cv2.warpPerspective(square, warp, SIZE[::-1], flags=cv2.INTER_AREA, borderValue=255)
    return np.repeat(picture[..., None], 3, 2)


def test_distance_points_are_explained_when_wrong():
    with pytest.raises(ConfigError, match="expected `pupils` or two different numbers"):
        RigOptions(distance_points="eyes")
    assert RigOptions(distance_points="36 45").ends() == ([36], [45])


def test_the_head_is_placed_with_its_identity_and_size(model):
    identity = np.array([0.8, -0.6, 0.5, -0.7], np.float32)
    points = model.landmarks["ibug68"].on(model.vertices(identity), model.triangles).astype(float)
    turn = cv2.Rodrigues(np.array([0.2, -0.9, 0.4]))[0]
    world = 0.01 * points @ turn.T + [3, 4, 5]
    head = place_head(model, "ibug68", world, np.tile(1e-8 * np.eye(3), (68, 1, 1)))
    assert head.scale == pytest.approx(0.01, rel=0.02)
    placed = head.scale * head.points_mm @ head.rotation.T + head.translation
    np.testing.assert_allclose(placed, world, atol=0.01)


@pytest.mark.parametrize("marker", get_args(MARKERS))
def test_every_marker_name_is_a_dictionary_of_opencv(marker):
    assert hasattr(cv2.aruco, f"DICT_{marker.upper()}")
