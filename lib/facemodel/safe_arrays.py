"""Arrays out of NumPy archives and pickles of strangers, without running what they may carry."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from lib.errors import ConfigError, MissingModelError
from lib.inputs.arrays import check_member, read_header, read_numbers
from lib.inputs.files import CappedReader
from lib.inputs.pickles import MOST, ArraysOnly, plain

BLOCK_BYTES = 64 * 2**20


def unpickle_arrays(
    file: IO[bytes], path: str | Path, inert: Collection[tuple[str, str]] = ()
) -> Any:
    """What a pickle holds, if that is nothing but plain containers and NumPy arrays.

    Args:
        file: open at the pickle.
        path: for messages.
        inert: (module, name) of classes and functions that `Inert` stands in for; they are neither
            imported nor run.

    Raises:
        ConfigError: it holds anything else, which could be code, or is cut short.
    """
    try:
        return plain(ArraysOnly(file, inert).load(), [MOST])
    except Exception as error:  # damaged pickles raise whatever their stack happens to hold
        raise ConfigError(
            f"{path} is a pickle that is not read: {error}; expected NumPy arrays and plain "
            "containers alone. Download it from its publisher again."
        ) from error


def read_pickled_npy(path: str | Path, inert: Collection[tuple[str, str]] = ()) -> Any:
    """The one object of an .npy file: a dictionary or list of arrays, or a plain array.

    Args:
        path: of the file.
        inert: see `unpickle_arrays`.

    Raises:
        MissingModelError: there is no such file.
        ConfigError: it is no .npy file, or holds anything that could be code.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingModelError(f"{path} is not there; expected an .npy file.")
    with CappedReader(path) as file:
        shape, fortran, dtype = read_header(file, path)
        if not dtype.hasobject:
            left = path.stat().st_size - file.tell()
            return read_numbers(file, shape, fortran, dtype, left, path)
        found = np.asarray(unpickle_arrays(file, path, inert))
    return found.item() if found.size == 1 else found


class Archive:
    """An .npz file whose arrays are read one by one; nothing in it is executed.

    Raises:
        MissingModelError: there is no such file.
        ConfigError: it is no .npz archive.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_file():
            raise MissingModelError(f"{self.path} is not there; expected an .npz file.")
        try:
            with zipfile.ZipFile(self.path) as members:
                names = members.namelist()
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, struct.error) as error:
            raise ConfigError(
                f"{self.path} is no .npz archive (it may be a partial download). Get it again."
            ) from error
        self.names = {name.removesuffix(".npy") for name in names if name.endswith(".npy")}

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def read(self, name: str) -> np.ndarray:
        """The array called `name`; one of objects only if these are numbers and containers.

        Raises:
            ConfigError: it is not in the archive, or holds anything else.
        """
        if name not in self.names:
            raise ConfigError(
                f"{self.path} has no array '{name}'; it has {', '.join(sorted(self.names))}. "
                "Expected the file as its publisher gives it: get it again."
            )
        with self._open(name) as (file, shape, fortran, dtype, left):
            if dtype.hasobject:
                return np.asarray(unpickle_arrays(file, f"{self.path}, {name},"))
            return read_numbers(file, shape, fortran, dtype, left, self.path)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of an array without reading it."""
        with self._open(name, whole=False) as (_, shape, *_others):
            return shape

    def blocks(self, name: str, multiple: int = 1) -> Iterator[np.ndarray]:
        """Rows of a large array in order, so many at a time as fit into 64 MB.

        Args:
            name: of the array.
            multiple: every block but the last has a multiple of so many rows.
        """
        with self._open(name) as (file, shape, fortran, dtype, left):
            if fortran or not shape:
                yield read_numbers(file, shape, fortran, dtype, left, self.path)
                return
            row = max(math.prod(shape[1:]) * dtype.itemsize, 1)
            rows = max(BLOCK_BYTES // row // multiple, 1) * multiple
            for start in range(0, shape[0], rows):
                part = (min(rows, shape[0] - start), *shape[1:])
                yield read_numbers(file, part, False, dtype, left, self.path)
                left -= part[0] * row

    @contextmanager
    def _open(
        self, name: str, whole: bool = True
    ) -> Iterator[tuple[IO[bytes], tuple[int, ...], bool, np.dtype, int]]:
        """An array's member behind its header, what that says, and how many bytes follow."""
        try:
            with zipfile.ZipFile(self.path) as members, members.open(f"{name}.npy") as file:
                info = members.getinfo(f"{name}.npy")
                if whole:
                    check_member(info, self.path)
                shape, fortran, dtype = read_header(file, self.path)
                yield file, shape, fortran, dtype, info.file_size - file.tell()
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError) as e:
            raise ConfigError(
                f"{self.path}: {name} cannot be unpacked ({e}). Get the file again."
            ) from e
