"""The checksum CRC-32C (Castagnoli) and the masked form that files of TensorFlow carry.

Source: RFC 3720, appendix B.4; the mask is that of the LevelDB table format.
"""

from __future__ import annotations

import numba
import numpy as np

POLYNOMIAL = 0x82F63B78  # reflected
MASK_DELTA = 0xA282EAD8
Bytes = bytes | bytearray | memoryview | np.ndarray


def _tables() -> np.ndarray:
    """(8, 256) uint32: the remainder of a byte that 0 to 7 other bytes follow."""
    table = np.zeros((8, 256), np.uint32)
    for value in range(256):
        remainder = value
        for _ in range(8):
            remainder = (remainder >> 1) ^ (POLYNOMIAL if remainder & 1 else 0)
        table[0, value] = remainder
    for row in range(1, 8):
        before = table[row - 1]
        table[row] = (before >> np.uint32(8)) ^ table[0][before & np.uint32(0xFF)]
    return table


TABLES = _tables()


@numba.njit(cache=True)
def _extend(start: np.uint32, data: np.ndarray, tables: np.ndarray) -> np.uint32:
    """The remainder after more bytes, eight at a time."""
    crc = np.uint32(~start)
    whole = len(data) - len(data) % 8
    for at in range(0, whole, 8):
        low = crc ^ (
            np.uint32(data[at])
            | np.uint32(data[at + 1]) << np.uint32(8)
            | np.uint32(data[at + 2]) << np.uint32(16)
            | np.uint32(data[at + 3]) << np.uint32(24)
        )
        crc = (
            tables[7, low & np.uint32(0xFF)]
            ^ tables[6, (low >> np.uint32(8)) & np.uint32(0xFF)]
            ^ tables[5, (low >> np.uint32(16)) & np.uint32(0xFF)]
            ^ tables[4, low >> np.uint32(24)]
            ^ tables[3, data[at + 4]]
            ^ tables[2, data[at + 5]]
            ^ tables[1, data[at + 6]]
            ^ tables[0, data[at + 7]]
        )
    for at in range(whole, len(data)):
        crc = (crc >> np.uint32(8)) ^ tables[0, (crc ^ np.uint32(data[at])) & np.uint32(0xFF)]
    return np.uint32(~crc)


def crc32c(data: Bytes, start: int = 0) -> int:
    """CRC-32C of bytes.

    Args:
        data: contiguous bytes.
        start: checksum of the bytes before them.
    """
    values = np.frombuffer(data, np.uint8)
    return int(_extend(np.uint32(start), values, TABLES))


def masked_crc32c(data: Bytes) -> int:
    """CRC-32C turned by 15 bits and shifted, as files of TensorFlow store it."""
    return masked(crc32c(data))


def masked(crc: int) -> int:
    """The stored form of a checksum."""
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF
