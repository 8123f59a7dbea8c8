"""Seconds and memory per rule, from Snakemake's benchmark tables."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RuleTime:
    """What the jobs of one rule took.

    Args:
        rule: name of the rule.
        jobs: how many benchmark rows there are.
        seconds: their sum.
        longest: the longest of them, in seconds.
        max_rss_mb: largest resident memory of any of them; NaN = not measured.
    """

    rule: str
    jobs: int
    seconds: float
    longest: float
    max_rss_mb: float


def read_timings(folder: Path) -> tuple[RuleTime, ...]:
    """One entry per rule, in the order in which their first jobs ended.

    Args:
        folder: holds `{rule}/{batch}.tsv` or `{rule}.tsv`; a folder that is not there is empty.
    """
    jobs: dict[str, list[tuple[float, float]]] = {}
    first: dict[str, float] = {}
    for file in sorted(folder.rglob("*.tsv")):
        place = file.relative_to(folder).parts
        rule = place[0].removesuffix(".tsv")
        with open(file, newline="", encoding="utf-8") as table:
            rows = list(csv.DictReader(table, delimiter="\t"))
        jobs.setdefault(rule, []).extend((_number(r, "s"), _number(r, "max_rss")) for r in rows)
        first[rule] = min(first.get(rule, math.inf), file.stat().st_mtime)
    return tuple(_sum(rule, jobs[rule]) for rule in sorted(jobs, key=lambda r: (first[r], r)))


def _sum(rule: str, jobs: list[tuple[float, float]]) -> RuleTime:
    seconds = [s for s, _ in jobs if math.isfinite(s)]
    memory = [m for _, m in jobs if math.isfinite(m)]
    return RuleTime(
        rule, len(jobs), sum(seconds), max(seconds, default=0.0), max(memory, default=math.nan)
    )


def _number(row: dict[str, str], column: str) -> float:
    try:
        return float(row[column])
    except (KeyError, TypeError, ValueError):  # Snakemake writes "NA" or "-" for very short jobs
        return math.nan
