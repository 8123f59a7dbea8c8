"""Training of the UV network: resumable to the bit with its critics, and never made worse."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lib.albedo.face_chart import face_chart
from lib.errors import CaptureFailure, ConfigError
from lib.facemodel import read_face_model
from lib.imaging import linear_to_srgb, read_photo
from lib.networks.uv_albedo import load_uvnet
from lib.render import interpolate
from lib.training.albedo import task as task_module
from lib.training.albedo.data import places_of, prepare_photos
from lib.training.albedo.options import AlbedoTrainingOptions, checked
from lib.training.albedo.run import train_albedo
from lib.training.albedo.samples import load_sample, sample_of, tensors_of, true_albedo
from lib.training.albedo.task import AlbedoNetworks, AlbedoTask, drawn_maps
from lib.training.state import LAST
from scripts import test_albedo as test_script
from scripts import train_albedo as train_script
from tests.training.albedo_photos import egg, write_batch

CPU = torch.device("cpu")
NOWHERE = Path("nowhere")
SMALL = AlbedoTrainingOptions(
    percep=0, width=4, chart_px=32, image_px=48, epochs=3, batch=2, validation=0.3, workers=0
)
# Weights are large, so that a training that forgets its critics ends elsewhere.
GAME = replace(SMALL, uv_gan=0.5, img_gan=0.5, penalty=0.1)


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    return write_batch(tmp_path_factory.mktemp("run") / "b0001")


def train(batch, folder, options=SMALL, **changes):
    folder_of_batch, model = batch
    options = replace(options, data=[str(folder_of_batch)], **changes)
    return train_albedo(options, folder, CPU, str(model), NOWHERE)


def a_task(batch, folder, options=SMALL):
    options = replace(options, data=[str(batch[0])])
    chart = face_chart(read_face_model(batch[1]), options.chart_px)
    photos = prepare_photos(chart, options, folder, NOWHERE)
    return AlbedoTask(tuple(photo.path for photo in photos), chart, options)


def test_a_killed_training_that_goes_on_ends_bit_by_bit_like_one_without_a_break(
    batch, tmp_path, monkeypatch
):
    whole = train(batch, tmp_path / "whole", GAME)
    real, calls = AlbedoTask.batch_loss, []

    def killed(self, network, asked):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(self, network, asked)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(AlbedoTask, "batch_loss", killed)
        train(batch, tmp_path / "half", GAME)
    assert (tmp_path / "half" / LAST).is_file()
    resumed = train(batch, tmp_path / "half", GAME)
    state = whole.network.state_dict()
    for part in ("generator.", "critics.uv.", "critics.image."):
        assert any(key.startswith(part) for key in state)
    for key, value in state.items():
        assert torch.equal(value, resumed.network.state_dict()[key]), key
    for number, moments in whole.optimiser["state"].items():
        for name, value in moments.items():
            assert torch.equal(value, resumed.optimiser["state"][number][name]), (number, name)


def test_the_loss_on_photos_that_were_kept_out_falls(batch, tmp_path):
    trained = train(batch, tmp_path, epochs=25, learning_rate=3e-3, method="learned")
    told = [row for row in trained.rows if row["split"] == "validation"]
    assert told[-1]["loss"] < 0.5 * told[3]["loss"]
    assert told[-1]["photo"] < 0.7 * told[3]["photo"]


def test_the_network_is_judged_by_constant_critics_and_critics_learn_from_constant_pictures(
    batch, tmp_path
):
    options = replace(GAME, **dict.fromkeys((
        "photo", "style", "reg_detail", "grad", "symmetry", "chroma", "reg_light", "penalty"
    ), 0.0))  # fmt: skip
    task = a_task(batch, tmp_path, options)
    torch.manual_seed(0)
    networks = AlbedoNetworks(options)
    asked = [task.draw(k, np.random.default_rng(k)) for k in (0, 1)]

    def gradients(**weights):
        networks.zero_grad(set_to_none=True)
        replace(task, options=replace(options, **weights)).batch_loss(networks, asked).backward()
        return {k: p.grad.clone() for k, p in networks.named_parameters() if p.grad is not None}

    one, other = gradients(), gradients(uv_gan=1.0, img_gan=1.0)
    for key, slope in one.items():
        if key.startswith("critics"):  # what they learn does not depend on the generator's weights
            torch.testing.assert_close(other[key], slope)
    generator = [key for key in one if key.startswith("generator")]
    assert sum(float(one[key].abs().sum()) for key in generator) > 0
    for key in generator:
        torch.testing.assert_close(other[key], 2 * one[key], atol=1e-6, rtol=1e-3)


def test_being_judged_changes_no_statistics_of_a_critic(batch, tmp_path):
    networks = AlbedoNetworks(GAME).train()
    before = {key: value.clone() for key, value in networks.critics["uv"].state_dict().items()}
    networks.judged("uv", torch.randn(2, 3, 32, 32))
    for key, value in networks.critics["uv"].state_dict().items():
        assert torch.equal(value, before[key]), key


def test_terms_are_weighted_and_those_of_weight_0_are_left_out(batch, tmp_path):
    task = a_task(batch, tmp_path)
    asked = tensors_of(load_sample(task.files[0]), task.chart, 0)
    network = AlbedoNetworks(SMALL).eval().generator
    with torch.no_grad():
        maps = network(asked["input"])
        drawn = drawn_maps(maps, asked)
        terms = task.terms(maps, drawn, asked)
        doubled = replace(task, options=replace(SMALL, photo=2.0, style=0.0, sparsity=1.0))
        changed = doubled.terms(maps, drawn, asked)
    names = {"photo", "style", "reg_detail", "grad", "symmetry", "chroma", "reg_light"}
    assert set(terms) == names
    assert set(changed) == names - {"style"} | {"sparsity"}
    assert float(changed["photo"]) == pytest.approx(2 * float(terms["photo"]))


def test_photos_are_prepared_once_and_without_their_highlights(batch, tmp_path):
    folder, model = write_batch(tmp_path / "b0002", 2, highlights=True)
    plain, matte = (
        load_sample(a_task((place, model), tmp_path / "samples").files[0])
        for place in (batch[0], folder)
    )
    shown = plain.crop > 40
    np.testing.assert_allclose(matte.crop[shown], plain.crop[shown] / 2, atol=2)
    files = sorted((tmp_path / "samples").rglob("*.npz"))
    times = [file.stat().st_mtime_ns for file in files]
    a_task((folder, model), tmp_path / "samples")
    assert [file.stat().st_mtime_ns for file in files] == times


def test_the_crop_shows_the_chart_that_was_unwrapped_from_it(batch, tmp_path):
    task = a_task(batch, tmp_path, replace(SMALL, chart_px=128, image_px=96))
    asked = tensors_of(load_sample(task.files[0]), task.chart, 0)
    back = task_module.pictures_of(asked["photo"], asked["place"])
    known = task_module.pictures_of((asked["seen"] > 0).float(), asked["place"]) > 0.999
    both = (known & (asked["mask"] > 0.9)).expand_as(back)
    assert both.sum() > 1500
    assert float((back - asked["crop"])[both].abs().mean()) < 0.01


def test_noise_where_nothing_is_seen_is_the_same_for_one_seed_alone(batch, tmp_path):
    task = a_task(batch, tmp_path)
    sample = load_sample(task.files[0])
    one, again, other = (tensors_of(sample, task.chart, seed)["input"] for seed in (5, 5, 6))
    assert torch.equal(one, again)
    unseen = torch.from_numpy((sample.photo.sum(2) == 0) & task.chart.mask)
    differs = (one != other)[0, :3].any(0)
    assert torch.equal(differs, unseen) and 0 < unseen.sum() < task.chart.mask.sum()
    off = torch.from_numpy(~task.chart.mask)
    assert (one[0, :, off] == -1).all()


def test_the_true_albedo_is_that_of_the_head_chart(batch):
    chart = face_chart(read_face_model(batch[1]), 64)
    row, column = np.mgrid[:128, :128] / 128
    albedo = np.stack([row, column, 0.5 + 0 * row], axis=2).astype(np.float32)
    truth = SimpleNamespace(face_model=chart.model.name, uv_albedo=albedo)
    found, known = true_albedo(chart, truth)
    corners = chart.model.uv_triangles[chart.rows]
    uv = interpolate(chart.buffers, chart.model.uv, corners)[chart.mask]
    wanted = np.stack([1 - uv[:, 1] - 0.5 / 128, uv[:, 0] - 0.5 / 128, 0.5 + 0 * uv[:, 0]], 1)
    np.testing.assert_allclose(found[chart.mask], linear_to_srgb(wanted), atol=5e-3)
    assert np.array_equal(known > 0, chart.skin)
    _, nothing = true_albedo(chart, SimpleNamespace(face_model="another", uv_albedo=albedo))
    assert not nothing.any()


def test_a_photo_without_skin_or_alignment_is_a_failure(batch):
    chart = face_chart(read_face_model(batch[1]), 32)
    capture, _, skin, fit = egg(0)
    shown = capture.image[0], skin.probability[0]
    with pytest.raises(CaptureFailure, match="The photo shows 0 texels of skin"):
        sample_of(chart, fit, 0, shown[0], 0 * shown[1], 48)
    lost = replace(fit, landmarks_px=np.full_like(fit.landmarks_px, np.nan))
    with pytest.raises(CaptureFailure, match="tell no scale"):
        sample_of(chart, lost, 0, *shown, 48)


def test_settings_that_cannot_be_trained_with_are_explained(batch, tmp_path):
    with pytest.raises(ConfigError, match=r"percep is 0\.2, but albedo_training\.recognition is"):
        checked(AlbedoTrainingOptions())
    with pytest.raises(ConfigError, match=r"chart_px is 250, expected a multiple of 16; 256"):
        checked(replace(SMALL, chart_px=250))
    with pytest.raises(ConfigError, match=r"names .*nothing, expected a shard of truth"):
        train((tmp_path / "nothing", batch[1]), tmp_path / "out")
    (tmp_path / "b0001").mkdir()
    (tmp_path / "b0001" / "capture.h5").touch()
    with pytest.raises(ConfigError, match=r"b0001 lacks faces\.h5, skin\.h5, fit\.h5;"):
        train((tmp_path / "b0001", batch[1]), tmp_path / "out")
    with pytest.raises(ConfigError, match=r"4 photos occur twice, such as person_0\."):
        options = replace(SMALL, data=[str(batch[0])] * 2)
        train_albedo(options, tmp_path / "out", CPU, str(batch[1]), NOWHERE)


def test_weights_are_replaced_by_better_ones_alone(batch, tmp_path):
    train(batch, tmp_path, epochs=6, learning_rate=3e-3)
    told = json.loads((tmp_path / "card.json").read_text())
    assert told["promoted"] and told["loss_before"] is None and told["steps"] == 12
    good = (tmp_path / "albedo.pt").read_bytes()
    loaded = load_uvnet(tmp_path / "albedo.pt")
    assert loaded.chart == "face" and loaded.face_model == "synthetic"
    train(batch, tmp_path, epochs=1, learning_rate=1e-7, resume=False)
    worse = json.loads((tmp_path / "card.json").read_text())
    assert not worse["promoted"] and worse["loss"] > worse["loss_before"] == told["loss"]
    assert (tmp_path / "albedo.pt").read_bytes() == good


def test_the_best_epoch_is_taken_and_its_checkpoint_stays(batch, tmp_path, monkeypatch):
    real, told = AlbedoTask.score, []

    def best_at_2(self, network, index, device):
        scores = real(self, network, index, device)
        told.append(1)
        return scores | {"loss": abs(len(told) - 3.0)}  # one photo is kept out

    monkeypatch.setattr(AlbedoTask, "score", best_at_2)
    train(batch, tmp_path, epochs=6, keep=1)
    left = sorted(path.name for path in tmp_path.glob("checkpoint_0*.pt"))
    assert left == ["checkpoint_000002.pt", "checkpoint_000006.pt"]
    state = torch.load(tmp_path / left[0], weights_only=True)["model"]
    for key, value in load_uvnet(tmp_path / "albedo.pt").network.state_dict().items():
        assert torch.equal(value, state[f"generator.{key}"]), key


def test_training_may_begin_with_weights(batch, tmp_path):
    train(batch, tmp_path / "first", epochs=1)
    start = tmp_path / "first" / "albedo.pt"
    task = a_task(batch, tmp_path / "samples", replace(SMALL, start=str(start)))
    state = load_uvnet(start).network.state_dict()
    found = task.network().generator.state_dict()
    assert all(torch.equal(value, found[key]) for key, value in state.items())


def test_the_rules_leave_what_they_promise(batch, tmp_path):
    folder, model = batch
    files = [str(folder / f"{name}.h5") for name in ("capture", "faces", "skin", "fit")]
    assert places_of(files) == [str(folder)] and places_of("shard_0000.h5") == ["shard_0000.h5"]
    options = {**asdict(SMALL), "epochs": 1}
    params = SimpleNamespace(device="cpu", options=options, face_model=str(model))
    inputs = SimpleNamespace(data=files, mesh="landmarks/mesh.tflite", get=lambda name: None)
    made = tmp_path / "albedo_face_texture_egg"
    train_script.main(inputs, SimpleNamespace(weights=str(made / "albedo.pt")), params)
    assert all((made / n).is_file() for n in ("albedo.pt", "card.json", "curves.csv", "curves.png"))
    inputs.weights = str(made / "albedo.pt")
    outputs = SimpleNamespace(table=made / "test/scores.tsv", pictures=made / "test/pictures")
    outputs.table.parent.mkdir()
    test_script.main(inputs, outputs, params)
    lines = outputs.table.read_text().splitlines()
    kept = json.loads((made / "card.json").read_text())["data"]["validation"]
    assert [line.split("\t")[0] for line in lines] == ["capture", *kept, "mean"]
    assert lines[1].endswith("\t\t\t")  # nobody knows the truth
    picture = read_photo(outputs.pictures / f"{kept[0]}.png").pixels
    assert picture.shape == (224, 9 * 224, 3)
