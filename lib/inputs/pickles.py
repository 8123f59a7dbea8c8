"""Pickles of plain containers and NumPy arrays, read without NumPy's own pickle functions.

`numpy.dtype` and `numpy.ndarray` trust the state that a pickle gives them: a data type of objects
that calls itself one of numbers turns the bytes of an array into pointers. So stand-ins take that
state, check it, and make the arrays.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Collection, Mapping
from typing import IO, Any, ClassVar

import numpy as np

KINDS = re.compile(r"[|<>=]?(b1|[iu][1248]|f(2|4|8|16)|c(8|16)|O[48]?|[SU]\d{1,6})")
MOST_DIMENSIONS = 32
DEEPEST = 40  # containers within one another
MOST = 2_000_000  # values outside of arrays
NDARRAY = object()  # what a pickle gets for the name numpy.ndarray: it can be named, not called


class Kind:
    """Stands in for `numpy.dtype` in a pickle: numbers, text or objects, without fields."""

    def __init__(self, name: str, *_: object):
        if not isinstance(name, str) or not KINDS.fullmatch(name):
            raise pickle.UnpicklingError(f"it has values of type {name!r}")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: Any) -> None:
        """Take the byte order; everything else follows from the name."""
        if not isinstance(state, tuple) or len(state) < 5 or set(state[2:5]) != {None}:
            raise pickle.UnpicklingError("it has values of several fields")
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class PlainArray(np.ndarray):
    """An array that a pickle filled, its size checked against its bytes."""

    def __setstate__(self, state: Any) -> None:
        """Take (version, shape, kind, Fortran order, bytes or list of objects)."""
        try:
            shape, kind, fortran, content = state[-4:]
            shape = tuple(int(size) for size in shape)
            dtype = kind.dtype if isinstance(kind, Kind) else None
        except (TypeError, ValueError) as error:
            raise pickle.UnpicklingError("an array without shape and type") from error
        if dtype is None or len(shape) > MOST_DIMENSIONS or min(shape, default=0) < 0:
            raise pickle.UnpicklingError(f"an array of shape {shape}")
        if isinstance(content, str) and not dtype.hasobject:  # of Python 2
            content = content.encode("latin1")
        wanted = math.prod(shape) * (1 if dtype.hasobject else dtype.itemsize)
        if type(content) is not (list if dtype.hasobject else bytes) or len(content) != wanted:
            raise pickle.UnpicklingError(f"an array of shape {shape} with another number of values")
        super().__setstate__((1, shape, dtype, bool(fortran), content))


def reconstruct(kind: object, *_: object) -> PlainArray:
    """An empty array, as `numpy.core.multiarray._reconstruct` makes it for its state."""
    if kind is not NDARRAY:
        raise pickle.UnpicklingError(f"it makes an array of class {kind!r}")
    return np.empty(0, np.uint8).view(PlainArray)


def scalar(kind: Any, content: Any = b"") -> Any:
    """A NumPy number, as `numpy.core.multiarray.scalar` makes it."""
    if not isinstance(kind, Kind) or kind.dtype.hasobject:
        raise pickle.UnpicklingError("a number without a type")
    if isinstance(content, str):
        content = content.encode("latin1")
    if not isinstance(content, bytes) or not len(content) == kind.dtype.itemsize > 0:
        raise pickle.UnpicklingError(f"a number of type {kind.dtype} with other bytes")
    return np.frombuffer(content, kind.dtype)[0]


def _encoded(text: str, encoding: str = "latin1") -> bytes:
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


NAMES: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): NDARRAY,
    ("numpy", "dtype"): Kind,
    ("_codecs", "encode"): _encoded,
    ("collections", "OrderedDict"): dict,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): scalar for core in ("core", "_core")},
}
INERT_NAMES: Mapping[tuple[str, str], Any] = {
    **{(module, "_reconstructor"): _inert for module in ("copyreg", "copy_reg")},
    **{(module, "object"): None for module in ("builtins", "__builtin__")},
    **{(module, "set"): list for module in ("builtins", "__builtin__")},
}


class ArraysOnly(pickle._Unpickler):
    """Numbers, strings, lists, dictionaries and NumPy arrays; every other name is refused.

    The unpickler that is written in Python: that in C makes a table as long as the largest number
    that a pickle gives to one of its objects, which takes 9 bytes of file and 32 GB of memory.

    Args:
        file: open at the pickle; a `CappedReader` where it is a file of its own.
        inert: (module, name) of classes and functions that `Inert` stands in for.
    """

    dispatch: ClassVar = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: IO[bytes], inert: Collection[tuple[str, str]] = ()):
        super().__init__(file, encoding="latin1")
        self._names = NAMES | dict.fromkeys(inert, Inert)
        if inert:
            self._names |= INERT_NAMES

    def find_class(self, module: str, name: str) -> Any:
        """What stands in for a name.

        Raises:
            pickle.UnpicklingError: nothing does.
        """
        try:
            return self._names[(module, name)]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None

    def load_build(self) -> None:
        """Give an object its state: only stand-ins have one, never a class or a function."""
        if len(self.stack) < 2 or not isinstance(self.stack[-2], Kind | PlainArray | Inert):
            raise pickle.UnpicklingError("it gives a state to something that has none")
        super().load_build()

    dispatch[pickle.BUILD[0]] = load_build
    del dispatch[pickle.BYTEARRAY8[0]]  # makes room before it reads


def plain(value: Any, left: list[int], depth: int = 0) -> Any:
    """The same with arrays of NumPy's own class.

    Args:
        value: what `ArraysOnly` gave.
        left: how many values there may be yet: a few bytes of a pickle can put a list into itself.
        depth: how many containers it lies in.

    Raises:
        pickle.UnpicklingError: there are more values, or more than `DEEPEST` containers.
    """
    left[0] -= 1
    if left[0] < 0 or depth > DEEPEST:
        raise pickle.UnpicklingError("it holds lists within lists without end")
    if isinstance(value, PlainArray):
        if not value.dtype.hasobject:
            return value.view(np.ndarray)
        array = np.empty(value.size, object)
        for index, item in enumerate(value.view(np.ndarray).ravel()):
            array[index] = plain(item, left, depth + 1)
        return array.reshape(value.shape)
    if isinstance(value, Inert):
        value.state = plain(value.state, left, depth + 1)
    elif isinstance(value, list | tuple):
        return type(value)(plain(item, left, depth + 1) for item in value)
    elif isinstance(value, dict):
        return {key: plain(item, left, depth + 1) for key, item in value.items()}
    return value
