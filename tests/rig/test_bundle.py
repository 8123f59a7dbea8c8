"""Bundle adjustment: derivatives, and a scene that is found again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lib.geometry import align_points
from lib.geometry.pose import rotation_from_vector
from lib.rig.bundle import Lenses, Scene, Sightings, _derivatives, _moved, adjust, sighting_errors
from lib.rig.cameras import Cameras
from lib.rig.motion import shape_prior
from tests.rig.conftest import FOCAL_PX, head_points, ring


def sightings_of(cameras, points, noise_px=0.0, sigma_px=1.0):
    px = cameras.project(points) + np.random.default_rng(0).normal(
        0, noise_px, (len(cameras), len(points), 2)
    )
    view, point = np.indices(px.shape[:2]).reshape(2, -1)
    return Sightings(view, point, px.reshape(-1, 2), np.full(view.size, sigma_px))


def shaken(cameras, turn_rad=0.1, shift=40.0):
    rng = np.random.default_rng(3)
    poses = [
        np.column_stack(
            [
                rotation_from_vector(rng.normal(0, turn_rad, 3)) @ pose[:, :3],
                pose[:, 3] + rng.normal(0, shift, 3),
            ]
        )
        for pose in cameras.world_to_camera
    ]
    return Cameras(np.stack(poses), cameras.focal_px, cameras.centre_px)


def turn_errors_deg(found, truth):
    """Angles between cameras after the best similarity of the worlds (by camera positions)."""
    _, rotation, _ = align_points(found.positions, truth.positions)
    apart = truth.world_to_camera[:, :, :3] @ rotation
    apart = apart @ found.world_to_camera[:, :, :3].transpose(0, 2, 1)
    cosine = (np.trace(apart, axis1=1, axis2=2) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def test_derivatives_are_those_of_the_errors(model):
    cameras, points = shaken(ring()), head_points(model)
    scene, seen = Scene(cameras, points, np.zeros(7)), sightings_of(ring(), points)
    by_pose, by_focal, by_point, middle = _derivatives(scene, seen)
    for column in range(6):
        ends = []
        for sign in (1, -1):
            step = np.zeros((len(cameras), 6))
            step[:, column] = sign * 1e-5
            moved = replace(cameras, world_to_camera=_moved(cameras.world_to_camera, step, middle))
            ends.append(sighting_errors(replace(scene, cameras=moved), seen))
        np.testing.assert_allclose(
            by_pose[:, :, column], (ends[0] - ends[1]) / 2e-5, rtol=1e-4, atol=1e-3
        )
    for axis in range(3):
        ends = [
            sighting_errors(replace(scene, points=points + sign * 1e-5 * np.eye(3)[axis]), seen)
            for sign in (1, -1)
        ]
        np.testing.assert_allclose(
            by_point[:, :, axis], (ends[0] - ends[1]) / 2e-5, rtol=1e-4, atol=1e-4
        )
    ends = [
        sighting_errors(
            replace(
                scene, cameras=replace(cameras, focal_px=cameras.focal_px * np.exp(sign * 1e-6))
            ),
            seen,
        )
        for sign in (1, -1)
    ]
    np.testing.assert_allclose(by_focal, (ends[0] - ends[1]) / 2e-6, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("focal_known", [True, False])
def test_exact_sightings_of_the_mean_head_give_its_cameras(model, focal_known):
    truth, points = ring(), head_points(model)
    start = shaken(truth)
    if not focal_known:
        start = replace(start, focal_px=0.7 * start.focal_px)
    lenses = Lenses(
        np.zeros(5, int), np.log(start.focal_px[:1]), np.array([0.005 if focal_known else 0.5])
    )
    scene = Scene(start, points, np.zeros(7))
    found = adjust(scene, sightings_of(truth, points), shape_prior(model, "ibug68"), lenses, 200)
    assert turn_errors_deg(found.cameras, truth).max() < 0.1
    np.testing.assert_allclose(found.cameras.focal_px, FOCAL_PX, rtol=0.05)
    np.testing.assert_allclose(found.points, points, atol=1.0)


def test_a_tenth_of_wild_sightings_changes_little(model):
    truth, points = ring(), head_points(model)
    seen = sightings_of(truth, points)
    wild = np.random.default_rng(5).permutation(seen.view.size)[: seen.view.size // 10]
    px = seen.px.copy()
    px[wild] += np.random.default_rng(6).uniform(50, 200, (wild.size, 2))
    lenses = Lenses(np.zeros(5, int), np.log([FOCAL_PX]), np.array([0.005]))
    scene = Scene(shaken(truth, 0.03, 10.0), points, np.zeros(7))
    found = adjust(scene, replace(seen, px=px), shape_prior(model, "ibug68"), lenses, 100)
    assert turn_errors_deg(found.cameras, truth).max() < 0.3
