"""Given cameras: corrected where details agree better, and left alone where they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import lib.rig.given as given
from lib.rig import RigOptions, calibrate_rig
from lib.rig.bundle import GivenPoses, Scene
from lib.rig.cameras import Cameras
from tests.rig.conftest import capture_of, head_points, landmarks_of, ring
from tests.rig.test_bundle import shaken
from tests.rig.test_motion import details, tracks_of

ALL = np.ones(5, bool)


def shifted(cameras: Cameras, sigma_px: float = 2.0) -> Cameras:
    """Principal points that are off."""
    shift = np.random.default_rng(7).normal(0, sigma_px, cameras.centre_px.shape)
    return replace(cameras, centre_px=cameras.centre_px + shift)


@pytest.fixture
def seeing(monkeypatch):
    """Makes the pictures show details by the cameras that are given to it."""

    def show(truth: Cameras, count: int = 400, noise_px: float = 0.3) -> None:
        def found(_, cameras, views, points):
            tracks = tracks_of(truth, details(count), noise_px).of_views(views)
            return Scene(cameras, points, np.zeros(0)), tracks

        monkeypatch.setattr(given, "_details", found)

    return show


def disagreement_px(cameras: Cameras, truth: Cameras) -> float:
    """Median error of true details by cameras."""
    return float(np.median(given._track_errors(cameras, tracks_of(truth, details()))))


def test_offsets_of_poses_are_their_turns_and_shifts():
    poses, pivot = ring().world_to_camera, np.array([3.0, -5.0, 20.0])
    held = GivenPoses(poses, pivot, np.tile([0.01, 0.01, 0.01, 2.0, 2.0, 4.0], (5, 1)))
    moved = poses.copy()
    moved[:, :, 3] += [2.0, -4.0, 4.0]
    np.testing.assert_allclose(held.offsets(moved), np.tile([0, 0, 0, 1, -2, 1], (5, 1)), atol=1e-9)
    turned = shaken(ring(), 1e-4, 0.0).world_to_camera
    draws = np.random.default_rng(3)
    wanted = np.stack([(draws.normal(0, 1e-4, 3), draws.normal(0, 0, 3))[0] for _ in range(5)])
    np.testing.assert_allclose(held.offsets(turned)[:, :3], wanted / 0.01, atol=1e-6)


def test_shifted_principal_points_are_made_good(model, seeing):
    truth = ring()
    seeing(truth)
    wrong = shifted(truth)
    found = given.correct_cameras(capture_of(wrong), wrong, ALL, head_points(model), False)
    assert disagreement_px(wrong, truth) > 0.8
    assert disagreement_px(found.cameras, truth) < 0.1
    assert found.moved_px.min() > 0.1
    assert found.method.startswith("Cameras corrected by 400 details: details held out miss by")


def test_the_world_stays_where_the_given_cameras_say(model, seeing):
    """What all cameras get wrong in common cannot be seen; nothing else may move the head."""
    truth = ring()
    seeing(truth)
    wrong = shifted(truth)
    found = given.correct_cameras(capture_of(wrong), wrong, ALL, head_points(model), False)
    px = found.cameras.project(head_points(model)) - wrong.project(head_points(model))
    assert np.abs(px.mean((0, 1))).max() < 0.3  # each view moves by some px, all of them by none
    np.testing.assert_allclose(found.cameras.positions, wrong.positions, atol=4.0)


def test_exact_cameras_stay_to_the_last_bit(model, seeing):
    truth = ring()
    seeing(truth, noise_px=0.5)
    found = given.correct_cameras(capture_of(truth), truth, ALL, head_points(model), False)
    assert found.cameras is truth and not found.moved_px.any()
    assert found.method.startswith("Cameras as given: details held out miss by")


def test_always_corrects_exact_cameras_by_less_than_a_twentieth_of_a_pixel(model, seeing):
    truth = ring()
    seeing(truth, noise_px=0.3)
    found = given.correct_cameras(capture_of(truth), truth, ALL, head_points(model), True)
    assert 0 < found.moved_px.max() < 0.05


def test_too_few_details_leave_cameras_as_they_are(model, seeing):
    truth = ring()
    seeing(truth, count=40)
    found = given.correct_cameras(capture_of(truth), shifted(truth), ALL, head_points(model), True)
    assert not found.moved_px.any() and "only 40 details" in found.method


def test_a_view_that_is_left_out_is_not_moved(model, seeing):
    truth = ring()
    seeing(truth)
    wrong, kept = shifted(truth), np.array([1, 1, 0, 1, 1], bool)
    found = given.correct_cameras(capture_of(wrong), wrong, kept, head_points(model), False)
    assert found.moved_px[2] == 0 and (found.moved_px[kept] > 0).all()
    np.testing.assert_array_equal(found.cameras.world_to_camera[2], wrong.world_to_camera[2])


@pytest.mark.parametrize("refine", ["auto", "never"])
def test_the_rig_holds_corrected_cameras_in_mm_and_landmarks_by_them(model, seeing, refine):
    truth, points = ring(), head_points(model)
    seeing(truth)
    marks = landmarks_of(truth.project(points))
    metres = shifted(truth).scaled(0.001)
    options = RigOptions(refine=refine, distance_mm=100.0, distance_points="0 16")
    rig = calibrate_rig(model, "a", capture_of(metres, "unknown"), marks, options)
    error = np.median(rig.reprojection_px)
    if refine == "never":
        assert rig.method == "Cameras as given." and not rig.moved_px.any() and error > 0.8
    else:
        assert "corrected" in rig.method and rig.moved_px.all() and error < 0.25
    ends = np.linalg.norm(rig.points_mm[0] - rig.points_mm[16])
    assert ends == pytest.approx(100.0, rel=0.01)
