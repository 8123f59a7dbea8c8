"""Compiled loops side by side: independent parts of one image or batch on several threads.

The loops release the GIL, so plain Python threads run them in parallel; nothing depends on a
threading layer that forbids concurrent calls or changes PyTorch's number of threads.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

PIXELS_PER_TASK = 16_384  # less work than handing it over costs, below about 0.5 ms

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


def row_bands(height: int, width: int, images: int, threads: int) -> list[slice]:
    """Rows in as many parts as keep all threads busy; an image too small to share stays whole."""
    wanted = -(-threads // max(images, 1))
    count = max(1, min(wanted, height * width // PIXELS_PER_TASK, height))
    return _equal_parts(height, count)


def row_chunks(height: int, width: int, n_vertices: int) -> list[slice]:
    """Rows in parts whose sums over vertices are kept apart and added in order.

    The number depends on the problem alone, never on threads: sums of floats depend on their order.
    """
    pixels = max(65_536, 2 * n_vertices)
    return _equal_parts(height, max(1, min(8, height * width // pixels, height)))


def _equal_parts(height: int, count: int) -> list[slice]:
    edges = [height * k // count for k in range(count + 1)]
    return [slice(start, end) for start, end in itertools.pairwise(edges)]
