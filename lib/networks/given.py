"""Boxes and points of faces that a user brings: .txt, .csv, .json and iBUG .pts files.

It lives beside the networks because such a file stands in for a network's output.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.errors import ConfigError
from lib.inputs.texts import parse_json, read_small

SUFFIXES = (".txt", ".json", ".pts", ".csv")
SCHEMES = {5: "points5", 68: "ibug68", 106: "ldm106", 468: "mesh468"}


@dataclass(frozen=True)
class Given:
    """What a user says about one face of a photo.

    Args:
        box_px: (4,) x0, y0, x1, y1, or NaN.
        points_px: (n, 2) with n of `SCHEMES`, NaN = not marked; (0, 2) = none.
    """

    box_px: np.ndarray
    points_px: np.ndarray

    @property
    def scheme(self) -> str:
        """Name of the points' scheme; empty without points."""
        return SCHEMES.get(len(self.points_px), "")


def check_folder(folder: str | Path, key: str) -> Path:
    """The folder of the user's files.

    Raises:
        ConfigError: it is not named or not there.
    """
    if not folder or not Path(folder).is_dir():
        found = f"'{folder}', which is not a folder" if folder else "not set"
        raise ConfigError(
            f"{key} is {found}; method 'files' expects a folder with one "
            "<photo name>.txt, .json, .pts or .csv per photo."
        )
    return Path(folder)


def read_given(folder: str | Path, photo: str) -> list[Given]:
    """What the files of a folder say about a photo; empty when there is none for it.

    Text and CSV hold one `x y` pair per line, or one `x0 y0 x1 y1` box per line. JSON holds
    `{"points": [[x, y], ...], "box": [x0, y0, x1, y1]}`, a list of those, or a list of pairs.
    `.pts` files count from 1, as the iBUG tools do; all others count from 0.

    Args:
        folder: where the files are.
        photo: file name of the photo; its stem and its full name are tried.

    Raises:
        ConfigError: a file cannot be read or holds another number of points.
    """
    for stem in (Path(photo).stem, photo):
        for suffix in SUFFIXES:
            path = Path(folder) / f"{stem}{suffix}"
            if path.is_file():
                return _checked(path, _read(path))
    return []


def _read(path: Path) -> list[Given]:
    try:
        text = read_small(path)
        if path.suffix == ".json":
            content = parse_json(text)
            entries = content if _is_list_of_faces(content) else [content]
            return [_of_json(entry) for entry in entries]
        if path.suffix == ".pts":
            body = text[text.index("{") + 1 : text.index("}")]
            return [_of_rows(np.array(body.split(), float).reshape(-1, 2) - 1)]
        return _of_table(text)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error}); expected {', '.join(map(str, SCHEMES))} points "
            "'x y' or boxes 'x0 y0 x1 y1', one per line."
        ) from error


def _is_list_of_faces(content: object) -> bool:
    return isinstance(content, list) and bool(content) and isinstance(content[0], dict)


def _of_json(entry: object) -> Given:
    if isinstance(entry, list):
        return _of_rows(_pairs(entry))
    if not isinstance(entry, dict):
        raise TypeError(f"found {type(entry).__name__}, expected an object or a list")
    box = np.array(entry.get("box", [np.nan] * 4), float)
    return Given(box, _pairs(entry.get("points", [])))


def _pairs(values: list) -> np.ndarray:
    rows = [[np.nan, np.nan] if pair is None else list(pair)[:2] for pair in values]
    return np.array(rows, float).reshape(-1, 2)


def _of_rows(points: np.ndarray) -> Given:
    return Given(np.full(4, np.nan), points)


def _of_table(text: str) -> list[Given]:
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    rows = [[float(v) for v in re.split(r"[\s,;]+", line)] for line in lines if _is_numeric(line)]
    table = np.array(rows, float)
    if table.ndim != 2 or table.shape[1] not in (2, 3, 4):
        raise ValueError(f"a table of shape {table.shape}")
    if table.shape[1] == 4:
        return [Given(row, np.empty((0, 2))) for row in table]
    return [_of_rows(table[:, :2])]


def _is_numeric(line: str) -> bool:
    return bool(re.match(r"[-+.\d]|nan", line.lower()))


def _checked(path: Path, found: list[Given]) -> list[Given]:
    for given in found:
        count = len(given.points_px)
        has_box = given.box_px.shape == (4,) and np.isfinite(given.box_px).all()
        if (count and count not in SCHEMES) or (not count and not has_box):
            raise ConfigError(
                f"{path} holds {count} points, expected {', '.join(map(str, SCHEMES))}, or a box "
                "of 4 numbers."
            )
    return found
