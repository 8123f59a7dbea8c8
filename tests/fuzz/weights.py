"""Weights of networks: of PyTorch, of TensorFlow, of MatConvNet; records of training examples."""

from __future__ import annotations

import io
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch

from lib.errors import ConfigError
from lib.imaging import encode_jpeg
from lib.networks.checkpoints import read_weights
from lib.networks.tf.crc32c import masked_crc32c
from lib.networks.tf.snappy import decompress
from lib.networks.tf.table import MAGIC
from lib.networks.tf.wire import WireError, field, fixed32, write_varint
from lib.networks.tf_checkpoint import TensorBundle
from lib.training.detail_layer.tfrecord import (
    DetailExample,
    find_records,
    read_detail_example,
    write_detail_example,
)
from tests.fuzz.reader import Reader

PREFIX = "fine-1"
SHARD = f"{PREFIX}.data-00000-of-00001"


def checkpoint(packed: bool = True) -> bytes:
    state = OrderedDict(weight=torch.ones(2, 3), bias=torch.zeros(3, dtype=torch.float64))
    buffer = io.BytesIO()
    content = {"model": state, "loss": np.float64(0.5), "epoch": 3}
    torch.save(content, buffer, _use_new_zipfile_serialization=packed)
    return buffer.getvalue()


def inner_pickle(_: Path) -> bytes:
    with zipfile.ZipFile(io.BytesIO(checkpoint())) as members:
        name = next(name for name in members.namelist() if name.endswith("data.pkl"))
        return members.read(name)


def with_pickle(content: bytes, _: Path) -> bytes:
    """The checkpoint with another pickle in it, all checksums right."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(checkpoint())) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, content if name.endswith("data.pkl") else old.read(name))
    return buffer.getvalue()


def read_torch(folder: Path) -> None:
    read_weights(folder / "a.pt", "weights")


def entries(folder: Path) -> bytes:
    """The block of an index with two tensors, whose values it writes."""
    data = np.arange(8, dtype="<f4").tobytes()
    (folder / SHARD).write_bytes(data)
    table = {b"": field(1, 1) + field(3, field(1, 1))}
    for k, name in enumerate((b"Model/bias", b"Model/kernel")):
        raw = data[16 * k : 16 * k + 16]
        entry = field(1, 1) + field(2, field(2, field(1, 4))) + field(4, 16 * k)
        table[name] = entry + field(5, 16) + fixed32(6, masked_crc32c(raw))
    return b"".join(
        write_varint(0) + write_varint(len(key)) + write_varint(len(value)) + key + value
        for key, value in sorted(table.items())
    ) + struct.pack("<2I", 0, 1)


def with_checksums(block: bytes, _: Path) -> bytes:
    """An index of one block, all checksums right."""

    def placed(out: bytes, content: bytes) -> tuple[bytes, bytes]:
        handle = write_varint(len(out)) + write_varint(len(content))
        return out + content + b"\0" + struct.pack("<I", masked_crc32c(content + b"\0")), handle

    out, handle = placed(b"", block)
    out, meta = placed(out, struct.pack("<2I", 0, 1))
    top = write_varint(0) + write_varint(1) + write_varint(len(handle)) + b"z" + handle
    out, top = placed(out, top + struct.pack("<2I", 0, 1))
    return out + (meta + top).ljust(40, b"\0") + struct.pack("<Q", MAGIC)


def read_bundle(folder: Path) -> None:
    bundle = TensorBundle(folder / PREFIX)
    for name in bundle.names:
        bundle.read(name)


def record(_: Path) -> bytes:
    image = np.full((300, 300, 3), 128, np.uint8)
    points = np.ones((68, 2), np.float32), np.ones((86, 2), np.float32)
    example = DetailExample(image, *points, np.zeros((300, 300), np.uint8))
    return write_detail_example(example, encode_jpeg(image, 60))


def framed(message: bytes, _: Path) -> bytes:
    length = struct.pack("<Q", len(message))
    return b"".join(
        [length, struct.pack("<I", masked_crc32c(length))]
        + [message, struct.pack("<I", masked_crc32c(message))]
    )


def read_records(folder: Path) -> None:
    for place in find_records(folder / "a.tfrecords"):
        read_detail_example(place)


def read_snappy(folder: Path) -> None:
    try:
        decompress((folder / "a.snappy").read_bytes())
    except WireError as error:  # what the callers of this part expect
        raise ConfigError(str(error)) from error


READERS = {
    "weights": Reader("a.pt", lambda _: checkpoint(), read_torch),
    "weights of old": Reader("a.pt", lambda _: checkpoint(False), read_torch),
    "pickle in weights": Reader("a.pt", inner_pickle, read_torch, with_pickle),
    "index of tensorflow": Reader(
        f"{PREFIX}.index", lambda folder: with_checksums(entries(folder), folder), read_bundle
    ),
    "entries of tensorflow": Reader(f"{PREFIX}.index", entries, read_bundle, with_checksums),
    "records": Reader("a.tfrecords", lambda folder: framed(record(folder), folder), read_records),
    "message in records": Reader("a.tfrecords", record, read_records, framed),
    "snappy": Reader("a.snappy", lambda _: b"\x0a\x10hello\x05\x05", read_snappy),
}
