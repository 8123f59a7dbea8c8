"""Training of the face parser."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.errors import ConfigError
from lib.networks.parser import SIDE
from lib.training.loop import Training
from lib.training.options import TrainingOptions, filled
from lib.training.parser import KEPT_SIDE, MIRRORED, ParserTask, crops_of_shards
from lib.training.processes import Processes
from lib.training.run import train_parser

CPU = torch.device("cpu")
ALONE = Processes(0, 1, CPU)


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Files of two-coloured faces whose colours tell the parts."""
    folder, files = tmp_path_factory.mktemp("crops"), []
    for row in range(4):
        label = np.zeros((KEPT_SIDE, KEPT_SIDE), np.uint8)
        label[50:160, 50:160] = 8
        label[70 + row : 90, 60:100] = 1
        label[70 + row : 90, 110:150] = 2
        label[120:140, 80:130] = 7
        colour = np.array([(20, 40, 60), (250, 250, 250), (250, 250, 250), *[(0, 0, 0)] * 4,
                           (200, 20, 30), (220, 180, 150)], np.uint8)  # fmt: skip
        files.append(folder / f"{row}.npz")
        np.savez(files[-1], image=colour[label], label=label)
    return files


def training(crops, folder, **changes):
    options = TrainingOptions(method="learned", epochs=3, batch=1, learning_rate=1e-2)
    options = filled(replace(options, **changes), "parser")
    split = [0, 1, 2], [3]
    return Training(ParserTask(crops), options, split, [f.stem for f in crops], folder, ALONE)


def test_it_learns_and_going_on_gives_the_same_bits(crops, tmp_path):
    whole = training(crops, tmp_path / "whole", epochs=6).run()
    training(crops, tmp_path / "cut", epochs=6).run(most_steps=5)
    again = training(crops, tmp_path / "cut", epochs=6).run()
    one, other = whole.network.state_dict(), again.network.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    scores = [row["iou"] for row in whole.rows if row["split"] == "validation"]
    assert scores[-1] > scores[0] + 0.15


def test_a_mirrored_crop_has_its_sides_swapped(crops):
    task = ParserTask(crops)
    found = [task.draw(0, np.random.default_rng(seed)) for seed in range(12)]
    for asked in found:
        assert asked.crop.shape == (1, 3, SIDE, SIDE) and asked.label.shape == (1, SIDE, SIDE)
        columns = [np.nonzero(asked.label[0].numpy() == k)[1].mean() for k in (1, 2)]
        assert columns[0] < columns[1]  # the right eye stays on the picture's left
    np.testing.assert_array_equal(MIRRORED[MIRRORED], np.arange(9))


def test_a_network_that_finds_everything_scores_one(crops):
    task = ParserTask(crops)

    class Knows(torch.nn.Module):
        def forward(self, crop):
            return 20.0 * torch.nn.functional.one_hot(label, 9).movedim(-1, 1).float()

    image, kept = task._load(0)
    from lib.networks.parser import MARGIN
    from lib.training.parser import KEPT_MARGIN, _cut

    zoom = KEPT_MARGIN / MARGIN * SIDE / KEPT_SIDE
    label = torch.from_numpy(_cut(image, kept, 0.0, zoom, np.zeros(2))[1][None].astype(np.int64))
    assert task.score(Knows(), 0, CPU)["iou"] == 1.0


def test_crops_are_made_of_shards_once(tmp_path):
    from lib.facemodel import load_face_model
    from lib.synthesis import open_studio, write_shard
    from tests.synthesis.worlds import TINY

    studio = open_studio(load_face_model("makehuman"))
    shard = tmp_path / "shard_0000.h5"
    write_shard(studio, TINY, 0, shard, tmp_path / "photos", CPU)
    files, names, subjects = crops_of_shards([str(shard)], tmp_path / "out")
    assert len(files) == len(names) == len(set(subjects)) == 2
    with np.load(files[0]) as made:
        assert made["image"].shape == (KEPT_SIDE, KEPT_SIDE, 3)
        assert {5, 8} <= set(np.unique(made["label"])) <= set(range(9))
    before = [file.stat().st_mtime_ns for file in files]
    assert crops_of_shards([str(shard)], tmp_path / "out")[0] == files
    assert [file.stat().st_mtime_ns for file in files] == before


def test_other_data_or_methods_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="train_parser trains `learned`"):
        train_parser(TrainingOptions(method="mvfr"), tmp_path, CPU)
