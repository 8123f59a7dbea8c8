"""What a person sees at the end of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lib.report.status import StatusRow

LAST_STAGES = ("export", "texture")


def summary(results: Path, rows: Sequence[StatusRow]) -> str:
    """A few lines: how many photos became heads, what failed, where to look.

    Args:
        results: folder of the run.
        rows: outcomes of all captures.
    """
    results = Path(results)
    photos = {(row.batch, row.capture) for row in rows if row.stage == "import"}
    failures = Counter(row.outcome for row in rows if row.failed)
    lines = [
        "",
        f"{_count(len(photos), 'photo')} -> {_count(_heads(rows), 'head')}",
        f"  report   {results / 'report.html'}   (open it in a browser)",
        f"  heads    {results / '*' / 'export' / '*' / 'head.glb'}",
    ]
    if failures:
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(failures.items()))
        lines.append(f"  failed   {kinds}; why: {results / 'status.tsv'}")
    return "\n".join(lines) + "\n"


def _heads(rows: Sequence[StatusRow]) -> int:
    """Captures that are ok at the last stage that the table knows."""
    for stage in LAST_STAGES:
        found = [row for row in rows if row.stage == stage]
        if found:
            return sum(not row.failed for row in found)
    return 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
