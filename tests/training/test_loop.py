import csv
import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist

from lib.errors import ConfigError
from lib.networks.cards import WeightCard, file_sha256
from lib.networks.matcher import Matcher, load_matcher
from lib.networks.mvfr import load_implicit, project
from lib.training.card import write_card, write_weights
from lib.training.curves import draw_curves
from lib.training.implicit import ImplicitTask, implicit_loss
from lib.training.loop import Training, batches, learning_rate
from lib.training.options import TrainingOptions, filled
from lib.training.processes import Processes, joined
from lib.training.run import train_implicit
from lib.training.store import find_sources, open_store, split_sources
from tests.networks.published import implicit_shapes
from tests.training.worlds import TINY, write_world

PROJECT = Path(__file__).parents[2]
CPU = torch.device("cpu")
ALONE = Processes(0, 1, CPU)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("world"), 4)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("scenes")


def training(world, place, folder, **changes):
    options = filled(replace(TINY, data=[str(world)], **changes), "implicit")
    sources = find_sources(options.data)
    store = open_store(sources, place, options)
    split = split_sources(sources, options.validation, options.seed)
    names = [source.name for source in sources]
    return Training(ImplicitTask(store, options), options, split, names, folder, ALONE)


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one | other)


def without_seconds(rows):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


@pytest.mark.parametrize("method", ["learned", "mvfr"])
@pytest.mark.parametrize("killed_after", [1, 4])
def test_a_killed_training_goes_on_to_the_same_bits(
    world, place, tmp_path, method, killed_after, monkeypatch
):
    """Steps are 3 per epoch: killed inside the first epoch, and inside the second."""
    monkeypatch.setattr("lib.training.loop.SAVE_STEPS", 1)
    kind = {"method": method, "schedule": "cosine"}
    whole = training(world, place, tmp_path / "whole", **kind).run()
    first = training(world, place, tmp_path / "parts", **kind)
    first.run(most_steps=killed_after)
    torch.manual_seed(99)  # whatever else the process did meanwhile
    second = training(world, place, tmp_path / "parts", **kind)
    assert second.progress.total == killed_after
    found = second.run()
    assert same(whole.network.state_dict(), found.network.state_dict())
    assert without_seconds(whole.rows) == without_seconds(found.rows)
    moments = [item.optimiser["state"][0]["exp_avg_sq"] for item in (whole, found)]
    assert torch.equal(*moments) and whole.steps == found.steps == 6


def test_another_seed_trains_another_network(world, place, tmp_path):
    one, other = (training(world, place, tmp_path / str(k), seed=k, epochs=1).run() for k in (0, 1))
    assert not same(one.network.state_dict(), other.network.state_dict())


def test_training_lowers_the_loss_of_people_it_never_saw(world, place, tmp_path):
    kind = {"epochs": 30, "learning_rate": 5e-3, "save_every": 30, "points": 200}
    rows = training(world, place, tmp_path, **kind).run().rows
    before, after = [row["loss"] for row in rows if row["split"] == "validation"]
    assert after < 0.85 * before


@pytest.mark.slow
def test_training_finds_surfaces_of_people_it_never_saw(tmp_path):
    fine = {"d_size": 25, "interval_mm": 1.0, "uv_size": 64, "sigma": 4.0}
    kind = fine | {"epochs": 30, "learning_rate": 5e-3, "save_every": 30, "points": 400}
    world = write_world(tmp_path / "world", 4, scale=2)
    rows = training(world, tmp_path / "scenes", tmp_path / "out", **kind).run().rows
    before, after = [row["median_mm"] for row in rows if row["split"] == "validation"]
    assert after < 0.6 * before


def test_other_settings_or_data_do_not_go_on_silently(world, place, tmp_path):
    training(world, place, tmp_path, epochs=1).run()
    with pytest.raises(
        ConfigError, match=r"other settings: training\.sigma 2\.0 -> 3\.0.*resume: false"
    ):
        training(world, place, tmp_path, epochs=1, sigma=3.0)
    with pytest.raises(ConfigError, match="other captures"):
        other = write_world(tmp_path / "other", 3, first=7)
        training(other, tmp_path / "scenes", tmp_path, epochs=1)
    (tmp_path / "checkpoint_last.pt").write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"checkpoint_last\.pt cannot be read"):
        training(world, place, tmp_path, epochs=1)
    assert training(world, place, tmp_path, epochs=1, resume=False).progress.total == 0


def test_more_epochs_may_be_added_where_the_rate_is_constant(world, place, tmp_path):
    training(world, place, tmp_path / "a", epochs=1).run()
    longer = training(world, place, tmp_path / "a", epochs=2).run()
    whole = training(world, place, tmp_path / "b", epochs=2).run()
    assert same(longer.network.state_dict(), whole.network.state_dict())
    training(world, place, tmp_path / "c", epochs=1, schedule="cosine").run()
    with pytest.raises(ConfigError, match=r"training\.epochs 1 -> 2"):
        training(world, place, tmp_path / "c", epochs=2, schedule="cosine")


def test_rates_follow_their_schedule():
    options = TrainingOptions(learning_rate=0.1)
    assert learning_rate(options, 0.9) == 0.1
    cosine, step = replace(options, schedule="cosine"), replace(options, schedule="step")
    found = [learning_rate(cosine, share) for share in (0, 0.5, 1)]
    assert found == pytest.approx([0.1, 0.05, 0])
    found = [learning_rate(step, share) for share in (0.59, 0.6, 0.84, 0.85)]
    assert found == pytest.approx([0.1, 0.01, 0.01, 0.001])


@pytest.mark.parametrize(("world_size", "batch"), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 4)])
def test_every_capture_is_in_an_epoch_and_processes_have_equally_many_steps(world_size, batch):
    options = TrainingOptions(batch=batch, seed=3)
    parts = [
        batches(range(7), options, 5, Processes(k, world_size, CPU)) for k in range(world_size)
    ]
    assert len({len(part) for part in parts}) == 1
    assert {index for part in parts for group in part for index in group} == set(range(7))
    assert all(len(group) == batch for part in parts for group in part)
    other = batches(range(7), options, 6, Processes(0, world_size, CPU))
    assert other != parts[0]


def test_zero_means_the_published_schedule():
    options = filled(TrainingOptions(), "implicit")
    assert (options.epochs, options.batch, options.learning_rate) == (200, 1, 1e-3)
    options = filled(TrainingOptions(epochs=3), "regularise")
    assert (options.epochs, options.batch, options.learning_rate) == (3, 2, 1e-4)
    with pytest.raises(ConfigError, match=r"training\.views is 1"):
        filled(TrainingOptions(views=1), "implicit")


@pytest.mark.parametrize("logits", [True, False])
def test_losses_are_what_their_names_say(logits):
    odds, answer = torch.tensor([-1.0, 0.5, 2.0]), torch.tensor([0.1, 0.6, 1.0])
    p = torch.sigmoid(odds)
    given = odds if logits else p
    entropy = -(answer * p.log() + (1 - answer) * (1 - p).log()).mean()
    expected = {
        "mse": (p - answer).square().mean(),
        "l1": (p - answer).abs().mean(),
        "bce": entropy,
    }
    for kind, value in expected.items():
        torch.testing.assert_close(implicit_loss(given, answer, kind, logits), value)


def test_half_precision_keeps_projections_exact():
    """A place of a thousand pixels would be off by whole pixels in half precision."""
    chance = torch.Generator().manual_seed(0)
    points = torch.rand(50, 3, generator=chance) * 200
    projection = torch.tensor([[2000.0, 0, 900, 100], [0, 2000, 700, 50], [0, 0, 1, 900]])
    exact = points.double() @ projection[:, :3].double().T + projection[:, 3].double()
    with torch.autocast("cpu", torch.bfloat16):
        found = project(points, projection)
    torch.testing.assert_close(found.double(), exact, rtol=1e-6, atol=0)


def test_half_precision_changes_answers_little(world, place, tmp_path):
    run = training(world, place, tmp_path)
    asked = run.task.draw(0, np.random.default_rng(0))
    with torch.no_grad():
        whole = run.task.respond(run.network.eval(), asked)
        with torch.autocast("cpu", torch.bfloat16):
            half = run.task.respond(run.network, asked)
    assert half.dtype == torch.float32
    assert np.corrcoef(whole.numpy(), half.numpy())[0, 1] > 0.98


def test_a_training_leaves_weights_card_and_curves(world, tmp_path):
    options = replace(TINY, data=[str(world)], method="mvfr", epochs=1, long_side_px=40)
    trained = train_implicit(options, tmp_path, CPU)
    network = load_implicit(tmp_path / "checkpoint_if.pkl")
    assert same(network.state_dict(), trained.network.state_dict())
    content = torch.load(tmp_path / "checkpoint_if.pkl", weights_only=True)
    assert set(content) == {
        *("model_state_dict", "optimizer_state_dic", "loss_list", "epoch", "global_step"),
        "long_side_px",  # what the published file need not tell
    }
    assert network.long_side_px == 40
    assert set(content["model_state_dict"]) == set(implicit_shapes())
    assert (content["epoch"], content["global_step"]) == (1, 3) and len(content["loss_list"]) == 1
    told = json.loads((tmp_path / "card.json").read_text())
    card = WeightCard(**told["card"])
    assert card.sha256 == file_sha256(tmp_path / "checkpoint_if.pkl")
    assert "CC0" in card.licence and told["validation"]["loss"] > 0
    assert len(told["data"]["train"]) == 3 and len(told["data"]["validation"]) == 1
    rows = list(csv.DictReader((tmp_path / "curves.csv").open()))
    assert [(row["epoch"], row["split"]) for row in rows] == [
        *(("0", "validation"), ("1", "train"), ("1", "validation"))
    ]
    assert (tmp_path / "checkpoint_000001.pt").is_file()
    assert (tmp_path / "curves.png").stat().st_size > 500


def test_our_weights_load_by_themselves(world, place, tmp_path):
    run = training(world, place, tmp_path, epochs=1)
    trained = run.run()
    path = write_weights(tmp_path, "implicit", run.options, trained)
    loaded = load_matcher(path)
    assert same(loaded.state_dict(), trained.network.state_dict())
    assert loaded.span_mm == run.options.range_mm == 12
    captures = {"train": ["facescape_1_neutral"], "validation": ["b"]}
    card = write_card(tmp_path, path, "implicit", run.options, trained, captures, False)
    assert "forbids passing on" in json.loads(card.read_text())["card"]["licence"]


def test_curves_show_both_splits():
    rows = [
        {"epoch": e, "step": e, "split": split, "loss": loss / (1 + e)}
        for split, loss in (("train", 1.0), ("validation", 2.0))
        for e in range(5)
    ]
    found = draw_curves(rows)
    assert found.shape == (480, 800, 3)
    colours = set(map(tuple, found.reshape(-1, 3)))
    assert {(31, 119, 180), (214, 39, 40)} <= colours
    assert draw_curves([]).shape == found.shape


@pytest.mark.slow
def test_two_processes_train_as_one_with_twice_the_batch(world, tmp_path):
    settings = {
        key: value for key, value in vars(TINY).items() if value != TrainingOptions().__dict__[key]
    }
    settings |= {"data": [str(world)], "epochs": 2}
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"device": "cpu", "training": settings}))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "lib.training", "implicit"]
    command += [str(tmp_path / "two"), "--configfile", str(config)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    one = train_implicit(replace(TINY, data=[str(world)], epochs=2, batch=2), tmp_path / "one", CPU)
    two = load_matcher(tmp_path / "two" / "matcher.pt").state_dict()
    torch.manual_seed(TINY.seed)
    start = Matcher(12.0).state_dict()
    moved = sum(
        (value - start[name]).abs().sum() for name, value in one.network.state_dict().items()
    )
    apart = sum((value - two[name]).abs().sum() for name, value in one.network.state_dict().items())
    assert moved > 10 and apart < 0.02 * moved  # sums of floats in another order


def test_processes_wait_while_the_first_prepares_large_data(monkeypatch):
    """By default they give up after 10 or 30 minutes."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    asked = {}
    monkeypatch.setattr(dist, "init_process_group", lambda *_, **given: asked.update(given))
    monkeypatch.setattr(dist, "get_rank", lambda: 1)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: None)
    with joined(CPU) as processes:
        assert processes.rank == 1 and not processes.first
    assert asked["timeout"] >= timedelta(days=1)


def test_a_refused_command_says_why(tmp_path, capsys, monkeypatch):
    from lib.training.__main__ import main

    config = tmp_path / "config.yaml"
    config.write_text("training: {method: magic}")
    assert main(["implicit", str(tmp_path), "--configfile", str(config)]) == 1
    assert "training.method" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)  # where no head model is
    config.write_text("preset: deep3d")
    assert main(["coarse", str(tmp_path), "--configfile", str(config)]) == 1
    assert "face model 'bfm09'" in capsys.readouterr().err  # the preset's, which is not there
