"""What a heat map shows, and in which colours."""

from types import SimpleNamespace

import numpy as np
import pytest

from lib.figures.heat import error_colours, error_limit, preferred_alignment


def scores(known, rigid=0.1):
    """Errors of 1000 vertices in mm, noise of 0.01 mm about the given means."""
    noise = np.random.default_rng(0).normal(0, 0.01, (2, 1000))
    errors = {"known": known, "rigid": rigid}
    errors = {name: mean + noise[row] for row, (name, mean) in enumerate(errors.items())}
    return of_a_fit(tuple(errors), np.stack(list(errors.values())))


def of_a_fit(alignment, errors):
    """Scores without a measured surface."""
    return SimpleNamespace(
        alignment=alignment, vertex_error_mm=errors, surface_mm=np.zeros((0, 0, 3))
    )


@pytest.mark.parametrize(("known", "shown"), [(0.1, "known"), (0.19, "known"), (0.3, "rigid")])
def test_a_head_on_the_truth_is_shown_as_it_stands_and_one_beside_it_is_not(known, shown):
    assert preferred_alignment(scores(known)) == shown
    assert preferred_alignment(scores(-known)) == shown


def test_a_head_that_mostly_misses_the_truth_is_shown_after_a_rigid_alignment():
    found = scores(0.1)
    found.vertex_error_mm[0, :200] = np.nan
    assert preferred_alignment(found) == "rigid"


def test_without_known_cameras_the_alignment_is_rigid():
    found = of_a_fit(("rigid", "similarity"), np.zeros((2, 9)))
    assert preferred_alignment(found) == "rigid"


def test_too_deep_is_blue_too_far_out_is_red_and_unknown_is_grey():
    deep, right, out, unknown = error_colours(np.array([-1.0, 0.0, 1.0, np.nan]), 1.0)
    assert deep[2] > 2 * deep[0] and out[0] > 2 * out[2]
    assert np.ptp(right) < 10 and np.ptp(unknown) < 10 and unknown.mean() < right.mean() - 40
    np.testing.assert_array_equal(error_colours(np.array([-9.0]), 1.0)[0], deep)


@pytest.mark.parametrize(("size", "limit"), [(0.1, 0.5), (0.7, 1.0), (4.0, 5.0), (50.0, 10.0)])
def test_the_bar_reaches_nine_of_ten_errors(size, limit):
    errors = np.r_[np.full(95, size), np.full(5, 100.0), np.nan]
    assert error_limit(errors) == limit
