"""The rules of highlight networks, planned as a user asks for them."""

import pytest
import torch
from PIL import Image

from lib.networks.highlight_unet import HighlightNetwork, packed
from tests.networks.test_highlight_unet import TINY
from tests.runs import run


@pytest.fixture
def shiq(tmp_path):
    for name in "12":
        for letter in "ADT":
            Image.new("RGB", (32, 32)).save(tmp_path / f"{name}_{letter}.png")
    return tmp_path


def planned(*words, **settings):
    return run("--dry-run", "--nolock", "--forceall", *words, **settings)


def test_training_on_a_folder_draws_no_people(shiq, tmp_path):
    training = f"{{data: [{shiq}], epochs: 1}}"
    found = planned("train_highlights", results=tmp_path / "out", highlight_training=training)
    assert found.check().planned == {"train_highlights": 1}
    drawn = planned("train_highlights", results=tmp_path / "out", synthesis="{count: 2}").check()
    assert drawn.planned["draw_shard"] == 1


def test_a_test_with_weights_and_pictures_of_its_own_needs_no_training(shiq, tmp_path):
    torch.save(packed(HighlightNetwork(TINY), 1, 1), tmp_path / "mine.pt")
    own = f"{{test: [{shiq}], weights: {tmp_path / 'mine.pt'}}}"
    found = planned("test_highlights", results=tmp_path / "out", highlight_training=own)
    assert found.check().planned == {"test_highlights": 1}
    trained = f"{{data: [{shiq}]}}"
    both = planned("test_highlights", results=tmp_path / "out", highlight_training=trained)
    assert both.check().planned == {"train_highlights": 1, "test_highlights": 1}


@pytest.mark.parametrize("name", ["weights", "vgg", "start"])
def test_files_that_are_not_there_are_told_before_any_job(shiq, tmp_path, name):
    rule = "test_highlights" if name == "weights" else "train_highlights"
    given = f"{{data: [{shiq}], test: [{shiq}], {name}: lost.pt}}"
    lost = planned(rule, results=tmp_path / "out", highlight_training=given)
    told = f"highlight_training.{name} is lost.pt, which is not there"
    assert lost.returncode and told in lost.text
