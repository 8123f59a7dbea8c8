import numpy as np
import pytest
import torch

from lib.errors import ConfigError, ShapeError
from lib.networks.mvfr import RegulariserNet
from lib.regularisation.published import check_depth, regularise_published
from tests.networks.published import made_up, regulariser_shapes


def network(seed=0):
    net = RegulariserNet()
    net.load_state_dict(made_up(regulariser_shapes(), seed))
    return net.eval()


def volume(depth=9, rows=16, cols=20, seed=0):
    return np.random.default_rng(seed).random((depth, rows, cols)).astype(np.float32)


def test_the_distance_is_the_mean_hypothesis_under_the_networks_softmax():
    given, net = volume(), network()
    mask = np.ones(given.shape[1:], bool)
    mask[:3] = False
    found = regularise_published(given, mask, net)
    with torch.no_grad():
        scores = net(torch.tensor(given * mask)[None, None])[0, 0].double().numpy()
    weight = np.exp(scores - scores.max(0))
    expected = (weight * (np.arange(9) - 4)[:, None, None]).sum(0) / weight.sum(0)
    np.testing.assert_allclose(found, expected * mask, atol=1e-5)
    assert np.ptp(found) > 0.05 and (found[:3] == 0).all()


def test_what_lies_off_the_mask_is_not_seen():
    given, net = volume(), network()
    mask = np.zeros(given.shape[1:], bool)
    mask[4:12, 4:16] = True
    other = np.where(mask, given, 1 - given)
    np.testing.assert_array_equal(
        regularise_published(given, mask, net), regularise_published(other, mask, net)
    )


def test_tiles_give_what_the_whole_gives():
    given = volume(9, 100, 12)
    mask = np.ones((100, 12), bool)
    whole = regularise_published(given, mask, network())
    tiled = regularise_published(given, mask, network(), tile_rows=8)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_a_grid_of_any_size_is_continued_by_zeros():
    given = volume(5, 10, 13)
    mask = np.ones((10, 13), bool)
    larger = np.pad(given, ((0, 0), (0, 2), (0, 3)))
    found = regularise_published(given, mask, network())
    expected = regularise_published(larger, np.pad(mask, ((0, 2), (0, 3))), network())[:10, :13]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(("found", "next_good"), [(200, 201), (202, 205), (203, 205), (64, 65)])
def test_a_depth_that_does_not_fit_names_the_next_that_does(found, next_good):
    with pytest.raises(
        ConfigError, match=rf"d_size is {found};.*Set implicit\.d_size: {next_good},"
    ):
        check_depth(found)
    check_depth(next_good)
    with pytest.raises(ConfigError, match="4 n \\+ 1"):
        regularise_published(volume(found % 4 + 4), np.ones((16, 20), bool), network())


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ShapeError, match="volume"):
        regularise_published(volume(), np.ones((16, 19), bool), network())
