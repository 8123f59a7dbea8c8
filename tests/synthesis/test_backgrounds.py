"""Surroundings are usable pictures of many kinds, made again from their seed."""

import cv2
import numpy as np
import pytest

from lib.imaging import luminance
from lib.synthesis.background_shapes import defocus, disc, fractal
from lib.synthesis.backgrounds import KINDS, draw_background
from lib.synthesis.cameras import draw_photo_view
from lib.synthesis.chance import generator

SIZE = (96, 80)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_picture_in_linear_light_with_something_on_it(kind):
    for k in range(3):
        view = draw_photo_view(SIZE, generator(1, k, "camera"))
        image = draw_background(SIZE, generator(1, k, "background"), view, kind=kind)
        assert image.shape == (*SIZE, 3) and image.dtype == np.float32
        assert np.isfinite(image).all() and image.min() >= 0 and image.max() <= 12
        assert image.std() > 1e-4
        assert 0.001 < np.median(image) < 6


def test_the_same_seed_gives_the_same_picture_and_another_one_another():
    for k in range(6):
        one, two, other = (draw_background(SIZE, generator(s, k, "b")) for s in (3, 3, 4))
        np.testing.assert_array_equal(one, two)
        assert np.abs(one - other).mean() > 1e-3


def test_many_kinds_are_drawn_and_their_shares_are_whole():
    assert len(KINDS) >= 12
    assert sum(share for _, share, _ in KINDS.values()) == pytest.approx(1)


def test_the_light_on_a_scene_colours_it():
    tint = np.array([1.2, 1.0, 0.7], np.float32)
    plain, tinted = (
        draw_background(SIZE, generator(0, 0, "b"), light_tint=t, kind="seamless")
        for t in (None, tint)
    )
    np.testing.assert_allclose(tinted, plain * tint, rtol=1e-5)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'moon' is not known"):
        draw_background(SIZE, generator(0, 0, "b"), kind="moon")


@pytest.mark.parametrize("radius", [3.0, 8.0, 30.0])
def test_a_point_out_of_focus_becomes_a_disc_of_its_light(radius):
    image = np.zeros((201, 201, 3), np.float32)
    cv2.circle(image, (100, 100), 2, (50.0, 50.0, 50.0), -1)
    blurred = defocus(image, radius)
    assert blurred.sum() == pytest.approx(image.sum(), rel=0.02)
    y, x = np.mgrid[:201, :201] - 100
    inside = blurred[..., 0][np.hypot(x, y) < radius + 3].sum()
    assert inside > 0.93 * blurred[..., 0].sum()
    middle = blurred[100, 100, 0]
    assert 0.4 < blurred[100, round(100 + 0.7 * radius), 0] / middle < 1.6  # flat, not a bell


def test_a_disc_keeps_light_and_its_radius():
    kernel = disc(6.0)
    assert kernel.sum() == pytest.approx(1)
    assert (kernel[6] > 0).sum() == 13


def test_noise_has_unit_variance_and_more_of_the_coarse():
    noise = fractal((128, 96), generator(0, 0, "n"), 1.0)
    assert noise.mean() == pytest.approx(0, abs=1e-5) and noise.std() == pytest.approx(1)
    step = np.abs(np.diff(noise, axis=1)).mean()
    rough = fractal((128, 96), generator(0, 0, "n"), 0.0)
    assert np.abs(np.diff(rough, axis=1)).mean() > 2 * step


def test_night_is_dark_with_lamps_brighter_than_white():
    image = luminance(draw_background((128, 128), generator(2, 1, "b"), kind="night_lights"))
    assert np.median(image) < 0.25 and image.max() > 1
