"""The process that plans, and what jobs inherit from it."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator
from pathlib import Path


def share_library(project: Path) -> None:
    """Let scripts, which run in processes of their own, import `lib`."""
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(project) not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(project), *known]))


def wait_asleep() -> None:
    """Let threads of jobs sleep while they wait for each other, unless the user says otherwise.

    OpenMP, and with it PyTorch, spins by default: on a machine with more work than cores, a thread
    burns its core while the one it waits for has none. libgomp reads this when it is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextlib.contextmanager
def lasting_objects() -> Iterator[None]:
    """What is made inside stays to the end of the process: the garbage collector leaves it alone.

    Of a million photos, it would else walk through all of them many times.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
