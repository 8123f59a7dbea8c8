"""Scores on a page: a section per group of captures that may be averaged."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np

from lib.artefacts import OK, BatchReader, Scores
from lib.errors import ConfigError
from lib.evaluation import (
    MEASURES,
    WHO,
    Board,
    Entry,
    EvaluationOptions,
    Group,
    ScoreRow,
    read_rows,
    rows_of_scores,
    scoreboard,
)
from lib.facemodel.model import FaceModel
from lib.figures import draw_errors, shown_head, shown_measure
from lib.report.pictures import array_uri

PAGE = Path(__file__).parent / "page"
FIRST = (  # what a reader sees before opening the rest
    *("known.median", "known.mean", "known.within_05", "known.normals"),
    *("rigid.mean", "rigid.within_10", "rigid.normals", "similarity.mean"),
    *("now.median", "region.mean", "head.all", "landmarks.fitted", "camera.rotation"),
    *("parts.mean", "skin.mask", "albedo.ita_error", "recovered.ita_error", "sigma.within_80"),
)
SPANS = {
    "in_model": (
        "In-model truth",
        "The fitted model can take these true shapes exactly: what is left is the fit's error.",
    ),
    "out_of_model": (
        "Out-of-model truth",
        "Scans, and heads that the fitted model cannot take exactly: as people are.",
    ),
}
LEVELS = (50, 80, 95)
DASH = "–"
Key = tuple[str, str, str]  # data set, span, views


@dataclass(frozen=True)
class HeatMap:
    """A picture of one capture's errors.

    Args:
        capture: its name.
        words: its number.
        uri: `data:` URI.
    """

    capture: str
    words: str
    uri: str


Pictures = Mapping[Key, Sequence[HeatMap]]


def collect_scores(
    files: Iterable[Path],
    model: FaceModel,
    options: EvaluationOptions,
    tables: Iterable[str] = (),
) -> tuple[Board, Pictures]:
    """Everything that was scored, and heat maps of each group.

    Of a group with more than `max_pictures` captures, the best, the worst and those between at
    equal steps have a picture. Memory holds one capture at a time.

    Args:
        files: `scores.h5` of batches.
        model: that was fitted.
        options: see `EvaluationOptions`.
        tables: of benchmarks, as `write_rows` wrote them.

    Raises:
        ConfigError: there is nothing at all, or a table is none.
    """
    files = list(files)
    rows: list[ScoreRow] = [row for table in tables for row in read_rows(table)]
    ranked: dict[Key, list[tuple[float, str, Path]]] = {}
    for file in files:
        with BatchReader(file, Scores) as reader:
            for name, scores in reader.items():
                made = rows_of_scores(name, scores)
                rows += made
                if scores.outcome == OK:
                    key = scores.dataset, scores.span, "many" if scores.views > 1 else "one"
                    ranked.setdefault(key, []).append((_shown_value(scores), name, file))
    if not rows:
        raise ConfigError(
            "There is nothing to score: no capture has a truth, and `evaluation.benchmarks` is "
            "empty. Name truths in the column `truth` of a sample sheet: docs/evaluation.md."
        )
    pictures = {
        key: [_heat_map(model, *one) for one in _spread(sorted(found), options.max_pictures)]
        for key, found in ranked.items()
    }
    return scoreboard(rows), pictures


def write_scoreboard_page(path: Path, board: Board, pictures: Pictures) -> None:
    """Write the page: in-model and out-of-model apart, one table per group; it opens offline."""
    template = Template((PAGE / "scoreboard.html").read_text(encoding="utf-8"))
    text = template.substitute(
        style=(PAGE / "style.css").read_text(encoding="utf-8"), groups=groups(board, pictures)
    )
    path.write_text(text, encoding="utf-8", newline="\n")


def groups(board: Board, pictures: Pictures) -> str:
    """All groups as HTML, below a heading each for in-model and out-of-model truth."""
    parts = []
    for span, (title, hint) in SPANS.items():
        found = [group for group in board if group.span == span]
        if found:
            parts.append(
                f'<h3 class="span">{html.escape(title)}</h3><p class="hint">{html.escape(hint)}</p>'
            )
            parts += [_group(one, pictures.get(_key(one), ())) for one in found]
    return "\n".join(parts)


def _key(group: Group) -> Key:
    return group.dataset, group.span, group.views


def _shown_value(scores: Scores) -> float:
    """The number that stands below the picture."""
    shown = shown_head(scores), shown_measure(scores)
    rows = zip(scores.who, scores.measure, scores.value, strict=True)
    return next(float(v) for who, name, v in rows if (who, name) == shown)


def _spread(items: Sequence[tuple[float, str, Path]], most: int) -> list[tuple[float, str, Path]]:
    if len(items) <= most:
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, most).round().astype(int)]


def _heat_map(model: FaceModel, value_mm: float, capture: str, file: Path) -> HeatMap:
    with BatchReader(file, Scores) as reader:
        scores = reader[capture]
    alignment, statistic = shown_measure(scores).split(".")
    words = f"{statistic} {value_mm:.2f} mm, {alignment}"
    return HeatMap(capture, words, array_uri(draw_errors(model, scores)))


def _group(group: Group, pictures: Sequence[HeatMap]) -> str:
    views = "one view each" if group.views == "one" else "many views each"
    total = len(group.captures) + len(group.failed)
    count = f"{total} capture{'s' * (total != 1)}, {len(group.failed)} failed"
    failed = "".join(
        f'<li>{html.escape(name)} <span class="tag">{html.escape(word)}</span></li>'
        for name, word in group.failed
    )
    figures = "".join(
        f'<figure><img alt="Errors of {html.escape(one.capture)} in millimetres" loading="lazy" '
        f'src="{one.uri}"><figcaption>{html.escape(one.capture)}<span>{html.escape(one.words)}'
        "</span></figcaption></figure>"
        for one in pictures
    )
    measured = list(dict.fromkeys(entry.measure for entry in group.entries))
    first = [name for name in measured if name in FIRST] or measured
    rest = [name for name in measured if name not in first]
    more = (
        f"<details><summary>All other numbers<span>{len(rest)} more</span></summary>"
        f"{_table(group, rest)}</details>"
        if rest
        else ""
    )
    return (
        f'<section class="panel group"><h4>{html.escape(group.dataset)}, {views}'
        f"<span>{count}</span></h4>"
        + (f'<div class="maps">{figures}</div>' if figures else "")
        + (f'<ul class="lost">{failed}</ul>' if failed else "")
        + (_table(group, first) if first else '<p class="hint">No number: all of it failed.</p>')
        + more
        + _calibration(group)
        + "</section>"
    )


def _table(group: Group, measures: Sequence[str]) -> str:
    head = "".join(
        f'<th scope="col"{kind}>{name}</th>'
        for name, kind in (
            *(("What", ""), ("Unit", ""), ("Head", "")),
            *((name, ' class="number"') for name in ("Values", "Median", "Mean", "90 %")),
        )
    )
    body = "".join(_rows(group, name) for name in measures)
    table = f'<table class="scores"><thead><tr>{head}</tr></thead>{body}</table>'
    return f'<div class="scroll">{table}</div>'


def _rows(group: Group, name: str) -> str:
    measure = MEASURES[name]
    entries = [one for who in WHO if (one := group.entry(name, who))]
    best = {"low": "less is better", "high": "more is better"}.get(
        measure.best, f"best: {measure.best}"
    )
    first = (
        f'<th scope="rowgroup" rowspan="{len(entries)}">{html.escape(name)}'
        f"<small>{html.escape(measure.words)} {best[0].upper() + best[1:]}.</small></th>"
        f'<td rowspan="{len(entries)}">{html.escape(measure.unit)}</td>'
    )
    rows = (
        f'<tr class="{one.who}">{first if index == 0 else ""}<td>{WHO[one.who]}</td>'
        + "".join(f'<td class="number">{cell}</td>' for cell in _cells(one))
        + "</tr>\n"
        for index, one in enumerate(entries)
    )
    return f"<tbody>{''.join(rows)}</tbody>"


def _cells(entry: Entry) -> Iterator[str]:
    yield str(entry.count)
    for value in (entry.median, entry.mean, entry.p90):
        yield DASH if math.isnan(value) else f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"


def _calibration(group: Group) -> str:
    """Coverage of sigma against its levels, as a drawing; nothing without a sigma."""
    found = {level: group.entry(f"sigma.within_{level}", "fit") for level in LEVELS}
    if not all(found.values()):
        return ""
    points = " ".join(f"{level},{100 - entry.mean:.1f}" for level, entry in found.items())
    dots = "".join(
        f'<circle cx="{level}" cy="{100 - entry.mean:.1f}" r="2.2"/>'
        f'<text x="{level - 3}" y="{max(6, 96 - entry.mean):.1f}" text-anchor="end">'
        f"{entry.mean:.0f}</text>"
        for level, entry in found.items()
    )
    ticks = "".join(
        f'<text x="{level}" y="109" text-anchor="middle">{level}</text>'
        f'<path class="grid" d="M{level} 0V100"/>'
        for level in (0, *LEVELS)
    )
    return (
        '<figure class="calibration"><svg viewBox="-12 -4 126 118" role="img" '
        'aria-label="Share of errors inside the intervals of sigma">'
        f'<rect width="100" height="100"/>{ticks}<path class="ideal" d="M0 100L100 0"/>'
        f'<polyline points="0,100 {points}"/>{dots}</svg><figcaption>Calibration of sigma: '
        "share of errors (up) inside the interval of that level (across), in %. On the dashed "
        "line it is right; below it, sigma is too small.</figcaption></figure>"
    )
