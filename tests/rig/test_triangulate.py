"""Points in space: exact where measurements are, unmoved by wrong ones, honest about noise."""

from __future__ import annotations

import numpy as np
import pytest

from lib.rig.triangulate import INDEPENDENT, triangulate
from tests.rig.conftest import head_points, ring


def measured(model, cameras, noise_px=0.0, seed=0):
    points = cameras.project(head_points(model))
    return points + np.random.default_rng(seed).normal(0, 1, points.shape) * noise_px


def test_exact_points_are_found_to_a_micrometre(model):
    cameras = ring()
    points_px = measured(model, cameras)
    found = triangulate(cameras, points_px, np.ones(points_px.shape[:2]))
    np.testing.assert_allclose(found.points, head_points(model), atol=1e-6)
    assert found.inlier.all() and found.error_px.max() < 1e-6


def test_a_third_of_wild_measurements_move_nothing(model):
    cameras = ring((-50, -30, -10, 10, 30, 50))
    points_px = measured(model, cameras)
    rng = np.random.default_rng(1)
    wild = np.zeros(points_px.shape[:2], bool)
    for point in range(points_px.shape[1]):
        wild[rng.permutation(6)[:2], point] = True
    points_px[wild] += rng.choice([-1, 1], (wild.sum(), 2)) * rng.uniform(30, 200, (wild.sum(), 2))
    found = triangulate(cameras, points_px, np.ones(wild.shape))
    np.testing.assert_allclose(found.points, head_points(model), atol=1e-3)
    np.testing.assert_array_equal(found.inlier, ~wild)


def test_the_covariance_is_that_of_the_errors(model):
    cameras = ring()
    errors, stated = [], []
    for seed in range(30):
        points_px = measured(model, cameras, 1.5, seed)
        found = triangulate(cameras, points_px, np.full(points_px.shape[:2], 1.5))
        errors.append(found.points - head_points(model))
        stated.append(found.covariance)
    apart = np.concatenate(errors)
    spread = apart.T @ apart / len(apart)
    np.testing.assert_allclose(
        np.diag(np.nanmean(stated, (0, 1))) * INDEPENDENT, np.diag(spread), rtol=0.25
    )


def test_sure_measurements_count_more_than_unsure_ones(model):
    cameras = ring()
    points_px = measured(model, cameras, 1.0)
    points_px[0] += 2.5
    sigma = np.ones(points_px.shape[:2])
    equal = triangulate(cameras, points_px, sigma).points - head_points(model)
    sigma[0] = 10.0
    weighted = triangulate(cameras, points_px, sigma).points - head_points(model)
    assert np.linalg.norm(weighted, axis=1).mean() < 0.8 * np.linalg.norm(equal, axis=1).mean()


@pytest.mark.parametrize("why", ["one view", "same place", "camera unknown"])
def test_a_point_that_two_rays_do_not_meet_in_is_nan(model, why):
    cameras = ring((-20, 20))
    if why == "same place":
        cameras.world_to_camera[1] = cameras.world_to_camera[0]
    points_px = measured(model, cameras)
    if why == "one view":
        points_px[1] = np.nan
    if why == "camera unknown":
        cameras = cameras.only(np.array([True, False]))
    found = triangulate(cameras, points_px, np.ones(points_px.shape[:2]))
    assert np.isnan(found.points).all() and np.isnan(found.covariance).all()
    assert not found.inlier.any() and np.isnan(found.error_px).all()


def test_two_rays_that_meet_behind_the_cameras_give_nothing(model):
    cameras = ring((-20, 20))
    points_px = measured(model, cameras)[::-1] * [-1, 1] + [2 * 239.5, 0]
    points_px = points_px + np.array([[[400.0, 0]], [[-400.0, 0]]])
    found = triangulate(cameras, points_px, np.ones(points_px.shape[:2]))
    ahead = np.isnan(found.points).all(1) | np.isfinite(cameras.project(found.points)).all((0, 2))
    assert ahead.all()
