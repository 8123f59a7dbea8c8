"""Cameras that nobody gave: found from the head, exact by details, or none with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from lib.rig import RigOptions, calibrate_rig
from lib.rig.bundle import Scene, Sightings
from lib.rig.cameras import Cameras
from lib.rig.features import FEATURE_SIGMA_PX, Features, find_features, match_views
from lib.rig.motion import first_scene, landmark_sightings, shape_prior
from lib.rig.refine import adjust_to_tracks
from tests.rig.conftest import capture_of, head_points, landmarks_of, ring
from tests.rig.test_bundle import shaken, turn_errors_deg

EXTENT = np.full(5, 150.0)


def without_cameras(cameras, with_focal=True):
    capture = capture_of(cameras)
    unknown = np.full_like(capture.world_to_camera, np.nan)
    capture = capture.replace(world_to_camera=unknown)
    if with_focal:
        return capture
    nothing = np.full_like(capture.focal_px, np.nan)
    return capture.replace(focal_px=nothing, focal_source=("none",) * len(nothing))


def details(count=200):
    """Points on and about the head that no model knows."""
    return np.random.default_rng(2).uniform((-70, -90, -60), (70, 90, 30), (count, 3))


def tracks_of(cameras, points, noise_px=0.0):
    px = cameras.project(points)
    px = px + np.random.default_rng(4).normal(0, noise_px, px.shape)
    view, point = np.indices(px.shape[:2]).reshape(2, -1)
    return Sightings(view, point, px.reshape(-1, 2), np.full(view.size, FEATURE_SIGMA_PX))


@pytest.mark.parametrize("with_focal", [True, False])
def test_landmarks_alone_give_rough_cameras(model, with_focal):
    truth = ring()
    points_px = truth.project(head_points(model))
    points_px = points_px + np.random.default_rng(0).normal(0, 1.0, points_px.shape)
    capture = without_cameras(truth, with_focal)
    options = RigOptions(motion="landmarks")
    rig = calibrate_rig(model, "anna", capture, landmarks_of(points_px, 1.0), options)
    assert (rig.source, rig.scale_source) == ("landmarks", "model")
    found = Cameras(rig.world_to_camera, rig.focal_px, rig.centre_px)
    assert turn_errors_deg(found, truth).max() < 2.0
    np.testing.assert_allclose(rig.focal_px, truth.focal_px, rtol=0.002 if with_focal else 0.15)
    apart = np.linalg.norm(np.diff(found.positions, axis=0), axis=1)
    wanted = np.linalg.norm(np.diff(truth.positions, axis=0), axis=1)
    np.testing.assert_allclose(apart, wanted, rtol=0.1 if with_focal else 0.2)


def test_details_free_cameras_from_what_landmarks_get_wrong(model):
    """Turned heads are measured as less turned, which landmarks alone cannot tell."""
    truth = ring()
    biased = ring((-37, -18, 0, 18, 37)).project(head_points(model))
    marks = landmarks_of(biased, 2.0)
    prior = shape_prior(model, "ibug68")
    scene, lenses = first_scene(prior, without_cameras(truth), marks, np.arange(5))
    seen = landmark_sightings(marks, np.arange(5))
    assert turn_errors_deg(scene.cameras, truth).max() > 3.0
    tracks = tracks_of(truth, details(), 0.5)
    found, count = adjust_to_tracks(scene, seen, prior, lenses, tracks, EXTENT)
    assert count > 190
    assert turn_errors_deg(found.cameras, truth).max() < 0.6


def test_too_few_details_leave_the_scene_as_it_is(model):
    truth = ring()
    marks = landmarks_of(truth.project(head_points(model)))
    prior = shape_prior(model, "ibug68")
    scene, lenses = first_scene(prior, without_cameras(truth), marks, np.arange(5))
    seen = landmark_sightings(marks, np.arange(5))
    found, count = adjust_to_tracks(
        scene, seen, prior, lenses, tracks_of(truth, details(9)), EXTENT
    )
    assert found is scene and count == 9


@pytest.mark.parametrize("motion", ["features", "landmarks", "none"])
def test_views_from_one_place_have_no_rig_and_say_why(model, motion):
    truth = ring((0, 0.3))
    truth.world_to_camera[1] = ring((0,)).world_to_camera[0]
    marks = landmarks_of(truth.project(head_points(model)))
    rig = calibrate_rig(model, "a", without_cameras(truth), marks, RigOptions(motion=motion))
    assert rig.source == "none" and rig.used.all() and np.isnan(rig.world_to_camera).all()
    assert "its camera is not known" in rig.reason[0]
    assert motion == "none" or "degrees against each other" in rig.reason[1]


def test_views_that_do_not_show_one_head_have_no_rig(model):
    noise = np.random.default_rng(0).uniform(50, 400, (3, 68, 2))
    rig = calibrate_rig(
        model, "a", without_cameras(ring((-20, 0, 20))), landmarks_of(noise), RigOptions()
    )
    assert rig.source == "none" and "its camera is not known" in rig.reason[0]


def described(cameras, points, seed=0):
    """Details of each view in another order, with descriptors that change a little."""
    rng = np.random.default_rng(seed)
    true = np.abs(rng.normal(size=(len(points), 128)))
    views, order = [], []
    for px in cameras.project(points):
        chosen = rng.permutation(len(points))[: len(points) * 3 // 4]
        descriptor = np.abs(true[chosen] + rng.normal(0, 0.15, (len(chosen), 128)))
        descriptor /= np.linalg.norm(descriptor, axis=1, keepdims=True)
        views.append(Features(px[chosen], descriptor.astype(np.float32)))
        order.append(chosen)
    return views, order


def test_matches_of_roughly_known_cameras_are_right(model):
    truth, points = ring(), details()
    views, order = described(truth, points)
    scene = Scene(shaken(truth, 0.05, 5.0), head_points(model), np.zeros(7))
    tracks = match_views(views, scene, EXTENT)
    where = {(v, *np.round(px, 6)): n for v, f in enumerate(views) for px, n in zip(f.px, order[v])}
    names = np.array(
        [where[(v, *np.round(px, 6))] for v, px in zip(tracks.view.tolist(), tracks.px)]
    )
    assert tracks.point.max() > 150
    for track in range(tracks.point.max() + 1):
        assert len(set(names[tracks.point == track])) == 1


def test_details_move_with_the_picture():
    rng = np.random.default_rng(0)
    picture = np.repeat(rng.integers(0, 255, (40, 40, 1)), 3, 2).astype(np.uint8)
    picture = picture.repeat(6, 0).repeat(6, 1)
    box = np.array([60.0, 60]), np.array([150.0, 150])
    shifted = np.roll(picture, (7, 3), (0, 1))
    first = find_features(picture, *box)
    second = find_features(shifted, box[0] + (3, 7), box[1] + (3, 7))
    assert len(first.px) > 100
    np.testing.assert_allclose(second.px - (3, 7), first.px, atol=1e-3)


def test_a_blank_picture_has_no_details():
    found = find_features(
        np.zeros((100, 100, 3), np.uint8), np.array([20.0, 20]), np.array([80.0, 80])
    )
    assert found.px.shape == (0, 2) and found.descriptor.shape == (0, 128)
