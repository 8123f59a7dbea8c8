"""What is inside an artefact file, told without the class that wrote it; and the docs table."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from lib.artefacts.base import Artefact, damage_told, read_words
from lib.artefacts.batch import OK, sorted_groups
from lib.errors import ArtefactError

SHOWN_FAILURES = 20


@dataclass(frozen=True)
class Difference:
    """One thing in which two files differ.

    Args:
        place: `capture/field`, or the name of an attribute.
        size: largest absolute difference; infinite where the two cannot be subtracted.
        unit: unit of `size`.
        words: what is different, for a person.
    """

    place: str
    size: float
    unit: str
    words: str


def show(path: str | Path, capture: str | None = None) -> str:
    """Kind and version of a file, its failures, and the arrays of one capture with their units.

    Args:
        path: an artefact file of any version.
        capture: whose arrays; None = those of the first capture that has a result.

    Raises:
        ArtefactError: the file is no artefact or damaged, or has no such capture.
    """
    with damage_told(path), _opened(path) as file:
        groups = sorted_groups(file)
        done = [name for name, group in groups if read_words(group, "outcome") == OK]
        failed = [
            f"  {name}: {read_words(group, 'outcome')}: {read_words(group, 'reason')}"
            for name, group in groups
            if read_words(group, "outcome") != OK
        ]
        lines = [
            f"{read_words(file, 'artefact')} version {file.attrs['version']}, stage "
            f"{read_words(file, 'stage')}: {len(done)} ok, {len(failed)} failed"
        ]
        if capture is not None and capture not in file:
            raise ArtefactError(f"{path} has no capture '{capture}'. It has: {_some(done)}.")
        name = capture or (done[0] if done else None)
        if name is not None:
            lines += ["", name, *_table(list(_arrays(file[name])))]
        if failed:
            lines += ["", "failed", *failed[:SHOWN_FAILURES]]
        if len(failed) > SHOWN_FAILURES:
            lines.append(f"  and {len(failed) - SHOWN_FAILURES} more")
    return "\n".join(lines)


def differences(first: str | Path, second: str | Path) -> tuple[Difference, ...]:
    """In what two files differ, the largest difference first; empty when they say the same.

    Raises:
        ArtefactError: one of them is no artefact, or damaged.
    """
    found = []
    names = f"{first} or {second}"
    with damage_told(names), _opened(first) as one, _opened(second) as two:
        found += _attributes("", one, two)
        for name in sorted(set(one) | set(two)):
            if name not in one or name not in two:
                where = "second" if name not in one else "first"
                found.append(Difference(name, np.inf, "", f"only in the {where} file"))
                continue
            found += _attributes(f"{name}.", one[name], two[name])
            found += _datasets(name, dict(_leaves(one[name])), dict(_leaves(two[name])))
    return tuple(sorted(found, key=lambda item: (-item.size, item.place)))


def docs_page(kinds: Mapping[str, type[Artefact]]) -> str:
    """docs/artefacts.md: every artefact with its fields.

    Args:
        kinds: file name without `.h5` -> class.
    """
    lines = [
        "# Artefacts",
        "",
        "Made by `python -m lib.artefacts docs` from the classes in `lib/artefacts/`.",
        "",
        "A file holds one group per capture: `results/b0001/fit.h5` has the group `anna`, and that",
        "the dataset `identity`. A group whose attribute `outcome` is not `ok` has no datasets and",
        "says in `reason` why. A ragged field is a group with one dataset per view.",
        "",
        "Look inside: `python -m lib.artefacts show FILE`. Compare two files:",
        "`python -m lib.artefacts diff FILE FILE`.",
    ]
    for name, kind in kinds.items():
        title = f"## {name}.h5: {kind.__name__} version {kind.version}"
        lines += ["", title, "", inspect.getdoc(kind) or "", ""]
        lines += ["| field | dimensions | type | unit | meaning |", "|---|---|---|---|---|"]
        for field, spec in kind.specs().items():
            dtype = "text" if spec.kind == "text" else np.dtype(spec.dtype).name
            ragged = " (ragged)" if spec.kind == "ragged" else ""
            dims = " × ".join(spec.dims) + ragged
            doc = spec.doc.replace("|", "\\|")  # a bare one would end the cell
            lines.append(f"| `{field}` | {dims} | {dtype} | {spec.unit} | {doc} |")
    return "\n".join(lines) + "\n"


def _opened(path: str | Path) -> h5py.File:
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ArtefactError(f"{path} cannot be read as an artefact ({error}).") from error
    if "artefact" not in file.attrs:
        file.close()
        raise ArtefactError(f"{path} is no artefact: it says nothing of its kind and version.")
    return file


def _leaves(group: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    for name in sorted(group):
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from ((f"{name}/{key}", item[key]) for key in sorted(item))
        else:
            yield name, item


def _arrays(group: h5py.Group) -> Iterator[tuple[str, str, str, str]]:
    for name, dataset in _leaves(group):
        if h5py.check_string_dtype(dataset.dtype):
            values = np.atleast_1d(dataset.asstr()[()])
            yield name, "", "text", _some(list(values))
        else:
            shape = " x ".join(map(str, dataset.shape)) or "1"
            yield name, shape, dataset.dtype.name, read_words(dataset, "unit")


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in list(zip(*rows))[:-1]] if rows else []
    return [
        "  " + "  ".join(c.ljust(w) for c, w in zip(row, [*widths, 0])).rstrip() for row in rows
    ]


def _some(names: list[str], at_most: int = 4) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more if names else "nothing"


def _attributes(prefix: str, one: h5py.Group, two: h5py.Group) -> Iterator[Difference]:
    for name in sorted(set(one.attrs) | set(two.attrs)):
        first, second = (read_words(item, name, "nothing") for item in (one, two))
        if first != second:
            yield Difference(f"{prefix}{name}", np.inf, "", f"{first} and {second}")


def _datasets(
    capture: str, one: dict[str, h5py.Dataset], two: dict[str, h5py.Dataset]
) -> Iterator[Difference]:
    for name in sorted(set(one) | set(two)):
        place = f"{capture}/{name}"
        if name not in one or name not in two:
            where = "second" if name not in one else "first"
            yield Difference(place, np.inf, "", f"only in the {where} file")
        elif _kind(one[name]) != _kind(two[name]):
            kinds = " and ".join(f"{d.dtype.name} {d.shape}" for d in (one[name], two[name]))
            yield Difference(place, np.inf, "", kinds)
        else:
            yield from _values(place, one[name], two[name])


def _kind(dataset: h5py.Dataset) -> tuple[tuple[int, ...], str]:
    """Shape and type; how much room a string has is no difference."""
    is_text = h5py.check_string_dtype(dataset.dtype)
    return dataset.shape, "text" if is_text else dataset.dtype.str


def _values(place: str, one: h5py.Dataset, two: h5py.Dataset) -> Iterator[Difference]:
    if h5py.check_string_dtype(one.dtype):
        first, second = one.asstr()[()], two.asstr()[()]
        if np.any(first != second):
            yield Difference(place, np.inf, "", f"{first} and {second}")
        return
    first, second = one[()], two[()]
    gap = np.abs(first.astype(np.float64) - second.astype(np.float64))
    gap = np.where(np.isnan(first) & np.isnan(second), 0, gap) if gap.size else np.zeros(1)
    gap = np.where(np.isnan(gap), np.inf, gap)  # a number against NaN
    if gap.max() > 0:
        share = f"{np.count_nonzero(gap)} of {gap.size} values"
        yield Difference(place, float(gap.max()), read_words(one, "unit"), share)
