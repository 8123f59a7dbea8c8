"""Seconds and memory of stages as HTML: a table with bars, and how a job grows with its images."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from lib.report.timings import Growth, RuleTime

WIDTH, HEIGHT, EDGE = 120, 30, 3  # of a small chart, px
NONE = '<div class="panel"><p class="hint none">No benchmark tables were found.</p></div>'
COLUMNS = (  # name, class, what it means
    ("Rule", "", ""),
    ("Jobs", "number", ""),
    ("Seconds", "number", "of all jobs"),
    ("Per photo", "number", "seconds"),
    ("Peak MB", "number", "largest resident memory of any job"),
    ("Share of the time", "bar", ""),
)
GROWTH = (  # where batches are of different sizes
    ("Start", "number", "seconds of a job without images, by a line through all jobs"),
    ("Per image", "number", "seconds that each image adds, by the same line"),
    ("Seconds by images", "spread", "one dot a job over the images of its batch, and the line"),
    ("MB by images", "spread", "resident memory likewise"),
)


def timing_table(times: Sequence[RuleTime], n_captures: int) -> str:
    """A table with a row per rule, then a link to the table of all jobs."""
    if not times:
        return NONE
    longest = max(time.seconds for time in times) or 1.0
    grown = any(time.growth_s.known for time in times)
    columns = COLUMNS + GROWTH * grown
    head = "".join(
        f'<th scope="col" class="{kind}" title="{html.escape(hint)}">{name}</th>'
        for name, kind, hint in columns
    )
    rows = []
    for time in times:
        cells = _cells(time, n_captures, longest) + _growth_cells(time) * grown
        pairs = zip((kind for _, kind, _ in columns), cells, strict=True)
        rows.append("".join(f'<td class="{kind}">{cell}</td>' for kind, cell in pairs))
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div class="panel"><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
        '<p class="below"><a href="timings.tsv">Every job</a></p></div>'
    )


def _cells(time: RuleTime, n_captures: int, longest: float) -> list[str]:
    return [
        html.escape(time.rule),
        str(len(time.jobs)),
        f"{time.seconds:.1f}",
        f"{time.seconds / max(1, n_captures):.2f}",
        _number(time.max_rss_mb, ".0f"),
        _bar(time.seconds, longest),
    ]


def _growth_cells(time: RuleTime) -> list[str]:
    seconds = [(job.images, job.seconds) for job in time.jobs]
    memory = [(job.images, job.max_rss_mb) for job in time.jobs]
    return [
        _number(time.growth_s.start, ".1f"),
        _number(time.growth_s.image, ".2f"),
        _spread(seconds, time.growth_s, "s", ".2f"),
        _spread(memory, time.growth_mb, "MB", ".1f"),
    ]


def _number(value: float, form: str) -> str:
    return "–" if math.isnan(value) else format(value, form)


def _bar(seconds: float, longest: float) -> str:
    return (
        '<svg viewBox="0 0 100 4" preserveAspectRatio="none" role="img" '
        f'aria-label="{seconds:.1f} seconds">'
        f'<rect width="{100 * seconds / longest:.2f}" height="4"/></svg>'
    )


def _spread(found: Sequence[tuple[int, float]], growth: Growth, unit: str, form: str) -> str:
    """Jobs as dots over the images of their batch; nothing where all batches are of one size."""
    if not growth.known:
        return ""
    known = [(images, value) for images, value in found if math.isfinite(value)]
    most_images = max(images for images, _ in known)
    most = max(*(value for _, value in known), 1e-3)

    def place(images: float, value: float) -> tuple[float, float]:
        across = EDGE + (WIDTH - 2 * EDGE) * images / most_images
        up = EDGE + (HEIGHT - 2 * EDGE) * min(value / most, 1)
        return round(across, 1), round(HEIGHT - up, 1)

    x1, y1 = place(0, growth.start)
    x2, y2 = place(most_images, growth.start + most_images * growth.image)
    dots = "".join('<circle cx="{}" cy="{}" r="1.8"/>'.format(*place(*job)) for job in known)
    words = (
        f"{growth.start:.1f} {unit} and {growth.image:{form}} {unit} per image, "
        f"up to {most_images} images"
    )
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{words}">'
        f"<title>{words}</title>"
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>{dots}</svg>'
    )
