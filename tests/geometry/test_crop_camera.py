"""The fixed camera of coefficient regressors: published numbers, and its equal in the image."""

from __future__ import annotations

import numpy as np

from lib.geometry import project
from lib.geometry.aligned_crop import align_face
from lib.geometry.crop_camera import (
    angles_of_rotation,
    camera_of_pose,
    image_up,
    pose_of_camera,
    posed,
    rotation_of_angles,
    to_object,
)

ANGLES = np.array([0.1, -0.2, 0.3])
FIVE = np.array([(284.6, 496.6), (562.8, 550.8), (395.9, 712.8), (238.9, 786.8), (495.6, 827.2)])
ORIGIN = np.array([1.0, -12.0, -30.0])


def test_the_rotation_has_its_published_numbers():
    expected = [
        [0.936293, 0.289629, 0.198669],
        [-0.312992, 0.944702, 0.097843],
        [-0.159345, -0.153792, 0.975170],
    ]
    np.testing.assert_allclose(rotation_of_angles(ANGLES), expected, atol=1e-6)


def test_a_point_has_its_published_place():
    point, translation = np.array([[[0.1, 0.2, 0.3]]]), np.array([[0.05, -0.02, 0.1]])
    world = posed(point, ANGLES[None], translation)
    np.testing.assert_allclose(world[0, 0], [0.033227, 0.151766, 0.431987], atol=1e-6)
    np.testing.assert_allclose(image_up(world)[0, 0], [115.52485, 128.09972], atol=1e-5)


def test_angles_and_rotation_undo_one_another():
    angles = np.random.default_rng(0).uniform(-1.4, 1.4, (20, 3))
    np.testing.assert_allclose(angles_of_rotation(rotation_of_angles(angles)), angles, atol=1e-12)


def test_the_image_camera_sees_what_the_fixed_camera_sees():
    """Half a pixel apart: published points count from another corner than pixel centres."""
    crop = align_face(FIVE, (1354, 900))
    points = ORIGIN + np.random.default_rng(1).uniform(-90, 90, (30, 3))
    translation = np.array([0.1, -0.05, 0.3])
    up = image_up(posed(to_object(points, ORIGIN)[None], ANGLES[None], translation[None]))[0]
    pose, focal, centre = camera_of_pose(ANGLES, translation, ORIGIN, crop)
    seen = project(points[None], pose[None], np.array([focal]), centre[None])[0]
    np.testing.assert_allclose(crop.to_crop(seen), up * [1, -1] + [-0.5, 223.5], atol=1e-9)


def test_the_pose_of_such_a_camera_is_the_pose_again():
    crop = align_face(FIVE, (1354, 900))
    points = ORIGIN + np.random.default_rng(2).uniform(-90, 90, (30, 3))
    translation = np.array([0.1, -0.05, 0.3])
    pose, focal, centre = camera_of_pose(ANGLES, translation, ORIGIN, crop)
    angles, moved = pose_of_camera(points, pose, focal, centre, ORIGIN, crop)
    np.testing.assert_allclose(angles, ANGLES, atol=1e-6)
    np.testing.assert_allclose(moved, translation, atol=1e-5)


def test_another_perspective_is_met_within_two_pixels_of_the_crop():
    crop = align_face(FIVE, (1354, 900))
    points = ORIGIN + np.random.default_rng(3).uniform(-70, 70, (40, 3))
    _, focal, centre = camera_of_pose(np.zeros(3), np.zeros(3), ORIGIN, crop)
    near = np.column_stack([np.diag([1.0, -1, -1]), [0, 0, 600.0]])
    angles, moved = pose_of_camera(points, near, 0.6 * focal, centre, ORIGIN, crop)
    up = image_up(posed(to_object(points, ORIGIN)[None], angles[None], moved[None]))[0]
    seen = project(points[None], near[None], np.array([0.6 * focal]), centre[None])[0]
    away = crop.to_crop(seen) - (up * [1, -1] + [-0.5, 223.5])
    assert np.sqrt((away**2).sum(1).mean()) < 2
