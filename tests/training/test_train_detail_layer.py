"""Training of the detail layer's networks as a whole: learning, resume, weights that are read."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from detail_photos import example_of, write_photos

from lib.errors import ConfigError
from lib.facemodel import load_face_model
from lib.networks.cards import file_sha256
from lib.networks.detail_layer import load_detail
from lib.networks.vggface import load_coarse
from lib.training.detail_layer.dataset import find_people
from lib.training.detail_layer.face import DetailFace
from lib.training.detail_layer.options import DetailTrainingOptions, filled
from lib.training.detail_layer.run import train_detail_coarse, train_detail_fine
from lib.training.detail_layer.task import CoarseDetailTask, FineDetailTask
from lib.training.loop import Training, batches, best_epoch
from lib.training.processes import Processes

CPU = torch.device("cpu")
ALONE = Processes(0, 1, CPU)
TINY = DetailTrainingOptions(
    width=0.03,
    input_px=32,
    chart_px=32,
    steps=2,
    batch=1,
    save_steps=2,
    learning_rate=1e-3,
    validation=0.3,
    print_every=1,
    pictures_every=2,
    workers=0,
)


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def face(model):
    return DetailFace.of_model(model, TINY.chart_px, CPU)


@pytest.fixture(scope="module")
def photos(face, model, tmp_path_factory):
    """Three people in one file of records."""
    folder = tmp_path_factory.mktemp("data")
    return str(write_photos(folder / "a.tfrecords", [example_of(face, model, k) for k in range(3)]))


@pytest.fixture(scope="module")
def options(photos):
    return replace(TINY, data=[photos])


@pytest.fixture(scope="module")
def coarse(options, tmp_path_factory):
    """A coarse network that was trained for two steps."""
    folder = tmp_path_factory.mktemp("coarse")
    train_detail_coarse(options, folder, CPU, "makehuman")
    return folder


def test_a_training_leaves_weights_card_curves_and_pictures(coarse):
    network, card = (
        load_coarse(coarse / "coarse.pt"),
        json.loads((coarse / "card.json").read_text()),
    )
    assert card["card"]["sha256"] == file_sha256(coarse / "coarse.pt")
    assert card["data"]["train"]["photos"] == 2 and card["data"]["validation"]["photos"] == 1
    assert card["steps"] == 2 and network.layout.albedo == 32
    names = {path.name for path in coarse.iterdir()}
    assert {"curves.csv", "curves.png", "checkpoint_last.pt", "pictures"} <= names
    assert [path.name for path in (coarse / "pictures").iterdir()] == ["step_0000002.png"]


@pytest.mark.slow
def test_the_weights_that_validate_best_are_promoted(coarse, options, tmp_path):
    """A rate that ruins everything: what it began with stays, and the card says so."""
    start = str(coarse / "coarse.pt")
    ruin = replace(options, coarse=start, learning_rate=30.0, least_rate=30.0)
    train_detail_coarse(ruin, tmp_path, CPU, "makehuman")
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["promoted"] == {"step": 0, "better_than_start": False}
    before, after = (
        load_coarse(start).state_dict(),
        load_coarse(tmp_path / "coarse.pt").state_dict(),
    )
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_the_fine_network_trains_on_a_frozen_coarse_one(coarse, options, tmp_path):
    start = file_sha256(coarse / "coarse.pt")
    fine = replace(options, coarse=str(coarse / "coarse.pt"))
    trained = train_detail_fine(fine, tmp_path, CPU, "makehuman")
    assert file_sha256(coarse / "coarse.pt") == start
    relief = load_detail(tmp_path / "fine.pt")(torch.zeros(1, 3, 32, 32))
    assert relief.shape == (1, 1, 32, 32) and relief.abs().max() <= 1
    assert {"photo", "photo_without", "relief_mm", "smooth_uv"} <= set(trained.validation)


def training(face, options, part, folder, coarse=None):
    options = filled(options, part)
    people = find_people(options.data)
    places = [person.place for person in people]
    if part == "coarse":
        task = CoarseDetailTask(face, places, options, CPU)
    else:
        task = FineDetailTask(face, places, options, CPU, load_coarse(coarse / "coarse.pt"))
    names = [person.name for person in people]
    return Training(task, options, ([0, 1], [2]), names, folder, ALONE)


@pytest.mark.parametrize("part", ["coarse", pytest.param("fine", marks=pytest.mark.slow)])
def test_a_training_that_was_stopped_ends_with_the_same_bits(part, face, options, coarse, tmp_path):
    options = replace(options, pictures_every=0, steps=4)
    whole = training(face, options, part, tmp_path / "whole", coarse).run()
    training(face, options, part, tmp_path / "parts", coarse).run(most_steps=3)
    rest = training(face, options, part, tmp_path / "parts", coarse)
    assert rest.progress.total == 2  # a checkpoint every `save_steps`
    again = rest.run()
    pairs = zip(whole.network.parameters(), again.network.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert whole.validation == again.validation


def test_steps_follow_one_another_over_shuffled_passes():
    options = replace(TINY, steps=10, save_steps=4, batch=3, seed=5)
    rounds = [batches(range(7), options, epoch, ALONE) for epoch in range(options.epochs)]
    assert [len(steps) for steps in rounds] == [4, 4, 2]
    order = [index for steps in rounds for step in steps for index in step]
    passes = [order[k : k + 7] for k in range(0, 28, 7)]
    assert len(order) == 30 and all(sorted(one) == list(range(7)) for one in passes)
    assert passes[0] != passes[1]
    pair = [batches(range(7), replace(options, batch=1), 0, Processes(r, 3, CPU)) for r in range(3)]
    assert [step[0] for steps in zip(*pair) for step in steps] == order[:12]


@pytest.mark.slow
def test_old_checkpoints_go_but_the_best_stays(face, options, tmp_path):
    options = replace(options, save_steps=1, steps=4, keep=1, pictures_every=0)
    trained = training(face, options, "coarse", tmp_path).run()
    best = best_epoch(trained.rows)
    kept = {int(path.stem[-6:]) for path in tmp_path.glob("checkpoint_0*.pt")}
    assert kept == {4, best} - {0}


def test_gradients_are_cut_by_value(face, options, tmp_path):
    run = training(face, replace(options, clip=1e-4), "coarse", tmp_path)
    run.run(most_steps=1)
    largest = max(float(p.grad.abs().max()) for p in run.network.parameters())
    assert largest == pytest.approx(1e-4, rel=1e-5)


def test_settings_that_cannot_be_are_refused(options, coarse, tmp_path):
    with pytest.raises(ConfigError, match=r"detail_training\.chart_px is 48, expected a power"):
        train_detail_coarse(replace(options, chart_px=48), tmp_path, CPU, "makehuman")
    with pytest.raises(ConfigError, match=r"detail_training\.coarse is empty, expected weights"):
        train_detail_fine(options, tmp_path, CPU, "makehuman")
    with pytest.raises(ConfigError, match=r"detail_training\.data names .*nothing, expected"):
        train_detail_coarse(
            replace(options, data=[str(tmp_path / "nothing")]), tmp_path, CPU, "makehuman"
        )


def test_what_0_means_depends_on_the_network():
    zero = DetailTrainingOptions()
    assert (filled(zero, "coarse").batch, filled(zero, "fine").batch) == (16, 48)
    coarse = filled(zero, "coarse")
    assert coarse.rate(0) == 1e-5 and coarse.rate(2000) == pytest.approx(0.98e-5)
    assert coarse.rate(1000) == pytest.approx(1e-5 * np.sqrt(0.98))
    assert coarse.rate(10**9) == 1e-6
