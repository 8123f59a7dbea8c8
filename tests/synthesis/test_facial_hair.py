"""Brows, lashes and beards as strands: where they grow and which way."""

import numpy as np
import pytest

from lib.facemodel.parts import brow_cover
from lib.geometry import vertex_normals
from lib.synthesis.hair.beard import SHAPES, draw_beard
from lib.synthesis.hair.facial import draw_brows, draw_lashes
from lib.synthesis.hair.facial_roots import facial_roots

COLOUR = np.array([0.05, 0.025, 0.012])


@pytest.fixture(scope="module")
def model(studio):
    return studio.model


@pytest.fixture(scope="module")
def roots(model):
    return facial_roots(model, 4000)


@pytest.fixture(scope="module")
def head(model):
    return model.vertices()


@pytest.fixture(scope="module")
def marks(model, head):
    return model.landmarks["ibug68"].on(head, model.triangles)


def brows_of(model, roots, head, seed=2):
    return draw_brows(model, head, np.random.default_rng(seed), COLOUR, 400, roots)


def lashes_of(model, roots, head, seed=2):
    return draw_lashes(model, head, np.random.default_rng(seed), COLOUR, 240, roots)


def lengths(strands):
    return np.linalg.norm(np.diff(strands.points, axis=1), axis=2).sum(axis=1)


@pytest.fixture(scope="module")
def brows(model, roots, head):
    return brows_of(model, roots, head)


@pytest.fixture(scope="module")
def lashes(model, roots, head):
    return lashes_of(model, roots, head)


def test_brows_grow_where_brows_are(brows, marks):
    root = brows.points[:, 0].astype(np.float64)
    cover = np.maximum(brow_cover(root, marks[17:22]), brow_cover(root, marks[22:27]))
    assert (cover > 0.3).mean() > 0.9
    assert np.median(lengths(brows)) == pytest.approx(6.5, abs=2.0)


def test_brows_stand_up_at_the_inner_end_and_turn_outwards(brows, marks):
    way = brows.points[:, -1] - brows.points[:, 0]
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    x = brows.points[:, 0, 0]
    for side in (-1, 1):
        mine = np.sign(x) == side
        share = (np.abs(x[mine]) - marks[22, 0]) / (marks[26, 0] - marks[22, 0])
        outward, up = side * way[mine, 0], way[mine, 1]
        assert np.median(up[share < 0.15]) > 0.7
        assert np.median(outward[share > 0.4]) > 0.75
        assert np.median(up[share > 0.75]) < 0.2
    right, left = (way[np.sign(x) == side].mean(axis=0) for side in (-1, 1))
    np.testing.assert_allclose(right * [-1, 1, 1], left, atol=0.08)


def test_upper_lashes_curve_out_and_up_and_are_longer(roots, lashes):
    root, tip = lashes.points[:, 0], lashes.points[:, -1]
    lids = [np.concatenate([lid.triangle for lid in roots.lids if lid.upper == up])
            for up in (True, False)]  # fmt: skip
    upper, lower = (np.isin(lashes.root_triangle, lid) for lid in lids)
    assert upper.sum() > lower.sum() > 20
    assert (tip[upper, 2] > root[upper, 2]).mean() > 0.95
    assert (tip[upper, 1] > root[upper, 1]).mean() > 0.95
    assert (tip[lower, 1] < root[lower, 1]).mean() > 0.95
    assert np.median(lengths(lashes)[upper]) > 1.4 * np.median(lengths(lashes)[lower])


def test_lashes_stand_on_the_lids(lashes, marks):
    root = lashes.points[:, 0].astype(np.float64)
    eyes = np.concatenate([marks[36:42], marks[42:48]])
    nearest = np.linalg.norm(root[:, None] - eyes, axis=2).min(axis=1)
    assert np.percentile(nearest, 95) < 9
    inner = np.abs(root[:, 0]).min()
    assert inner > marks[42, 0] - 3


@pytest.mark.parametrize("draw", [brows_of, lashes_of])
def test_hairs_of_the_face_turn_with_their_skin(model, roots, head, draw):
    strands = draw(model, roots, head)
    np.testing.assert_array_equal(
        strands.carried(head, head.copy(), model.triangles), strands.points
    )
    angle = 0.5
    turn = np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
    )
    moved = head.astype(np.float64) @ turn.T + [3, 4, 5]
    carried = strands.carried(head, moved, model.triangles)
    expected = strands.points.astype(np.float64) @ turn.T + [3, 4, 5]
    np.testing.assert_allclose(carried, expected, atol=2e-3)


def test_lashes_go_down_when_the_eyes_close(model, head, lashes):
    weights = np.zeros(model.n_expression, np.float32)
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        weights[model.expression_names.index(name)] = 1
    closed = lashes.carried(head, model.vertices(None, weights), model.triangles)
    upper = lashes.points[:, -1, 1] > lashes.points[:, 0, 1]
    assert np.median((closed - lashes.points)[upper, 0, 1]) < -3
    rise = np.median(closed[upper, -1, 1] - closed[upper, 0, 1])
    assert rise < np.median(lashes.points[upper, -1, 1] - lashes.points[upper, 0, 1])


def test_no_amount_is_no_beard(model, roots, head):
    assert draw_beard(model, head, np.random.default_rng(0), COLOUR, 0.0, 500, roots) is None


@pytest.mark.parametrize(
    ("amount", "low", "high"), [(0.1, 0.4, 2.0), (0.5, 2.5, 9.0), (1.0, 8.0, 26.0)]
)
def test_a_beard_is_as_long_as_its_amount(model, roots, head, amount, low, high):
    beard = draw_beard(
        model, head, np.random.default_rng(0), COLOUR, amount, 1500, roots, shape="full"
    )
    assert low < np.median(lengths(beard)) < high


@pytest.mark.parametrize("shape", list(SHAPES))
def test_beards_leave_lips_and_cheekbones_free(model, roots, head, marks, shape):
    beard = draw_beard(model, head, np.random.default_rng(1), COLOUR, 0.4, 1500, roots, shape=shape)
    lips = np.concatenate([model.parts["upper_lip"], model.parts["lower_lip"]])
    assert not np.isin(model.triangles[beard.root_triangle], lips).any()
    root = beard.points[:, 0]
    before_ears = np.abs(root[:, 0]) < 55
    assert root[before_ears, 1].max() < marks[33, 1] + 8
    if shape == "moustache":
        assert root[:, 1].min() > marks[57, 1]


def test_a_beard_grows_out_of_the_skin(model, roots, head):
    beard = draw_beard(
        model, head, np.random.default_rng(1), COLOUR, 0.5, 1500, roots, shape="full"
    )
    normals = vertex_normals(head, model.triangles)[model.triangles[beard.root_triangle]]
    normal = (normals * beard.root_barycentric[..., None]).sum(axis=1)
    way = beard.points[:, 1] - beard.points[:, 0]
    assert ((way * normal).sum(axis=1) >= 0).mean() > 0.98


def test_the_same_seed_gives_the_same_bytes(model, roots, head):
    for draw in (brows_of, lashes_of):
        one, two, other = (draw(model, roots, head, seed) for seed in (2, 2, 3))
        assert one.points.tobytes() == two.points.tobytes()
        assert one.colour.tobytes() == two.colour.tobytes()
        assert one.points.tobytes() != other.points.tobytes()
