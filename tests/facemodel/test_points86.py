"""The 86 points of the detail layer on head models."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from lib.facemodel import FaceModel
from lib.facemodel.dense_landmarks import OPPOSITE106
from lib.facemodel.points86 import BFM53_VERTICES, MEAN86, MIRRORED86, OF_106, points86
from lib.geometry import align_points

INNER = slice(17, 86)  # without the contour


@pytest.fixture
def places(named_model: FaceModel) -> np.ndarray:
    return points86(named_model).on(named_model.mean, named_model.triangles).astype(float)


def test_the_mirror_is_that_of_the_106_points_and_of_the_published_means():
    assert np.array_equal(OF_106[MIRRORED86], OPPOSITE106[OF_106])
    mirrored = MEAN86[MIRRORED86] * [-1, 1] + [192, 0]
    assert np.abs(mirrored - MEAN86).mean() < 1.5  # px of a mean over real people


def test_published_means_laid_over_a_head_are_best_matched_point_by_point(places):
    flat = np.c_[places[:, :2] * [1, -1], np.zeros(86)]
    means = np.c_[MEAN86, np.zeros(86)]
    scale, rotation, shift = align_points(means[INNER], flat[INNER])
    laid = scale * means @ rotation.T + shift
    away = np.linalg.norm(laid[:, None] - flat[None], axis=2)
    assert np.diag(away)[INNER].mean() < 3.5  # mm
    parted = [71, 84, 85, *range(76, 84)]  # lips of the means are parted, those of heads shut
    chosen = np.setdiff1d(np.arange(17, 86), parted)
    _, best = linear_sum_assignment(away[np.ix_(chosen, chosen)])
    assert np.array_equal(chosen[best], chosen)


def test_the_contour_runs_from_ear_over_chin_to_ear(places):
    x, y = places[:17, :2].T
    assert (np.diff(x[1:16]) > 0).all() and y.argmin() == 8
    assert x[8] == pytest.approx(0, abs=0.5)


def test_published_vertices_are_86_different_ones_of_the_reduced_basel_model():
    assert len(set(BFM53_VERTICES)) == 86 and BFM53_VERTICES.max() == 51576
