"""Seconds and memory of every job, from Snakemake's benchmark tables, and how they grow."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from lib.log import Used, read_used
from lib.planning import read_ledger


@dataclass(frozen=True)
class JobTime:
    """One job. NaN = not measured, as for jobs shorter than a second.

    Args:
        rule: name of its rule.
        batch: name of its batch; empty where it has none.
        captures: in the batch.
        images: in the batch; more than captures where captures have several views.
        seconds: wall-clock time.
        cpu_seconds: time of one core, all its threads and processes together.
        max_rss_mb: largest resident memory.
        read_mb: read from files.
        written_mb: written to files.
    """

    rule: str
    batch: str
    captures: int
    images: int
    seconds: float
    cpu_seconds: float
    max_rss_mb: float
    read_mb: float
    written_mb: float


@dataclass(frozen=True)
class Growth:
    """How jobs grow with the images of their batch, as a line; NaN where all are of one size.

    Args:
        start: of a job without images.
        image: what every image adds.
    """

    start: float
    image: float

    @property
    def known(self) -> bool:
        return math.isfinite(self.image)


@dataclass(frozen=True)
class RuleTime:
    """What the jobs of one rule took.

    Args:
        rule: name of the rule.
        jobs: all of them.
        seconds: their sum.
        max_rss_mb: largest resident memory of any of them; NaN = not measured.
        growth_s: how their seconds grow with images.
        growth_mb: how their resident memory does.
    """

    rule: str
    jobs: tuple[JobTime, ...]
    seconds: float
    max_rss_mb: float
    growth_s: Growth
    growth_mb: Growth


COLUMNS = tuple(field.name for field in fields(JobTime))
MEASURED = ("s", "cpu_time", "max_rss", "io_in", "io_out")  # columns of Snakemake's tables


def read_timings(results: Path) -> tuple[JobTime, ...]:
    """Every job of a results folder, rule by rule in the order in which their first jobs ended.

    Snakemake looks at a job every half a minute once it is 15 s old, so that it misses the last
    seconds of a core and short peaks of memory. Where the job's log tells both, the log is right.

    Args:
        results: holds `benchmarks/{rule}/{batch}.tsv` or `benchmarks/{rule}.tsv`, logs likewise in
            `logs/`, and the tables `{batch}/batch.tsv`; what is not there is left out.
    """
    folder = results / "benchmarks"
    sizes: dict[str, tuple[int, int]] = {}
    jobs: dict[str, list[JobTime]] = {}
    first: dict[str, float] = {}
    for file in sorted(folder.rglob("*.tsv")):
        rule, *inner = file.relative_to(folder).with_suffix("").parts
        batch = "/".join(inner)
        if batch not in sizes:
            sizes[batch] = _size(results / batch / "batch.tsv") if batch else (0, 0)
        used = read_used((results / "logs" / file.relative_to(folder)).with_suffix(".log"))
        with open(file, newline="", encoding="utf-8") as table:
            for row in csv.DictReader(table, delimiter="\t"):
                job = JobTime(
                    rule, batch, *sizes[batch], *(_number(row, name) for name in MEASURED)
                )
                jobs.setdefault(rule, []).append(_exact(job, used) if used else job)
        first[rule] = min(first.get(rule, math.inf), file.stat().st_mtime)
    order = sorted(jobs, key=lambda rule: (first[rule], rule))
    return tuple(job for rule in order for job in jobs[rule])


def write_timings(path: str | Path, jobs: Iterable[JobTime]) -> None:
    """Write jobs as a tab-separated table with a header; what was not measured is empty."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        for job in jobs:
            writer.writerow("" if value != value else value for value in astuple(job))


def sum_by_rule(jobs: Sequence[JobTime]) -> tuple[RuleTime, ...]:
    """One entry per rule, in the order in which they come."""
    rules: dict[str, list[JobTime]] = {}
    for job in jobs:
        rules.setdefault(job.rule, []).append(job)
    return tuple(_sum(rule, tuple(of_rule)) for rule, of_rule in rules.items())


def _exact(job: JobTime, used: Used) -> JobTime:
    """Counted by the kernel; children count in memory only as far as Snakemake saw them."""
    known = [value for value in (job.max_rss_mb, used.max_rss_mb) if math.isfinite(value)]
    return replace(job, cpu_seconds=used.cpu_seconds, max_rss_mb=max(known))


def _sum(rule: str, jobs: tuple[JobTime, ...]) -> RuleTime:
    seconds, memory = (_known(jobs, name) for name in ("seconds", "max_rss_mb"))
    most = max((value for _, value in memory), default=math.nan)
    total = sum(value for _, value in seconds)
    return RuleTime(rule, jobs, total, most, _grow(seconds), _grow(memory))


def _known(jobs: Sequence[JobTime], name: str) -> list[tuple[int, float]]:
    """Images and value of every job where the value was measured."""
    found = [(job.images, getattr(job, name)) for job in jobs]
    return [(images, value) for images, value in found if math.isfinite(value)]


def _grow(found: Sequence[tuple[int, float]]) -> Growth:
    if len({images for images, _ in found}) < 2:
        return Growth(math.nan, math.nan)
    line = np.array([[1.0, images] for images, _ in found])
    (start, image), _ = nnls(line, np.array([value for _, value in found]))
    return Growth(float(start), float(image))


def _size(table: Path) -> tuple[int, int]:
    rows = read_ledger(table).rows
    return len({row.capture for row in rows}), len(rows)


def _number(row: dict[str, str], column: str) -> float:
    try:
        return float(row[column])
    except (KeyError, TypeError, ValueError):  # Snakemake writes "NA" or "-" for very short jobs
        return math.nan
