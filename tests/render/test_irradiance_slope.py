import numpy as np

from lib.render import irradiance, irradiance_slope


def test_the_slope_of_irradiance_is_its_difference_along_the_sphere():
    chance = np.random.default_rng(0)
    normals, turn = chance.standard_normal((2, 50, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    light = chance.standard_normal((9, 3))
    turn -= (turn * normals).sum(axis=1, keepdims=True) * normals

    def at(step):
        moved = normals + step * turn
        return irradiance(moved / np.linalg.norm(moved, axis=1, keepdims=True), light)

    difference = (at(1e-5) - at(-1e-5)) / 2e-5
    slope = (irradiance_slope(normals, light) * turn[..., None]).sum(axis=1)
    np.testing.assert_allclose(slope, difference, atol=1e-7)
