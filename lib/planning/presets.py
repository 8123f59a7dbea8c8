"""Presets: settings that make the line do what a published system does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lib.errors import ConfigError
from lib.planning.settings import merged

PROJECT = Path(__file__).parents[2]
FOLDER = Path("workflow/presets")


def preset_file(name: str, project: Path) -> str:
    """The file of a preset.

    Args:
        name: of the preset.
        project: folder of the Snakefile.

    Raises:
        ConfigError: there is no such preset.
    """
    path = project / FOLDER / f"{name}.yaml"
    there = sorted(file.stem for file in (project / FOLDER).glob("*.yaml"))
    if name not in there:
        raise ConfigError(f"preset is '{name}', expected one of {', '.join(there)}.")
    return str(path)


def with_preset(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a user gave, with the settings of the preset that it names where it says nothing.

    Snakemake does the same where `preset` is in a --configfile or on the command line.

    Args:
        given: nested as in config.yaml.

    Raises:
        ConfigError: there is no such preset.
    """
    if not given.get("preset"):
        return dict(given)
    path = Path(preset_file(given["preset"], PROJECT))
    return merged(yaml.safe_load(path.read_text(encoding="utf-8")), given)
