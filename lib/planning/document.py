"""Files that are written from others so that they cannot drift: `python -m lib.planning.document`.

config.yaml and docs/config.md from the settings schema, envs/visagraph.yaml from requirements.lock.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lib.planning.conda import conda_environment
from lib.planning.settings import settings_schema, walk_settings

PROJECT = Path(__file__).parents[2]
WIDTH = 100


def config_yaml() -> str:
    """The text of config.yaml: every setting at its default under its description."""
    schema = settings_schema()
    lines = _comment(
        "Settings with their defaults, made from workflow/schemas/config.schema.yaml. "
        + schema["description"],
        "",
    )
    return "\n".join([*lines, *_section(schema, "")]) + "\n"


def config_page() -> str:
    """The text of docs/config.md: one table row per setting."""
    lines = [
        "# Settings",
        "",
        "Made by `python -m lib.planning.document` from `workflow/schemas/config.schema.yaml`.",
        "",
        "| setting | default | values | meaning |",
        "|---|---|---|---|",
    ]
    for name, entry in walk_settings(settings_schema()):
        if entry["type"] == "object":
            lines.append(f"| **{name}** | | | {entry['description']} |")
        else:
            default = _scalar(entry["default"])
            lines.append(f"| `{name}` | `{default}` | {_values(entry)} | {entry['description']} |")
    return "\n".join(lines) + "\n"


def _section(schema: Mapping[str, Any], indent: str) -> list[str]:
    lines = []
    for name, entry in schema["properties"].items():
        if entry["type"] == "object":
            lines += ["", *_comment(entry["description"], indent), f"{indent}{name}:"]
            lines += _section(entry, indent + "  ")
        else:
            lines += [
                *([""] if lines or not indent else []),
                *_comment(f"{entry['description']}  ({_values(entry)})", indent),
            ]
            lines.append(f"{indent}{name}: {_scalar(entry['default'])}")
    return lines


def _comment(words: str, indent: str) -> list[str]:
    start = f"{indent}# "
    return textwrap.wrap(
        words, WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False
    )


def _scalar(value: Any) -> str:
    return yaml.safe_dump(value).splitlines()[0] if value != "" else '""'


def _values(entry: Mapping[str, Any]) -> str:
    if "enum" in entry:
        return ", ".join(map(str, entry["enum"]))
    kinds = entry["type"]
    words = [kinds if isinstance(kinds, str) else " or ".join(kinds)]
    for key, sign in (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<=")):
        if key in entry:
            words.append(f"{sign} {entry[key]}")
    return " ".join(words)


def main() -> None:
    """Write all of them."""
    (PROJECT / "config.yaml").write_text(config_yaml(), encoding="utf-8")
    (PROJECT / "docs" / "config.md").write_text(config_page(), encoding="utf-8")
    environment = conda_environment(PROJECT / "requirements.lock")
    (PROJECT / "envs" / "visagraph.yaml").write_text(environment, encoding="utf-8")


if __name__ == "__main__":
    main()
