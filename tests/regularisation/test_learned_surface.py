import numpy as np
import pytest
import torch

from lib.errors import ConfigError, ShapeError
from lib.networks.checkpoints import CheckpointError, count_parameters
from lib.networks.smoother import Smoother, load_smoother
from lib.regularisation.learned import regularise_learned


def network(seed=0, trained=True):
    torch.manual_seed(seed)
    net = Smoother()
    if trained:  # the last layer starts at zero
        torch.nn.init.normal_(net.leave.weight, 0, 0.3)
    return net.eval()


def peaks(depth, rows, cols, where, width=1.0):
    """Responses with a bell at each texel."""
    index = np.arange(depth)[:, None, None] - depth // 2
    return np.exp(-((index - where) ** 2) / (2 * width**2)).astype(np.float32)


def given(depth=11, rows=20, cols=24, seed=0):
    chance = np.random.default_rng(seed)
    volume = chance.random((depth, rows, cols)).astype(np.float32)
    return (
        volume,
        chance.integers(2, 9, (rows, cols)).astype(np.float32),
        np.ones((rows, cols), bool),
    )


def test_before_training_it_is_a_soft_argmax_of_the_responses():
    where = np.random.default_rng(1).uniform(-3, 3, (16, 16))
    volume, net = peaks(15, 16, 16, where, 1.5), network(trained=False)
    distance, sigma = regularise_learned(
        volume, np.full((16, 16), 6.0), np.ones((16, 16), bool), net
    )
    np.testing.assert_allclose(distance, where, atol=0.3)
    assert np.isfinite(sigma).all() and (sigma > 0).all()


@pytest.mark.parametrize("rows", [96, 93])
def test_tiles_give_what_the_whole_gives(rows):
    data = given(9, rows, 12)
    whole, tiled = (regularise_learned(*data, network(), tile_rows=n) for n in (128, 16))
    np.testing.assert_allclose(tiled[0], whole[0], atol=1e-4)
    np.testing.assert_allclose(tiled[1], whole[1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("depth", [2, 7, 64, 65])
def test_any_number_of_hypotheses_will_do(depth):
    distance, sigma = regularise_learned(*given(depth, 9, 10), network())
    assert distance.shape == (9, 10) and np.isfinite(distance).all() and np.isfinite(sigma).all()
    assert (np.abs(distance) <= depth // 2).all()


def test_texels_off_the_mask_or_that_too_few_views_saw_are_unsure():
    volume, compared, mask = given()
    mask[:4] = False
    compared[8, 9] = 1
    distance, sigma = regularise_learned(volume, compared, mask, network())
    assert (distance[:4] == 0).all() and np.isinf(sigma[:4]).all() and np.isinf(sigma[8, 9])
    assert np.isfinite(sigma[mask & (compared > 1)]).all()


def test_a_file_of_weights_gives_the_same_answers(tmp_path):
    net = network(2)
    torch.save({"model": net.state_dict()}, tmp_path / "smoother.pt")
    loaded = load_smoother(tmp_path / "smoother.pt")
    for one, other in zip(regularise_learned(*given(), net), regularise_learned(*given(), loaded)):
        np.testing.assert_array_equal(one, other)
    torch.save({"model": {"x": torch.zeros(2)}}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="does not fit Smoother"):
        load_smoother(tmp_path / "other.pt")


def test_mistakes_are_told_and_the_network_is_small():
    volume, compared, mask = given()
    with pytest.raises(ShapeError, match="volume"):
        regularise_learned(volume, compared, mask[1:], network())
    with pytest.raises(ConfigError, match="tile_rows is 6"):
        regularise_learned(volume, compared, mask, network(), tile_rows=6)
    assert count_parameters(network()) < 40_000
