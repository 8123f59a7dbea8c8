"""Seconds and memory of stages as HTML: a table with bars, and how a job grows with its images."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from lib.report.timings import RuleTime

WIDTH, HEIGHT, EDGE = 120, 30, 3  # of a small chart, px
NONE = '<div class="panel"><p class="hint none">No benchmark tables were found.</p></div>'
COLUMNS = (  # name, class, what it means
    ("Rule", "", ""),
    ("Jobs", "number", ""),
    ("Seconds", "number", "of all jobs"),
    ("Per photo", "number", "seconds"),
    ("Start", "number", "seconds of a job without images, by a line through all jobs"),
    ("Per image", "number", "seconds that each image adds, by the same line"),
    ("Peak MB", "number", "largest resident memory of any job"),
    ("Share of the time", "bar", ""),
    ("Seconds by images of a job", "spread", "one dot a job, and the line"),
)


def timing_table(times: Sequence[RuleTime], n_captures: int) -> str:
    """A table with a row per rule, then a link to the table of all jobs."""
    if not times:
        return NONE
    longest = max(time.seconds for time in times) or 1.0
    head = "".join(
        f'<th scope="col" class="{kind}" title="{html.escape(hint)}">{name}</th>'
        for name, kind, hint in COLUMNS
    )
    rows = "\n".join(_row(time, n_captures, longest) for time in times)
    return (
        f'<div class="panel"><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f'<tbody>{rows}</tbody></table></div><p><a href="timings.tsv">Every job</a></p></div>'
    )


def _row(time: RuleTime, n_captures: int, longest: float) -> str:
    cells = [
        html.escape(time.rule),
        str(len(time.jobs)),
        f"{time.seconds:.1f}",
        f"{time.seconds / max(1, n_captures):.2f}",
        _number(time.start_s, ".1f"),
        _number(time.image_s, ".2f"),
        _number(time.max_rss_mb, ".0f"),
        _bar(time.seconds, longest),
        _spread(time),
    ]
    kinds = [kind for _, kind, _ in COLUMNS]
    return (
        "<tr>"
        + "".join(
            f'<td class="{kind}">{cell}</td>' for kind, cell in zip(kinds, cells, strict=True)
        )
        + "</tr>"
    )


def _number(value: float, form: str) -> str:
    return "–" if math.isnan(value) else format(value, form)


def _bar(seconds: float, longest: float) -> str:
    return (
        '<svg viewBox="0 0 100 4" preserveAspectRatio="none" role="img" '
        f'aria-label="{seconds:.1f} seconds">'
        f'<rect width="{100 * seconds / longest:.2f}" height="4"/></svg>'
    )


def _spread(time: RuleTime) -> str:
    """Jobs as dots over the images of their batch; nothing where all batches are of one size."""
    if math.isnan(time.image_s):
        return ""
    jobs = [job for job in time.jobs if math.isfinite(job.seconds)]
    most_images = max(job.images for job in jobs)
    most_seconds = max(*(job.seconds for job in jobs), 1e-3)

    def place(images: float, seconds: float) -> tuple[float, float]:
        across = EDGE + (WIDTH - 2 * EDGE) * images / most_images
        up = EDGE + (HEIGHT - 2 * EDGE) * min(seconds / most_seconds, 1)
        return round(across, 1), round(HEIGHT - up, 1)

    x1, y1 = place(0, time.start_s)
    x2, y2 = place(most_images, time.start_s + most_images * time.image_s)
    dots = "".join(
        '<circle cx="{}" cy="{}" r="1.8"/>'.format(*place(job.images, job.seconds)) for job in jobs
    )
    words = f"{time.start_s:.1f} s and {time.image_s:.2f} s per image, up to {most_images} images"
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{words}">'
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>{dots}</svg>'
    )
