import json

import numpy as np
import pytest
import torch

from lib.artefacts import BatchWriter, Truth
from lib.displacement.network import ReliefNetOptions, load_network
from lib.displacement.samples import SampleOptions
from lib.errors import ConfigError
from lib.training import displacement
from lib.training.displacement import deviation_loss, train_displacement
from lib.training.options import TrainingOptions
from lib.training.state import LAST
from lib.uvspace.bare import SkinChart
from tests.displacement.people import flat_person

SIDE = 256
SMALL = ReliefNetOptions(width=4, levels=2)
SAMPLES = SampleOptions(crop_px=32)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def shard(tmp_path_factory):
    path = tmp_path_factory.mktemp("world") / "shard_0000.h5"
    with BatchWriter(path, Truth, "synthesise") as writer:
        for seed in range(3):
            writer.add(f"photo_{seed:06d}", flat_person(seed, SIDE))
    return path


@pytest.fixture(autouse=True)
def small_skin(monkeypatch):
    """Charts that are skin all over, few and small crops."""
    whole = SkinChart(np.ones((SIDE, SIDE), bool), np.ones((SIDE, SIDE), np.float32))
    monkeypatch.setattr(displacement, "_CHARTS", {("makehuman", SIDE): whole})
    monkeypatch.setattr(displacement, "LEAST_SIDE", SIDE)
    monkeypatch.setattr(displacement, "LIGHTS", 1)
    monkeypatch.setattr(displacement, "CROPS_PER_LIGHT", 6)


def options(shard, **changes):
    given = {"data": [str(shard)], "epochs": 3, "validation": 0.3, "save_every": 1}
    return TrainingOptions(**(given | changes))


def train(shard, folder, **changes):
    return train_displacement(
        options(shard, **changes), folder, CPU, network_options=SMALL, sample_options=SAMPLES
    )


def test_a_killed_training_that_goes_on_ends_bit_by_bit_like_one_without_a_break(
    shard, tmp_path, monkeypatch
):
    whole = train(shard, tmp_path / "whole")
    real, calls = displacement.ReliefTask.loss, []

    def killed(self, network, asked):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(self, network, asked)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(displacement.ReliefTask, "loss", killed)
        train(shard, tmp_path / "half")
    assert (tmp_path / "half" / LAST).is_file()
    resumed = train(shard, tmp_path / "half")
    for key, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[key]), key
    assert resumed.validation == whole.validation


def test_it_writes_a_network_that_loads_and_a_card(shard, tmp_path):
    trained = train(shard, tmp_path)
    loaded = load_network(tmp_path / "relief.pt")
    for key, value in trained.network.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[key])
    told = json.loads((tmp_path / "card.json").read_text())
    assert told["validation"]["relief_um"] > 1
    assert len(told["data"]["train"]) == 2 and len(told["data"]["validation"]) == 1
    assert (tmp_path / "curves.csv").is_file()


def test_maps_that_hold_no_pores_are_refused(shard, tmp_path, monkeypatch):
    monkeypatch.setattr(displacement, "LEAST_SIDE", 512)
    with pytest.raises(ConfigError, match=r"maps of 256 texels.*synthesis\.maps_px: 2048"):
        train(shard, tmp_path)


def test_the_loss_is_least_where_the_deviation_is_that_of_the_errors():
    error = torch.randn(1, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.01
    zero, one = torch.zeros_like(error), torch.ones_like(error)
    found = [
        float(deviation_loss(zero, torch.full_like(error, float(np.log(s))), error, one))
        for s in (0.002, 0.008, 0.03)
    ]
    assert found[1] < min(found[0], found[2])
    assert float(deviation_loss(zero, zero, error, 0 * one)) == 0


@pytest.mark.slow
def test_training_lowers_the_error_of_relief_that_it_never_saw(shard, tmp_path, monkeypatch):
    monkeypatch.setattr(displacement, "CROPS_PER_LIGHT", 32)
    monkeypatch.setattr(displacement, "LIGHTS", 2)
    trained = train_displacement(
        options(shard, epochs=60, save_every=60, learning_rate=3e-3),
        tmp_path,
        CPU,
        network_options=ReliefNetOptions(8, 2),
        sample_options=SampleOptions(crop_px=48),
    )
    assert trained.validation["rms_um"] < 0.9 * trained.validation["relief_um"]
