"""What jobs inherit from the process that plans them."""

from __future__ import annotations

import os
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
