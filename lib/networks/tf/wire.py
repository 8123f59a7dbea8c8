"""Protocol buffers by hand: fields of a message, read and written without a schema compiler.

Source: Google, Protocol Buffers, "Encoding".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LONGEST_VARINT = 10


class WireError(ValueError):
    """Bytes are no message; says where and why."""


def read_varint(data: memoryview, at: int) -> tuple[int, int]:
    """An unsigned number at a place, and the place after it.

    Raises:
        WireError: the bytes end within it, or it is longer than 64 bits.
    """
    value = 0
    for count in range(LONGEST_VARINT):
        if at >= len(data):
            raise WireError(f"a number at byte {at - count} is cut off")
        byte = data[at]
        value |= (byte & 0x7F) << (7 * count)
        at += 1
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise WireError(f"a number at byte {at - LONGEST_VARINT} is longer than 64 bits")


def write_varint(value: int) -> bytes:
    """An unsigned number, or a negative one in two's complement of 64 bits."""
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value >= 0x80:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_fields(data: bytes | memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Number, wire type and value of every field of a message, in the order of the bytes.

    Values of varints and fixed fields are unsigned numbers, those of others are bytes.

    Raises:
        WireError: the bytes are no message.
    """
    data, at = memoryview(data), 0
    while at < len(data):
        key, at = read_varint(data, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise WireError(f"field 0 at byte {at}")
        if kind == VARINT:
            value, at = read_varint(data, at)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, at = read_varint(data, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise WireError(f"field {number} has the unknown wire type {kind}")
        if at + size > len(data):
            raise WireError(
                f"field {number} at byte {at} wants {size} bytes, {len(data) - at} left"
            )
        piece = data[at : at + size]
        at += size
        yield number, kind, piece if kind == BYTES else int.from_bytes(piece, "little")


def signed(value: int) -> int:
    """A 64-bit varint as a signed number."""
    return value - (1 << 64) if value >> 63 else value


def field(number: int, value: int | bytes) -> bytes:
    """A field: a varint, or bytes with their length."""
    if isinstance(value, int):
        return write_varint(number << 3 | VARINT) + write_varint(value)
    return write_varint(number << 3 | BYTES) + write_varint(len(value)) + value


def fixed32(number: int, value: int) -> bytes:
    """A field of four bytes."""
    return write_varint(number << 3 | FIXED32) + struct.pack("<I", value)


def unpack_varints(data: bytes | memoryview) -> np.ndarray:
    """(n,) int64 of packed varints, all at once.

    Raises:
        WireError: the last number is cut off, or one is longer than 64 bits.
    """
    raw = np.frombuffer(data, np.uint8)
    if not len(raw):
        return np.zeros(0, np.int64)
    last = raw < 0x80
    if not last[-1]:
        raise WireError("the last packed number is cut off")
    if last.all():
        return raw.astype(np.int64)
    begin = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])
    length = np.diff(np.append(begin, len(raw)))
    if length.max() > LONGEST_VARINT:
        raise WireError("a packed number is longer than 64 bits")
    place = np.arange(len(raw)) - np.repeat(begin, length)
    parts = (raw & 0x7F).astype(np.uint64) << (7 * place).astype(np.uint64)
    return np.bitwise_or.reduceat(parts, begin).view(np.int64)


def pack_varints(values: np.ndarray) -> bytes:
    """Packed varints of (n,) int64."""
    values = np.asarray(values, np.int64)
    if not len(values) or (values.min() >= 0 and values.max() < 0x80):
        return values.astype(np.uint8).tobytes()
    return b"".join(write_varint(int(value)) for value in values)
