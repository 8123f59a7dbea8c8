"""Arrays out of `.npy` and `.npz` files that may claim more than they hold."""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from lib.errors import ForeignFileError

SMALL = 64 * 2**20  # bytes that are read whatever they were packed into
PACKED = 200  # times that the numbers of a larger array may be packed
MOST_DIMENSIONS = 32
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npy(path: str | Path) -> np.ndarray:
    """The array of an `.npy` file, of numbers or text.

    Raises:
        ForeignFileError: it cannot be read, holds objects, or fewer bytes than its shape asks for.
    """
    try:
        with open(path, "rb") as file:
            shape, fortran, dtype = read_header(file, path)
            left = os.fstat(file.fileno()).st_size - file.tell()
            return read_numbers(file, shape, fortran, dtype, left, path)
    except OSError as error:
        raise ForeignFileError(f"{path} cannot be read ({error.strerror}).") from error


def read_header(file: IO[bytes], path: str | Path) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the first index runs fastest, and type of an array; the file stands behind it.

    Raises:
        ForeignFileError: it is no header of an array of 32 dimensions at most.
    """
    try:
        shape, fortran, dtype = HEADERS[np.lib.format.read_magic(file)](file)
        if len(shape) > MOST_DIMENSIONS or min(shape, default=0) < 0:
            raise ValueError(f"shape {shape}")
        return shape, fortran, dtype
    except Exception as error:  # NumPy evaluates the header: its parsers raise many kinds
        raise ForeignFileError(
            f"{path} holds something that is no NumPy array ({error}). Get the file again."
        ) from error


def read_numbers(
    file: IO[bytes],
    shape: tuple[int, ...],
    fortran: bool,
    dtype: np.dtype,
    left: int,
    path: str | Path,
) -> np.ndarray:
    """The values behind a header.

    Args:
        file: open behind the header.
        shape: of the array.
        fortran: the first index runs fastest.
        dtype: of its values.
        left: bytes that the file has from here.
        path: for messages.

    Raises:
        ForeignFileError: they are objects, or fewer than the shape asks for.
    """
    if dtype.hasobject:
        raise ForeignFileError(
            f"{path} holds objects of Python, expected numbers: they could be code, and are not "
            "read. Save the array again with a type of numbers."
        )
    wanted = math.prod(shape) * dtype.itemsize
    if wanted > left or dtype.itemsize == 0:
        raise ForeignFileError(f"{path} ends {wanted - left} bytes early. Get the file again.")
    content = file.read(wanted)
    if len(content) != wanted:
        raise ForeignFileError(
            f"{path} ends {wanted - len(content)} bytes early. Get the file again."
        )
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def check_member(info: zipfile.ZipInfo, path: str | Path) -> None:
    """That a member of an archive is not packed as numbers never are.

    Raises:
        ForeignFileError: it is.
    """
    if info.file_size > max(SMALL, PACKED * info.compress_size):
        raise ForeignFileError(
            f"{path}: {info.filename} grows from {info.compress_size} to {info.file_size} bytes, "
            f"expected at most {PACKED} times. It is not read: get the file from its publisher."
        )
