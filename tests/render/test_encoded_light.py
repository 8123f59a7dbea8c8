"""The light of coefficient regressors: published numbers, and what it is in linear light."""

from __future__ import annotations

import numpy as np
import pytest

from lib.geometry.crop_camera import rotation_of_angles
from lib.render import irradiance
from lib.render.encoded_light import (
    GAMMA,
    encoded_basis,
    encoded_light,
    encoded_shading,
    linear_light,
)


def frontal_directions():
    normals = np.random.default_rng(0).normal(size=(400, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return normals * np.sign(normals[:, 2:])


def test_the_basis_has_its_published_numbers():
    expected = [0.886227, -1.063472, 1.134370, -0.850778, 0.698985, -0.931980, 0.160303, -0.745584,
                -0.157272]  # fmt: skip
    np.testing.assert_allclose(encoded_basis(np.array([0.48, 0.6, 0.64])), expected, atol=1e-6)


def test_without_coefficients_a_face_is_709_thousandths_of_its_albedo():
    shading = encoded_shading(frontal_directions(), np.zeros(27))
    np.testing.assert_allclose(shading, 0.8 * 0.8862269, rtol=1e-6)


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.2, -0.6, 0.1)])
def test_linear_light_shows_the_same_shading(angles):
    gamma = np.zeros((3, 9))
    gamma[:, 0], gamma[:, 2], gamma[:, 3] = [0.1, 0.2, 0.3], 0.08, 0.06
    rotation = rotation_of_angles(np.array(angles))
    light = linear_light(gamma.ravel(), rotation)
    posed = frontal_directions()
    found = irradiance(posed @ rotation.T, light)
    np.testing.assert_allclose(
        found, encoded_shading(posed, gamma.ravel()) ** GAMMA, rtol=0.02, atol=0.005
    )


def test_there_and_back_is_the_same_light():
    gamma = np.random.default_rng(1).normal(0, 0.03, 27)
    rotation = rotation_of_angles(np.array([0.1, 0.3, -0.2]))
    again = encoded_light(linear_light(gamma, rotation), rotation)
    posed = frontal_directions()
    np.testing.assert_allclose(
        encoded_shading(posed, again), encoded_shading(posed, gamma), rtol=0.03, atol=0.01
    )
