"""What a file is by its first bytes, for messages that help."""

from __future__ import annotations

import mmap
import re
import struct
from typing import BinaryIO

HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
KNOWN = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"8BPS", "a Photoshop document"),
    (b"FUJIFILM", "a camera's raw file"),
    (b"\x00\x00\x00\x18ftypcrx ", "a camera's raw file"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"version https://git-lfs", "a Git LFS pointer: the photo itself was not downloaded"),
)
HEIF_INDEX_BYTES = 1 << 16  # the list of items stands at the front of a HEIC photo
HEIF_ITEM = re.compile(rb"infe(?:\x02...(?:..)|\x03...(?:....))..(....)", re.DOTALL)
VIDEO_BRANDS = {b"isom", b"iso2", b"mp41", b"mp42", b"avc1", b"qt  ", b"M4V ", b"3gp4", b"3gp5"}


def describe(head: bytes) -> str | None:
    """What a file that is no photo is, by its first bytes; None when it may be a photo."""
    if not head:
        return "an empty file"
    if not head.strip(b"\0"):
        return "a file of zeros"
    for start, name in KNOWN:
        if head.startswith(start):
            return name
    if head[4:8] == b"ftyp" and head[8:12] in VIDEO_BRANDS:
        return "a video"
    if head[8:10] == b"CR" and head[:4] == b"II*\0":
        return "a camera's raw file"
    if head[:2] in (b"P1", b"P2", b"P3"):
        return None  # a picture written as text
    return _text_kind(head)


def says_what_to_do(head: bytes) -> str:
    """Advice for a file that `describe` recognised."""
    kind = describe(head) or ""
    if kind in ("an empty file", "a file of zeros"):
        return "Copy it again from its source"
    if "raw file" in kind or "JPEG XL" in kind or "Photoshop" in kind:
        return "Save it as JPEG or 16-bit TIFF"
    if "Git LFS" in kind:
        return "Run git lfs pull"
    return "Replace it by the photo, or take it out of the folder"


def is_heif(head: bytes) -> bool:
    """Whether the first bytes are those of a HEIC/HEIF photo."""
    return head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS


def has_broken_items(file: BinaryIO) -> bool:
    """Whether a HEIC photo lists an item whose type is no word of four ASCII letters.

    The decoder ends the whole process at such a type instead of raising an error.
    """
    file.seek(0)
    items = HEIF_ITEM.findall(file.read(HEIF_INDEX_BYTES))
    return not all(kind.isascii() for kind in items)


def has_no_end(file: BinaryIO) -> bool:
    """Whether a JPEG has no end marker after its image data: what a broken copy looks like.

    Decoders fill the missing part with grey and only warn.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = _start_of_scan(data)
        return start is not None and data.find(b"\xff\xd9", start) < 0


def _start_of_scan(data: mmap.mmap) -> int | None:
    """Position of the first scan of the main image; None where the segments make no sense."""
    position = 2
    while position + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, position)
        if marker == 0xFFDA:
            return position
        if marker == 0xFFFF:  # fill byte
            position += 1
        elif marker >> 8 != 0xFF or length < 2:
            return None
        else:
            position += 2 + length
    return None


def _text_kind(head: bytes) -> str | None:
    sample = head
    try:
        text = sample.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 3:
            return None
        text = sample[: error.start].decode("utf-8")
    if any(ord(letter) < 32 and letter not in "\t\r\n\f" for letter in text):
        return None
    start = text.lstrip("\ufeff \t\r\n")[:200].lower()
    if start.startswith(("<!doctype html", "<html")):
        return "a web page"
    if "<svg" in start:
        return "an SVG drawing"
    return "a text file"
