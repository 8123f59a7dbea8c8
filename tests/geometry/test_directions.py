"""Directions over the sphere stand for all of it."""

import numpy as np

from lib.geometry import sphere_directions


def test_directions_are_unit_and_about_equally_far_from_their_neighbours():
    found = sphere_directions(500)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-12)
    nearest = np.sort(found @ found.T, axis=1)[:, -2]
    apart = np.sqrt(4 * np.pi / len(found))  # side of the square that each has
    angle = np.arccos(nearest)
    assert angle.min() > 0.75 * apart and angle.max() < 1.05 * apart


def test_means_over_directions_are_integrals_over_the_sphere():
    found = sphere_directions(200)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(found.T @ found / len(found), np.eye(3) / 3, atol=1e-3)
