"""How every capture ended at every stage, as one table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import h5py

from lib.artefacts import ARTEFACTS, OK, BatchReader
from lib.errors import ArtefactError

COLUMNS = ("capture", "batch", "stage", "outcome", "reason")


@dataclass(frozen=True)
class StatusRow:
    """One capture at one stage that it reached."""

    capture: str
    batch: str
    stage: str
    outcome: str
    reason: str

    @property
    def failed(self) -> bool:
        return self.outcome != OK


def collect_status(files: Iterable[Path]) -> tuple[StatusRow, ...]:
    """One row per capture and stage that it reached, batch by batch in the order of the stages.

    A capture that has its files below `export/` in the batch's folder has a row `export` too.

    Args:
        files: artefact files of any batches, such as `results/b0001/fit.h5`, in any order; the
            name of the folder is the batch.

    Raises:
        ArtefactError: a file is missing, damaged or of another version.
    """
    folders: dict[Path, list[Path]] = {}
    for file in map(Path, files):
        folders.setdefault(file.parent, []).append(file)
    return tuple(
        row for folder in sorted(folders) for row in _batch_status(folder, folders[folder])
    )


def write_status(path: Path, rows: Iterable[StatusRow]) -> None:
    """Write the rows as a tab-separated table with a header."""
    text = io.StringIO()
    table = csv.writer(text, delimiter="\t", lineterminator="\n")
    table.writerow(COLUMNS)
    for row in rows:
        cells = (row.capture, row.batch, row.stage, row.outcome, row.reason)
        table.writerow(" ".join(cell.split()) for cell in cells)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.getvalue(), encoding="utf-8", newline="\n")


def _batch_status(folder: Path, files: list[Path]) -> list[StatusRow]:
    order = list(ARTEFACTS)
    kinds = sorted(
        ((_kind_of(file), file) for file in files), key=lambda item: order.index(item[0])
    )
    rows: dict[tuple[str, str], StatusRow] = {}
    last_ok: list[str] = []
    for kind, file in kinds:
        with BatchReader(file, ARTEFACTS[kind]) as reader:
            for end in reader.outcomes:  # a failure is carried on by later files: it counts once
                row = StatusRow(end.capture, folder.name, end.stage, end.outcome, end.reason)
                rows.setdefault((end.capture, end.stage), row)
            last_ok = list(reader.captures)
    for capture in last_ok:
        if (folder / "export" / capture / "head.glb").is_file():
            rows[capture, "export"] = StatusRow(capture, folder.name, "export", OK, "")
    return list(rows.values())


def _kind_of(file: Path) -> str:
    """The key in `ARTEFACTS` of a file's content."""
    try:
        with h5py.File(file, "r") as opened:
            found = str(opened.attrs.get("artefact", "not an artefact"))
    except OSError as error:
        raise ArtefactError(
            f"{file} cannot be read ({error}). Rebuild it: snakemake --cores all --force {file}"
        ) from error
    for name, kind in ARTEFACTS.items():
        if kind.__name__ == found:
            return name
    raise ArtefactError(f"{file} is {found}; expected one of {', '.join(ARTEFACTS)}.")
