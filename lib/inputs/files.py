"""Files whose readers may ask for more bytes than there are."""

from __future__ import annotations

import io
import os
from pathlib import Path

LARGE = 1 << 20


class CappedReader(io.BufferedReader):
    """A file open for reading, which makes no room for bytes that it does not have.

    Python makes room for all that is asked for before it reads: a picture of 1 kB whose part calls
    itself 2 GB long takes 2 GB of memory.

    Args:
        path: of the file.
    """

    def __init__(self, path: str | Path):
        super().__init__(open(path, "rb", 0))  # noqa: SIM115 - closed with this

    def read(self, size: int | None = -1) -> bytes:
        """At most `size` bytes; all that are left where it is None or negative."""
        if size is not None and size > LARGE:
            size = min(size, max(os.fstat(self.fileno()).st_size - self.tell(), 0))
        return super().read(size)
