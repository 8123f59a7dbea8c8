"""Schema, options, config.yaml and docs/config.md say the same, and mistakes are explained."""

import dataclasses
import subprocess
import sys
import typing
from pathlib import Path

import pytest
import yaml

from lib.albedo import AlbedoOptions
from lib.base import BaseOptions
from lib.captures import ImportOptions
from lib.detection import DetectionOptions
from lib.displacement import DisplacementOptions
from lib.errors import ConfigError
from lib.evaluation import EvaluationOptions
from lib.export import ExportOptions
from lib.fitting import FitOptions
from lib.highlights import HighlightOptions
from lib.implicit import ImplicitOptions
from lib.landmarks import LandmarkOptions
from lib.parsing import ParsingOptions
from lib.planning.conda import conda_environment
from lib.planning.document import config_page, config_yaml
from lib.planning.settings import (
    checked_settings,
    default_settings,
    settings_schema,
    walk_settings,
)
from lib.regression import RegressionOptions
from lib.regularisation import RegulariseOptions
from lib.report import ReportOptions
from lib.rig import RigOptions
from lib.segmentation import SegmentationOptions
from lib.shading.options import ShadingOptions
from lib.skin import SkinOptions
from lib.synthesis.options import SynthesisOptions
from lib.texture import TextureOptions
from lib.training.albedo.options import AlbedoTrainingOptions
from lib.training.coarse import CoarseOptions
from lib.training.dataset import DatasetOptions
from lib.training.detail_layer.options import DetailTrainingOptions
from lib.training.highlights.options import HighlightTrainingOptions
from lib.training.options import TrainingOptions

PROJECT = Path(__file__).parents[1]
SECTIONS = {
    "import": ImportOptions,
    "detection": DetectionOptions,
    "landmarks": LandmarkOptions,
    "skin": SkinOptions,
    "parsing": ParsingOptions,
    "rig": RigOptions,
    "regression": RegressionOptions,
    "fit": FitOptions,
    "base": BaseOptions,
    "implicit": ImplicitOptions,
    "regularise": RegulariseOptions,
    "shading": ShadingOptions,
    "segmentation": SegmentationOptions,
    "highlights": HighlightOptions,
    "texture": TextureOptions,
    "albedo": AlbedoOptions,
    "displacement": DisplacementOptions,
    "export": ExportOptions,
    "evaluation": EvaluationOptions,
    "report": ReportOptions,
    "synthesis": SynthesisOptions,
    "dataset": DatasetOptions,
    "training": TrainingOptions,
    "coarse_training": CoarseOptions,
    "detail_training": DetailTrainingOptions,
    "highlight_training": HighlightTrainingOptions,
    "albedo_training": AlbedoTrainingOptions,
}
SETTINGS = dict(walk_settings(settings_schema()))
MAKE = "run: python -m lib.planning.document"


def test_every_section_has_options():
    sections = {name for name, entry in SETTINGS.items() if entry["type"] == "object"}
    assert sections == set(SECTIONS)


@pytest.mark.parametrize("section", SECTIONS)
def test_names_and_defaults_of_the_schema_are_those_of_the_code(section):
    in_code = dataclasses.asdict(SECTIONS[section]())
    in_schema = default_settings()[section]
    assert in_schema == in_code
    assert {k: type(v) for k, v in in_schema.items()} == {k: type(v) for k, v in in_code.items()}


@pytest.mark.parametrize("section", SECTIONS)
def test_choices_of_the_schema_are_those_of_the_code(section):
    hints = typing.get_type_hints(SECTIONS[section])
    in_code = {
        name: list(typing.get_args(hint))
        for name, hint in hints.items()
        if typing.get_origin(hint) is typing.Literal
    }
    entries = SETTINGS[section]["properties"]
    in_schema = {name: entry["enum"] for name, entry in entries.items() if "enum" in entry}
    assert in_schema == in_code


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_says_what_it_means_and_its_default_is_allowed(name):
    entry = SETTINGS[name]
    assert len(entry["description"]) > 10
    for value in (*([entry["default"]] if "default" in entry else []), *entry.get("examples", ())):
        nested = value
        for part in reversed(name.split(".")):
            nested = {part: nested}
        checked_settings(nested)


def test_config_yaml_is_the_schema_with_its_defaults():
    text = (PROJECT / "config.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == default_settings()
    assert text == config_yaml(), MAKE


def test_the_docs_page_is_in_sync():
    page = (PROJECT / "docs" / "config.md").read_text(encoding="utf-8")
    assert page == config_page(), MAKE


def test_the_conda_environment_pins_what_the_lock_pins():
    text = (PROJECT / "envs" / "visagraph.yaml").read_text(encoding="utf-8")
    assert text == conda_environment(PROJECT / "requirements.lock"), MAKE
    *_, packages = yaml.safe_load(text)["dependencies"]
    names = [pin.split("==")[0] for pin in packages["pip"]]
    assert {"torch", "numpy", "snakemake", "h5py", "scipy", "opencv-python-headless"} <= set(names)
    assert "colorama" not in names  # for Windows alone
    assert len(names) == len(set(names))


def test_settings_that_were_given_win_and_the_rest_is_default():
    checked = checked_settings({"photos": "p", "fit": {"samples": 300}, "pathvars": {"x": "y"}})
    expected = default_settings()
    expected["photos"], expected["fit"]["samples"] = "p", 300
    assert checked == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"photo": "x"}, r"Unknown setting 'photo'\. Did you mean 'photos'\?.*docs/config\.md"),
        ({"fit": {"sample": 1}}, r"Unknown setting 'fit\.sample'\. Did you mean 'samples'\?"),
        (
            {"uv_size": 64},
            r"'uv_size'\. Did you mean .*'texture\.uv_size',.* or 'training\.uv_size'\?",
        ),
        ({"brow": 1}, r"Unknown setting 'brow'\. All settings are in docs/config\.md\."),
        ({"batch_size": "many"}, r"Setting 'batch_size' is 'many', expected integer"),
        ({"batch_size": 0}, r"Setting 'batch_size' is 0, expected at least 1\."),
        ({"fit": 3}, r"Setting 'fit' is 3, expected a section"),
        ({"device": "gpu"}, r"Setting 'device' is 'gpu', expected one of auto, cpu, cuda"),
        ({"detection": {"min_score": 2}}, r"'detection\.min_score' is 2, expected at most 1\."),
        ({"import": {"max_megapixels": 0}}, r"'import\.max_megapixels' is 0, expected more than 0"),
        ({"results": "a/{b}"}, r"Setting 'results' is 'a/\{b\}', expected a text like "),
        ({"results": ""}, r"Setting 'results' is '', expected a text that is not empty"),
    ],
)
def test_a_mistake_is_named_with_what_is_expected(given, message):
    with pytest.raises(ConfigError, match=message):
        checked_settings(given)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        checked_settings({"batch_size": 0, "device": "x", "colour": "red"})
    assert len(str(caught.value).splitlines()) == 3


def tool(*command):
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=PROJECT, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_rules_follow_snakemakes_linter_and_formatter():
    linted = tool("snakemake", "--lint")
    assert linted.returncode == 0, linted.stderr
    formatted = tool("snakefmt", "--check", "Snakefile", "rules", "workflow/Snakefile")
    assert formatted.returncode == 0, formatted.stderr


def test_numbers_inside_a_section_may_come_as_words_of_the_command_line():
    given = checked_settings({"synthesis": {"count": "48", "things": "0.5"}})
    assert given["synthesis"]["count"] == 48 and given["synthesis"]["things"] == 0.5
    with pytest.raises(ConfigError, match=r"synthesis\.count"):
        checked_settings({"synthesis": {"count": "many"}})
