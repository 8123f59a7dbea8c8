"""train_coarse as a whole: samples, learning, resume, weights that the line reads."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from lib.artefacts import BatchReader, BatchWriter, Parsing, SkinMask, Truth
from lib.artefacts.samples import CoarseSample
from lib.errors import ConfigError
from lib.facemodel import load_face_model
from lib.facemodel.object_frame import object_origin
from lib.networks.arcface import ArcFace
from lib.networks.regressor import CodeLayout, CoefficientRegressor, load_regressor
from lib.networks.resnet import ResNet
from lib.regression import Regressor
from lib.training.coarse import CoarseOptions
from lib.training.coarse.augment import no_change
from lib.training.coarse.face import trained_face
from lib.training.coarse.parts import crop_targets
from lib.training.coarse.run import LICENCES, _finish, train_coarse
from lib.training.coarse.samples import aligned_sample, prepare_samples
from lib.training.coarse.task import CoarseTask, load_start
from lib.training.loop import Training
from lib.training.processes import Processes
from scripts.train_coarse import named
from tests.coded import capture_of, faces_of, five_on, ibug68_around, landmarks_of
from tests.evaluation.captures import truth

CPU = torch.device("cpu")
ALONE = Processes(0, 1, CPU)
TINY = CoarseOptions(
    backbone="mobilenet_v3",
    input_px=64,
    render_px=48,
    epochs=2,
    batch=2,
    validation=0.3,
    learning_rate=1e-3,
    schedule="cosine",
    truth=0.05,
    parts=8e-4,
    pictures_every=2,
)


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def shard(tmp_path_factory):
    """Four people who look alike, before backgrounds that tell them apart."""
    path = tmp_path_factory.mktemp("world") / "shard_0000.h5"
    true = truth()
    with BatchWriter(path, Truth, "synthesise") as writer:
        for k in range(4):
            chance = np.random.default_rng(k)
            image = chance.integers(0, 255, np.shape(true.image), np.uint8)
            writer.add(f"c{k}", true.replace(subject=f"p{k}", image=tuple(image)))
    return path


@pytest.fixture(scope="module")
def prepared(shard, model, tmp_path_factory):
    face = trained_face(model)
    folder = tmp_path_factory.mktemp("samples")
    return face, prepare_samples([str(shard)], folder, model, face.vertex.numpy())


def task_of(prepared, model, **changes):
    face, files = prepared
    layout = CodeLayout(model.n_identity, model.n_expression, model.n_albedo)
    return CoarseTask(face, layout, files, replace(TINY, **changes), CPU)


def test_a_shard_gives_crops_points_parts_and_shapes(prepared, model):
    face, (file,) = prepared
    assert file.names == ("c0", "c1", "c2", "c3") and file.subjects == ("p0", "p1", "p2", "p3")
    with BatchReader(file.path, CoarseSample) as reader:
        sample = reader["c1"]
    true = truth()
    assert sample.image.shape == (224, 224, 3) and set(np.unique(sample.part)) <= set(range(9))
    expected = true.neutral_mm[face.vertex.numpy()] - object_origin(model)
    np.testing.assert_allclose(sample.neutral_mm, expected, atol=1e-3)
    nose = sample.landmarks_px[30]
    assert np.abs(nose - [112, 116]).max() < 20  # about the middle of an aligned crop
    x, y = np.rint(nose).astype(int)
    assert sample.part[y, x] == 5 and sample.skin[y, x] == 255


def test_a_run_gives_crops_without_a_truth_and_its_files_stay(tmp_path, model):
    batch = tmp_path / "out" / "b0001"
    five = five_on()
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    parts = {
        "capture": capture_of([image]),
        "faces": faces_of(five[None]),
        "landmarks": landmarks_of(ibug68_around(five)[None]),
        "skin": SkinMask(probability=(np.full((480, 640), 200, np.uint8),)),
    }
    for name, artefact in parts.items():
        with BatchWriter(batch / f"{name}.h5", type(artefact), name) as writer:
            writer.add("anna", artefact)
    before = {path: path.read_bytes() for path in batch.iterdir()}
    (file,) = prepare_samples([str(tmp_path / "out")], tmp_path / "s", model, np.arange(9))
    with BatchReader(file.path, CoarseSample) as reader:
        sample = reader["anna"]
    assert sample.neutral_mm.shape == (0, 3) and (sample.part == 255).all()
    assert np.median(sample.skin) == 200
    assert before == {path: path.read_bytes() for path in batch.iterdir()}

    label = np.zeros((480, 640), np.uint8)
    x, y = np.rint(five[0]).astype(int)
    label[y - 9 : y + 10, x - 9 : x + 10] = 1  # the right eye, and nothing else
    with BatchWriter(batch / "parsing.h5", Parsing, "parsing") as writer:
        known = (np.arange(8) < 2).astype(np.uint8)[None]
        writer.add("anna", Parsing(method="files", label=(label,), known=known))
    (file,) = prepare_samples([str(tmp_path / "out")], tmp_path / "s", model, np.arange(9))
    with BatchReader(file.path, CoarseSample) as reader:
        again = reader["anna"]
    u, v = np.rint(again.landmarks_px[[36, 39]].mean(0)).astype(int)
    assert again.part[v, u] == 1 and set(np.unique(again.part)) == {0, 1}
    assert crop_targets(again.part).present.tolist() == [[True] + [False] * 7]


def test_a_list_in_the_published_layout_gives_crops(tmp_path, model):
    folder = tmp_path / "datasets/photos"
    (folder / "mask").mkdir(parents=True)
    (folder / "landmarks").mkdir()
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    marks = ibug68_around(five_on())
    Image.fromarray(image).save(folder / "anna.png")
    Image.fromarray(np.full((480, 640, 3), 90, np.uint8)).save(folder / "mask/anna.png")
    np.savetxt(folder / "landmarks/anna.txt", np.column_stack([marks[:, 0], 479 - marks[:, 1]]))
    masks = tmp_path / "datalist/train/masks.txt"
    masks.parent.mkdir(parents=True)
    masks.write_text("datasets/photos/mask/anna.png\n")
    (file,) = prepare_samples([str(masks)], tmp_path / "s", model, np.arange(9))
    with BatchReader(file.path, CoarseSample) as reader:
        sample = reader["photos.anna"]
    expected = aligned_sample("x", image, marks, np.full((480, 640), 90, np.uint8))
    np.testing.assert_allclose(sample.landmarks_px, expected.landmarks_px, atol=1e-4)
    np.testing.assert_array_equal(sample.image, expected.image)
    np.testing.assert_array_equal(sample.skin, expected.skin)


def test_a_stage_that_ran_again_gives_crops_anew(shard, tmp_path, model):
    world = tmp_path / "shard.h5"
    shutil.copy(shard, world)
    ask = ([str(world)], tmp_path / "s", model, np.arange(9))
    (first,) = prepare_samples(*ask)
    assert prepare_samples(*ask) == (first,)
    os.utime(world, ns=(0, world.stat().st_mtime_ns + 1))  # another content of the same size
    assert prepare_samples(*ask) != (first,)


def test_one_person_is_too_few(shard, tmp_path):
    with BatchReader(shard, Truth) as reader, BatchWriter(tmp_path / "a.h5", Truth, "x") as writer:
        writer.add("c0", reader["c0"])
    alone = replace(TINY, data=[str(tmp_path / "a.h5")])
    with pytest.raises(ConfigError, match=r"coarse_training\.data holds 1 subject, expected at"):
        train_coarse(alone, tmp_path / "out", CPU)


def test_data_that_are_none_are_refused(tmp_path, model):
    with pytest.raises(ConfigError, match="data is empty"):
        prepare_samples([], tmp_path, model, np.arange(3))
    with pytest.raises(ConfigError, match="expected a shard of truth"):
        prepare_samples([str(tmp_path / "nothing")], tmp_path, model, np.arange(3))
    (tmp_path / "capture.h5").touch()
    with pytest.raises(ConfigError, match=r"lacks faces\.h5, landmarks\.h5, skin\.h5"):
        prepare_samples([str(tmp_path)], tmp_path / "s", model, np.arange(3))


def test_the_truth_has_no_loss_and_everything_else_has_one(prepared, model):
    """The code of the very head: its shape costs nothing, its landmarks little."""
    task = task_of(prepared, model)
    asked = task.asked(task.sample(0), no_change())
    true = truth()
    code = torch.zeros(1, task.layout.total)
    code[0, : model.n_identity] = torch.tensor(true.identity)
    terms, _ = task.terms(code, asked)
    assert set(terms) == {
        "photo", "landmarks", "size", "light", "reflectance", "perceptual", "parts", "truth"
    }  # fmt: skip
    assert float(terms["truth"]) == pytest.approx(0, abs=1e-5)
    assert float(terms["light"]) == 0 and float(terms["photo"]) > 0
    mean, _ = task.terms(torch.zeros(1, task.layout.total), asked)
    assert float(mean["truth"]) > 0.01


def test_errors_in_mm_are_means_over_the_people_whose_truth_is_known(prepared, model, tmp_path):
    """In whatever order they come: half of the captures are photos of which nobody knows it."""
    task = task_of(prepared, model)

    class Mixed(CoarseTask):
        def sample(self, index):
            found = super().sample(index // 2)
            nothing = np.zeros((0, 3), np.float32)
            return found if index % 2 else found.replace(neutral_mm=nothing, posed_mm=nothing)

    options = replace(task.options, epochs=1)
    mixed = Mixed(prepared[0], task.layout, prepared[1], options, CPU)
    kept = [1, 2, 3, 4]
    training = Training(mixed, options, ([0], kept), list("abcde"), tmp_path, ALONE)
    training._validate(0)
    (row,) = training.progress.rows
    single = [mixed.score(training.network, index, CPU) for index in kept]
    assert single[1]["neutral_mm"] is None and single[0]["neutral_mm"] > 0
    for name in ("neutral_mm", "posed_mm"):
        assert row[name] == pytest.approx((single[0][name] + single[2][name]) / 2)
    assert row["loss"] == pytest.approx(sum(found["loss"] for found in single) / 4)
    photos = Training(mixed, options, ([1], [0, 2]), list("abcde"), tmp_path, ALONE)
    photos._validate(0)
    assert "neutral_mm" not in photos.progress.rows[0]


def test_a_mirrored_truth_is_that_of_the_mirrored_code(prepared, model):
    task = task_of(prepared, model)
    mirrored = None
    for seed in range(20):
        asked = task.draw(0, np.random.default_rng(seed))
        plain = task.asked(task.sample(0), no_change())
        if not torch.equal(asked.neutral_mm, plain.neutral_mm):
            mirrored = asked.neutral_mm[0].numpy()
            break
    face = prepared[0]
    other = plain.neutral_mm[0].numpy()[face.mirror.numpy()] * [-1, 1, 1]
    np.testing.assert_allclose(mirrored, other, atol=1e-4)


@pytest.mark.slow
def test_training_learns_and_leaves_weights_that_the_line_reads(shard, tmp_path, model):
    still = {"shift_px": 0.0, "scale": 0.0, "rotation_deg": 0.0, "flip": False, "parts": 0.0}
    options = replace(
        TINY, data=[str(shard)], epochs=8, batch=3, learning_rate=4e-4, print_every=3, **still
    )
    trained = train_coarse(options, tmp_path, CPU)
    losses = [row["loss"] for row in trained.rows if row["split"] == "train"]
    assert losses[-1] < 0.75 * losses[0]
    regressor = Regressor.load(tmp_path / "net_recon.pth", model, CPU)
    assert regressor.network.input_px == 64
    crops = np.random.default_rng(0).integers(0, 255, (2, 224, 224, 3), np.uint8)
    assert np.isfinite(regressor.codes(crops, 1)).all()
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["card"]["name"] == "coarse_mobilenet_v3_makehuman"
    assert card["data"]["train"] == {"samples": 3, "subjects": 3}
    assert card["options"]["data"] == ["shard_0000.h5"]
    assert card["card"]["licence"] == LICENCES[True]
    _finish(tmp_path, replace(model, licence="research only"), options, trained, ([], []), [])
    other = json.loads((tmp_path / "card.json").read_text())
    assert other["card"]["licence"] == LICENCES[False]
    steps = [row for row in trained.rows if row["split"] == "steps"]
    assert [row["step"] for row in steps] == [3, 6]
    assert steps[0]["loss"] == pytest.approx(np.mean(losses[:3]))
    pictures = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert pictures == [f"step_{k:07d}.png" for k in (2, 4, 6, 8)]
    assert (tmp_path / "curves.png").is_file()


@pytest.mark.slow
def test_a_stopped_training_goes_on_to_the_same_bits(shard, tmp_path, monkeypatch):
    monkeypatch.setattr("lib.training.loop.SAVE_STEPS", 1)
    options = replace(TINY, data=[str(shard)], pictures_every=0, parts=0.0)
    whole = train_coarse(options, tmp_path / "whole", CPU).network.state_dict()

    class Stopped(Exception):
        pass

    def stop(network, step):
        if step == 3:
            raise Stopped

    monkeypatch.setattr("lib.training.coarse.run._watch", lambda *args: stop(*args[-2:]))
    with pytest.raises(Stopped):
        train_coarse(options, tmp_path / "parts", CPU)
    monkeypatch.undo()
    torch.manual_seed(5)
    alone = replace(options, workers=0)  # threads change nothing
    parts = train_coarse(alone, tmp_path / "parts", CPU).network.state_dict()
    assert all(torch.equal(whole[name], parts[name]) for name in whole | parts)
    with pytest.raises(ConfigError, match=r"coarse_training\.flip True -> False.*training\.resume"):
        train_coarse(replace(options, flip=False), tmp_path / "parts", CPU)


def test_training_starts_from_a_classifier_or_from_a_regressor(tmp_path):
    classifier = ResNet("resnet18").state_dict() | {"fc.weight": torch.zeros(1000, 512)}
    torch.save(classifier, tmp_path / "imagenet.pth")
    network = CoefficientRegressor("resnet18")
    load_start(network, str(tmp_path / "imagenet.pth"))
    torch.testing.assert_close(network.backbone.conv1.weight, classifier["conv1.weight"])
    other = CoefficientRegressor("resnet18")
    torch.nn.init.normal_(other.final_layers[2].bias)
    torch.save({"net_recon": other.state_dict()}, tmp_path / "net.pth")
    load_start(network, str(tmp_path / "net.pth"))
    torch.testing.assert_close(network.final_layers[2].bias, other.final_layers[2].bias)
    with pytest.raises(ConfigError, match="expected all of its backbone"):
        load_start(CoefficientRegressor("mobilenet_v3"), str(tmp_path / "net.pth"))


@pytest.mark.slow
def test_the_perceptual_term_asks_the_recognition_network(prepared, model, tmp_path):
    torch.manual_seed(0)
    torch.save(ArcFace("r18").state_dict(), tmp_path / "backbone.pth")
    stand_in = task_of(prepared, model)
    task = task_of(prepared, model, recognition=str(tmp_path / "backbone.pth"))
    asked = task.asked(task.sample(0), no_change())
    code = torch.zeros(1, task.layout.total, requires_grad=True)
    found, _ = task.terms(code, asked)
    other, _ = stand_in.terms(code, asked)
    assert float(found["perceptual"].detach()) != float(other["perceptual"].detach())
    found["perceptual"].backward()
    assert (code.grad != 0).any()


def test_the_rule_names_batches_once():
    files = [f"out/{b}/{s}.h5" for b in ("b1", "b2") for s in ("capture", "faces", "skin")]
    assert named([*files, "w/shard_0001.h5"]) == ["out/b1", "out/b2", "w/shard_0001.h5"]


def test_weights_in_half_precision_are_read_in_single(tmp_path):
    network = CoefficientRegressor("resnet18")
    half = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    torch.save({"net_recon": half, "input_px": 112}, tmp_path / "w.pth")
    again = load_regressor(tmp_path / "w.pth")
    assert again.input_px == 112 and again.backbone.conv1.weight.dtype == torch.float32
