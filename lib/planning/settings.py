"""The settings of a run: checked against the schema, defaults filled in, mistakes explained."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from lib.errors import ConfigError
from lib.inputs.texts import check_size, read_small

SCHEMA_FILE = Path(__file__).parents[2] / "workflow" / "schemas" / "config.schema.yaml"
# Not settings of ours: Snakemake keeps them in the same dictionary.
FOREIGN = ("pathvars",)
LARGEST_FILE = 2**20  # bytes of a configuration file
EXPECTED = {
    "type": "{value}",
    "enum": "one of {value}",
    "minimum": "at least {value}",
    "maximum": "at most {value}",
    "exclusiveMinimum": "more than {value}",
    "minLength": "a text that is not empty",
    "pattern": "a text like {value}",
}


def settings_schema() -> dict[str, Any]:
    """The JSON schema of all settings."""
    return yaml.safe_load(SCHEMA_FILE.read_text(encoding="utf-8"))


def default_settings() -> dict[str, Any]:
    """Every setting at its default, sections as dictionaries."""
    return _defaults(settings_schema())


def checked_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """All settings: those of `config`, and defaults for the rest.

    Args:
        config: what the user gave, nested as in config.yaml.

    Raises:
        ConfigError: an unknown name, a wrong type or a value out of range; the message names the
            setting and says what is expected.
    """
    schema = settings_schema()
    given = {key: value for key, value in config.items() if key not in FOREIGN}
    _check_small(given)
    given = _typed(given, schema)
    _check_small(given)
    problems = sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(given), key=lambda e: list(e.path)
    )
    if problems:
        raise ConfigError("\n".join(message for e in problems for message in _explain(e, schema)))
    return merged(_defaults(schema), given)


def walk_settings(
    schema: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(dotted name, schema entry) of every section and setting, in order."""
    for name, entry in schema["properties"].items():
        yield prefix + name, entry
        if entry["type"] == "object":
            yield from walk_settings(entry, f"{prefix}{name}.")


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both, setting by setting; where both say something, `above` counts."""
    result = dict(below)
    for name, value in above.items():
        nested = isinstance(value, Mapping) and isinstance(below.get(name), Mapping)
        result[name] = merged(below[name], value) if nested else value
    return result


def _defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _defaults(entry) if entry["type"] == "object" else entry["default"]
        for name, entry in schema["properties"].items()
    }


def _typed(given: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Words of the command line as the numbers and truth values that the schema expects.

    Snakemake hands on what stands inside a section as text: --config 'fit={iterations: 20}'.
    """
    result: dict[str, Any] = {}
    for name, value in given.items():
        entry = schema["properties"].get(name, {})
        if isinstance(value, Mapping) and entry.get("type") == "object":
            value = _typed(value, entry)
        elif isinstance(value, str) and entry.get("type") in ("integer", "number", "boolean"):
            value = _number(value)
        result[name] = value
    return result


def _number(text: str) -> Any:
    """A number or truth value; the text itself where it is none."""
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
    return value if isinstance(value, int | float) else text


def _check_small(given: Mapping[str, Any]) -> None:
    try:
        check_size(given)
    except ValueError as error:
        raise ConfigError(
            f"the settings have {error}: names that stand for lists of names (& and * of YAML) "
            "grow without end. Write them out: docs/config.md has all of them."
        ) from error


def read_settings(path: Path) -> dict[str, Any]:
    """What a configuration file says, unchecked.

    Raises:
        ConfigError: it cannot be read, is no YAML with settings, or merges names (`<<`), which can
            grow without end while it is read.
    """
    try:
        text = read_small(path, largest=LARGEST_FILE)
        if re.search(r"<<\s*[\"']?\s*:", text):
            raise ValueError("it merges names by <<")
        given = yaml.safe_load(text)
        if not isinstance(given or {}, Mapping):
            raise ValueError(f"it holds {type(given).__name__}")
        return dict(given or {})
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(
            f"{path} cannot be read as settings ({error}). Expected YAML like config.yaml."
        ) from error


def _explain(error: jsonschema.ValidationError, schema: Mapping[str, Any]) -> Iterator[str]:
    where = ".".join(map(str, error.path))
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        for name in sorted(set(error.instance) - set(known)):
            full = f"{where}.{name}".lstrip(".")
            close = difflib.get_close_matches(name, known, 1) or _anywhere(name, schema)
            hint = f" Did you mean {_either(close)}?" if close else ""
            yield f"Unknown setting '{full}'.{hint} All settings are in docs/config.md."
        return
    words = EXPECTED.get(error.validator, "{validator} {value}")
    value = error.validator_value
    if error.validator == "enum":
        value = ", ".join(map(str, value))
    elif error.validator == "type" and isinstance(value, list):
        value = " or ".join(value)
    elif value == "object":
        words = "a section with settings below it"
    expected = words.format(validator=error.validator, value=value)
    yield (
        f"Setting '{where}' is {error.instance!r}, expected {expected}. "
        "docs/config.md says what it means."
    )


def _anywhere(name: str, schema: Mapping[str, Any]) -> list[str]:
    """Dotted settings whose last part is like `name`; several sections may have one."""
    full = [path for path, _ in walk_settings(schema)]
    ends = [path.rsplit(".", 1)[-1] for path in full]
    close = difflib.get_close_matches(name, dict.fromkeys(ends), 1)
    return [path for path, end in zip(full, ends) if end in close]


def _either(names: list[str]) -> str:
    """'a', 'b' or 'c'."""
    *first, last = (f"'{name}'" for name in names)
    return f"{', '.join(first)} or {last}" if first else last
