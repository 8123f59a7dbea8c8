"""Many captures' scores as one table: groups that may be averaged, and nothing across them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lib.artefacts import OK, Scores
from lib.errors import ConfigError
from lib.evaluation.measures import AVERAGE_PERSON, FIT, MEAN_FACE, MEASURES, WHO
from lib.evaluation.rows import CAPTURE
from lib.metrics import cumulative_curve

AUC_UP_TO = 8.0  # percent
ALWAYS = (FIT, AVERAGE_PERSON, MEAN_FACE)  # of a shape: a number means little without the others


class ScoreRow(NamedTuple):
    """One number of one capture; a capture that failed has one row without measure and value.

    Args:
        dataset: what it may be averaged with.
        span: in_model or out_of_model.
        views: of the capture; 0 = not known.
        capture: its name; empty for a number of the whole data set.
        outcome: ok, or why the capture failed.
        who: a key of `WHO`.
        measure: a key of `MEASURES`.
        view: index, -1 = the capture.
        value: the number.
    """

    dataset: str
    span: str
    views: int
    capture: str
    outcome: str
    who: str = ""
    measure: str = ""
    view: int = CAPTURE
    value: float = float("nan")


@dataclass(frozen=True)
class Entry:
    """One measure of one kind of head over a group; NaN where there is nothing to sum up.

    Args:
        measure: a key of `MEASURES`.
        who: a key of `WHO`.
        count: values.
        median: of them.
        mean: of them.
        p90: their 90th percentile.
    """

    measure: str
    who: str
    count: int
    median: float
    mean: float
    p90: float


@dataclass(frozen=True)
class Group:
    """Captures that may be averaged: of one data set, all inside or all outside of the model.

    Args:
        dataset: such as `synthetic makehuman` or `scans`.
        span: in_model or out_of_model.
        views: `one` or `many`.
        captures: names of those with numbers.
        failed: (name, word) of the others.
        entries: by measure, in the order of `MEASURES`.
    """

    dataset: str
    span: str
    views: str
    captures: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    entries: tuple[Entry, ...]

    def entry(self, measure: str, who: str) -> Entry | None:
        """The entry, None where nobody measured it."""
        found = [one for one in self.entries if (one.measure, one.who) == (measure, who)]
        return found[0] if found else None


Board = tuple[Group, ...]
COLUMNS = (
    *("dataset", "span", "views", "aspect", "measure", "unit", "who"),
    *("captures", "failed", "values", "median", "mean", "p90"),
)


def rows_of_scores(capture: str, scores: Scores) -> list[ScoreRow]:
    """The rows of one capture's scores; one where it failed."""
    start = scores.dataset, scores.span, int(scores.views), capture, scores.outcome
    if scores.outcome != OK:
        return [ScoreRow(*start)]
    columns = scores.who, scores.measure, scores.view.tolist(), scores.value.tolist()
    return [ScoreRow(*start, *cells) for cells in zip(*columns, strict=True)]


def scoreboard(rows: Iterable[ScoreRow]) -> Board:
    """Rows summed up by group; figures never mix groups.

    Raises:
        ConfigError: a row has an unknown measure or head.
    """
    grouped: dict[tuple[str, str, str], list[ScoreRow]] = {}
    for row in rows:
        if row.outcome == OK and (row.measure not in MEASURES or row.who not in WHO):
            raise ConfigError(
                f"There is no measure '{row.measure}' of '{row.who}'. A table of another version? "
                "Make it again: python -m lib.evaluation benchmark."
            )
        key = row.dataset, row.span, "many" if row.views > 1 else "one"
        grouped.setdefault(key, []).append(row)
    order = sorted(grouped, key=lambda key: (key[1] != "in_model", key[0], key[2] == "one"))
    return tuple(_group(key, grouped[key]) for key in order)


def write_scoreboard(path: str | Path, board: Board) -> None:
    """Write the table, tab-separated: one line per group, measure and head."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        for group in board:
            if not group.entries:  # all of it failed
                place = group.dataset, group.span, group.views, "", "", "", FIT
                writer.writerow((*place, 0, len(group.failed), 0, "", "", ""))
            for entry in group.entries:
                measure = MEASURES[entry.measure]
                numbers = (entry.median, entry.mean, entry.p90)
                writer.writerow(
                    (
                        *(group.dataset, group.span, group.views, measure.aspect, entry.measure),
                        *(measure.unit, entry.who, len(group.captures), len(group.failed)),
                        entry.count,
                        *("" if np.isnan(number) else f"{number:.6g}" for number in numbers),
                    )
                )


def write_rows(path: str | Path, rows: Iterable[ScoreRow]) -> None:
    """Write single numbers as a tab-separated table with a header."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(ScoreRow._fields)
        writer.writerows(
            (*row[:-1], "" if np.isnan(row.value) else repr(row.value)) for row in rows
        )


def read_rows(path: str | Path) -> list[ScoreRow]:
    """The rows that `write_rows` wrote.

    Raises:
        ConfigError: the file is not there or is no such table.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            table = list(csv.reader(file, delimiter="\t"))
        if tuple(table[0]) != ScoreRow._fields:
            raise ValueError(f"its columns are {', '.join(table[0])}")
        return [
            ScoreRow(*(row[0], row[1], int(row[2]), *row[3:7], int(row[7]), float(row[8] or "nan")))
            for row in table[1:]
        ]
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise ConfigError(
            f"evaluation.benchmarks: {path} is no table of scores: {error}. Make it by "
            "python -m lib.evaluation benchmark."
        ) from error


def _group(key: tuple[str, str, str], rows: Sequence[ScoreRow]) -> Group:
    views = {row.capture: row.views for row in rows if row.outcome != OK}
    values: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row.outcome == OK:
            values.setdefault((row.measure, row.who), []).append(row.value)
    names = dict.fromkeys(row.capture for row in rows if row.outcome == OK and row.capture)
    failed = dict.fromkeys((row.capture, row.outcome) for row in rows if row.outcome != OK)
    lost = sum(max(1, count) for count in views.values())
    return Group(*key, tuple(names), tuple(failed), tuple(_entries(values, lost)))


def _entries(values: dict[tuple[str, str], list[float]], lost: int) -> Iterator[Entry]:
    """Entries in the order of `MEASURES` and `WHO`; of shapes all three kinds of heads.

    Args:
        values: (measure, who) -> numbers.
        lost: views of captures that failed.
    """
    found = {measure for measure, _ in values}
    for measure, about in MEASURES.items():
        by_who = [who for who in WHO if (measure, who) in values]
        if measure in found and about.aspect == "shape":
            by_who = [who for who in WHO if who in (*by_who, *ALWAYS)]
        for who in by_who:
            yield _entry(measure, who, values.get((measure, who), []))
        source = measure.removesuffix("_auc")
        if source != measure and source in found:
            for who in WHO:
                if (source, who) in values:
                    errors = np.array([*values[source, who], *[np.inf] * lost])
                    area = 100 * cumulative_curve(errors, AUC_UP_TO).area()
                    yield Entry(measure, who, len(errors), np.nan, area, np.nan)


def _entry(measure: str, who: str, values: Sequence[float]) -> Entry:
    if not values:
        return Entry(measure, who, 0, np.nan, np.nan, np.nan)
    return Entry(
        measure,
        who,
        len(values),
        float(np.median(values)),
        float(np.mean(values)),
        float(np.percentile(values, 90)),
    )
