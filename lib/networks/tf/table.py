"""Tables of sorted keys and values, as LevelDB and the indices of TensorFlow checkpoints are.

Source: LevelDB, "Table format"; TensorFlow's tables differ in nothing that matters here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from lib.networks.tf.crc32c import masked_crc32c
from lib.networks.tf.snappy import decompress
from lib.networks.tf.wire import WireError, read_varint

FOOTER = 48
MAGIC = 0xDB4775248B80FB57
TRAILER = 5  # of a block: kind and checksum
PLAIN, SNAPPY = 0, 1


def read_table(data: bytes) -> dict[bytes, bytes]:
    """All keys and values of a table, in its order.

    Args:
        data: the whole file.

    Raises:
        WireError: it is no table, or a checksum does not match.
    """
    if len(data) < FOOTER:
        raise WireError(f"it has {len(data)} bytes, a table has at least {FOOTER}")
    magic = struct.unpack("<Q", data[-8:])[0]
    if magic != MAGIC:
        raise WireError(f"it ends with {magic:#018x}, expected {MAGIC:#018x} of a table")
    footer = memoryview(data)[-FOOTER:]
    at = 0
    for _ in range(2):  # of the metaindex, which is empty here
        _, at = read_varint(footer, at)
    index = _block(data, *_handle(footer[at:]))
    found: dict[bytes, bytes] = {}
    left = len(data)
    for _, place in _entries(index):
        offset, size = _handle(memoryview(place))
        left -= size + TRAILER
        if left < 0:
            raise WireError("its index names more blocks than the file has")
        for key, value in _entries(_block(data, offset, size)):
            found[key] = value
    return found


def _handle(data: memoryview) -> tuple[int, int]:
    """Offset and size of a block."""
    offset, at = read_varint(data, 0)
    size, _ = read_varint(data, at)
    return offset, size


def _block(data: bytes, offset: int, size: int) -> bytes:
    """The content of a block, checked."""
    end = offset + size + TRAILER
    if end > len(data) - FOOTER:
        raise WireError(f"a block reaches to byte {end}, the table ends at {len(data) - FOOTER}")
    content, kind = data[offset : offset + size], data[offset + size]
    stored = struct.unpack_from("<I", data, offset + size + 1)[0]
    found = masked_crc32c(data[offset : offset + size + 1])
    if stored != found:
        raise WireError(
            f"the block at byte {offset} has checksum {found:#010x}, {stored:#010x} is stored"
        )
    if kind == PLAIN:
        return content
    if kind == SNAPPY:
        return decompress(content)
    raise WireError(f"the block at byte {offset} has the unknown compression {kind}")


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block; each key tells how much it shares with the one before."""
    if len(block) < 4:
        raise WireError(f"a block of {len(block)} bytes has no end")
    restarts = struct.unpack("<I", block[-4:])[0]
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise WireError(f"a block of {len(block)} bytes tells of {restarts} restarts")
    view, at, key = memoryview(block), 0, b""
    while at < end:
        shared, at = read_varint(view, at)
        own, at = read_varint(view, at)
        size, at = read_varint(view, at)
        if shared > len(key) or at + own + size > end:
            raise WireError(f"an entry at byte {at} of a block does not fit into it")
        key = key[:shared] + bytes(view[at : at + own])
        at += own
        yield key, bytes(view[at : at + size])
        at += size
