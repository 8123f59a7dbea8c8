import numpy as np
import pytest

from lib.errors import ConfigError
from lib.training.points import answers, draw_queries, published_width


def drawn(distance, count=1000, sigma=10.0, d_size=201, seed=0):
    return draw_queries(np.asarray(distance), count, sigma, d_size, np.random.default_rng(seed))


def test_half_of_the_queries_lie_behind_the_surface():
    distance = np.random.default_rng(1).uniform(-30, 30, 500)
    texel, hypothesis = drawn(distance)
    assert len(texel) == len(hypothesis) == 1000
    assert (hypothesis < distance[texel]).sum() == 500


@pytest.mark.parametrize(("place", "side"), [(99.5, "behind"), (-99.5, "before")])
def test_where_one_side_has_too_few_the_other_fills_up(place, side):
    texel, hypothesis = drawn([place], sigma=20.0, count=400)
    assert len(texel) == 400
    behind = (hypothesis < place).sum()
    assert behind > 200 if side == "behind" else behind < 200
    # Even where no query at all lies on one side.
    _, hypothesis = drawn([1000.0], count=7)
    assert len(hypothesis) == 7 and (hypothesis < 1000).all()


@pytest.mark.parametrize("d_size", [201, 8])
def test_queries_are_hypotheses(d_size):
    _, hypothesis = drawn([0.3], d_size=d_size, count=4000)
    assert hypothesis.min() == -(d_size // 2) and hypothesis.max() == d_size - 1 - d_size // 2


def test_most_lie_about_the_surface_and_some_anywhere():
    _, hypothesis = drawn(np.full(50, 20.0), sigma=2.0, count=4000)
    near = np.abs(hypothesis - 20) <= 7
    assert 0.85 < near.mean() < 0.99
    assert hypothesis[~near].min() < -80


def test_the_same_generator_draws_the_same():
    one, other, third = drawn([0, 5.0], seed=4), drawn([0, 5.0], seed=4), drawn([0, 5.0], seed=5)
    assert all(np.array_equal(a, b) for a, b in zip(one, other))
    assert not np.array_equal(one[1], third[1])


def test_no_known_texel_is_told():
    with pytest.raises(ConfigError, match="no texel whose true distance is known"):
        drawn([])


def test_answers_are_the_published_bell():
    """The table: 201 samples over 0..2 of a bell about 1 of deviation 0.05, by whole intervals."""
    table = np.exp(-((np.linspace(0, 2, 201) - 1) ** 2) / (2 * 0.05**2))
    off = np.arange(-100, 101)
    np.testing.assert_allclose(answers(off, 201, published_width(201)), table[off + 100], atol=1e-6)
    assert published_width(201) == 5
    assert answers(np.array([101.0, -101.0]), 201, 500.0).tolist() == [0, 0]
