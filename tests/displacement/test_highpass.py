from dataclasses import replace

import numpy as np
import pytest

from lib.displacement import highpass
from lib.displacement.chart import surface_metric
from lib.displacement.highpass import highpass_height, tied_relation
from lib.displacement.options import DisplacementOptions
from lib.displacement.predict import Predictor, predict_displacement
from lib.errors import CaptureFailure
from tests.displacement.conftest import SIDE, SIDE_MM, bumps, grey, patch

GAIN = 0.25  # mm per unit of log brightness, of the patch
OPTIONS = DisplacementOptions(uv_size=SIDE, fine_mm=0.0)
INNER = (slice(24, -24), slice(24, -24))


def run(case, options=OPTIONS):
    return highpass_height(case.surface, case.texture, case.chart, options)


def gain_of(case, options=OPTIONS):
    metric = surface_metric(case.surface)
    return tied_relation(case.surface, case.texture, case.chart, metric, options).overall


def test_dark_is_deep_and_the_measured_surface_says_how_deep(relief):
    fine, coarse = 0.3 * relief[0], relief[1]
    case = patch(grey((fine + coarse) / GAIN), coarse)
    # Few places are believed, so that the prior is not given up.
    assert 1.15 * OPTIONS.strength_mm < gain_of(case) < GAIN
    height, _ = run(case)
    assert np.corrcoef(height[INNER].ravel(), fine[INNER].ravel())[0, 1] > 0.7
    slope = (height[INNER] * fine[INNER]).sum() / (fine[INNER] ** 2).sum()
    assert 0.3 < slope < 1


def test_spots_on_skin_that_was_measured_flat_become_little_relief():
    noise = bumps(SIDE, 0.8, 5, 0.01)
    spots = bumps(SIDE, 0.7, 3, 0.1)
    tied, _ = run(patch(grey(spots), noise))
    free, _ = run(patch(grey(spots), noise), replace(OPTIONS, tie=0.0))
    assert free[INNER].std() > 5e-4
    assert tied[INNER].std() < 0.6 * free[INNER].std()


def test_the_darker_hair_is_the_less_relief_it_becomes():
    flat = np.zeros((SIDE, SIDE))
    options = replace(OPTIONS, tie=0.0)
    skin, stubble, beard = (
        run(patch(grey(bumps(SIDE, 0.2, 7, contrast)), flat), options)[0][INNER].std()
        for contrast in (0.015, 0.1, 0.3)
    )
    assert stubble < 2 * skin and 0 < beard < 0.5 * stubble


def test_the_shade_of_slopes_tells_bumps_that_are_no_darker(monkeypatch):
    """A dome under a lamp from the side: bumps are bright where they look towards it."""
    side_mm, rows = 60.0, SIDE
    step = (np.arange(rows) + 0.5) / rows * side_mm - side_mm / 2
    x, y = np.meshgrid(step, step[::-1])
    dome = 60.0 - (x**2 + y**2) / 80
    fine = bumps(SIDE, 0.5, 11, 0.006)
    per_mm = rows / side_mm
    right, up = (
        np.gradient(dome + fine, axis=1) * per_mm,
        -np.gradient(dome + fine, axis=0) * per_mm,
    )
    lamp = np.array([0.6, 0.3, 0.75])
    shade = (lamp[2] - right * lamp[0] - up * lamp[1]) / np.sqrt(1 + right**2 + up**2)
    case = patch(grey(np.log(np.maximum(shade, 0.05))), dome)
    shaded, _ = run(case, replace(OPTIONS, tie=0.0))
    monkeypatch.setattr(highpass, "SHADE_MM", 0.0)
    plain, _ = run(case, replace(OPTIONS, tie=0.0))
    of_shade = (shaded - plain)[INNER].ravel()
    assert np.corrcoef(of_shade, fine[INNER].ravel())[0, 1] > 0.3
    assert abs(np.corrcoef(plain[INNER].ravel(), fine[INNER].ravel())[0, 1]) < 0.1


def test_a_surface_that_is_too_noisy_to_tell_leaves_the_prior(relief):
    fine, _ = relief
    case = patch(grey(fine / GAIN), bumps(SIDE, 1.2, 9, 3.0))
    assert gain_of(case) == pytest.approx(OPTIONS.strength_mm, rel=0.15)


def test_nothing_measured_leaves_the_prior_exactly(relief):
    fine, coarse = relief
    case = patch(grey((fine + coarse) / GAIN), coarse, confidence=0.0)
    assert gain_of(case) == OPTIONS.strength_mm
    untied, _ = run(case, replace(OPTIONS, tie=0.0))
    np.testing.assert_array_equal(run(case)[0], untied)


def test_only_detail_finer_than_the_measured_surface_is_added():
    coarse = bumps(SIDE, 3.0, 4, 0.05)
    height, _ = run(patch(grey(coarse), coarse))
    alone, _ = run(patch(grey(coarse), coarse, confidence=0.0), replace(OPTIONS, coarse_mm=6.0))
    assert height[INNER].std() < 0.12 * alone[INNER].std()


def test_heights_have_no_local_average_and_stay_within_the_limit():
    rough = grey(bumps(SIDE, 0.5, 6, 0.03))
    flat = np.zeros((SIDE, SIDE))
    options = replace(OPTIONS, tie=0.0, strength_mm=20.0, limit_mm=0.1)
    height, _ = run(patch(rough, flat), options)
    assert 0.09 < np.abs(height).max() <= 0.1
    mean = height[INNER].reshape(8, 26, 8, 26).mean(axis=(1, 3))
    assert mean.std() < 0.15 * height[INNER].std()


def test_filled_in_texels_and_covered_skin_stay_flat(relief):
    fine, coarse = relief
    weight = np.ones((SIDE, SIDE))
    weight[:, :80] = 0
    bare = np.ones((SIDE, SIDE))
    bare[200:] = 0
    height, confidence = run(patch(grey(fine * 10), coarse, weight=weight, bare=bare))
    off = (weight == 0) | (bare == 0)
    assert not height[off].any() and not confidence[off].any()
    assert height[~off].std() > 1e-4 and (confidence[~off] == 1).all()


def test_the_size_of_the_map_changes_nothing_but_its_sampling(relief):
    fine, coarse = relief
    options = replace(OPTIONS, fine_mm=0.3)
    small, _ = run(patch(grey((fine + coarse) / GAIN), coarse), options)
    case = patch(grey((fine + coarse) / GAIN), coarse, uv_size=2 * SIDE)
    large, _ = run(case, replace(options, uv_size=2 * SIDE))
    reduced = large.reshape(SIDE, 2, SIDE, 2).mean(axis=(1, 3))
    error = (reduced - small)[INNER]
    assert error.std() < 0.12 * small[INNER].std()


def test_the_size_of_the_person_does(relief):
    fine, _ = relief
    normal = patch(grey(fine), np.zeros_like(fine), confidence=0.0)
    giant = patch(grey(fine), np.zeros_like(fine), confidence=0.0, side_mm=8 * SIDE_MM)
    # Detail of 0.3 mm is relief, of 2.4 mm is none.
    assert run(giant)[0][INNER].std() < 0.3 * run(normal)[0][INNER].std()


def test_a_surface_without_a_single_place_is_told():
    case = patch(grey(np.zeros((SIDE, SIDE))), np.zeros((SIDE, SIDE)))
    nowhere = case.surface.replace(position_mm=np.full((SIDE, SIDE, 3), np.nan))
    with pytest.raises(CaptureFailure, match="no_surface"):
        predict_displacement(Predictor(OPTIONS, case.chart, None), nowhere, case.texture)


def test_the_numbers_of_the_stage_are_those_of_its_version(relief):
    """Golden numbers: when they change, raise `Displacement.version`."""
    fine, coarse = relief
    case = patch(grey((fine + coarse) / GAIN), coarse)
    predictor = Predictor(DisplacementOptions(uv_size=SIDE), case.chart, None)
    made = predict_displacement(predictor, case.surface, case.texture)
    height = made.height_mm.astype(np.float64)
    found = [1e3 * height.std(), 1e3 * height.max(), 1e3 * height[100, 100]]
    np.testing.assert_allclose(found, GOLDEN, atol=0.02)


GOLDEN = [4.089, 11.436, -1.822]  # standard deviation, highest, one texel; µm
