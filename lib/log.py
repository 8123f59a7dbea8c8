"""Logging of a stage: one file per job, what the job used, progress for a person and a log file."""

from __future__ import annotations

import contextlib
import logging
import re
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

USED = "used %.2f s of one core and at most %.1f MB"
USED_LINE = re.compile(r": used ([\d.]+) s of one core and at most ([\d.]+) MB$", re.MULTILINE)
PEAK = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)
TAIL_BYTES = 4096  # of a log, in which the last line stands

Item = TypeVar("Item")


@dataclass(frozen=True)
class Used:
    """What a process has used so far.

    Args:
        cpu_seconds: time of one core, all its threads and ended children together.
        max_rss_mb: its largest resident memory, MB of 2^20 bytes; children are not in it.
    """

    cpu_seconds: float
    max_rss_mb: float


def used_so_far() -> Used:
    """What this process has used, as the kernel counts it."""
    counts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_seconds = sum(count.ru_utime + count.ru_stime for count in counts)
    status = Path("/proc/self/status")
    if status.exists():  # Linux's ru_maxrss holds what the parent had when it started this process
        found = PEAK.search(status.read_text(encoding="utf-8"))
        peak_kb = float(found[1]) if found else 0.0
    else:
        peak_kb = counts[0].ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Used(cpu_seconds, peak_kb / 1024)


def read_used(path: str | Path) -> Used | None:
    """What the job of a log had used at its end; None where no log is there or it does not tell."""
    try:
        with open(path, "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            found = USED_LINE.findall(file.read().decode("utf-8", "replace"))
    except FileNotFoundError:
        return None
    return Used(*map(float, found[-1])) if found else None


@contextlib.contextmanager
def stage_log(path: str | Path) -> Iterator[None]:
    """Send all log records, and the traceback of a crash, to `path` while the block runs.

    The last line tells what the process has used (`read_used`).
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter(FORMAT, datefmt="%H:%M:%S"))
    root = logging.getLogger()
    previous_level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    start = time.perf_counter()
    try:
        yield
        root.info("finished in %.1f s", time.perf_counter() - start)
    except BaseException:
        root.exception("failed after %.1f s", time.perf_counter() - start)
        raise
    finally:
        used = used_so_far()
        root.info(USED, used.cpu_seconds, used.max_rss_mb)
        root.removeHandler(handler)
        root.setLevel(previous_level)
        handler.close()


def progress(items: Iterable[Item], label: str, total: int | None = None) -> Iterator[Item]:
    """Yield `items`: with a bar at a terminal, with a log line every tenth of the way otherwise."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    if sys.stderr.isatty():
        yield from tqdm(items, desc=label, total=total, leave=False)
        return
    logger = logging.getLogger(__name__)
    step = max(1, (total or 10) // 10)
    for done, item in enumerate(items, start=1):
        yield item
        if done % step == 0 or done == total:
            logger.info("%s: %d of %s", label, done, total if total is not None else "?")
