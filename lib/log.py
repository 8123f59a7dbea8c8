"""Logging of a stage: one file per job, progress that suits a person and a log file alike."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

Item = TypeVar("Item")


@contextlib.contextmanager
def stage_log(path: str | Path) -> Iterator[None]:
    """Send all log records, and the traceback of a crash, to `path` while the block runs."""
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
