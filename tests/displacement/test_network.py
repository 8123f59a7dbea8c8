import numpy as np
import pytest
import torch

from lib.displacement.network import (
    N_INPUTS,
    ReliefNet,
    ReliefNetOptions,
    _tiled,
    load_network,
    save_network,
)
from lib.displacement.options import DisplacementOptions
from lib.displacement.predict import Predictor, predict_displacement
from lib.displacement.samples import SampleOptions, draw_crops
from lib.errors import MissingModelError
from lib.uvspace.bare import SkinChart
from tests.displacement.conftest import SIDE, bumps, grey, patch
from tests.displacement.people import flat_person

SMALL = ReliefNetOptions(width=4, levels=2)


def awake():
    """A small network whose last layer is not 0, as a new one's is."""
    torch.manual_seed(0)
    network = ReliefNet(SMALL).eval().requires_grad_(False)
    torch.nn.init.normal_(network.head.weight, std=0.5)
    return network


def test_crops_hold_the_band_between_what_is_seen_and_what_is_measured():
    chart = SkinChart(np.ones((SIDE, SIDE), bool), np.ones((SIDE, SIDE), np.float32))
    truth, options = flat_person(0), SampleOptions(crop_px=64)
    crops = draw_crops(truth, chart, 4, options, np.random.default_rng(0))
    assert crops.inputs.shape == (4, N_INPUTS, 64, 64)
    again = draw_crops(truth, chart, 4, options, np.random.default_rng(0))
    np.testing.assert_array_equal(crops.inputs, again.inputs)
    assert 0.3 < crops.height_mm.std() / truth.uv_displacement_mm.std() < 1.0
    assert abs(crops.height_mm.mean()) < 0.1 * crops.height_mm.std()


def test_a_new_network_says_flat():
    height, log_sigma = ReliefNet(SMALL)(torch.rand(1, N_INPUTS, 16, 16))
    assert not height.any() and (log_sigma < 0).all()


def test_tiles_leave_no_seams():
    network = awake()
    inputs = np.random.default_rng(0).normal(size=(N_INPUTS, 600, 530)).astype(np.float32)
    padded = np.pad(inputs, [(0, 0), (0, 0), (0, 2)], mode="edge")
    whole = network(torch.from_numpy(padded)[None])[0][0, :, :530].numpy()
    np.testing.assert_allclose(_tiled(network, inputs)[0], whole, atol=0.3 * whole.std())


def test_a_saved_network_predicts_what_it_did(tmp_path):
    network = awake()
    save_network(tmp_path / "relief.pt", network, {"steps": 3})
    case = patch(grey(bumps(SIDE, 0.3, 1, 0.05)), bumps(SIDE, 1.4, 2, 0.02))
    options = DisplacementOptions("learned", SIDE, weights=str(tmp_path / "relief.pt"))
    made = [
        predict_displacement(Predictor(options, case.chart, net), case.surface, case.texture)
        for net in (network, load_network(options.weights))
    ]
    assert made[0].method == "learned" and np.ptp(made[0].height_mm) > 0
    np.testing.assert_array_equal(made[0].height_mm, made[1].height_mm)
    assert 0 < made[0].confidence.max() <= 1


def test_what_is_no_network_of_ours_is_refused(tmp_path):
    with pytest.raises(MissingModelError, match="train_displacement"):
        load_network(tmp_path / "none.pt")
    torch.save({"weights": {}}, tmp_path / "other.pt")
    with pytest.raises(MissingModelError, match=r"other\.pt does not hold a network"):
        load_network(tmp_path / "other.pt")
