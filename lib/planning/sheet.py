"""The sample sheet: one line per image, tab-separated, a million of them if need be."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lib.errors import ConfigError
from lib.planning.names import slug, tidy_path, unique_name
from lib.planning.samples import Sample, file_state
from lib.planning.truth import find_truth

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "samples.schema.yaml"


class Line(NamedTuple):
    """One line of a sheet: its number in the file, then its cells as they stand there."""

    number: int
    capture: str = ""
    view: str = ""
    image: str = ""
    subject: str = ""
    camera: str = ""
    mask: str = ""
    truth: str = ""


COLUMNS = Line._fields[1:]


def read_samples(sheet: str | Path) -> list[Sample]:
    """The rows of a sample sheet: tab-separated, one line per image, with a header.

    Only `image` is needed. `capture` defaults to the image's name, `view` to the number of the row
    within its capture (`00`, `01`, ...), `subject` to the capture, `camera`, `mask` and `truth` to
    none. Relative paths start at the sheet's folder. Lines that start with `#` are skipped.

    Args:
        sheet: path of the .tsv file.

    Raises:
        ConfigError: the sheet breaks a rule, or a truth is not there; names the file, the line,
            the column and what to do.
    """
    sheet = os.fspath(sheet)
    lines = list(_lines(sheet))
    if not lines:
        raise ConfigError(f"{sheet} has no rows. Add one line per image below the header.")
    return _with_truths(sheet, _samples_of(sheet, lines), lines)


class _Rule(NamedTuple):
    pattern: re.Pattern[str]
    description: str


def _lines(sheet: str) -> Iterator[Line]:
    """Every line below the header, its cells stripped and checked."""
    rules = _column_rules()
    try:
        with open(sheet, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter="\t")
            columns: list[str] | None = None
            for cells in reader:
                line = reader.line_num
                cells = [cell.strip() for cell in cells]
                if not any(cells) or cells[0].startswith("#"):
                    continue
                if columns is None:
                    columns = _checked_header(sheet, line, cells)
                    continue
                if len(cells) > len(columns):
                    raise ConfigError(
                        f"{sheet}, line {line}: {len(cells)} cells, the header names "
                        f"{len(columns)}. Separate columns by exactly one tab."
                    )
                yield _checked_line(sheet, line, dict(zip(columns, cells, strict=False)), rules)
    except OSError as error:
        raise ConfigError(
            f"samples: '{sheet}' cannot be read ({error.strerror}). Name a sheet: "
            "--config samples=SHEET.tsv"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(
            f"samples: '{sheet}' is not a tab-separated UTF-8 text file ({error}). "
            "Save it as UTF-8 text with tabs between the columns."
        ) from error


def _checked_header(sheet: str, line: int, columns: list[str]) -> list[str]:
    advice = f"The columns are {', '.join(COLUMNS)}; only image is needed."
    if len(columns) == 1 and re.search(r"[,;]", columns[0]):
        raise ConfigError(
            f"{sheet}, line {line}: the header has no tabs. Separate columns by tabs."
        )
    for column in columns:
        if column not in COLUMNS:
            raise ConfigError(f"{sheet}, line {line}: unknown column '{column}'. {advice}")
    if len(set(columns)) < len(columns):
        raise ConfigError(f"{sheet}, line {line}: a column is named twice. {advice}")
    if "image" not in columns:
        raise ConfigError(f"{sheet}, line {line}: the column image is missing. {advice}")
    return columns


def _checked_line(sheet: str, line: int, cells: dict[str, str], rules: dict[str, _Rule]) -> Line:
    for column, value in cells.items():
        if value and not rules[column].pattern.fullmatch(value):
            raise _wrong_value(sheet, line, column, value, rules[column])
    if not cells.get("image"):
        raise ConfigError(f"{sheet}, line {line}, column image: empty. Name an image file.")
    return Line(line, **cells)


def _column_rules() -> dict[str, _Rule]:
    """What each column may hold, compiled from the schema: 100 times faster than row by row."""
    properties = _schema()["items"]["properties"]
    return {
        column: _Rule(re.compile(rule["pattern"]), " ".join(rule["description"].split()))
        for column, rule in properties.items()
    }


def _schema() -> dict[str, Any]:
    import yaml

    with open(SCHEMA, encoding="utf-8") as file:
        return yaml.safe_load(file)


def _wrong_value(sheet: str, line: int, column: str, value: str, rule: _Rule) -> ConfigError:
    hint = f" For example: {slug(value)}" if column in ("capture", "view") else ""
    return ConfigError(
        f"{sheet}, line {line}, column {column}: '{value}' is not allowed. {rule.description}{hint}"
    )


def _samples_of(sheet: str, lines: list[Line]) -> list[Sample]:
    folder = os.path.dirname(sheet)
    taken = {line.capture.casefold() for line in lines if line.capture}
    views: dict[str, list[int]] = {}  # case-folded capture -> where its lines and samples are
    samples: list[Sample] = []
    for index, line in enumerate(lines):
        capture = line.capture
        if not capture:
            capture = unique_name(os.path.basename(line.image), taken)
            taken.add(capture.casefold())
        known = views.setdefault(capture.casefold(), [])
        view, subject = line.view or f"{len(known):02d}", line.subject or capture
        for other in known:
            _check_view(sheet, line, (capture, view, subject), lines[other], samples[other])
        known.append(index)
        image, camera, mask = (
            tidy_path(os.path.join(folder, path)) if path else ""
            for path in (line.image, line.camera, line.mask)
        )
        state = file_state(image, camera, mask)
        samples.append(Sample(capture, view, image, subject, camera, *state, mask=mask))
    return samples


def _check_view(
    sheet: str, line: Line, named: tuple[str, str, str], other_line: Line, other: Sample
) -> None:
    """That a view fits another one of its capture; `named` are capture, view and subject."""
    (capture, view, subject), there = named, other_line.number
    if capture != other.capture:
        raise ConfigError(
            f"{sheet}, line {line.number}, column capture: '{capture}' differs from "
            f"'{other.capture}' in line {there} only by case. Use one spelling, or two different "
            "names."
        )
    if view == other.view:
        raise ConfigError(
            f"{sheet}, line {line.number}, column view: '{view}' of capture '{capture}' is also "
            f"in line {there}. Give every view of a capture its own name."
        )
    if subject != other.subject:
        raise ConfigError(
            f"{sheet}, line {line.number}, column subject: capture '{capture}' is of '{subject}' "
            f"here and of '{other.subject}' in line {there}. A capture shows one subject: give "
            "both lines the same."
        )


def _with_truths(sheet: str, samples: list[Sample], lines: list[Line]) -> list[Sample]:
    """The samples, each with its capture's truth; one row of a capture is enough to name it."""
    named: dict[str, tuple[str, int]] = {}
    for sample, line in zip(samples, lines, strict=True):
        if not line.truth:
            continue
        first, first_line = named.setdefault(sample.capture, (line.truth, line.number))
        if first != line.truth:
            raise ConfigError(
                f"{sheet}, line {line.number}, column truth: capture '{sample.capture}' has the "
                f"truth '{line.truth}' here and '{first}' in line {first_line}. A capture has one "
                "truth: give both lines the same."
            )
    if not named:
        return samples
    folder = os.path.dirname(sheet)
    found = {}
    for capture, (truth, number) in named.items():
        try:
            found[capture] = find_truth(truth, folder)
        except ConfigError as error:
            raise ConfigError(f"{sheet}, line {number}, column truth: {error}") from error
    return [
        sample._replace(**found[sample.capture]._asdict()) if sample.capture in found else sample
        for sample in samples
    ]
