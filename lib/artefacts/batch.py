"""A stage's file for one batch: one group per capture, and a row for every capture that failed."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import h5py

from lib.artefacts.base import (
    Artefact,
    damage_told,
    how_to_rebuild,
    read_words,
    write_words,
)
from lib.atomic import atomic_path
from lib.errors import ArtefactError, CaptureFailure
from lib.inputs.hdf5 import check_link

Kind = TypeVar("Kind", bound=Artefact)

OK = "ok"


@dataclass(frozen=True)
class Outcome:
    """How one capture ended at one stage.

    Args:
        capture: name of the capture.
        stage: name of the stage at which it ended; later stages carry the row on unchanged.
        outcome: `ok`, or a short word such as `no_face`.
        reason: one sentence for a person; empty when ok.
    """

    capture: str
    stage: str
    outcome: str
    reason: str = ""

    @property
    def failed(self) -> bool:
        return self.outcome != OK


class BatchWriter(Generic[Kind]):
    """Writes a batch file capture by capture; the file appears under its name only when complete.

    The data go to a temporary file beside it, which is synced and renamed on a clean exit and
    removed on an error, so that a killed job never leaves half a file under the final name.

    Args:
        path: the artefact file, such as `results/b0001/fit.h5`.
        kind: the artefact class of every group.
        stage: name of the stage, for the outcome rows.
    """

    def __init__(self, path: str | Path, kind: type[Kind], stage: str):
        self.path = Path(path)
        self.kind = kind
        self.stage = stage
        self._names: list[str] = []

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            part = stack.enter_context(atomic_path(self.path))
            self._file = stack.enter_context(h5py.File(part, "w", libver="v110"))
            self._whole = stack.pop_all()
        write_words(self._file, "artefact", self.kind.__name__)
        self._file.attrs["version"] = self.kind.version
        write_words(self._file, "stage", self.stage)
        return self

    def add(self, capture: str, artefact: Kind) -> None:
        """Store the result of one capture."""
        group = self._group(capture, Outcome(capture, self.stage, OK))
        artefact.write_group(group)

    def fail(self, capture: str, failure: CaptureFailure) -> None:
        """Store the reason why one capture failed at this stage."""
        self.carry(Outcome(capture, self.stage, failure.outcome, failure.reason))

    def carry(self, outcome: Outcome) -> None:
        """Store a failure of an earlier stage unchanged."""
        self._group(outcome.capture, outcome)

    def _group(self, capture: str, outcome: Outcome) -> h5py.Group:
        if capture in self._names:
            raise ArtefactError(f"{self.path}: capture '{capture}' is written twice.")
        group = self._file.create_group(capture)
        group.attrs["index"] = len(self._names)  # captures keep the order of the sample sheet
        write_words(group, "stage", outcome.stage)
        write_words(group, "outcome", outcome.outcome)
        write_words(group, "reason", outcome.reason)
        self._names.append(capture)
        return group

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._whole.__exit__(kind, error, trace)


class BatchReader(Generic[Kind]):
    """Reads a batch file lazily: memory holds one capture at a time.

    Raises:
        ArtefactError: the file is missing, damaged, of another kind or of another version.
    """

    def __init__(self, path: str | Path, kind: type[Kind]):
        self.path = Path(path)
        self.kind = kind
        if not self.path.is_file():
            raise ArtefactError(f"{path} is not there. {how_to_rebuild(path)}")
        with damage_told(path):
            self._file = h5py.File(path, "r")
        try:
            with damage_told(path):
                found = read_words(self._file, "artefact", "not an artefact")
                version = int(self._file.attrs.get("version", -1))
        except ArtefactError:
            self._file.close()
            raise
        if found != kind.__name__:
            self._file.close()
            raise ArtefactError(
                f"{path} is {found}, expected {kind.__name__}. {how_to_rebuild(path)}"
            )
        if version != kind.version:
            self._file.close()
            raise ArtefactError(
                f"{path} is {found} version {version}, this code reads version {kind.version}.\n"
                f"    {how_to_rebuild(path)}"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """One row per capture, in the order of the sample sheet, failures included."""
        with damage_told(self.path):
            groups = sorted_groups(self._file)
            return tuple(
                Outcome(name, *(read_words(group, word) for word in ("stage", "outcome", "reason")))
                for name, group in groups
            )

    @property
    def captures(self) -> tuple[str, ...]:
        """Names of the captures that have a result."""
        return tuple(row.capture for row in self.outcomes if not row.failed)

    def __getitem__(self, capture: str) -> Kind:
        return self.kind.read_group(self._found(capture))

    def field(self, capture: str, name: str) -> Any:
        """One field of a capture; the others are not read."""
        return self.kind.read_field(self._found(capture), name)

    def _found(self, capture: str) -> h5py.Group:
        with damage_told(self.path):
            if "/" in capture or capture not in self._file:
                raise ArtefactError(f"{self.path} has no capture '{capture}'.")
            check_link(self._file["/"], capture)
            return self._file[capture]

    def items(self) -> Iterator[tuple[str, Kind]]:
        """(name, artefact) of every capture that has a result."""
        for name in self.captures:
            yield name, self[name]


def sorted_groups(file: h5py.File) -> list[tuple[str, h5py.Group]]:
    """(name, group) of every capture in the order of the sample sheet."""
    groups = [(name, file[name]) for name in file]  # items() gives None for one that is damaged
    return sorted(groups, key=lambda item: item[1].attrs["index"])


def earliest_failures(first: Iterable[Outcome], *others: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """The rows of one stage, each replaced by that of another stage where it failed only there."""
    failed = {row.capture: row for rows in others for row in rows if row.failed}
    return tuple(row if row.failed else failed.get(row.capture, row) for row in first)


def digest(path: str | Path) -> str:
    """sha256 of a file, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
