"""Scores of pictures, masks, parts, albedo and sigmas whose errors are known."""

import numpy as np
import pytest

from lib.errors import ShapeError
from lib.facemodel.pigment import skin_colour, typology_angle
from lib.imaging import linear_to_srgb
from lib.metrics import (
    SKIN_CLASSES,
    NothingToScore,
    calibration,
    part_score,
    score_albedo,
    score_fairness,
    score_image,
    score_mask,
    score_parts,
    score_removal,
    skin_class,
)

MELANIN = {"very light": 0.05, "light": 0.25, "intermediate": 0.35, "tan": 0.4, "brown": 0.6}
MELANIN |= {"dark": 1.3}


def skin(name, side=16):
    return np.tile(skin_colour(np.array(MELANIN[name]), np.array(0.03)), (side, side, 1))


def picture():
    y, x = np.mgrid[:40, :48]
    return np.stack([0.5 + 0.2 * np.sin(x / 5 + c) * np.cos(y / 6) for c in range(3)], axis=2)


# Pictures and highlights


def test_an_offset_has_its_psnr_and_equal_pictures_have_99_db():
    score = score_image(picture() + 0.1, picture())
    assert score.psnr_db == pytest.approx(20)
    assert score.mae == pytest.approx(0.1)
    same = score_image(picture(), picture())
    assert (same.psnr_db, same.ssim, same.mae) == (99, pytest.approx(1), 0)


def test_only_the_mask_counts():
    spoilt = picture()
    spoilt[:, :20] = 1
    mask = np.zeros((40, 48), bool)
    mask[:, 32:] = True
    assert score_image(spoilt, picture(), mask).psnr_db == 99
    assert score_image(spoilt, picture(), mask).pixels == 40 * 16
    with pytest.raises(NothingToScore, match="mask is empty"):
        score_image(spoilt, picture(), np.zeros((40, 48), bool))
    with pytest.raises(ShapeError, match="as true"):
        score_image(spoilt[:, :10], picture())


def test_the_highlight_area_is_scored_by_itself():
    specular = np.zeros((40, 48, 3))
    specular[10:20, 10:20] = 0.6
    left = picture() + 0.5 * specular
    score = score_removal(left, picture(), specular)
    assert score.highlight.psnr_db == pytest.approx(-10 * np.log10(0.3**2))
    assert score.highlight.pixels == 100
    assert score.face.psnr_db > score.highlight.psnr_db
    assert score_removal(left, picture()).highlight is None


def test_black_background_does_not_count():
    true = picture()
    true[:, :24] = 0
    found = true.copy()
    found[:, :24] = 0.5
    assert score_removal(found, true).face.psnr_db == 99


def test_balanced_error_weighs_small_highlights_as_much_as_the_rest():
    true = np.zeros((10, 10), bool)
    true[0] = True
    nothing = score_mask(np.zeros((10, 10)), true)
    assert (nothing.accuracy, nothing.ber, nothing.iou) == (0.9, 0.5, 0.0)
    half = true.copy()
    half[0, :5] = False
    half[1, :9] = True
    score = score_mask(half * 0.7, true)
    assert score.recall == 0.5
    assert score.ber == pytest.approx((0.5 + 0.1) / 2)
    assert score.iou == pytest.approx(5 / 19)
    assert score.precision == pytest.approx(5 / 14)
    perfect = score_mask(true, true)
    assert (perfect.accuracy, perfect.ber, perfect.iou) == (1, 0, 1)


# Parts


def test_overlap_of_parts_counts_pixels_and_ignores_what_nobody_judged():
    true = np.zeros((10, 10), np.uint8)
    true[:, 5:] = 1
    true[0] = 255
    found = np.zeros((10, 10), np.uint8)
    found[:, 6:] = 1
    score = score_parts(found, true, ("skin", "nose", "lip"))
    np.testing.assert_allclose(score.iou, [45 / 54, 36 / 45, np.nan])
    assert score.mean == pytest.approx((45 / 54 + 36 / 45) / 2)
    twice = part_score(2 * score.confusion, score.names)
    np.testing.assert_array_equal(twice.iou, score.iou)


def test_a_label_that_is_no_part_is_told():
    with pytest.raises(NothingToScore, match=r"\[0, 7\], expected 0 to 1"):
        score_parts(np.array([0, 7]), np.array([0, 0]), ("skin", "nose"))


# Albedo


@pytest.mark.parametrize("name", [name for name, _ in SKIN_CLASSES])
def test_skin_of_each_class_has_its_angle(name):
    score = score_albedo(skin(name), skin(name))
    assert score.skin_class == name
    assert score.true_ita_deg == pytest.approx(typology_angle(skin(name)[0, 0]))
    assert (score.ita_error_deg, score.mae, score.gain) == (0, 0, pytest.approx(1))


def test_limits_of_skin_classes():
    names = [skin_class(angle) for angle in (55.1, 55, 41, 28, 10, -30, -80)]
    expected = ["very light", "light", "intermediate", "tan", "brown", "dark", "dark"]
    assert names == expected


def test_too_light_an_albedo_has_a_positive_bias_and_a_gain_below_one():
    true = 0.7 * skin("tan")
    score = score_albedo(skin("tan"), true)
    assert score.ita_bias_deg > 5
    assert score.ita_error_deg == score.ita_bias_deg
    assert score.gain == pytest.approx(0.7)
    assert score.scaled_mae < 1e-6
    assert score.scaled_psnr_db > 90
    expected = np.abs(linear_to_srgb(skin("tan")) - linear_to_srgb(true)).mean()
    assert score.mae == pytest.approx(expected, rel=1e-5)
    assert score_albedo(true, skin("tan")).ita_bias_deg == pytest.approx(-score.ita_bias_deg)


def test_the_angle_is_that_of_the_mask():
    found = skin("brown")
    found[:8] = 1
    mask = np.zeros((16, 16), bool)
    mask[8:] = True
    assert score_albedo(found, skin("brown"), mask).ita_error_deg == 0


def test_each_class_weighs_the_same_in_fairness():
    light = score_albedo(skin("light"), skin("light"))
    dark = score_albedo(1.5 * skin("dark"), skin("dark"))
    score = score_fairness([light] * 9 + [dark])
    assert score.classes == ("light", "dark")
    np.testing.assert_array_equal(score.count, [9, 1])
    error = dark.ita_error_deg
    assert error > 5
    assert score.mean_ita_error_deg == pytest.approx(error / 2)
    assert score.spread_deg == pytest.approx(error / 2)
    assert score.total_deg == pytest.approx(error)
    assert score.ita_bias_deg[1] == dark.ita_bias_deg
    even = score_fairness([dark, dark])
    assert even.spread_deg == 0


# Sigma


def test_honest_sigmas_are_calibrated():
    generator = np.random.default_rng(2)
    sigma = generator.uniform(0.5, 2, 100_000)
    score = calibration(sigma * generator.standard_normal(100_000), sigma)
    np.testing.assert_allclose(score.coverage, score.levels, atol=0.005)
    assert score.expected_error < 0.004
    assert score.ratio == pytest.approx(1, abs=0.01)
    assert score.sharpness == pytest.approx(np.sqrt((sigma**2).mean()))


def test_sigmas_half_as_large_as_errors_are_found_out():
    generator = np.random.default_rng(3)
    error = generator.standard_normal(50_000)
    score = calibration(error, np.full(50_000, 0.5))
    assert score.ratio == pytest.approx(2, abs=0.03)
    assert score.coverage[2] == pytest.approx(0.673, abs=0.01)  # P(|z| < 1.96 / 2)
    assert score.expected_error > 0.2
    with pytest.raises(NothingToScore, match="1 of these are not positive"):
        calibration(error[:2], np.array([0.0, 1]))
