"""Training of the shading network: resumable to the bit, never replaced by a worse one."""

import json
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lib.artefacts import BatchWriter, Truth
from lib.errors import ConfigError
from lib.networks.shaded_relief import (
    N_PLANES,
    Reading,
    ShadedReliefOptions,
    load_shaded_relief,
)
from lib.training import shading, shading_samples
from lib.training.options import TrainingOptions
from lib.training.shading import relief_loss, scores, slopes_of, train_shading
from lib.training.shading_samples import ReliefSample
from lib.training.state import LAST
from scripts import train_shading as script
from tests.displacement.people import flat_person

SIDE, CROP = 40, 32
SMALL = ShadedReliefOptions(widths=(6, 8), middle=1)
CPU = torch.device("cpu")


def waves(rng, length):
    """Smooth relief in mm of about 0.1 and its slopes along columns and rows."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    turn, phase = rng.uniform(0, np.pi), rng.uniform(0, 6)
    return 0.1 * np.sin((np.cos(turn) * columns + np.sin(turn) * rows) / length + phase)


def made_up(seed, smooth=False):
    """A sample whose tone is what its light makes of its slopes."""
    rng = np.random.default_rng(seed)
    resting, driven = waves(rng, 1.5), 0.3 * waves(rng, 2.0)
    middle = 2 * waves(rng, 8.0)
    if smooth:
        resting, driven = 0 * resting, 0 * driven
    planes = rng.normal(0, 0.1, (N_PLANES, SIDE, SIDE))
    light = rng.normal(0, 1, 2)
    height = resting + driven + middle
    planes[3:5] = light[:, None, None]
    planes[0] = 5 * (
        light[0] * np.gradient(height, axis=1) + light[1] * np.gradient(height, axis=0)
    )
    planes[5] = 1
    maps = [np.float32(m) for m in (planes, resting, driven, middle, np.ones((SIDE, SIDE)))]
    return ReliefSample(*maps, np.full((2, SIDE, SIDE), 0.5, np.float32))


class Maker:
    """Makes samples without fitting anything."""

    def __init__(self, model, landmark_models):
        pass

    def make(self, truth):
        number = int(truth.subject.split()[-1])
        return made_up(number, smooth=number == 0)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(shading_samples, "SampleMaker", Maker)
    monkeypatch.setattr(shading, "CROP", CROP)


@pytest.fixture(scope="module")
def shard(tmp_path_factory):
    path = tmp_path_factory.mktemp("world") / "shard_0000.h5"
    with BatchWriter(path, Truth, "synthesise") as writer:
        for seed in range(4):
            writer.add(f"photo_{seed:06d}", flat_person(seed, 32))
    return path


def train(shard, folder, **changes):
    given = {"data": [str(shard)], "epochs": 3, "batch": 1, "validation": 0.3, "save_every": 1}
    options = TrainingOptions(**(given | changes))
    return train_shading(options, folder, CPU, folder, network_options=SMALL)


def test_a_killed_training_that_goes_on_ends_bit_by_bit_like_one_without_a_break(
    shard, tmp_path, monkeypatch
):
    whole = train(shard, tmp_path / "whole")
    real, calls = shading.ShadingTask.loss, []

    def killed(self, network, asked):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return real(self, network, asked)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shading.ShadingTask, "loss", killed)
        train(shard, tmp_path / "half")
    assert (tmp_path / "half" / LAST).is_file()
    resumed = train(shard, tmp_path / "half")
    for key, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[key]), key
    assert resumed.validation == whole.validation


def test_weights_are_replaced_by_better_ones_alone(shard, tmp_path):
    first = train(shard, tmp_path, epochs=8, learning_rate=3e-3)
    told = json.loads((tmp_path / "card.json").read_text())
    assert told["promoted"] and told["loss_before"] is None
    assert len(told["data"]["train"]) == 3 and told["card"]["file"] == "relief.pt"
    good = (tmp_path / "relief.pt").read_bytes()
    loaded = load_shaded_relief(tmp_path / "relief.pt").state_dict()
    for key, value in first.network.state_dict().items():
        assert torch.equal(value, loaded[key]), key
    train(shard, tmp_path, epochs=1, learning_rate=1e-6, resume=False)
    worse = json.loads((tmp_path / "card.json").read_text())
    assert not worse["promoted"] and worse["loss"] > worse["loss_before"] == told["loss"]
    assert (tmp_path / "relief.pt").read_bytes() == good
    train(shard, tmp_path, epochs=16, learning_rate=3e-3, resume=False)
    better = json.loads((tmp_path / "card.json").read_text())
    assert better["promoted"] and better["loss"] < better["loss_before"]
    assert (tmp_path / "relief.pt").read_bytes() != good


def test_the_rule_leaves_what_it_promises(shard, tmp_path):
    inputs = {"data": [str(shard)], "mesh": str(tmp_path / "landmarks" / "mesh.tflite")}
    inputs = SimpleNamespace(**inputs, get=lambda name: None)
    outputs = SimpleNamespace(weights=str(tmp_path / "relief.pt"))
    options = asdict(TrainingOptions(epochs=1, batch=1, validation=0.3))
    script.main(inputs, outputs, SimpleNamespace(device="cpu", options=options))
    assert all((tmp_path / n).is_file() for n in ("relief.pt", "card.json", "curves.csv"))
    assert json.loads((tmp_path / "card.json").read_text())["options"]["data"] == [shard.name]


def test_other_data_than_shards_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="train_shading learns from shards"):
        train(tmp_path, tmp_path)


def reading(sample, log_slope=-2.0):
    """The truth as a reading, and what is asked."""
    asked = shading._tensors([sample])
    parts = (asked["resting"], asked["driven"], asked["middle"])
    return Reading(*parts, torch.full_like(parts[0], log_slope)), asked


def test_the_truth_has_the_best_scores_and_nothing_the_base_s():
    told, asked = reading(made_up(1))
    perfect = scores(told, asked)
    assert max(perfect["normal_deg"], perfect["wrinkles_deg"]) < 1e-4 < 1 < perfect["base_deg"]
    for name in ("wrinkles_alike", "resting_alike", "driven_alike", "middle_alike"):
        assert perfect[name] == pytest.approx(1)
    assert perfect["invented_um"] is None
    flat = scores(Reading(*(0 * part for part in told)), asked)
    assert flat["normal_deg"] == flat["base_deg"]
    assert flat["wrinkles_deg"] == flat["wrinkles_base_deg"]
    turned = scores(told._replace(resting=-told.resting, driven=-told.driven), asked)
    assert turned["wrinkles_alike"] == pytest.approx(-1)


def test_relief_on_smooth_skin_is_invented():
    told, asked = reading(made_up(2, smooth=True))
    assert scores(told, asked)["invented_um"] == 0
    bumpy = scores(told._replace(resting=told.resting + 0.05), asked)
    assert bumpy["invented_um"] == pytest.approx(50, rel=1e-3)
    assert bumpy["wrinkles_alike"] is None


def test_slopes_are_millimetres_per_millimetre_and_stop_at_what_nobody_knows():
    asked = shading._tensors([made_up(3)])
    ramp = torch.arange(SIDE, dtype=torch.float32)[None, None, :].expand(1, SIDE, SIDE) * 0.05
    slopes, _ = slopes_of(ramp, asked)
    np.testing.assert_allclose(slopes[0, 0, :-1, :-1], 0.1, rtol=1e-4)
    assert slopes[0, 1].abs().max() < 1e-6
    asked["weight"][:, :, 20:] = 0
    assert not slopes_of(ramp, asked)[1][:, :, 19:].any()


def test_the_loss_is_least_for_the_truth_and_for_the_deviation_of_the_errors():
    sample = made_up(4)
    told, asked = reading(sample)
    error = 0.02 * torch.randn(told.resting.shape, generator=torch.Generator().manual_seed(0))
    off = told._replace(resting=told.resting + error)
    assert relief_loss(told, asked) < relief_loss(off, asked)
    size = float(slopes_of(error, asked)[0].square().sum(1).sqrt()[:, :-1, :-1].mean())
    losses = [
        float(relief_loss(off._replace(log_slope=0 * off.log_slope + np.log(k * size)), asked))
        for k in (0.25, 1.0, 4.0)
    ]
    assert losses[1] < min(losses[0], losses[2])


@pytest.mark.slow
def test_training_reads_relief_that_it_never_saw(tmp_path):
    many = tmp_path / "shard_0000.h5"
    with BatchWriter(many, Truth, "synthesise") as writer:
        for seed in range(24):
            writer.add(f"photo_{seed:06d}", flat_person(seed, 32))
    trained = train(many, tmp_path / "made", epochs=40, save_every=40, learning_rate=5e-3)
    found = trained.validation
    assert found["normal_deg"] < 0.8 * found["base_deg"]
    assert found["wrinkles_alike"] > 0.6
