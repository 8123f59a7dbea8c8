import numpy as np
import pytest

from lib.uvspace.bands import blur_mm

SIDE = 192


def waves(mm_per_texel, length_mm):
    x = np.cumsum(np.full(SIDE, mm_per_texel)) - mm_per_texel
    return np.repeat(np.cos(2 * np.pi * x / length_mm)[None], SIDE, axis=0).astype(np.float32)


@pytest.mark.parametrize("mm_per_texel", [0.1, 0.2, 0.4])
def test_a_wave_on_the_skin_is_weakened_as_its_length_in_mm_says(mm_per_texel):
    wave = waves(mm_per_texel, 6.0)
    scale = np.full((SIDE, SIDE), mm_per_texel, np.float32)
    smooth = blur_mm(wave, np.ones_like(wave), scale, 0.9)
    expected = np.exp(-0.5 * (2 * np.pi / 6.0 * 0.9) ** 2)
    inside = (slice(60, -60), slice(60, -60))
    np.testing.assert_allclose(smooth[inside], expected * wave[inside], atol=0.012)


def test_where_texels_are_larger_the_same_width_takes_fewer_of_them():
    scale = np.repeat(np.linspace(0.1, 0.4, SIDE, dtype=np.float32)[None], SIDE, axis=0)
    noise = np.random.default_rng(0).standard_normal((SIDE, SIDE)).astype(np.float32)
    smooth = blur_mm(noise, np.ones_like(noise), scale, 0.8)
    # White noise of one texel keeps texel / (2 sigma sqrt(pi)) of its deviation.
    for column in (30, 160):
        kept = smooth[20:-20, column - 12 : column + 12].std()
        assert kept == pytest.approx(scale[0, column] / 0.8 / (2 * np.sqrt(np.pi)), rel=0.2)


def test_texels_without_weight_neither_give_nor_take():
    values = np.full((SIDE, SIDE), 3.0, np.float32)
    weight = np.ones_like(values)
    values[:, 100:], weight[:, 100:] = 1e6, 0
    smooth = blur_mm(values, weight, np.full_like(values, 0.2), 1.0)
    np.testing.assert_allclose(smooth[:, :100], 3.0, rtol=1e-4)


def test_no_width_gives_the_values_themselves():
    values = np.random.default_rng(0).random((SIDE, SIDE, 2)).astype(np.float32)
    same = blur_mm(values, np.ones((SIDE, SIDE)), np.full((SIDE, SIDE), 0.2), 0.0)
    np.testing.assert_array_equal(same, values)
