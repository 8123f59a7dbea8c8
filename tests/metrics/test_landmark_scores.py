"""Scores of landmarks whose errors are known."""

import numpy as np
import pytest

from lib.errors import ShapeError
from lib.metrics import NothingToScore, face_size, score_landmarks


def faces(count=4):
    points = np.random.default_rng(0).uniform(0, 100, (count, 68, 2))
    points[:, 36], points[:, 45] = (0, 50), (100, 50)
    points[:, 0], points[:, 16] = (0, 0), (200, 50)
    return points


def test_a_shift_of_five_px_on_a_hundred_is_five_percent():
    true = faces()
    score = score_landmarks(true + [3, 4], true)
    np.testing.assert_allclose(score.nme, 0.05)
    np.testing.assert_allclose(score.per_point, 0.05)
    assert (score.mean, score.failure_rate) == (pytest.approx(0.05), (0.0, 0.0))


def test_the_area_under_the_curve_is_what_is_left_above_the_error():
    true = faces()
    score = score_landmarks(true + [2, 0], true)
    assert score.auc[0] == pytest.approx(1 - 0.02 / 0.08, abs=1e-3)
    assert score.auc[1] == pytest.approx(1 - 0.02 / 0.10, abs=1e-3)
    assert score_landmarks(true, true).auc == (1.0, 1.0)


def test_a_face_that_was_not_found_fails_and_does_not_change_the_mean():
    true = faces()
    found = true + [3, 4]
    found[1] = np.nan
    score = score_landmarks(found, true)
    assert score.nme[1] == np.inf
    assert (score.n_missing, score.failure_rate[0]) == (1, 0.25)
    assert score.mean == pytest.approx(0.05)
    assert score.curve.share[-1] == 0.75


def test_hidden_and_unannotated_points_do_not_count():
    true = faces()
    found = true.copy()
    found[:, :17] += 1000
    visible = np.ones((4, 68), bool)
    visible[:, :16] = False
    true[:, 16] = np.nan
    score = score_landmarks(found, true, visible)
    assert score.mean == 0
    assert np.isnan(score.per_point[:17]).all()
    assert score_landmarks(found, true, chosen=np.arange(17, 68)).mean == 0


@pytest.mark.parametrize(
    ("normaliser", "expected"),
    [("interocular", 100), ("box", 100), ("diagonal", np.hypot(200, 50)), ("pupils", 64)],
)
def test_sizes_of_a_face(normaliser, expected):
    points = np.full((68, 2), 20.0)
    points[36], points[45], points[0], points[16] = (10, 20), (110, 20), (0, 0), (200, 50)
    points[36:42, 0], points[42:48, 0] = [10, 20, 30, 40, 30, 20], [80, 90, 100, 110, 100, 54]
    expected = {"pupils": 89 - 25}.get(normaliser, expected)
    assert face_size(points, normaliser) == pytest.approx(expected)


def test_points_that_do_not_fit_are_told():
    with pytest.raises(ShapeError, match="as true_px"):
        score_landmarks(faces()[:, :5], faces())
    with pytest.raises(ShapeError, match=r"\(68, 2\) for `interocular`"):
        score_landmarks(faces()[:, :5], faces()[:, :5])
    with pytest.raises(NothingToScore, match="Image 2 has no point"):
        visible = np.ones((4, 68), bool)
        visible[2] = False
        score_landmarks(faces(), faces(), visible)


def test_a_face_without_the_points_that_give_its_size_is_told():
    true = faces()
    true[3, 36] = np.nan
    with pytest.raises(NothingToScore, match="Image 3 has no size by `interocular`"):
        score_landmarks(faces(), true)
    assert score_landmarks(faces(), true, normaliser="box").mean == 0
