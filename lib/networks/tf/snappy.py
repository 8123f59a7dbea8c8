"""Decompression of Snappy blocks, in Python: indices of checkpoints are small.

Source: Google, "Snappy compressed format description", 2011.
"""

from __future__ import annotations

from lib.networks.tf.wire import WireError, read_varint


def decompress(data: bytes | memoryview) -> bytes:
    """The bytes of a raw Snappy block.

    Raises:
        WireError: it is damaged.
    """
    data = memoryview(data)
    size, at = read_varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            length, at = _literal_length(data, tag, at)
            if at + length > len(data):
                raise WireError(f"a literal of {length} bytes is cut off")
            out += data[at : at + length]
            at += length
        else:
            length, distance, at = _copy(data, tag, at)
            if not 0 < distance <= len(out):
                raise WireError(f"a copy from {distance} bytes back, {len(out)} are there")
            begin = len(out) - distance
            for place in range(begin, begin + length):  # may overlap what it writes
                out.append(out[place])
        if len(out) > size:
            break
    if len(out) != size:
        raise WireError(f"{len(out)} bytes instead of the {size} that the block tells")
    return bytes(out)


def _literal_length(data: memoryview, tag: int, at: int) -> tuple[int, int]:
    """Length of a literal, and the place after it."""
    if tag >> 2 < 60:
        return (tag >> 2) + 1, at
    extra = (tag >> 2) - 59
    return _number(data, at, extra) + 1, at + extra


def _copy(data: memoryview, tag: int, at: int) -> tuple[int, int, int]:
    """Length and distance of a copy, and the place after it."""
    if tag & 3 == 1:
        return 4 + (tag >> 2 & 7), (tag >> 5) << 8 | _number(data, at, 1), at + 1
    extra = 2 if tag & 3 == 2 else 4
    return (tag >> 2) + 1, _number(data, at, extra), at + extra


def _number(data: memoryview, at: int, size: int) -> int:
    if at + size > len(data):
        raise WireError("the block is cut off")
    return int.from_bytes(data[at : at + size], "little")
