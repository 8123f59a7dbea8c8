"""Writes checkpoints of TensorFlow for tests: an index of one or several blocks, and shards."""

import struct

import numpy as np

from lib.networks.tf.crc32c import masked_crc32c
from lib.networks.tf.table import MAGIC
from lib.networks.tf.wire import field, fixed32, write_varint
from lib.networks.tf_checkpoint import TYPES

RESTART_EVERY = 16
NUMBERS = {kind.str: number for number, kind in TYPES.items()}


def write_bundle(prefix, tensors, shards=1, per_block=40, compress=None):
    """Write `prefix.index` and its shards; `compress` turns a block into a Snappy one."""
    table = {b"": field(1, shards) + field(3, field(1, 1))}
    data = [b""] * shards
    for k, (name, value) in enumerate(sorted(tensors.items())):
        value = np.asarray(value)
        raw, shard = value.tobytes(), k % shards
        shape = b"".join(field(2, field(1, size) if size else b"") for size in value.shape)
        entry = field(1, NUMBERS[value.dtype.str]) + field(2, shape)
        entry += field(3, shard) if shard else b""
        entry += field(4, len(data[shard])) if data[shard] else b""
        table[name.encode()] = entry + field(5, len(raw)) + fixed32(6, masked_crc32c(raw))
        data[shard] += raw
    for k, content in enumerate(data):
        prefix.with_name(f"{prefix.name}.data-{k:05d}-of-{shards:05d}").write_bytes(content)
    prefix.with_name(f"{prefix.name}.index").write_bytes(table_file(table, per_block, compress))


def table_file(table, per_block=40, compress=None):
    """The bytes of a table of sorted keys."""
    out, index, keys = b"", {}, sorted(table)
    for first in range(0, len(keys), per_block):
        chosen = keys[first : first + per_block]
        out, handle = _with_block(out, block({key: table[key] for key in chosen}), compress)
        index[chosen[-1]] = handle
    out, meta = _with_block(out, block({}))
    out, top = _with_block(out, block(index, restart_every=1))
    return out + (meta + top).ljust(40, b"\0") + struct.pack("<Q", MAGIC)


def block(table, restart_every=RESTART_EVERY):
    """Entries with shared prefixes, and their restarts."""
    out, restarts, before = b"", [], b""
    for k, key in enumerate(sorted(table)):
        if k % restart_every == 0:
            restarts.append(len(out))
            before = b""
        shared = next((i for i, (a, b) in enumerate(zip(before, key)) if a != b), None)
        shared = min(len(before), len(key)) if shared is None else shared
        own, value = key[shared:], table[key]
        out += write_varint(shared) + write_varint(len(own)) + write_varint(len(value))
        out, before = out + own + value, key
    restarts = restarts or [0]
    return out + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def _with_block(out, content, compress=None):
    """The bytes with a block more, and where it is."""
    kind, raw = (b"\x01", compress(content)) if compress else (b"\x00", content)
    handle = write_varint(len(out)) + write_varint(len(raw))
    return out + raw + kind + struct.pack("<I", masked_crc32c(raw + kind)), handle


def literal_snappy(content):
    """A Snappy block of literals of at most 60 bytes."""
    pieces = [content[k : k + 60] for k in range(0, len(content), 60)]
    return write_varint(len(content)) + b"".join(
        bytes([(len(piece) - 1) << 2]) + piece for piece in pieces
    )
