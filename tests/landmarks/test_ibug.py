import dataclasses

import numpy as np
import pytest

from lib.landmarks.blaze import _outline, _ray_to_polygon
from lib.landmarks.dlib68 import MIRROR_68
from lib.landmarks.ibug import _INNER_ON_MESH, ibug_of_mesh
from lib.networks.mesh_mirror import MIRROR
from tests.landmarks.heads import small_head

SQUARE = np.array([[-2, -2], [2, -2], [2, 2], [-2, 2]], float)


def test_every_row_of_the_map_is_a_mean():
    for model in (small_head(), dataclasses.replace(small_head(), landmarks={})):
        np.testing.assert_allclose(ibug_of_mesh(model).weights.sum(1), 1, atol=1e-9)


def test_the_inner_map_is_the_same_on_both_sides():
    weights = ibug_of_mesh(dataclasses.replace(small_head(), landmarks={})).weights
    np.testing.assert_allclose(weights[MIRROR_68][17:], weights[17:, MIRROR], atol=1e-12)
    assert len(_INNER_ON_MESH) == 51


def test_jaw_weights_bring_the_points_of_the_mean_head_back():
    model = small_head()
    mesh = model.landmarks["mesh468"].on(model.mean, model.triangles)
    jaw = model.landmarks["ibug68"].on(model.mean, model.triangles)[:17]
    found = ibug_of_mesh(model).points(mesh)[:17]
    assert np.median(np.linalg.norm(found - jaw, axis=1)) < 0.8


def test_a_ray_leaves_a_square_where_it_should():
    rays = np.array([[1, 0], [0, 4], [1, 1], [-1, 0.5]], float)
    np.testing.assert_allclose(_ray_to_polygon(np.zeros(2), rays, SQUARE), [2, 0.5, 2, 2])


def test_a_jaw_point_that_faces_away_moves_to_the_outline_and_a_seen_one_stays():
    ibug = np.zeros((68, 2))
    ibug[:17] = [1.0, 0.5]
    cosine = np.full(17, 0.9)
    cosine[3] = -0.2
    moved = _outline(ibug, SQUARE, cosine)
    np.testing.assert_allclose(moved[3], [2, 1])
    np.testing.assert_allclose(np.delete(moved, 3, 0), np.delete(ibug[:17], 3, 0))


def test_the_mirror_of_68_points_is_an_involution_that_keeps_the_midline():
    np.testing.assert_array_equal(MIRROR_68[MIRROR_68], np.arange(68))
    assert MIRROR_68[[8, 27, 30, 33, 51, 57, 62, 66]].tolist() == [8, 27, 30, 33, 51, 57, 62, 66]


@pytest.mark.parametrize("pair", [(36, 45), (48, 54), (60, 64), (31, 35), (17, 26), (0, 16)])
def test_the_mirror_of_68_points_pairs_the_corners(pair):
    assert MIRROR_68[pair[0]] == pair[1]
