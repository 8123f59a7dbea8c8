"""The best motion between corresponding points."""

from __future__ import annotations

import numpy as np
import pytest

from lib.geometry import align_points
from lib.geometry.pose import rotation_from_vector

POINTS = np.random.default_rng(0).normal(size=(30, 3))
TURN = rotation_from_vector(np.array([0.4, -1.2, 2.0]))


@pytest.mark.parametrize("with_scale", [True, False])
def test_an_exact_motion_is_found(with_scale):
    factor = 2.5 if with_scale else 1.0
    there = factor * POINTS @ TURN.T + [1, 2, 3]
    scale, rotation, translation = align_points(POINTS, there, with_scale=with_scale)
    assert scale == pytest.approx(factor)
    np.testing.assert_allclose(rotation, TURN, atol=1e-12)
    np.testing.assert_allclose(translation, [1, 2, 3], atol=1e-12)


def test_a_mirror_image_is_met_by_a_rotation():
    _, rotation, _ = align_points(POINTS, POINTS * [-1, 1, 1])
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_points_without_weight_do_not_count():
    there = POINTS @ TURN.T
    there[:5] += 100
    weights = np.r_[np.zeros(5), np.ones(25)]
    np.testing.assert_allclose(align_points(POINTS, there, weights)[1], TURN, atol=1e-12)
