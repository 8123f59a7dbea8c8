"""Presets name settings that exist, with values that are allowed."""

from pathlib import Path

import pytest
import yaml

from lib.errors import ConfigError
from lib.planning.presets import with_preset
from lib.planning.settings import checked_settings
from lib.regularisation.published import check_depth
from lib.training.highlights.options import HighlightTrainingOptions, filled

FILES = sorted((Path(__file__).parents[2] / "workflow" / "presets").glob("*.yaml"))


def settings(path):
    return checked_settings(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_preset_is_made_of_settings(path):
    settings(path)


def test_what_is_given_stands_before_the_preset_setting_by_setting():
    given = {"preset": "3ddfa_v3", "regression": {"weights": "mine.pth"}, "face_model": "flame"}
    found = checked_settings(with_preset(given))
    assert found["regression"]["weights"] == "mine.pth" and found["face_model"] == "flame"
    assert found["regression"]["rounding"] == "published"  # the rest of the section stays
    assert found["fit"]["method"] == "3ddfa_v3" and found["coarse_training"]["parts"] == 0.0008
    assert with_preset({"device": "cpu"}) == {"device": "cpu"}
    with pytest.raises(ConfigError, match="preset is 'hrn', expected one of 3ddfa_v3, deep3d"):
        with_preset({"preset": "hrn"})


def test_mvfr_is_the_published_search_and_networks():
    (path,) = [path for path in FILES if path.stem == "mvfr"]
    found = settings(path)
    assert found["implicit"]["method"] == found["regularise"]["method"] == "mvfr"
    assert found["implicit"]["d_size"] // 2 * found["implicit"]["interval_mm"] == 20
    assert found["implicit"]["weights"] and found["regularise"]["weights"]
    check_depth(found["implicit"]["d_size"])


def test_highlights_is_the_published_command():
    (path,) = [path for path in FILES if path.stem == "highlights"]
    found = settings(path)
    training = filled(HighlightTrainingOptions(**found["highlight_training"]))
    assert found["highlights"]["method"] == training.method == "unet_transformer"
    assert (training.epochs, training.batch, training.learning_rate) == (80, 4, 1e-4)
    assert (training.detection, training.content, training.style, training.coarse) == (1, 1, 0.1, 1)
    assert training.flip == "both" and training.pixel == 0 and training.decay_epochs == 0
