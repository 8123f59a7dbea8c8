"""Checkpoints of TensorFlow (version 2 of the format: an index and shards), without TensorFlow.

A checkpoint is named by its prefix: `coarse-131000` stands for `coarse-131000.index` and
`coarse-131000.data-00000-of-00001`.

Source: TensorFlow, tensor_bundle.proto and the table format that its index is in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.errors import ConfigError, MissingModelError
from lib.networks.tf.crc32c import masked_crc32c
from lib.networks.tf.table import read_table
from lib.networks.tf.wire import WireError, read_fields, signed

# Numbers of types.proto that have a plain NumPy type.
TYPES = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    4: np.dtype("u1"),
    5: np.dtype("<i2"),
    6: np.dtype("i1"),
    9: np.dtype("<i8"),
    10: np.dtype("?"),
    17: np.dtype("<u2"),
    19: np.dtype("<f2"),
    22: np.dtype("<u4"),
    23: np.dtype("<u8"),
}
STRING = 7
LITTLE = 0
INDEX = ".index"
ADVICE = "Is the download complete? Fetch all files of the checkpoint again."


class BundleError(ConfigError):
    """A checkpoint of TensorFlow cannot be used."""


@dataclass(frozen=True)
class BundleEntry:
    """Where a tensor is.

    Args:
        kind: number of its type.
        shape: of the tensor.
        shard: number of its file.
        offset: bytes before it.
        size: bytes.
        crc: masked checksum of its bytes.
        sliced: it is kept in parts under names of their own.
    """

    kind: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int
    sliced: bool


class TensorBundle:
    """The tensors of a checkpoint by name; each is read when it is asked for.

    Args:
        prefix: path without `.index`; a path that ends with it is understood as well.

    Raises:
        MissingModelError: the index or a shard is not there.
        BundleError: the index is damaged or of a kind that is not read here.
    """

    def __init__(self, prefix: str | Path):
        self.prefix = str(prefix).removesuffix(INDEX)
        path = Path(self.prefix + INDEX)
        if not path.is_file():
            raise MissingModelError(
                f"{path} is not there, expected the index of a TensorFlow checkpoint. Give the "
                "path that its files share, such as ckpt/coarse-131000 for "
                "ckpt/coarse-131000.index."
            )
        try:
            table = read_table(path.read_bytes())
            shards, endian = _header(table.pop(b"", b""))
            self.entries = {
                key.decode("utf-8"): _entry(value) for key, value in sorted(table.items())
            }
        except (WireError, UnicodeDecodeError, TypeError, ValueError) as error:
            raise BundleError(
                f"{path} is no index of a TensorFlow checkpoint: {error}. {ADVICE}"
            ) from error
        if endian != LITTLE:
            raise BundleError(f"{path} is of a big-endian machine; only little-endian is read.")
        self.shards = [Path(f"{self.prefix}.data-{k:05d}-of-{shards:05d}") for k in range(shards)]
        for shard in self.shards:
            if not shard.is_file():
                raise MissingModelError(
                    f"{shard} is not there, expected beside {path}, whose tensors are in "
                    f"{shards} file{'' if shards == 1 else 's'}. {ADVICE}"
                )

    @property
    def names(self) -> tuple[str, ...]:
        """Of all tensors, sorted."""
        return tuple(self.entries)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return self._entry(name).shape

    def read(self, name: str) -> np.ndarray:
        """A tensor, its checksum checked.

        Raises:
            BundleError: there is none of this name, it is of a type that is not read here, cut
                off, or damaged.
        """
        entry = self._entry(name)
        if entry.sliced or entry.kind not in TYPES:
            why = "kept in slices" if entry.sliced else f"of type {entry.kind}"
            text = " (text)" if entry.kind == STRING else ""
            raise BundleError(f"{name} of {self.prefix} is {why}{text}; expected plain numbers.")
        kind = TYPES[entry.kind]
        count = math.prod(entry.shape)
        if count * kind.itemsize != entry.size or min(entry.shape, default=0) < 0:
            raise BundleError(
                f"{name} of {self.prefix} has shape {entry.shape} of {kind} and {entry.size} "
                f"bytes, expected {count * kind.itemsize}. {ADVICE}"
            )
        if not 0 <= entry.shard < len(self.shards):
            raise BundleError(
                f"{name} of {self.prefix} is in shard {entry.shard}, there are "
                f"{len(self.shards)}. {ADVICE}"
            )
        shard = self.shards[entry.shard]
        left = shard.stat().st_size - entry.offset
        with open(shard, "rb") as file:
            file.seek(min(entry.offset, entry.offset + left))
            data = file.read(max(0, min(entry.size, left)))
        if len(data) != entry.size:
            raise BundleError(
                f"{shard} ends within {name}: {len(data)} of {entry.size} bytes. {ADVICE}"
            )
        if (found := masked_crc32c(data)) != entry.crc:
            raise BundleError(
                f"{name} in {shard} has checksum {found:#010x}, its index tells "
                f"{entry.crc:#010x}. {ADVICE}"
            )
        return np.frombuffer(data, kind).reshape(entry.shape)

    def _entry(self, name: str) -> BundleEntry:
        if name not in self.entries:
            told = ", ".join(self.names[:4])
            raise BundleError(
                f"{self.prefix} has no tensor {name}; it has {len(self.names)}: {told}, ... Is it "
                "the checkpoint of another network?"
            )
        return self.entries[name]


def _header(data: bytes) -> tuple[int, int]:
    """Number of shards and byte order."""
    shards, endian = 0, LITTLE
    for number, _, value in read_fields(data):
        if number == 1:
            shards = int(value)
        elif number == 2:
            endian = int(value)
    if not 0 < shards < 100_000:
        raise WireError(f"its header tells of {shards} shards")
    return shards, endian


def _entry(data: bytes) -> BundleEntry:
    """One tensor's entry; fields that are 0 are not written."""
    told, shape, sliced = {1: 0, 3: 0, 4: 0, 5: 0, 6: 0}, (), False
    for number, _, value in read_fields(data):
        if number in told:
            told[number] = int(value)
        elif number == 2:
            shape = _shape(value)
        elif number == 7:
            sliced = True
    return BundleEntry(told[1], shape, told[3], told[4], told[5], told[6], sliced)


def _shape(data: memoryview) -> tuple[int, ...]:
    sizes = []
    for number, _, dimension in read_fields(data):
        if number == 2:
            size = [signed(int(v)) for n, _, v in read_fields(dimension) if n == 1]
            sizes.append(size[0] if size else 0)
    return tuple(sizes)
