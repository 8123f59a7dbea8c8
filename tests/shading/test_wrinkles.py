"""Folds of an expression: where skin is squeezed across them, and only there."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lib.geometry.strain import RestingSkin
from lib.shading.wrinkles import expression_share
from lib.uvspace.grid import chart_grid
from lib.uvspace.mesh import grid_triangles
from tests.synthetic_head import synthetic_model

SIDE = 128


@pytest.fixture(scope="module")
def model():
    return synthetic_model()


def test_a_squeeze_is_the_share_of_length_that_is_lost():
    """On a flat sheet in any plane, along any direction."""
    x, y = np.meshgrid(np.arange(5.0), np.arange(5.0))
    sheet = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], axis=1)
    _, triangles = grid_triangles(np.ones((5, 5), bool))
    turn = Rotation.from_rotvec([0.3, -0.8, 0.5]).as_matrix()
    moved = sheet * [0.9, 1.05, 1.0]
    lost = RestingSkin(sheet @ turn.T, triangles).squeeze(moved @ turn.T)
    for axis, wanted in ((0, 0.1), (1, -0.05), (2, 0.0)):
        np.testing.assert_allclose(lost @ turn[:, axis] @ turn[:, axis], wanted, atol=1e-9)


def relief(model, across):
    """Grid of the mean head and waves of 6 mm whose crests run along the other axis."""
    grid = chart_grid(model, model.mean, SIDE)
    return grid, 0.1 * np.sin(grid.position[..., across] * 2 * np.pi / 6) * grid.mask


@pytest.mark.parametrize("across", [0, 1])
def test_waves_across_a_squeeze_are_the_expressions(model, across):
    grid, waves = relief(model, across)
    scale = np.ones(3)
    scale[across] = 1.25  # the resting face is longer: the expression squeezes it
    share = expression_share(model, model.mean * scale, model.mean, grid, waves)
    front = grid.mask & (grid.normal[..., 2] > 0.9)
    assert share[front].mean() > 0.8
    scale = np.ones(3)
    scale[1 - across] = 1.25
    along = expression_share(model, model.mean * scale, model.mean, grid, waves)
    assert along[front].mean() < 0.2


def test_a_resting_or_stretched_face_has_no_folds(model):
    grid, waves = relief(model, 0)
    assert not expression_share(model, model.mean, model.mean, grid, waves).any()
    stretched = expression_share(model, model.mean * [0.8, 0.8, 1], model.mean, grid, waves)
    assert stretched.max() < 0.05


def test_deep_wrinkles_of_a_slight_expression_stay(model):
    grid, waves = relief(model, 0)
    front = grid.mask & (grid.normal[..., 2] > 0.9)
    shallow, deep = (
        expression_share(model, model.mean * [1.06, 1, 1], model.mean, grid, factor * waves)
        for factor in (0.2, 8)
    )
    assert shallow[front].mean() > 4 * deep[front].mean()
