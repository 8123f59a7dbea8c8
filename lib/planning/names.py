"""Names of captures, safe as a file name, an HDF5 group and a table entry; names of files."""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import unicodedata
from collections.abc import Container

LONGEST = 80
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
LETTERS = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "ł": "l"})


def slug(relative_path: str) -> str:
    """A readable ASCII name for a photo, from its path without extension.

    Folders are joined by `__`, spaces become `_`, accents are dropped, and letters without an
    ASCII form are written as their code point, such as `u5f20`.
    """
    stem = posixpath.splitext(relative_path)[0]
    plain = unicodedata.normalize("NFKD", stem.translate(LETTERS))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = "".join(
        letter if letter.isascii() else f"u{ord(letter):04x}" for letter in plain.replace("/", "__")
    )
    plain = UNSAFE.sub("_", plain)
    plain = re.sub(r"\.{2,}", ".", plain).strip("._-")
    return plain or "photo"


def unique_name(relative_path: str, taken: Container[str]) -> str:
    """`slug(relative_path)`, with a hash of the path behind it where that is taken or too long.

    Args:
        relative_path: path inside the photo folder, with `/` between folders.
        taken: case-folded names in use: some file systems do not tell `A` from `a`.
    """
    name = slug(relative_path)
    if len(name) <= LONGEST and name.casefold() not in taken:
        return name
    path = relative_path.encode("utf-8", "surrogateescape")
    mark = hashlib.sha256(path).hexdigest()
    length = 6
    while f"{name[:LONGEST]}-{mark[:length]}".casefold() in taken:
        length += 1
    return f"{name[:LONGEST]}-{mark[:length]}"


def tidy_path(path: str) -> str:
    """A path in one spelling: relative where it lies below the working folder, else absolute."""
    absolute = os.path.abspath(path)
    here = os.getcwd().rstrip(os.sep) + os.sep
    return absolute[len(here) :] if absolute.startswith(here) else absolute
