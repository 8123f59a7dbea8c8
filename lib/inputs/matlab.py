"""Sizes of MATLAB files, told before SciPy unpacks them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

from lib.errors import ForeignFileError

HEADER, TAG, COMPRESSED = 128, 8, 15
BLOCK = 1 << 20
SMALL = 64 * 2**20  # bytes that are unpacked whatever they were packed into
PACKED = 50  # times that the numbers of a whole file may be packed


def check_mat(path: str | Path) -> None:
    """That the packed variables of a MATLAB file do not grow as numbers never do.

    Raises:
        ForeignFileError: they do, or are damaged.
        OSError: the file cannot be read.
    """
    path = Path(path)
    size = path.stat().st_size
    most, found = max(SMALL, PACKED * size), 0
    with path.open("rb") as file:
        order = "<" if file.read(HEADER)[126:128] == b"IM" else ">"
        while len(tag := file.read(TAG)) == TAG:
            kind, length = struct.unpack(f"{order}II", tag)
            if kind != COMPRESSED:
                file.seek(length, 1)
                continue
            found += _unpacked(file, length, most - found, path)
            if found > most:
                raise ForeignFileError(
                    f"{path} has {size} bytes that grow beyond {most}, expected at most {PACKED} "
                    "times as many. It is not read: get the file from its publisher."
                )


def _unpacked(file: BinaryIO, length: int, most: int, path: Path) -> int:
    """Bytes of a packed variable; counting ends above `most`."""
    unpacker, count = zlib.decompressobj(), 0
    try:
        while length > 0 and count <= most and (data := file.read(min(BLOCK, length))):
            length -= len(data)
            while data and count <= most:
                count += len(unpacker.decompress(data, BLOCK))
                data = unpacker.unconsumed_tail
    except zlib.error as error:
        raise ForeignFileError(f"{path} is damaged ({error}). Get the file again.") from error
    return count
