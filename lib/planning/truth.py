"""What a capture is compared with: an item of a synthetic shard, or a scan with landmarks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from lib.errors import ConfigError
from lib.planning.names import tidy_path

SHARD = re.compile(r"(?P<file>.+\.h5)#(?P<name>[^#/]+)")
SCANS = (".ply", ".obj")
LANDMARKS = (".landmarks.json", ".landmarks.npy", ".landmarks.txt", ".pp")
FACE = ".face.npy"


class FoundTruth(NamedTuple):
    """A truth that is there; the fields of `Sample` that tell of it.

    Args:
        truth: `FILE.h5#NAME` or the path of a scan, tidy.
        truth_size: bytes of its files together.
        truth_mtime_ns: when the younger of them was changed.
    """

    truth: str
    truth_size: int
    truth_mtime_ns: int


def split_shard(truth: str) -> tuple[str, str] | None:
    """(file, name) of `FILE.h5#NAME`; None for a scan."""
    found = SHARD.fullmatch(truth)
    return (found["file"], found["name"]) if found else None


def scan_landmarks(scan: str | Path) -> Path:
    """The file of landmarks beside a scan: `scan.landmarks.json` and others of `LANDMARKS`.

    Raises:
        ConfigError: there is none.
    """
    stem = os.path.splitext(scan)[0]
    for ending in LANDMARKS:
        if os.path.isfile(stem + ending):
            return Path(stem + ending)
    raise ConfigError(
        f"the scan '{scan}' has no landmarks beside it, expected {Path(stem).name}{LANDMARKS[0]} "
        f"(or {', '.join(LANDMARKS[1:])}) with 68 or 7 points: heads are aligned by them."
    )


def scan_face(scan: str | Path) -> Path | None:
    """The file `scan.face.npy` beside a scan, which says what of it counts; None without one."""
    path = Path(os.path.splitext(scan)[0] + FACE)
    return path if path.is_file() else None


def find_truth(truth: str, folder: str) -> FoundTruth:
    """The truth that a cell of a sample sheet names, with the state of its files.

    Args:
        truth: `FILE.h5#NAME`, or a scan `.ply` or `.obj`, absolute or relative to `folder`.
        folder: of the sheet.

    Raises:
        ConfigError: it is neither, or a file of it is not there.
    """
    shard = split_shard(truth)
    if shard is None and os.path.splitext(truth)[1].lower() not in SCANS:
        raise ConfigError(
            f"'{truth}' is no truth. Name an item of a shard, FILE.h5#NAME, or a scan, "
            f"{' or '.join(SCANS)}, with landmarks beside it."
        )
    path = tidy_path(os.path.join(folder, shard[0] if shard else truth))
    if not os.path.isfile(path):
        raise ConfigError(
            f"the truth '{path}' is not there. Paths start at the sheet's folder; leave the cell "
            "empty for a capture without truth."
        )
    files = [path] if shard else [path, scan_landmarks(path)]
    if not shard and (face := scan_face(path)):
        files.append(face)
    return FoundTruth(f"{path}#{shard[1]}" if shard else path, *_state(files))


def _state(files: Iterable[str | Path]) -> tuple[int, int]:
    states = [os.stat(file) for file in files]
    return sum(one.st_size for one in states), max(one.st_mtime_ns for one in states)
