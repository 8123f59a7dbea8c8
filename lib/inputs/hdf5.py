"""HDF5 files that may point at other files, or claim sizes that they do not hold."""

from __future__ import annotations

import math
from pathlib import Path

import h5py

from lib.errors import ForeignFileError

PACKED = 1100  # times that DEFLATE packs at most, and a little
SMALL = 2**20  # bytes that are read whatever they take in the file
LARGEST = 2**33  # bytes of one data set
MOST = 200_000  # objects in a file


def check_contents(file: h5py.File) -> None:
    """That everything in a file lies in it, and is as large as what is stored can be.

    Raises:
        ForeignFileError: a link or a data set points at another file, or a data set claims more
            than its bytes can hold.
    """
    waiting, seen = [file["/"]], set()
    while waiting:
        group = waiting.pop()
        for name in group:
            check_link(group, name)
            item = group.get(name)
            if isinstance(item, h5py.Dataset):
                check_dataset(item)
            elif isinstance(item, h5py.Group):
                place = h5py.h5o.get_info(item.id).addr
                if place not in seen:  # a group may hold itself
                    seen.add(place)
                    waiting.append(item)
            if len(seen) > MOST:
                raise ForeignFileError(f"{file.filename} has more than {MOST} groups.")


def check_link(group: h5py.Group, name: str) -> None:
    """That a name in a group stands for something in the same file.

    Raises:
        ForeignFileError: it points at another file.
    """
    try:
        link = group.get(name, getlink=True)
    except TypeError:  # a kind of link that only a plug-in understands
        link = None
    if not isinstance(link, h5py.HardLink | h5py.SoftLink):
        target = getattr(link, "filename", "something else")
        raise ForeignFileError(
            f"{_file(group)}: {group.name}/{name} points at {target}, expected data in the file "
            "itself. It is not followed: get the file from its publisher."
        )


def check_dataset(dataset: h5py.Dataset) -> None:
    """That the values of a data set are in its file and no more than its bytes can hold.

    Raises:
        ForeignFileError: they lie in other files, or would take more memory.
    """
    where = f"{_file(dataset)}: {dataset.name}"
    if dataset.is_virtual or dataset.external:
        raise ForeignFileError(
            f"{where} has its values in other files, expected them in the file itself. They are "
            "not read: get the file from its publisher."
        )
    size = math.prod(dataset.shape or ()) * max(dataset.dtype.itemsize, 1)
    held = dataset.id.get_storage_size()
    if size > min(LARGEST, max(SMALL, PACKED * held)):
        raise ForeignFileError(
            f"{where} claims {size} bytes and holds {held}, expected at most {PACKED} times as "
            f"many, and {LARGEST >> 30} GB. It is not read: get the file from its publisher."
        )


def _file(thing: h5py.Group | h5py.Dataset) -> str:
    return Path(thing.file.filename).as_posix()
