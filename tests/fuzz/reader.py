"""A reader of a foreign format, as the fuzz tests know it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


def _as_it_is(content: bytes, _: Path) -> bytes:
    return content


@dataclass(frozen=True)
class Reader:
    """A reader and a valid file for it.

    Args:
        file: name of the file that is damaged.
        write: puts all files that the reader needs into a folder; gives the bytes to be damaged.
        read: reads the files of a folder.
        wrap: makes the file of these bytes, such as with a checksum, so that damage gets past it.
    """

    file: str
    write: Callable[[Path], bytes]
    read: Callable[[Path], object]
    wrap: Callable[[bytes, Path], bytes] = _as_it_is

    def put(self, folder: Path, content: bytes) -> None:
        """Write the file with other content."""
        (folder / self.file).write_bytes(self.wrap(content, folder))

    def warm(self) -> None:
        """Read a valid file, so that modules and compiled functions are there."""
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            self.put(folder, self.write(folder))
            self.read(folder)


def text(content: str) -> Callable[[Path], bytes]:
    """A `write` of one text."""
    return lambda _: content.encode()
