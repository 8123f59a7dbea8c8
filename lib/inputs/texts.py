"""Texts, JSON, XML and YAML of strangers, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

LARGEST = 1 << 28  # bytes of a text that is read whole
DEEPEST = 40  # lists and sections within one another
MOST = 100_000  # values of settings


def read_small(path: str | Path, encoding: str = "utf-8-sig", largest: int = LARGEST) -> str:
    """A text file.

    Raises:
        ValueError: it is larger than `largest` bytes, or not in that encoding.
        OSError: it cannot be read.
    """
    size = Path(path).stat().st_size
    if size > largest:
        raise ValueError(f"{size} bytes, expected at most {largest}")
    return Path(path).read_text(encoding=encoding)


def parse_json(text: str) -> Any:
    """The content of a JSON text.

    Raises:
        ValueError: it is none, or nested deeper than Python reads.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("lists within lists without end") from error


def parse_xml(text: str) -> ElementTree.Element:
    """The root of an XML text that defines no entities: a few lines of them grow to gigabytes.

    Raises:
        ValueError: it is no XML, or defines entities.
    """
    if "<!ENTITY" in text:
        raise ValueError("it defines entities")
    try:
        return ElementTree.fromstring(text.lstrip("\ufeff \r\n\t"))
    except (ElementTree.ParseError, RecursionError) as error:
        raise ValueError(str(error)) from error


def check_size(value: Any) -> None:
    """That a value of lists and sections is small when it is written out.

    A few lines of YAML whose names stand for lists of names are small in memory and without end
    on paper.

    Raises:
        ValueError: it has more than `MOST` values or is nested deeper than `DEEPEST`.
    """
    count, waiting = 0, [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        below = [*item, *item.values()] if isinstance(item, Mapping) else item
        if isinstance(item, Mapping | list | tuple | set):
            waiting += [(one, depth + 1) for one in below]
        count += 1
        if count + len(waiting) > MOST or depth > DEEPEST:
            raise ValueError(f"more than {MOST} values, or {DEEPEST} lists within one another")
