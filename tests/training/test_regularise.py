import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.artefacts import BatchWriter, Volume
from lib.errors import ConfigError
from lib.networks.mvfr import load_regulariser
from lib.networks.smoother import load_smoother
from lib.training.loop import Training
from lib.training.options import filled
from lib.training.processes import Processes
from lib.training.regularise import (
    Example,
    RegulariseTask,
    example_of_volume,
    examples_of_volumes,
    load_example,
    save_example,
)
from lib.training.run import train_implicit, train_regularise
from lib.uvspace.grid import chart_grid
from tests.networks.published import regulariser_shapes
from tests.synthetic_head import synthetic_model
from tests.training.worlds import BUMP_MM, TINY, truth, write_world

CPU = torch.device("cpu")
DEPTH = 9


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("world"), 3)


def example(seed, rows=12, cols=16, interval=0.2):
    """A smooth surface, its responses noisy; some texels unknown."""
    chance = np.random.default_rng(seed)
    v, u = np.mgrid[:rows, :cols] / 8
    surface = 2.0 * np.sin(u + chance.uniform(0, 6)) * np.cos(v + chance.uniform(0, 6))
    index = np.arange(DEPTH)[:, None, None] - DEPTH // 2
    bell = np.exp(-0.5 * ((index - surface) / 0.8) ** 2)
    response = np.clip(0.6 * bell + 0.45 * chance.random(bell.shape), 0, 1)
    distance = surface.astype(np.float32)
    distance[0, :3] = np.nan
    compared = chance.integers(2, 6, (rows, cols)).astype(np.uint8)
    mask = np.ones((rows, cols), bool)
    mask[-2:] = False
    return Example((255 * response).astype(np.uint8), compared, mask, distance, interval)


def files(folder, count=5):
    paths = [folder / f"{k}.npz" for k in range(count)]
    for k, path in enumerate(paths):
        save_example(path, example(k))
    return paths


def options(**changes):
    return filled(replace(TINY, d_size=DEPTH, **{"epochs": 2, **changes}), "regularise")


def train(folder, paths, **changes):
    chosen = options(**changes)
    names = [path.stem for path in paths]
    split = (list(range(len(paths) - 1)), [len(paths) - 1])
    processes = Processes(0, 1, CPU)
    return Training(RegulariseTask(paths, chosen), chosen, split, names, folder, processes)


def test_an_example_comes_back_from_its_file(tmp_path):
    (path,) = files(tmp_path, 1)
    found, given = load_example(path), example(0)
    for name in vars(given):
        np.testing.assert_array_equal(getattr(found, name), getattr(given, name))


@pytest.mark.parametrize("method", ["learned", "mvfr"])
def test_texels_that_are_unknown_or_off_the_mask_have_no_part_in_the_loss(tmp_path, method):
    (path,) = files(tmp_path, 1)
    task = RegulariseTask([path], options(method=method))
    network = task.network().eval()
    given = example(0)
    changed = given.distance.copy()
    changed[-1] = 50.0  # off the mask
    save_example(tmp_path / "other.npz", replace(given, distance=changed))
    other = RegulariseTask([tmp_path / "other.npz"], options(method=method))
    one, two = (item.score(network, 0, CPU) for item in (task, other))
    assert one == two and np.isfinite(one["loss"])


def test_the_published_loss_is_in_intervals_and_the_score_in_mm(tmp_path):
    (path,) = files(tmp_path, 1)
    save_example(tmp_path / "mm.npz", example(0, interval=0.5))
    paths = [path, tmp_path / "mm.npz"]
    task = RegulariseTask(paths, options(method="mvfr"))
    network = task.network().eval()
    one, two = (task.score(network, k, CPU) for k in (0, 1))
    assert one["loss"] == two["loss"]
    assert two["mean_mm"] == pytest.approx(2.5 * one["mean_mm"])
    asked = task.draw(0, np.random.default_rng(0))
    found, _ = task.find(network, asked)
    known = torch.isfinite(asked.distance)
    expected = (found - asked.distance)[known].square().mean()
    assert one["loss"] == pytest.approx(float(expected.detach()), rel=1e-5)


def test_training_beats_the_highest_response(tmp_path):
    paths = files(tmp_path, 8)
    kind = {"epochs": 25, "learning_rate": 1e-2, "batch": 2, "save_every": 25}
    rows = train(tmp_path / "out", paths, **kind).run().rows
    last = rows[-1]
    assert last["split"] == "validation"
    assert last["mean_mm"] < 0.75 * last["argmax_mean_mm"]


@pytest.mark.parametrize("method", ["learned", "mvfr"])
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, method, monkeypatch):
    monkeypatch.setattr("lib.training.loop.SAVE_STEPS", 1)
    paths = files(tmp_path)
    whole = train(tmp_path / "whole", paths, method=method).run()
    train(tmp_path / "parts", paths, method=method).run(most_steps=3)
    parts = train(tmp_path / "parts", paths, method=method).run()
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, parts.network.state_dict()[name]), name


def test_a_depth_that_the_published_network_cannot_take_is_told():
    with pytest.raises(ConfigError, match=r"training\.d_size is 10;.*training\.d_size: 13"):
        RegulariseTask([], replace(options(method="mvfr"), d_size=10))


@pytest.mark.parametrize("method", ["learned", "mvfr"])
def test_a_regulariser_is_trained_on_what_an_implicit_function_says(world, tmp_path, method):
    chosen = replace(TINY, data=[str(world)], method=method, epochs=1)
    train_implicit(chosen, tmp_path / "implicit", CPU)
    weights = tmp_path / "implicit" / {"mvfr": "checkpoint_if.pkl", "learned": "matcher.pt"}[method]
    trained = train_regularise(chosen, tmp_path / "out", CPU, weights)
    if method == "mvfr":
        path = tmp_path / "out" / "checkpoint_reg.pkl"
        found = load_regulariser(path)
        content = torch.load(path, weights_only=True)
        assert set(content["model_state_dict"]) == set(regulariser_shapes())
    else:
        found = load_smoother(tmp_path / "out" / "smoother.pt")
    for name, value in trained.network.state_dict().items():
        assert torch.equal(value, found.state_dict()[name])
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["card"]["name"] == f"regularise_{method}"
    assert card["validation"]["argmax_mean_mm"] > 0


def test_without_volumes_and_weights_it_says_so(world, tmp_path):
    with pytest.raises(ConfigError, match=r"training\.responses is empty"):
        train_regularise(replace(TINY, data=[str(world)]), tmp_path, CPU)


def volume(shift_mm=1.0):
    """A volume about the true head, as a run makes it; its middle hypotheses lie off by a shift."""
    given, model = truth(0, "egg"), synthetic_model()
    grid = chart_grid(model, given.vertices_mm, 32)
    return given, Volume(
        method="matching",
        position_mm=np.where(grid.mask[..., None], grid.position, np.nan),
        normal=grid.normal,
        centre_mm=np.full(grid.mask.shape, shift_mm),
        interval_mm=2.0,
        response=np.random.default_rng(0).integers(0, 256, (DEPTH, *grid.mask.shape)),
        n_compared=3 * grid.mask,
    )


def test_a_volume_of_a_run_has_its_truth_in_intervals_from_its_middle():
    given, made = volume(1.0)
    found = example_of_volume(made, given)
    known = np.isfinite(found.distance)
    assert known.sum() > 100
    # The surface lies BUMP_MM from the base, away from the middle of the egg.
    assert 0.6 * BUMP_MM - 1 < np.median(found.distance[known]) * 2.0 <= BUMP_MM - 1 + 0.2
    other = example_of_volume(volume(2.0)[1], given)
    both = known & np.isfinite(other.distance)
    np.testing.assert_allclose(found.distance[both] - other.distance[both], 0.5, atol=1e-4)
    assert found.interval_mm == 2.0 and (found.mask == made.n_compared.astype(bool)).all()


def test_volumes_are_matched_with_truths_by_name(world, tmp_path):
    path = tmp_path / "volume.h5"
    with BatchWriter(path, Volume, "implicit") as writer:
        for name in ("egg_000001", "somebody_else", "egg_000000"):
            writer.add(name, volume()[1])
    found, names, subjects = examples_of_volumes([str(path)], [str(world)], tmp_path / "out")
    assert names == ["egg_000001", "egg_000000"] and subjects == ["person_1", "person_0"]
    assert all(file.is_file() for file in found)
    trained = train_regularise(
        replace(TINY, data=[str(world)], responses=[str(path)], epochs=1), tmp_path / "run", CPU
    )
    assert trained.steps == 1
    with pytest.raises(ConfigError, match="none of the captures"):
        examples_of_volumes([str(path)], [], tmp_path)
    with pytest.raises(ConfigError, match="whose volumes are they"):
        examples_of_volumes([str(path)], [str(world), str(world)], tmp_path)
