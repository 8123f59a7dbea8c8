"""The version is written in three files for three kinds of readers, and is the same in all."""

import tomllib

import yaml

import lib
from tests.runs import PROJECT


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    assert lib.__version__ == project["version"] == citation["version"]
