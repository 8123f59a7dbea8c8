"""Poses come back from the points that they project."""

import numpy as np
import pytest

from lib.errors import ShapeError
from lib.geometry import PoseError, pose_from_points, project
from lib.geometry.pose import rotation_from_vector

FRONTAL = np.diag([1.0, -1.0, -1.0])
CENTRE = np.array([320.0, 240.0])
POINTS = np.random.default_rng(0).uniform([-70, -90, -80], [70, 60, 15], (30, 3))


def pose_of(turn, translation):
    return np.column_stack([rotation_from_vector(np.array(turn)) @ FRONTAL, translation])


def angle_between(one, other):
    trace = np.trace(one[:, :3].T @ other[:, :3])
    return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


@pytest.mark.parametrize("turn", [(0, 0, 0), (0, 1.4, 0), (0.5, -0.8, 0.2), (0, 0, 2.8), (1, 1, 1)])
@pytest.mark.parametrize("distance", [250.0, 600.0, 5000.0])
@pytest.mark.parametrize("count", [4, 5, 30])
def test_exact_points_give_their_pose(turn, distance, count):
    truth = pose_of(turn, [30.0, -20.0, distance])
    image = project(POINTS[:count], truth, np.array(800.0), CENTRE)
    found = pose_from_points(POINTS[:count], image, 800.0, CENTRE)
    again = project(POINTS[:count], found, np.array(800.0), CENTRE)
    assert np.abs(again - image).max() < 1e-3
    if count == 30:
        np.testing.assert_allclose(found, truth, atol=1e-3)


def test_a_third_of_wrong_points_does_no_harm():
    truth = pose_of((0.2, -0.5, 0.1), [10.0, 5.0, 600.0])
    draw = np.random.default_rng(1)
    image = project(POINTS, truth, np.array(800.0), CENTRE) + draw.normal(0, 0.5, (30, 2))
    image[::3] += draw.uniform(20, 80, (10, 2))
    found = pose_from_points(POINTS, image, 800.0, CENTRE)
    assert angle_between(found, truth) < 0.5
    np.testing.assert_allclose(found[:, 3], truth[:, 3], rtol=0.01, atol=2)


def test_missing_and_unweighted_points_are_left_out():
    truth = pose_of((0.2, 0.3, 0.0), [0.0, 0.0, 500.0])
    image = project(POINTS, truth, np.array(800.0), CENTRE)
    image[:5] = np.nan
    image[5:12] += 50
    weights = np.ones(30)
    weights[5:12] = 0
    found = pose_from_points(POINTS, image, 800.0, CENTRE, weights)
    np.testing.assert_allclose(found, truth, atol=1e-4)


def test_flat_points_give_a_rotation_that_projects_onto_them():
    flat = POINTS * [1, 1, 0]
    truth = pose_of((0.1, 0.4, 0.0), [0.0, 0.0, 400.0])
    image = project(flat, truth, np.array(800.0), CENTRE)
    found = pose_from_points(flat, image, 800.0, CENTRE)
    np.testing.assert_allclose(found[:, :3] @ found[:, :3].T, np.eye(3), atol=1e-9)
    assert np.abs(project(flat, found, np.array(800.0), CENTRE) - image).max() < 20


def test_too_few_or_collinear_points_are_refused():
    image = np.random.default_rng(0).uniform(0, 100, (30, 2))
    with pytest.raises(PoseError, match="3 usable points"):
        pose_from_points(POINTS[:3], image[:3], 800.0, CENTRE)
    with pytest.raises(PoseError, match="one line"):
        pose_from_points(POINTS * [1, 0, 0], image, 800.0, CENTRE)
    with pytest.raises(ShapeError, match="points_px"):
        pose_from_points(POINTS, image[:7], 800.0, CENTRE)
