"""Compiled loops side by side: independent parts of one image or batch on several threads.

The loops release the GIL, so plain Python threads run them in parallel; nothing depends on a
threading layer that forbids concurrent calls or changes PyTorch's number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}  # by process and number of threads
_lock = Lock()


def run(tasks: Sequence[Callable[[], None]], threads: int = 1) -> None:
    """Do all tasks; how many threads share them decides only when it is done.

    Args:
        tasks: what to do, in parts that write to different memory.
        threads: how many at once, the calling thread among them.

    Raises:
        Exception: the first that a task raised, in the order of the tasks.
    """
    threads = min(threads, len(tasks))
    if threads <= 1:
        for task in tasks:
            task()
        return
    shares = [tasks[first::threads] for first in range(threads)]
    others = [_pool(threads - 1).submit(_all, share) for share in shares[1:]]
    try:
        _all(shares[0])
    finally:
        for other in others:
            other.exception()  # waits: no loop may still write when this call ends
    for other in others:
        other.result()


def _all(tasks: Sequence[Callable[[], None]]) -> None:
    for task in tasks:
        task()


def _pool(threads: int) -> ThreadPoolExecutor:
    """A pool of this process; a fork leaves the threads of its parent behind."""
    key = (os.getpid(), threads)
    with _lock:
        if key not in _pools:
            _pools[key] = ThreadPoolExecutor(threads, thread_name_prefix="render")
        return _pools[key]
