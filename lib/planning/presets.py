"""Presets: settings that make the line do what a published system does."""

from __future__ import annotations

from pathlib import Path

from lib.errors import ConfigError

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
    if not path.is_file():
        there = sorted(file.stem for file in (project / FOLDER).glob("*.yaml"))
        raise ConfigError(f"preset is '{name}', expected one of {', '.join(there)}.")
    return str(path)
