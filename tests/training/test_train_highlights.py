"""Training and test of highlight networks: folders like SHIQ's, losses, resuming to the bit."""

import csv
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from lib.artefacts import BatchReader, BatchWriter, Truth
from lib.errors import ConfigError, MissingModelError
from lib.imaging import linear_to_srgb, srgb_to_linear
from lib.networks.checkpoints import CheckpointError
from lib.networks.highlight_unet import HighlightNetworkOptions, Removed, load_highlight_network
from lib.networks.vgg19 import STYLE_LAYERS, Vgg19Features, load_vgg19
from lib.training.highlights import augment, losses, pairs
from lib.training.highlights.augment import (
    Camera,
    Pair,
    coded,
    cut_render,
    cut_square,
    developed,
    draw_camera,
    mirrored,
)
from lib.training.highlights.judge import judge_highlights
from lib.training.highlights.options import HighlightTrainingOptions, filled
from lib.training.highlights.pairs import find_items, shiq_items
from lib.training.highlights.run import WEIGHTS, train_highlights
from lib.training.highlights.task import HighlightTask, asked
from lib.training.loop import Training, learning_rate
from lib.training.optimiser import optimiser_of
from lib.training.processes import joined
from lib.training.state import LAST
from scripts import test_highlights as test_script
from scripts import train_highlights as train_script
from tests.artefacts.samples import random_artefact

TINY = HighlightNetworkOptions(
    detection=(4, 4, 4, 4, 4),
    removal=(4, 4, 4, 4, 4),
    blocks=(2, 2, 2, 2),
    heads=(1, 1, 1, 1),
    head_dim=2,
    window=2,
)
CPU = torch.device("cpu")


def write_shiq(folder, count=6, size=(36, 40), seed=0, truth=True):
    """Pictures of one colour each with a white spot, laid out like SHIQ's."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[: size[0], : size[1]]
    for name in range(1, count + 1):
        diffuse = np.tile(rng.uniform(0.2, 0.6, 3), (*size, 1))
        at = rng.uniform(0.3, 0.7, 2) * size
        spot = np.exp(-((rows - at[0]) ** 2 + (cols - at[1]) ** 2) / 40)[..., None]
        files = {"A": diffuse + 0.5 * spot, "D": diffuse, "T": spot[..., 0] > 0.4}
        for letter, part in files.items():
            if letter == "A" or truth:
                pixels = np.rint(255 * np.clip(part, 0, 1)).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{name}_{letter}.png")
    return folder


@pytest.fixture
def shiq(tmp_path):
    return write_shiq(tmp_path / "SHIQ")


def options(folder, **changes):
    usual = {"data": [str(folder)], "validation": 0.34, "epochs": 4, "batch": 2, "workers": 0}
    return HighlightTrainingOptions(**usual | {"crop_px": 32, "learning_rate": 0.01} | changes)


def vgg_file(path):
    """A file of torchvision's layout with random weights, classifier and later layers too."""
    torch.manual_seed(0)
    state = Vgg19Features().state_dict()
    state |= {"features.34.weight": torch.zeros(1), "classifier.0.weight": torch.zeros(1)}
    torch.save(state, path)
    return str(path)


# --- data


def test_pictures_come_in_the_order_of_their_numbers(tmp_path):
    folder = write_shiq(tmp_path / "many", 11, (4, 4))
    (folder / "3_S.png").write_bytes(b"not read")
    assert [item.name for item in shiq_items(folder)] == [str(k) for k in range(1, 12)]


def test_a_picture_is_what_the_files_hold(shiq):
    pair = shiq_items(shiq)[1].whole()
    assert pair.photo.shape == pair.diffuse.shape == (36, 40, 3) and pair.mask.shape == (36, 40)
    with Image.open(shiq / "2_A.png") as file:
        assert np.array_equal(np.rint(pair.photo * 255), np.asarray(file))
    assert set(np.unique(pair.mask)) == {0, 1}


def test_what_is_missing_or_does_not_fit_is_told(tmp_path, shiq):
    Image.new("RGB", (10, 10)).save(shiq / "4_D.png")
    with pytest.raises(ConfigError, match=r"4_D\.png has 10 x 10 px, 4_A\.png 40 x 36;"):
        shiq_items(shiq)[3].whole()
    (shiq / "4_D.png").write_bytes(b"broken")
    with pytest.raises(ConfigError, match=r"4_D\.png cannot be read as a picture"):
        shiq_items(shiq)[3].whole()
    (shiq / "4_D.png").unlink()
    with pytest.raises(ConfigError, match=r"has 4_A\.png, but not 4_D\.png"):
        find_items([str(shiq)], tmp_path)
    assert find_items([str(shiq)], tmp_path, truth=False)[3].whole().diffuse is None
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"holds no picture \{id\}_A\.png"):
        find_items([str(tmp_path / "empty")], tmp_path)
    with pytest.raises(ConfigError, match=r"names .*gone, expected a shard"):
        find_items([str(tmp_path / "gone")], tmp_path)
    with pytest.raises(ConfigError, match="names nothing"):
        find_items([], tmp_path)
    copy = write_shiq(tmp_path / "again", 2)
    with pytest.raises(ConfigError, match="2 names of pictures occur twice, such as 1"):
        find_items([str(write_shiq(tmp_path / "one", 2)), str(copy)], tmp_path)


def test_squares_hold_the_same_place_of_all_parts():
    rng = np.random.default_rng(0)
    photo = rng.random((20, 30, 3), np.float32)
    pair = cut_square(Pair(photo, photo / 2, photo[..., 0]), 12, rng)
    assert pair.photo.shape == (12, 12, 3)
    assert np.array_equal(pair.diffuse * 2, pair.photo)
    assert np.array_equal(pair.mask, pair.photo[..., 0])
    wide = cut_square(Pair(photo, None, None), 25, rng).photo
    assert wide.shape == (25, 25, 3) and np.array_equal(wide[20:], wide[15:20][::-1])


def test_flips_turn_the_axes_that_they_may():
    photo = np.arange(12, dtype=np.float32).reshape(2, 2, 3)

    def seen(flip):
        chance = np.random.default_rng(0)
        pairs = [mirrored(Pair(photo, None, photo[..., 0]), flip, chance) for _ in range(40)]
        assert all(np.array_equal(pair.photo[..., 0], pair.mask) for pair in pairs)
        return {float(pair.photo[0, 0, 0]) for pair in pairs}

    assert seen("none") == {0} and seen("sides") == {0, 3} and seen("both") == {0, 3, 6, 9}


def test_a_render_is_developed_as_its_parts():
    diffuse = np.full((2, 2, 3), 0.3, np.float32)
    specular = np.zeros((2, 2, 3), np.float32)
    specular[0, 0] = 0.2
    specular[0, 1] = 5
    pair = developed(diffuse, specular)
    assert np.allclose(pair.diffuse, linear_to_srgb(np.float32(0.3)), atol=1e-6)
    assert np.allclose(pair.photo[0, 0], linear_to_srgb(np.float32(0.5)), atol=1e-6)
    assert np.allclose(pair.photo[0, 1], 1, atol=1e-6) and pair.mask.tolist() == [[1, 1], [0, 0]]


def render(size=(60, 70)):
    """Matte and mirrored light, a face, and one bright spot on it."""
    rng = np.random.default_rng(0)
    diffuse = 0.2 + 0.3 * rng.random((*size, 3), np.float32)
    specular = np.zeros((*size, 3), np.float32)
    specular[20:24, 40:44] = 0.5
    face = np.zeros(size, bool)
    face[10:50, 5:50] = True
    return diffuse, specular, face


def test_cuts_of_a_render_are_drawn_by_chance_alone():
    for seed in range(6):
        first, again = (cut_render(*render(), 24, np.random.default_rng(seed)) for _ in range(2))
        assert first.photo.shape == (24, 24, 3) and first.weight.shape == (24, 24)
        assert all(np.array_equal(a, b) for a, b in zip(first, again))


def test_most_cuts_show_a_highlight_and_what_is_no_face_counts_little():
    pairs = [cut_render(*render(), 20, np.random.default_rng(seed)) for seed in range(60)]
    assert np.mean([pair.mask.any() for pair in pairs]) > 0.5
    weights = np.concatenate([pair.weight.ravel() for pair in pairs])
    assert weights.min() == pytest.approx(augment.OFF_FACE) and weights.max() == pytest.approx(1)


def test_cuts_without_mirrored_light_are_photos_without_highlights():
    diffuse, specular, face = render()
    for seed in range(8):
        pair = cut_render(diffuse, 0 * specular, face, 24, np.random.default_rng(seed))
        np.testing.assert_allclose(pair.photo, pair.diffuse, atol=1e-6)
        assert not pair.mask.any()


def test_cameras_press_bright_light_and_never_turn_its_order():
    light = np.repeat(np.linspace(0, 3, 400, dtype=np.float32)[None, :, None], 3, axis=2)
    for seed in range(12):
        camera = replace(draw_camera(np.random.default_rng(seed)), sharpening=0.0)
        assert (np.diff(camera.encoded(light)[0, :, 0]) >= -1e-6).all()
    pressed = Camera(knee=0.6).encoded(np.full((1, 1, 3), 1.0, np.float32))
    assert 0.6 < srgb_to_linear(pressed)[0, 0, 0] < 0.95
    assert Camera().encoded(np.full((1, 1, 3), 1.5, np.float32))[0, 0, 0] == 1


def test_jpeg_harms_the_picture_without_highlights_as_it_does_the_photo():
    rng = np.random.default_rng(1)
    photo = 0.3 + 0.4 * rng.random((32, 32, 3), np.float32)
    pair = coded(Pair(photo, photo - np.float32(0.1), None), 60)
    assert np.abs(pair.photo - photo).mean() > 0.01
    np.testing.assert_allclose(pair.photo - pair.diffuse, 0.1, atol=1e-6)


def write_renders(path, count=2):
    """A shard of truth: each photo with matte and mirrored light of one size."""
    with BatchWriter(path, Truth, "synthesise") as writer:
        for index in range(count):
            rng = np.random.default_rng(index)
            light = [rng.random((3, 24, 30, 3)).astype("f2") / 4 for _ in range(2)]
            part = np.zeros((3, 24, 30), np.uint8)
            part[:, 4:16, 6:20] = 8
            changed = {"diffuse": light[0], "specular": light[1], "part": part}
            changed["exposure"] = rng.uniform(0.5, 1.5, (3, 3))
            given = random_artefact(Truth)
            writer.add(f"made_{index}", replace(given, subject=f"person_{index}", **changed))
    return path


def test_a_shard_of_truth_gives_light_as_it_was_exposed(tmp_path):
    shard = write_renders(tmp_path / "shard_0000.h5")
    items = find_items([str(shard)], tmp_path)
    assert [item.subject for item in items] == ["person_0"] * 3 + ["person_1"] * 3
    with BatchReader(shard, Truth) as reader:
        truth = reader["made_1"]
    gain = truth.exposure[2]
    wanted = [np.float32(part[2]) * gain for part in (truth.diffuse, truth.specular)]
    pair = items[5].whole()
    np.testing.assert_allclose(pair.diffuse, linear_to_srgb(np.clip(wanted[0], 0, 1)), atol=2e-3)
    both = linear_to_srgb(np.clip(wanted[0] + wanted[1], 0, 1))
    np.testing.assert_allclose(pair.photo, both, atol=2e-3)
    assert items[5].cut(16, "none", np.random.default_rng(0)).photo.shape == (16, 16, 3)
    first = items[0].file.stat().st_mtime_ns
    again = find_items([str(shard)], tmp_path)  # prepared once
    assert again == items and items[0].file.stat().st_mtime_ns == first


def test_large_renders_are_kept_small(tmp_path, monkeypatch):
    monkeypatch.setattr(pairs, "KEPT_PX", 15)
    items = find_items([str(write_renders(tmp_path / "shard_0000.h5", 1))], tmp_path)
    assert items[0].whole().photo.shape == (12, 15, 3)


# --- losses


def test_content_is_squares_and_slopes():
    found = torch.tensor([[0.0, 1.0], [0.0, 3.0]]).view(1, 1, 2, 2)
    true = torch.zeros(1, 1, 2, 2)
    slopes = (0 + 2) / 2 + (1 + 3) / 2  # down, across
    assert float(losses.content(found, true)) == pytest.approx(0.2 * 10 / 4 + 0.4 * slopes)


def test_cross_entropy_is_that_of_soft_targets_also_where_a_network_is_sure():
    probability = torch.tensor([0.25, 0.5], dtype=torch.float64)
    mask = torch.tensor([0.0, 0.4])
    wanted = -np.log(0.75) - 0.4 * np.log(0.5) - 0.6 * np.log(0.5)
    assert float(losses.cross_entropy(probability, mask)) == pytest.approx(wanted / 2)
    odds = torch.tensor([40.0, -120.0, 3.0], requires_grad=True)  # the first two are 1 and 0
    loss = losses.cross_entropy(odds.sigmoid(), torch.tensor([0.0, 1.0, 1.0]))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(odds.grad).all() and odds.grad[2] < 0


def test_gram_mixes_batch_and_channels():
    features = torch.arange(8.0).view(2, 2, 1, 2)
    rows = features.view(4, 2)
    assert torch.allclose(losses.gram(features), rows @ rows.T / 8)


def test_style_is_that_of_five_layers_before_they_are_cut(tmp_path):
    vgg = load_vgg19(vgg_file(tmp_path / "vgg.pth"))
    one, two = torch.rand(2, 1, 3, 32, 32) * 1.5 - 0.2
    wanted = 0.0
    parts = []
    for picture in (one, two):
        x = (picture.clamp(0, 1) - vgg.mean) / vgg.std
        parts.append([vgg.features[: layer + 1](x) for layer in STYLE_LAYERS])
    assert min(float(part.min()) for part in parts[0]) < 0
    for a, b in zip(*parts):
        wanted += 1e4 * (losses.gram(a) - losses.gram(b)).square().mean()
    assert float(losses.style(vgg, one, two)) == pytest.approx(float(wanted), rel=1e-5)


def test_terms_are_weighted_and_left_out_without_a_weight():
    photo = torch.full((1, 3, 2, 2), 0.5)
    found = Removed(photo, photo + 0.1, torch.full((1, 1, 2, 2), 0.5))
    weights = HighlightTrainingOptions(detection=2.0, coarse=0.0, pixel=3.0)
    terms = losses.highlight_losses(found, photo, torch.ones(1, 1, 2, 2), weights)
    assert set(terms) == {"detection", "content", "pixel"}
    assert float(terms["detection"]) == pytest.approx(2 * np.log(2))
    assert float(terms["pixel"]) == pytest.approx(3 * bent(0.1 + 20 * 0.01))
    more = losses.highlight_losses(
        found, photo, torch.tensor([1.0, 0, 0, 0]).view(1, 1, 2, 2), replace(weights, highlight=4.0)
    )
    assert float(more["pixel"]) == pytest.approx(3 * bent(0.3 * (5 + 3) / 4))
    assert float(terms["content"]) == pytest.approx(0.2 * 0.01)
    half = torch.tensor([1.0, 1, 0, 0]).view(1, 1, 2, 2)
    some = losses.highlight_losses(found, photo, torch.ones(1, 1, 2, 2), weights, weight=half)
    assert float(some["pixel"]) == pytest.approx(3 * bent(0.15))
    assert float(some["detection"]) == pytest.approx(np.log(2))


def bent(mean):
    return 0.02 * np.log1p(mean / 0.02)


def test_a_weak_highlight_counts_beside_a_strong_one():
    true, one = torch.zeros(2, 1, 2, 2), torch.ones(1)
    weak, strong = torch.tensor([0.02, 0.6]).view(2, 1, 1, 1).expand(2, 1, 2, 2).clone()
    whole = losses.pixel(torch.stack([weak, strong]), true, one)
    better_weak = losses.pixel(torch.stack([weak / 2, strong]), true, one)
    better_strong = losses.pixel(torch.stack([weak, strong / 2]), true, one)
    assert 0.2 < float((whole - better_weak) / (whole - better_strong)) < 1


def test_vgg_without_its_layers_is_told(tmp_path):
    state = Vgg19Features().state_dict()
    del state["features.28.bias"]
    torch.save(state, tmp_path / "vgg.pth")
    with pytest.raises(CheckpointError, match=r"1 missing: features\.28\.bias"):
        load_vgg19(tmp_path / "vgg.pth")
    with pytest.raises(ConfigError, match=r"style is 0\.1, but highlight_training\.vgg names no"):
        filled(HighlightTrainingOptions(style=0.1))


# --- settings


def test_zero_means_what_was_published():
    found = filled(HighlightTrainingOptions())
    assert (found.epochs, found.batch, found.learning_rate) == (80, 4, 1e-4)
    assert filled(HighlightTrainingOptions(epochs=3)).epochs == 3
    with pytest.raises(ConfigError, match="checkpoint is 'newest', expected latest, best"):
        filled(HighlightTrainingOptions(checkpoint="newest"))


def test_the_rate_falls_once_per_step_and_not_below_the_least():
    falling = HighlightTrainingOptions(
        learning_rate=1e-3, decay=0.5, decay_epochs=2, least_rate=2e-4
    )
    rates = [falling.rate(epoch) for epoch in range(8)]
    assert rates == pytest.approx([1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4, 2.5e-4, 2e-4, 2e-4])
    assert HighlightTrainingOptions(learning_rate=1e-6).rate(9) == 1e-6


def test_a_cosine_ends_at_no_rate_whatever_the_epochs():
    given = filled(HighlightTrainingOptions(method="learned", schedule="cosine"))
    rates = [learning_rate(given, share) for share in (0, 0.5, 1)]
    assert rates == pytest.approx([1e-3, 5e-4, 0])


def test_the_optimiser_is_the_one_that_is_asked():
    module = torch.nn.Linear(1, 1)
    sgd = optimiser_of(HighlightTrainingOptions(optimiser="sgd", weight_decay=0.1), module)
    assert isinstance(sgd, torch.optim.SGD)
    assert sgd.defaults["momentum"] == 0.9 and sgd.defaults["weight_decay"] == 0.1
    adam = optimiser_of(HighlightTrainingOptions(), module)
    assert isinstance(adam, torch.optim.Adam) and adam.defaults["betas"] == (0.9, 0.999)


# --- training


def test_training_lowers_the_loss_and_leaves_weights_with_their_card(tmp_path, shiq):
    given = options(shiq, epochs=8, learning_rate=0.03, save_every=4)
    done = train_highlights(given, tmp_path / "out", CPU, TINY)
    rows = [row["loss"] for row in done.rows if row["split"] == "validation"]
    assert rows[-1] < 0.8 * rows[0]
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["data"]["train"]["pictures"] == 4 and card["epoch"] == 8
    assert card["validation"]["loss"] < card["before_training"]["loss"]
    loaded = load_highlight_network(tmp_path / "out" / WEIGHTS)
    assert loaded.options == TINY
    for key, value in done.network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value)


def test_weights_of_the_small_network_take_two_bytes_each(tmp_path, shiq):
    given = options(shiq, epochs=1, method="learned", learning_rate=0.01)
    done = train_highlights(given, tmp_path, CPU, replace(TINY, composition="share"))
    file = torch.load(tmp_path / WEIGHTS, weights_only=True)["model"]
    assert {file[name].dtype for name, _ in done.network.named_parameters()} == {torch.float16}
    statistics = "revomal.up1.conv.double_conv.1.running_var"
    assert torch.equal(file[statistics], done.network.state_dict()[statistics])  # may be large
    loaded = load_highlight_network(tmp_path / WEIGHTS).state_dict()
    for key, value in done.network.state_dict().items():
        torch.testing.assert_close(loaded[key], value, rtol=1e-3, atol=1e-4)


def test_sixteen_bits_learn_what_whole_precision_learns(tmp_path, shiq):
    lowered = []
    for name, brief in (("whole", False), ("brief", True)):
        given = options(shiq, epochs=4, learning_rate=0.003, save_every=4, bfloat16=brief)
        rows = train_highlights(given, tmp_path / name, CPU, TINY).rows
        losses = [row["loss"] for row in rows if row["split"] == "validation"]
        lowered.append(losses[-1] / losses[0])
    assert max(lowered) < 0.98 and lowered[0] != lowered[1]
    assert lowered[1] == pytest.approx(lowered[0], abs=0.03)


def test_a_training_that_was_stopped_goes_on_to_the_same_bits(tmp_path, shiq):
    given = filled(options(shiq, decay=0.5, decay_epochs=1, epochs=3, optimiser="sgd"))
    items = find_items(given.data, tmp_path)
    split, names = ([0, 1, 2, 3], [4, 5]), [item.name for item in items]

    def training(folder):
        folder.mkdir(exist_ok=True)
        task = HighlightTask(items, given, TINY)
        with joined(CPU) as processes:
            rate = lambda share, _rows: given.rate(int(share * given.epochs + 1e-9))  # noqa: E731
            yield Training(task, given, split, names, folder, processes, rate)

    (whole,) = training(tmp_path / "whole")
    wanted = whole.run()
    (first,) = training(tmp_path / "parts")
    first.run(most_steps=3)
    first._save(LAST)
    (second,) = training(tmp_path / "parts")
    found = second.run()
    assert found.steps == wanted.steps == 6
    for key, value in wanted.network.state_dict().items():
        assert torch.equal(found.network.state_dict()[key], value), key
    momentum = [state["momentum_buffer"] for state in wanted.optimiser["state"].values()]
    again = [state["momentum_buffer"] for state in found.optimiser["state"].values()]
    assert all(map(torch.equal, momentum, again)) and momentum


def test_the_checkpoint_that_is_asked_becomes_the_weights(tmp_path, shiq):
    folder = tmp_path / "out"
    train_highlights(options(shiq, epochs=3, checkpoint="2", keep=0), folder, CPU, TINY)
    kept = torch.load(folder / "checkpoint_000002.pt", weights_only=True)["model"]
    found = load_highlight_network(folder / WEIGHTS).state_dict()
    assert all(torch.equal(found[key], kept[key]) for key in kept)
    # another choice needs no training again
    done = train_highlights(options(shiq, epochs=3, checkpoint="latest", keep=0), folder, CPU, TINY)
    assert done.steps == 6
    assert torch.load(folder / WEIGHTS, weights_only=True)["epoch"] == 3
    with pytest.raises(MissingModelError, match=r"epoch 7 \('7'\), but .* has kept 1, 2, 3"):
        train_highlights(options(shiq, epochs=3, checkpoint="7", keep=0), folder, CPU, TINY)


def test_training_begins_with_given_weights_of_its_method_alone(tmp_path, shiq):
    train_highlights(options(shiq, epochs=1), tmp_path / "one", CPU, TINY)
    start = str(tmp_path / "one" / WEIGHTS)
    task = HighlightTask([], options(shiq, start=start), TINY)
    begun, wanted = task.network().state_dict(), load_highlight_network(start).state_dict()
    assert all(torch.equal(begun[key], wanted[key]) for key in wanted)
    assert any(weight.requires_grad for weight in task.network().parameters())
    with pytest.raises(ConfigError, match="has other sizes than method unet_transformer"):
        HighlightTask([], options(shiq, start=start)).network()


def test_whole_pictures_of_one_step_must_have_one_size(tmp_path):
    one = shiq_items(write_shiq(tmp_path / "a", 1, (32, 32)))[0].whole()
    two = shiq_items(write_shiq(tmp_path / "b", 1, (32, 40)))[0].whole()
    task = HighlightTask([], options(tmp_path, crop_px=0), TINY)
    with pytest.raises(ConfigError, match=r"32 x 32, 40 x 32 px, expected one size.*crop_px"):
        task.batch_loss(task.network(), [asked(one), asked(two)])
    with pytest.raises(ConfigError, match="without its truth cannot be learnt from"):
        asked(one._replace(diffuse=None))


def test_style_is_part_of_the_training_where_it_has_a_weight(tmp_path, shiq):
    given = options(shiq, style=0.1, vgg=vgg_file(tmp_path / "vgg.pth"))
    task = HighlightTask(find_items(given.data, tmp_path), given, TINY)
    network = task.network()
    loss = task.batch_loss(network, [task.draw(0, np.random.default_rng(0))])
    loss.backward()
    assert float(task.score(network.eval(), 0, CPU)["style"]) > 0
    assert network.revomal.outc.conv.weight.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in task.vgg.parameters())


# --- test


def test_the_test_scores_pictures_and_writes_the_published_files(tmp_path, shiq):
    train_highlights(options(shiq, epochs=1), tmp_path / "net", CPU, TINY)
    given = options(shiq, test=[str(shiq)], save_images=True)
    means = judge_highlights(given, tmp_path / "net" / WEIGHTS, tmp_path / "out", CPU)
    assert set(means) == {"psnr_db", "ssim", "l1", "ber", "accuracy"}
    with open(tmp_path / "out" / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["picture"] for row in rows] == ["1", "2", "3", "4", "5", "6", "mean"]
    told = np.mean([float(row["psnr_db"]) for row in rows[:-1]])
    assert means["psnr_db"] == pytest.approx(told, rel=1e-5)
    names = {path.name for path in (tmp_path / "out" / "pictures").glob("2_*")}
    answers = {"2_diffuse_output_unet_transformer.png", "2_label_output_unet_transformer.png"}
    assert names == {"2_rgb_input.png", "2_diffuse_input.png", "2_label_input.png"} | answers
    with (
        Image.open(tmp_path / "out/pictures/2_rgb_input.png") as file,
        Image.open(shiq / "2_A.png") as given_file,
    ):
        difference = np.asarray(file, int) - np.asarray(given_file, int)
    assert difference.min() >= -1 and difference.max() <= 0  # rounded down


def test_pictures_without_truth_are_answered_and_not_scored(tmp_path, shiq):
    train_highlights(options(shiq, epochs=1), tmp_path / "net", CPU, TINY)
    bare = write_shiq(tmp_path / "bare", 2, (45, 33), truth=False)
    given = options(shiq, test=[str(bare)], save_images=True)
    assert judge_highlights(given, tmp_path / "net" / WEIGHTS, tmp_path / "out", CPU) == {}
    names = sorted(path.name for path in (tmp_path / "out" / "pictures").glob("1_*"))
    assert [name.split("_", 1)[1] for name in names] == [
        "diffuse_output_unet_transformer.png",
        "label_output_unet_transformer.png",
        "rgb_input.png",
    ]
    with Image.open(tmp_path / "out/pictures/1_diffuse_output_unet_transformer.png") as file:
        assert file.size == (33, 45)


def test_both_rules_scripts_pass_their_files_on(tmp_path, shiq, monkeypatch):
    seen = {}
    given = vars(HighlightTrainingOptions(data=["old"]))

    def train(found, folder, device):
        seen["train"] = found.data, found.test, folder

    def judge(found, weights, folder, device):
        seen["test"] = found.test, weights, folder

    monkeypatch.setattr(train_script, "train_highlights", train)
    monkeypatch.setattr(test_script, "judge_highlights", judge)
    params = SimpleNamespace(options=given, device="cpu")
    inputs = SimpleNamespace(data=[str(shiq)], test=["t"], weights="w.pt")
    train_script.main(inputs, SimpleNamespace(weights=tmp_path / "w" / "highlights.pt"), params)
    test_script.main(inputs, SimpleNamespace(folder=str(tmp_path / "o")), params)
    assert seen == {
        "train": ([str(shiq)], ["t"], tmp_path / "w"),
        "test": (["t"], "w.pt", tmp_path / "o"),
    }


def test_sizes_of_both_methods_are_theirs(tmp_path):
    small = HighlightTask([], replace(options(tmp_path), method="learned")).sizes
    assert small.composition == "share"
    assert HighlightTask([], options(tmp_path)).sizes == HighlightNetworkOptions()
