"""Grey changes of a colour are light, coloured ones are skin."""

import numpy as np

from lib.albedo.bands import skin_of, split

SIDE = 192
WEIGHT = np.ones((SIDE, SIDE), np.float32)
PIGMENT = np.array([0.45, 1.0, 1.1], np.float32)


def blob(sigma, colour):
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    return (np.exp(-0.5 * (x**2 + y**2) / sigma**2)[..., None] * colour).astype(np.float32)


def test_bands_add_up_to_what_was_split():
    values = np.random.default_rng(0).normal(size=(SIDE, SIDE, 3)).astype(np.float32)
    np.testing.assert_allclose(sum(split(values, WEIGHT)), values, atol=1e-4)


def test_a_shadow_is_light_and_a_mole_is_skin():
    middle = SIDE // 2
    shadow = skin_of(blob(12, -0.5 * np.ones(3)), WEIGHT)[middle, middle]
    mole = skin_of(blob(1.5, -0.5 * PIGMENT), WEIGHT)[middle, middle]
    assert np.abs(shadow).max() < 0.25 * 0.5
    assert mole[1] < -0.4 * 0.5 and mole[1] < mole[0]


def test_more_photos_leave_more_of_it_to_the_skin():
    values = blob(6, -0.2 * PIGMENT)
    one, four = (skin_of(values, WEIGHT, n)[SIDE // 2, SIDE // 2, 1] for n in (1.0, 4.0))
    assert four < one < 0
