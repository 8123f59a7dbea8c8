"""One declaration per artefact: arrays in memory = layout on disk = row of the docs."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import h5py
import numpy as np

from lib.errors import ArtefactError, ShapeError
from lib.inputs.hdf5 import check_dataset, check_link
from lib.inputs.reading import reading

# No timestamps and fixed compression: writing the same arrays twice gives the same bytes.
# Every byte lies under a checksum, so that a flipped one is an error and not another number: what
# is small lies in the object's header, which HDF5 checks; chunks, which stay as they are where they
# do not shrink, have a Fletcher sum. Strings have a fixed length: HDF5 checks no heap of others.
STORAGE = {
    "compression": "gzip",
    "compression_opts": 1,
    "shuffle": True,
    "fletcher32": True,
    "track_times": False,
}
COMPRESS_FROM_BYTES = 1024


@dataclass(frozen=True)
class FieldSpec:
    """What is known about one field before any file is read.

    Args:
        kind: `array`, `ragged` (one array per view, sizes differ) or `text`.
        dims: names or numbers of the dimensions; equal names must have equal sizes.
        dtype: numpy type code in the file; empty for text.
        unit: unit of the values.
        doc: one line for the docs table.
    """

    kind: str
    dims: tuple[str, ...]
    dtype: str
    unit: str
    doc: str


def array(dims: str, dtype: str, unit: str, doc: str) -> Any:
    """Declare a field that is one array; `dims` are space-separated names or numbers."""
    return field(metadata={"spec": FieldSpec("array", tuple(dims.split()), dtype, unit, doc)})


def ragged(dims: str, dtype: str, unit: str, doc: str) -> Any:
    """Declare a field that is a tuple of arrays whose first dimension is the tuple's length."""
    return field(metadata={"spec": FieldSpec("ragged", tuple(dims.split()), dtype, unit, doc)})


def text(doc: str, dims: str = "") -> Any:
    """Declare a field that is one string, or a tuple of strings when `dims` names a dimension."""
    return field(metadata={"spec": FieldSpec("text", tuple(dims.split()), "", "", doc)})


def notes(doc: str, dims: str) -> Any:
    """Declare a tuple of strings that may be left out: then all are empty, or there are none.

    Such a field stands behind those that must be given.
    """
    spec = FieldSpec("text", tuple(dims.split()), "", "", doc)
    return field(default=None, metadata={"spec": spec})


@dataclass(frozen=True)
class Artefact:
    """One stage's result for one capture. Subclasses declare fields with `array`, `ragged`, `text`.

    Arrays are converted to the declared type and made read-only on construction; dimensions with
    the same name must agree.

    Raises:
        ShapeError: an array does not fit its declared dimensions.
    """

    version: ClassVar[int] = 0  # raise when a re-run would give other numbers or another layout

    def __post_init__(self) -> None:
        sizes: dict[str, int] = {}
        for name, spec in self.specs().items():
            value = getattr(self, name)
            if spec.kind == "text":
                if value is None:  # `notes` that were left out
                    value = ("",) * sizes.get(spec.dims[0], 0)
                value = tuple(map(str, value)) if spec.dims else str(value)
                self._check(name, spec, (len(value),) if spec.dims else (), sizes)
            elif spec.kind == "array":
                value = _frozen_array(value, spec.dtype)
                self._check(name, spec, value.shape, sizes)
            else:
                value = tuple(_frozen_array(item, spec.dtype) for item in value)
                for item in value:  # inner sizes may differ from view to view
                    self._check(name, spec, (len(value), *item.shape), dict(sizes))
                sizes.setdefault(spec.dims[0], len(value))
            object.__setattr__(self, name, value)

    @classmethod
    def specs(cls) -> dict[str, FieldSpec]:
        """Field name -> declaration, in order."""
        return {f.name: f.metadata["spec"] for f in fields(cls) if "spec" in f.metadata}

    def _check(
        self, name: str, spec: FieldSpec, shape: tuple[int, ...], sizes: dict[str, int]
    ) -> None:
        expected = f"({' '.join(spec.dims)}) with {sizes}"
        if len(shape) != len(spec.dims):
            raise ShapeError(f"{type(self).__name__}.{name}", shape, expected)
        for size, dim in zip(shape, spec.dims, strict=True):
            wanted = int(dim) if dim.isdigit() else sizes.setdefault(dim, size)
            if size != wanted:
                raise ShapeError(f"{type(self).__name__}.{name}", shape, expected)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def write_group(self, group: h5py.Group) -> None:
        """Write every field below an empty HDF5 group, with unit and dims as attributes."""
        for name, spec in self.specs().items():
            value = getattr(self, name)
            if spec.kind == "ragged":
                inner = group.create_group(name)
                for index, item in enumerate(value):
                    _write_array(inner, f"{index:04d}", item, spec, spec.dims[1:])
            elif spec.kind == "array":
                _write_array(group, name, value, spec, spec.dims)
            else:
                dataset = _write(group, name, _utf8(value))
                write_words(dataset, "dims", " ".join(spec.dims))

    @classmethod
    def read_group(cls, group: h5py.Group) -> Self:
        """The artefact stored below an HDF5 group.

        Raises:
            ArtefactError: a field is missing or damaged.
        """
        values = {name: cls.read_field(group, name) for name in cls.specs()}
        with reading(group.file.filename, f"{cls.__name__} in {group.name}", kind=ArtefactError):
            return cls(**values)

    @classmethod
    def read_field(cls, group: h5py.Group, name: str) -> Any:
        """One field of the artefact stored below an HDF5 group; the others are not read.

        Raises:
            ArtefactError: the field is missing or damaged.
        """
        with damage_told(group.file.filename):
            return cls._read(group, name)

    @classmethod
    def _read(cls, group: h5py.Group, name: str) -> Any:
        if name not in group:
            raise ArtefactError(
                f"{group.file.filename}: {group.name} has no field '{name}' of {cls.__name__}."
            )
        spec = cls.specs()[name]
        item = _inside(group, name)
        if spec.kind == "ragged":
            return tuple(_inside(item, key)[()] for key in sorted(item))
        if spec.kind == "array":
            return item[()]
        return tuple(item.asstr()[()]) if spec.dims else item.asstr()[()]


def _inside(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """What a name in a group stands for, if that lies in the file and is as large as it says."""
    check_link(group, name)
    item = group[name]
    if isinstance(item, h5py.Dataset):
        check_dataset(item)
    return item


@contextlib.contextmanager
def damage_told(path: str | Path) -> Iterator[None]:
    """Turns what HDF5 and h5py say of a damaged file into words for a person.

    Raises:
        ArtefactError: the file cannot be read as it should.
    """
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise ArtefactError(f"{path} cannot be read ({error}). {how_to_rebuild(path)}") from error


def how_to_rebuild(path: str | Path) -> str:
    """What to type to have a file of a results folder made again, and what follows from it.

    Snakemake needs the run's own command: only that says which photos, settings and folder it has.
    """
    return f"Rebuild it: repeat the command of its run with --forcerun {path} at the end."


def _frozen_array(value: Any, dtype: str) -> np.ndarray:
    result = np.array(value, dtype=dtype, order="C")
    result.setflags(write=False)
    return result


def _write_array(
    group: h5py.Group, name: str, value: np.ndarray, spec: FieldSpec, dims: tuple[str, ...]
) -> None:
    dataset = _write(group, name, value)
    write_words(dataset, "unit", spec.unit)
    write_words(dataset, "dims", " ".join(dims))


def _write(group: h5py.Group, name: str, value: np.ndarray) -> h5py.Dataset:
    if value.ndim and value.nbytes >= COMPRESS_FROM_BYTES:
        return group.create_dataset(name, data=value, **STORAGE)
    in_header = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    in_header.set_layout(h5py.h5d.COMPACT)
    in_header.set_obj_track_times(False)
    space = h5py.h5s.create_simple(value.shape) if value.ndim else h5py.h5s.create(h5py.h5s.SCALAR)
    kind = h5py.h5t.py_create(value.dtype, logical=True)
    dataset = h5py.h5d.create(group.id, name.encode(), kind, space, in_header)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, value)
    return h5py.Dataset(dataset)


def write_words(item: h5py.HLObject, name: str, words: str) -> None:
    """Write an attribute that is text."""
    item.attrs[name] = _utf8(words)


def read_words(item: h5py.HLObject, name: str, default: str = "") -> str:
    """An attribute that is text, of a file of any version; `default` where there is none."""
    found = item.attrs.get(name, default)
    return found.decode() if isinstance(found, bytes) else str(found)


def _utf8(text: str | tuple[str, ...]) -> np.ndarray:
    """Strings of the length of the longest, which HDF5 wants to be 1 at least."""
    encoded = [item.encode() for item in ((text,) if isinstance(text, str) else text)]
    longest = max(map(len, encoded), default=0)
    result = np.array(encoded, dtype=h5py.string_dtype("utf-8", max(longest, 1)))
    return result.reshape(()) if isinstance(text, str) else result
