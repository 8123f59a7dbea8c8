"""Snakemake's scheduler, kept from waking itself more and more often."""

from __future__ import annotations

import threading
from typing import Any


def wake_once(scheduler: Any) -> None:
    """Let at most one thread wait to look at the jobs again.

    Snakemake 9.27 limits how many jobs begin per second. After every look at the jobs it starts a
    thread that causes another look a second later, which starts another thread: with each job that
    ends, one more goes round for the rest of the run (snakemake/snakemake#2967). One is enough: it
    looks again before the others would.

    Args:
        scheduler: of a run, before its first look; others than Snakemake 9's are left alone.
    """
    if not hasattr(scheduler, "_schedule_reevalutation"):
        return
    waiting = threading.Lock()

    def look_again(delay: float) -> None:
        if waiting.acquire(blocking=False):
            timer = threading.Timer(delay, look)
            timer.daemon = True
            timer.start()

    def look() -> None:
        waiting.release()
        scheduler._open_jobs.release()

    scheduler._schedule_reevalutation = look_again
