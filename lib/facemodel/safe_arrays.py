"""Arrays out of NumPy archives and pickles of strangers, without running what they may carry."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from lib.errors import ConfigError, MissingModelError

BLOCK_BYTES = 64 * 2**20
NUMPY_NAMES = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): lambda text, encoding="latin1": _encoded(text, encoding),
    ("collections", "OrderedDict"): dict,
}
for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):
    NUMPY_NAMES[(_module, "_reconstruct")] = np.array([]).__reduce__()[0]
    NUMPY_NAMES[(_module, "scalar")] = np.float64(0).__reduce__()[0]


def _encoded(text: str, encoding: str) -> bytes:
    """How old protocols spell bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes encoded as {encoding!r}, expected latin1")
    return text.encode("latin1")


class Inert:
    """What an object of another library held: its state, and none of its behaviour."""

    def __init__(self, *_: object):
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}


def _inert(kind: Any, *_: object) -> Inert:
    """How old protocols make an object: only those of `Inert` are made."""
    if kind is not Inert:
        raise pickle.UnpicklingError(f"it makes an object of {kind!r}")
    return Inert()


INERT_NAMES: Mapping[tuple[str, str], Any] = {
    **{(module, "_reconstructor"): _inert for module in ("copyreg", "copy_reg")},
    **{(module, "object"): None for module in ("builtins", "__builtin__")},
    **{(module, "set"): list for module in ("builtins", "__builtin__")},
}


class _ArraysOnly(pickle.Unpickler):
    """Numbers, strings, lists, dictionaries and NumPy arrays; every other name is refused."""

    def __init__(self, file: IO[bytes], inert: Collection[tuple[str, str]]):
        super().__init__(file, encoding="latin1")
        self._names = NUMPY_NAMES | dict.fromkeys(inert, Inert)
        if inert:
            self._names |= INERT_NAMES

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._names[(module, name)]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


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
        return _ArraysOnly(file, inert).load()
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
    ) as error:
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
    with path.open("rb") as file:
        shape, fortran, dtype = _header(file, path)
        if not dtype.hasobject:
            values = _numbers(file, int(np.prod(shape)), dtype, path)
            return values.reshape(shape, order="F" if fortran else "C")
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
        if not zipfile.is_zipfile(self.path):
            raise ConfigError(
                f"{self.path} is no .npz archive (it may be a partial download). Get it again."
            )
        with zipfile.ZipFile(self.path) as members:
            self.names = {name.removesuffix(".npy") for name in members.namelist()}

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
        with zipfile.ZipFile(self.path) as members, members.open(f"{name}.npy") as file:
            shape, fortran, dtype = _header(file, self.path)
            if dtype.hasobject:
                return np.asarray(unpickle_arrays(file, f"{self.path}, {name},"))
            count = int(np.prod(shape))
            values = _numbers(file, count, dtype, self.path)
        return values.reshape(shape, order="F" if fortran else "C")

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of an array without reading it."""
        with zipfile.ZipFile(self.path) as members, members.open(f"{name}.npy") as file:
            return _header(file, self.path)[0]

    def blocks(self, name: str, multiple: int = 1) -> Iterator[np.ndarray]:
        """Rows of a large array in order, so many at a time as fit into 64 MB.

        Args:
            name: of the array.
            multiple: every block but the last has a multiple of so many rows.
        """
        with zipfile.ZipFile(self.path) as members, members.open(f"{name}.npy") as file:
            shape, fortran, dtype = _header(file, self.path)
            if fortran:
                whole = _numbers(file, int(np.prod(shape)), dtype, self.path)
                yield whole.reshape(shape, order="F")
                return
            row = int(np.prod(shape[1:]))
            rows = max(BLOCK_BYTES // (row * dtype.itemsize) // multiple, 1) * multiple
            for start in range(0, shape[0], rows):
                count = min(rows, shape[0] - start)
                yield _numbers(file, count * row, dtype, self.path).reshape(count, *shape[1:])


def _header(file: IO[bytes], path: Path) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        return read(file)
    except (ValueError, KeyError) as error:
        raise ConfigError(
            f"{path} holds something that is no NumPy array ({error}). Get the file again."
        ) from error


def _numbers(file: IO[bytes], count: int, dtype: np.dtype, path: Path) -> np.ndarray:
    content = file.read(count * dtype.itemsize)
    if len(content) != count * dtype.itemsize:
        raise ConfigError(
            f"{path} ends {count * dtype.itemsize - len(content)} bytes early. Get the file again."
        )
    return np.frombuffer(content, dtype)
