"""OpenEXR pictures of 32-bit floats: what displacement maps are exchanged in.

Written here, as scan lines with ZIP compression, because the format needs one page and the OpenEXR
package would be one more compiled dependency on every machine; every program that reads EXR reads
this kind. Files of other programs are read when they hold scan lines, uncompressed or with ZIP.

Source: the OpenEXR file layout (openexr.com, "OpenEXR File Layout"), version 2, single part.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.errors import ConfigError, ShapeError
from lib.imaging.write import save_bytes

MAGIC = 20000630
VERSION = 2  # and no flag: one part of scan lines, names of at most 31 letters
TILED_DEEP_OR_PARTS = 0x1A00
LINES_PER_BLOCK = {0: 1, 2: 1, 3: 16}  # compression -> lines: none, ZIPS, ZIP
ZIP = 3
TYPES = {0: np.dtype("<u4"), 1: np.dtype("<f2"), 2: np.dtype("<f4")}
FLOAT = 2
LEVEL = 4
LARGEST = 1 << 31  # bytes of pixels that are read
PACKED = 1100  # times that DEFLATE packs at most, and a little


@dataclass(frozen=True)
class Exr:
    """The content of an EXR file.

    Args:
        pixels: (h, w, n_channels) float32.
        channels: name of each; RGB in this order, others alphabetically.
        comments: the file's `comments` attribute; empty where it has none.
    """

    pixels: np.ndarray
    channels: tuple[str, ...]
    comments: str


def encode_exr(image: np.ndarray, channels: Sequence[str] = (), comments: str = "") -> bytes:
    """EXR bytes of 32-bit floats, losslessly compressed; equal pixels give equal bytes.

    Args:
        image: (h, w) or (h, w, c) float32; values of any size, NaN included, are kept.
        channels: name of each channel; `Y` or `R`, `G`, `B` where none is given.
        comments: words for people, such as the unit of the values.

    Raises:
        ShapeError: another shape or number type, or not one name per channel.
    """
    if image.dtype != np.float32 or image.ndim not in (2, 3) or 0 in image.shape:
        raise ShapeError(f"image ({image.dtype})", image.shape, "(h, w[, c]) float32, not empty")
    planes = np.atleast_3d(image)
    names = tuple(channels) or (("Y",) if planes.shape[2] == 1 else tuple("RGB"))
    if len(names) != planes.shape[2] or len(set(names)) < len(names):
        raise ShapeError(f"image with channels {names}", image.shape, "one name per channel")
    order = np.argsort(names)  # the format wants them sorted
    rows = np.ascontiguousarray(planes[..., order].transpose(0, 2, 1), "<f4")
    blocks = []
    for top in range(0, len(rows), LINES_PER_BLOCK[ZIP]):
        data = _deflated(rows[top : top + LINES_PER_BLOCK[ZIP]].tobytes())
        blocks.append(struct.pack("<ii", top, len(data)) + data)
    header = _header(planes.shape[:2], [names[i] for i in order], comments)
    starts = np.cumsum([len(header) + 8 * len(blocks), *map(len, blocks[:-1])])
    return b"".join([header, starts.astype("<u8").tobytes(), *blocks])


def save_exr(
    path: str | Path, image: np.ndarray, channels: Sequence[str] = (), comments: str = ""
) -> None:
    """Write `encode_exr(...)`; the file appears under its name only when complete."""
    save_bytes(path, encode_exr(image, channels, comments))


def read_exr(path: str | Path) -> Exr:
    """The pixels of an EXR file of scan lines, uncompressed or ZIP, in half or full floats.

    Raises:
        ConfigError: the file cannot be read, is damaged, or is of another kind of EXR.
    """
    try:
        return _decoded(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}).") from error
    except (struct.error, ValueError, KeyError, IndexError, zlib.error) as error:
        raise ConfigError(
            f"{path} cannot be read as an EXR file of scan lines ({error}). Save it uncompressed "
            "or with ZIP compression, without tiles."
        ) from error


def _header(size: tuple[int, int], names: Sequence[str], comments: str) -> bytes:
    height, width = size
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    listed = [n.encode() + struct.pack("<xiB3xii", FLOAT, 0, 1, 1) for n in names]
    attributes = [
        ("channels", "chlist", b"".join(listed) + b"\0"),
        *([("comments", "string", comments.encode())] if comments else []),
        ("compression", "compression", bytes([ZIP])),
        ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window),
        ("lineOrder", "lineOrder", b"\0"),
        ("pixelAspectRatio", "float", struct.pack("<f", 1)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1)),
    ]
    parts = [struct.pack("<ii", MAGIC, VERSION)]
    for name, kind, value in attributes:
        parts.append(f"{name}\0{kind}\0".encode() + struct.pack("<i", len(value)) + value)
    return b"".join(parts) + b"\0"


def _deflated(raw: bytes) -> bytes:
    """A block: even bytes before odd ones, as differences, deflated; raw where that is longer."""
    data = np.frombuffer(raw, np.uint8)
    split = np.concatenate([data[::2], data[1::2]])
    split[1:] = np.diff(split) - np.uint8(128)
    packed = zlib.compress(split.tobytes(), LEVEL)
    return packed if len(packed) < len(raw) else raw


def _inflated(packed: bytes, length: int) -> bytes:
    if len(packed) == length:
        return packed
    unpacker = zlib.decompressobj()
    split = np.frombuffer(unpacker.decompress(packed, length), np.uint8).copy()
    if len(split) != length:
        raise ValueError(f"a block has {len(split)} bytes, expected {length}")
    split[1:] += np.uint8(128)
    split = np.cumsum(split, dtype=np.uint8)
    data = np.empty(length, np.uint8)
    data[::2], data[1::2] = split[: (length + 1) // 2], split[(length + 1) // 2 :]
    return data.tobytes()


def _decoded(data: bytes) -> Exr:
    attributes, position = _attributes(data)
    compression = attributes["compression"][0]
    if compression not in LINES_PER_BLOCK:
        raise ValueError(f"compression {compression}")
    channels = _channels(attributes["channels"])
    left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    line = sum(kind.itemsize for _, kind in channels) * width
    if width < 1 or height < 1 or line * height > min(LARGEST, PACKED * len(data)):
        raise ValueError(f"{width} x {height} px")
    lines = LINES_PER_BLOCK[compression]
    n_blocks = -(-height // lines)
    pixels = np.empty((height, width, len(channels)), np.float32)
    for start in struct.unpack_from(f"<{n_blocks}Q", data, position):
        first, length = struct.unpack_from("<ii", data, start)
        rows = pixels[first - top : first - top + lines]
        if not 0 <= first - top < height or not 0 <= length <= len(data) - start - 8:
            raise ValueError(f"a block of {length} bytes at line {first}")
        packed = data[start + 8 : start + 8 + length]
        raw = _inflated(packed, line * len(rows)) if compression else packed
        _fill(rows, raw, channels)
    names = [name for name, _ in channels]
    if sorted(names) == ["B", "G", "R"]:
        pixels, names = np.ascontiguousarray(pixels[..., ::-1]), names[::-1]
    return Exr(pixels, tuple(names), attributes.get("comments", b"").decode())


def _fill(rows: np.ndarray, raw: bytes, channels: list[tuple[str, np.dtype]]) -> None:
    """Put the bytes of some lines into (n_lines, w, n_channels) pixels."""
    position, width = 0, rows.shape[1]
    for row in rows:
        for index, (_, kind) in enumerate(channels):
            row[:, index] = np.frombuffer(raw, kind, width, position)
            position += kind.itemsize * width


def _attributes(data: bytes) -> tuple[dict[str, bytes], int]:
    magic, version = struct.unpack_from("<ii", data)
    if magic != MAGIC:
        raise ValueError("it is no EXR file")
    if version & TILED_DEEP_OR_PARTS:
        raise ValueError("it has tiles, several parts or deep pixels")
    found, position = {}, 8
    while data[position]:
        name_end = data.index(b"\0", position)
        kind_end = data.index(b"\0", name_end + 1)
        (length,) = struct.unpack_from("<i", data, kind_end + 1)
        start = kind_end + 5
        if length < 0:
            raise ValueError("an attribute of negative size")
        found[data[position:name_end].decode()] = data[start : start + length]
        position = start + length
    return found, position + 1


def _channels(listed: bytes) -> list[tuple[str, np.dtype]]:
    channels, position = [], 0
    while listed[position]:
        end = listed.index(b"\0", position)
        kind, _, across, down = struct.unpack_from("<iB3xii", listed, end + 1)
        if (across, down) != (1, 1):
            raise ValueError("a channel with fewer pixels than others")
        channels.append((listed[position:end].decode(), TYPES[kind]))
        position = end + 17
    if not channels:
        raise ValueError("no channel")
    return channels
