"""Files that only the user can have are told before any job starts."""

from __future__ import annotations

import pytest

from lib.errors import ConfigError, MissingModelError
from lib.planning.models import model_file, regressor_file, weights_input


def test_a_setting_that_names_no_weights_is_no_input():
    assert weights_input({"highlight_training": {"weights": ""}}, "highlight_training")(None) == []


def test_weights_that_are_there_are_the_input(tmp_path):
    file = tmp_path / "net.pth"
    file.touch()
    settings = {"coarse_training": {"start": str(file)}}
    assert weights_input(settings, "coarse_training", "start")(None) == str(file)


def test_weights_that_are_not_there_are_told_by_their_setting():
    chosen = weights_input(
        {"landmarks": {"method": "points106", "weights": "none/large.pth"}}, "landmarks"
    )
    with pytest.raises(MissingModelError, match=r"landmarks\.weights is none/large\.pth"):
        chosen(None)


def test_weights_of_another_method_are_not_asked_for():
    """As of a preset whose detector was changed on the command line."""
    settings = {"detection": {"method": "blaze", "weights": "none.pth"}}
    assert weights_input(settings, "detection")(None) == []
    settings["detection"]["method"] = "retinaface"
    with pytest.raises(MissingModelError, match=r"detection\.weights is none\.pth"):
        weights_input(settings, "detection")(None)


@pytest.mark.parametrize("folder", ["parser_learned", "coarse_resnet50_bfm09"])
def test_weights_that_a_rule_makes_need_not_be_there_yet(folder):
    file = f"resources/weights/{folder}/net.pt"
    settings = {"parsing": {"method": "learned", "weights": file}}
    assert weights_input(settings, "parsing")(None) == file
    assert regressor_file("learned", file) == file


def test_regressors_and_head_models_are_told_with_what_to_do():
    with pytest.raises(ConfigError, match=r"regression\.weights is empty"):
        regressor_file("deep3d", "")
    with pytest.raises(MissingModelError, match="which is not there"):
        regressor_file("deep3d", "none/epoch_20.pth")
    with pytest.raises(MissingModelError, match="face_model is 'nobody'"):
        model_file("nobody")
    assert model_file("makehuman") == []
