"""Who works on a results folder; a lock of a process that was killed keeps nobody out."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

LOCK_FILE = ".run.lock"
_held: dict[str, int] = {}


def hold_results(results: str | Path) -> bool:
    """Lock a results folder for this process; the kernel drops the lock when it ends in any way.

    Args:
        results: the folder; made where it is not there.

    Returns:
        False when another process holds it, or where the file system knows no locks.
    """
    folder = os.path.realpath(results)
    if folder in _held:
        return True
    os.makedirs(folder, exist_ok=True)
    file = os.open(os.path.join(folder, LOCK_FILE), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return False
    _held[folder] = file
    return True


def remove_stale_locks(folder: str | Path, results: str | Path) -> int:
    """Remove Snakemake's locks on files of a results folder that this process holds.

    Snakemake keeps its locks as lists of files, which a killed run leaves behind.

    Args:
        folder: Snakemake's folder of locks; may not be there.
        results: the results folder, spelled as in the rules.

    Returns:
        How many were removed.
    """
    below = str(results).rstrip("/") + "/"
    stale = []
    for lock in Path(folder).glob("*.lock"):
        if lock.is_file():
            text = lock.read_text(encoding="utf-8", errors="surrogateescape")
            if any(line.startswith(below) for line in text.splitlines()):
                stale.append(lock)
    for lock in stale:
        lock.unlink(missing_ok=True)
    return len(stale)
