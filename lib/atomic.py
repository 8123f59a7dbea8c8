"""Files that are there whole or not at all, whatever ends the process that writes them."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_path(path: str | Path, shared: bool = False) -> Iterator[Path]:
    """A file beside `path` to write to, which gets that name where the block ends well.

    Its bytes are on the disk before, so that even after a power cut there is the old file or the
    new one. After an error the old one stays, and the new one is removed.

    Args:
        path: of the file; its folder is made if need be.
        shared: several processes may write it at the same time, and the last one's stays. Of other
            files, what a killed process left is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not shared:
        for left_by_killed in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
            left_by_killed.unlink(missing_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        with open(part, "rb") as written:
            os.fsync(written.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
