"""The batch ledger: which batch each capture belongs to, stable when photos come and go.

The rules of `assign`:

- A capture that is in the ledger stays in its batch, and new captures go to new batches, so that
  adding photos re-runs no batch that is there.
- A photo that is gone keeps its row, so that removing photos re-runs nothing either.
- A photo that was edited keeps its batch, and the batch's digest changes.
- A batch never splits a subject. When a known subject gains captures in the sample sheet, all its
  captures move together to a new batch and their old batch runs again without them. A photo folder
  makes every photo its own subject, so there it never happens.
- A capture whose views change stays where it is, and its batch runs again.
- What a capture is compared with is no part of the batch's digest: another truth runs only the
  evaluation again.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from lib.atomic import atomic_path
from lib.errors import ConfigError
from lib.planning.samples import Sample

HEADER = ("batch", *Sample._fields)
PHOTO_FIELDS = 8  # batch and photo: a ledger without a truth has only these, as in version 0.1
TRUTH_FIELDS = 11  # with truths; only a ledger with masks has all fields
SHARES, FEW = 16, 8  # new batches that few images are spread over, and images that are not spread
WIDTHS = (PHOTO_FIELDS, TRUTH_FIELDS, len(HEADER))


class Row(NamedTuple):
    """One line of the ledger: the batch, then the fields of `Sample`."""

    batch: str
    capture: str
    view: str
    image: str
    subject: str
    camera: str
    size: int
    mtime_ns: int
    truth: str = ""
    truth_size: int = 0
    truth_mtime_ns: int = 0
    mask: str = ""

    @property
    def sample(self) -> Sample:
        return Sample(*self[1:])

    @property
    def photo(self) -> Row:
        """The row without its truth."""
        return Row(*self[:PHOTO_FIELDS], mask=self.mask)


@dataclass(frozen=True)
class Ledger:
    """All rows, in the order in which batches were made."""

    rows: tuple[Row, ...] = ()

    @cached_property
    def batches(self) -> dict[str, tuple[Row, ...]]:
        """Batch name -> its rows, both in order."""
        grouped: dict[str, list[Row]] = {}
        for row in self.rows:
            grouped.setdefault(row.batch, []).append(row)
        return {name: tuple(rows) for name, rows in sorted(grouped.items(), key=_batch_order)}

    @cached_property
    def many_views(self) -> frozenset[str]:
        """Names of the batches that hold a capture of several views."""
        seen, found = set(), set()
        for row in self.rows:
            if row.capture in seen:
                found.add(row.batch)
            seen.add(row.capture)
        return frozenset(found)

    def captures(self, batch: str) -> dict[str, tuple[Sample, ...]]:
        """Capture name -> its samples sorted by view, for one batch, in order.

        Raises:
            ConfigError: the batch is not in the ledger.
        """
        if batch not in self.batches:
            raise ConfigError(f"there is no batch '{batch}'. See the ledger, batches.tsv.")
        grouped: dict[str, list[Sample]] = {}
        for row in self.batches[batch]:
            grouped.setdefault(row.capture, []).append(row.sample)
        return {name: tuple(sorted(s, key=lambda v: v.view)) for name, s in grouped.items()}

    def truths(self, batch: str) -> dict[str, tuple[str, int, int]]:
        """Capture name -> (truth, bytes, time of change) of the captures of a batch that have one.

        Empty for a batch that is not in the ledger.
        """
        rows = self.batches.get(batch, ())
        return {row.capture: row[PHOTO_FIELDS:TRUTH_FIELDS] for row in rows if row.truth}

    def names(self) -> dict[str, str]:
        """Image path -> capture name, for `scan_photos`."""
        return {row.image: row.capture for row in self.rows}


def read_ledger(path: str | Path, batches: Collection[str] | None = None) -> Ledger:
    """The ledger in a file; empty where there is none.

    Args:
        path: the ledger file.
        batches: names of those that are wanted, which takes far less memory; None = all.

    Raises:
        ConfigError: the file is not a ledger.
    """
    rows = []
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, delimiter="\t")
            header = next(reader, None)
            if header not in [list(HEADER[:width]) for width in WIDTHS]:
                raise ValueError(f"line 1 is not the header {' '.join(HEADER[:PHOTO_FIELDS])}")
            for cells in reader:
                if batches is not None and cells and cells[0] not in batches:
                    continue
                try:
                    rows.append(_row(cells, len(header)))
                except (TypeError, ValueError):
                    raise ValueError(
                        f"line {reader.line_num} is not a row of {len(header)} cells"
                    ) from None
    except FileNotFoundError:
        return Ledger()
    except (OSError, ValueError, csv.Error) as error:
        raise _broken(path, str(error)) from error
    ledger = Ledger(tuple(rows))
    _check(ledger, path)
    return ledger


def _row(cells: list[str], width: int) -> Row:
    if len(cells) != width:
        raise ValueError
    *words, size, mtime_ns = cells[:PHOTO_FIELDS]
    truth = cells[PHOTO_FIELDS:TRUTH_FIELDS]
    numbers = (truth[0], int(truth[1]), int(truth[2])) if truth else ()
    return Row(*words, int(size), int(mtime_ns), *numbers, *cells[TRUTH_FIELDS:])


def write_ledger(path: str | Path, ledger: Ledger) -> None:
    """Write a ledger in one step: after a crash the file is the old one or the new one.

    Without a truth or a mask it has the columns of a ledger that knows of none, and so the same
    bytes.
    """
    width = TRUTH_FIELDS if any(row.truth for row in ledger.rows) else PHOTO_FIELDS
    width = len(HEADER) if any(row.mask for row in ledger.rows) else width
    text = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
    with atomic_path(path) as part, open(part, "w", **text) as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(HEADER[:width])
        writer.writerows(row[:width] for row in ledger.rows)


def update_ledger(
    path: str | Path, samples: Sequence[Sample], batch_size: int, max_batches: int
) -> Ledger:
    """Read the ledger, `assign` the samples, and write it back where it changed.

    Processes that do so at the same time wait for one another.

    Args:
        path: the ledger file, `results/batches.tsv`.
        samples: all photos of the run.
        batch_size: images per new batch.
        max_batches: new batches that are made at most, see `assign`.

    Raises:
        ConfigError: the file is not a ledger.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(f".{path.name}.lock"), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = read_ledger(path)
        after = assign(before, samples, batch_size, max_batches)
        if after != before:
            write_ledger(path, after)
        return after


def assign(ledger: Ledger, samples: Iterable[Sample], batch_size: int, max_batches: int) -> Ledger:
    """The ledger with every sample in a batch, by the rules of this module.

    New batches are filled subject by subject, in the order of the samples; a subject with more
    images than `batch_size` has a batch of its own. Few images make smaller batches, so that all
    cores have some; where there would be more batches than `max_batches`, they are larger.

    Args:
        ledger: the ledger so far.
        samples: all photos of the run.
        batch_size: images per new batch at most, at least 1.
        max_batches: new batches for which batches keep to that size, at least 1.
    """
    subjects: dict[str, dict[str, list[Sample]]] = {}
    current: dict[str, list[Sample]] = {}
    for sample in samples:
        views = current.setdefault(sample.capture, [])
        if not views:
            subjects.setdefault(sample.subject, {})[sample.capture] = views
        views.append(sample)
    batch_of = {row.capture: row.batch for row in ledger.rows}
    homeless = {}
    for subject, captures in subjects.items():
        homes = {batch_of.get(name) for name in captures}
        if len(homes) > 1 or None in homes:
            homeless[subject] = captures
    moved = {name for captures in homeless.values() for name in captures}
    kept = _kept_rows(ledger, current, moved, set(homeless))
    images = sum(len(views) for captures in homeless.values() for views in captures.values())
    shared = max(FEW, math.ceil(images / SHARES))
    size = max(min(batch_size, shared), math.ceil(images / max_batches))
    return Ledger((*kept, *_new_rows(homeless, _next_number(ledger), size)))


def batch_digest(ledger: Ledger, batch: str) -> str:
    """sha256 of a batch's photos, sizes and times of change included: changes when a photo does.

    So do its camera file and its mask.
    """
    digest = hashlib.sha256()
    for row in ledger.batches.get(batch, ()):
        mask = [row.mask] if row.mask else []  # a row without one counts as it did before masks
        line = "\t".join(map(str, [*row[1:PHOTO_FIELDS], *mask])) + "\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _kept_rows(
    ledger: Ledger, current: dict[str, list[Sample]], moved: set[str], homeless: set[str]
) -> list[Row]:
    kept, done = [], set()
    for row in ledger.rows:
        name = row.capture
        if name in moved or name in done:
            continue
        if name in current:
            kept += [Row(row.batch, *sample) for sample in current[name]]
            done.add(name)
        elif row.subject not in homeless:  # gone; goes with its subject when that moves
            kept.append(row)
    return kept


def _new_rows(
    subjects: dict[str, dict[str, list[Sample]]], number: int, batch_size: int
) -> list[Row]:
    rows, filled = [], 0
    for captures in subjects.values():
        samples = [sample for views in captures.values() for sample in views]
        if filled and filled + len(samples) > batch_size:
            number, filled = number + 1, 0
        rows += [Row(f"b{number:04d}", *sample) for sample in samples]
        filled += len(samples)
    return rows


def _next_number(ledger: Ledger) -> int:
    return 1 + max((int(name[1:]) for name in {row.batch for row in ledger.rows}), default=0)


def _batch_order(item: tuple[str, object]) -> int:
    return int(item[0][1:])


def _check(ledger: Ledger, path: str | Path) -> None:
    batch_of: dict[str, str] = {}
    seen = set()
    for row in ledger.rows:
        if not (row.batch[:1] == "b" and row.batch[1:].isascii() and row.batch[1:].isdigit()):
            raise _broken(path, f"'{row.batch}' is no batch name such as b0001")
        if batch_of.setdefault(row.capture, row.batch) != row.batch:
            raise _broken(path, f"capture '{row.capture}' is in two batches")
        if (row.capture, row.view) in seen:
            raise _broken(path, f"view '{row.view}' of capture '{row.capture}' is there twice")
        seen.add((row.capture, row.view))


def _broken(path: str | Path, found: str) -> ConfigError:
    return ConfigError(
        f"{path} is not a ledger of batches: {found}. Restore it from a backup; or delete it, and "
        "photos are assigned to batches anew and all batches run again."
    )
