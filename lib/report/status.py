"""How every capture ended at every stage, as one table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import h5py

from lib.artefacts import ARTEFACTS, OK, Artefact, BatchReader, how_to_rebuild
from lib.artefacts.base import damage_told, read_words
from lib.errors import ArtefactError

COLUMNS = ("capture", "batch", "stage", "outcome", "reason")
# artefact -> the field that says of each view why it is left out, empty where it is not
VIEW_REASONS = {"faces": "view_reason", "landmarks": "view_reason", "rig": "reason"}
MOST_REASONS = 4


@dataclass(frozen=True)
class StatusRow:
    """One capture at one stage that it reached.

    The reason of a capture that is ok says which of its views were left out, if any.
    """

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

    Args:
        files: artefact files of any batches, such as `results/b0001/fit.h5`, in any order; the
            name of the folder above is the batch. An `export` folder among them adds a row
            `export` for each head in it.

    Raises:
        ArtefactError: a file is missing, damaged or of another version.
    """
    folders: dict[Path, list[Path]] = {}
    for file in map(Path, files):
        folders.setdefault(file.parent, []).append(file)
    return tuple(
        row for folder in sorted(folders) for row in _batch_status(folder.name, folders[folder])
    )


def write_status(path: str | Path, rows: Iterable[StatusRow]) -> None:
    """Write the rows as a tab-separated table with a header."""
    table = [COLUMNS]
    for row in rows:
        cells = (row.capture, row.batch, row.stage, row.outcome, row.reason)
        table.append(tuple(" ".join(cell.split()) for cell in cells))  # no tab or line break inside
    text = "".join("\t".join(cells) + "\n" for cells in table)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8", newline="\n")


def read_status(path: str | Path) -> tuple[StatusRow, ...]:
    """The rows that `write_status` wrote.

    Raises:
        ArtefactError: the file is no such table.
    """
    with open(path, encoding="utf-8", newline="") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    if not lines or tuple(lines[0]) != COLUMNS or {len(line) for line in lines} != {len(COLUMNS)}:
        raise ArtefactError(
            f"{path} is no table of outcomes, expected the columns {', '.join(COLUMNS)}. "
            + how_to_rebuild(path)
        )
    return tuple(StatusRow(*line) for line in lines[1:])


def _batch_status(batch: str, files: list[Path]) -> list[StatusRow]:
    order = list(ARTEFACTS)
    kinds = sorted(
        ((kind_of(file), file) for file in files if not file.is_dir()),
        key=lambda item: order.index(item[0]),
    )
    rows: dict[tuple[str, str], StatusRow] = {}
    views: dict[str, list[str]] = {}
    for kind, file in kinds:
        with BatchReader(file, ARTEFACTS[kind]) as reader:
            for end in reader.outcomes:  # a failure is carried on by later files: it counts once
                name, reason = end.capture, end.reason
                if kind == "capture" and not end.failed:
                    views[name] = list(reader.field(name, "view"))
                if not end.failed:
                    reason = _left_out(reader, kind, name, views.get(name, []))
                row = StatusRow(name, batch, end.stage, end.outcome, reason)
                rows.setdefault((name, end.stage), row)
    names = list(dict.fromkeys(capture for capture, _ in rows))
    for folder in filter(Path.is_dir, files):
        for capture in names:
            if (folder / capture).is_dir():
                rows[capture, "export"] = StatusRow(capture, batch, "export", OK, "")
    return list(rows.values())


def _left_out(reader: BatchReader[Artefact], kind: str, capture: str, views: list[str]) -> str:
    """How many views of a capture a stage left out, and why; empty where there are none.

    A view that is told is blanked in `views`, so that later stages do not tell it again.
    """
    total = len(views)
    if kind == "capture":
        fields = ("left_out", "left_out_reason")
        lost = list(zip(*(reader.field(capture, field) for field in fields)))
        total += len(lost)
    elif kind in VIEW_REASONS and total > 1:
        reasons = reader.field(capture, VIEW_REASONS[kind])
        lost = [(view, reason) for view, reason in zip(views, reasons) if view and reason]
        views[:] = ["" if reason else view for view, reason in zip(views, reasons)]
    else:
        return ""
    if not lost:
        return ""
    told = "; ".join(f"{view}: {reason}" for view, reason in lost[:MOST_REASONS])
    more = f"; and {len(lost) - MOST_REASONS} more" if len(lost) > MOST_REASONS else ""
    return f"{len(lost)} of {total} views left out: {told}{more}"


def kind_of(file: Path) -> str:
    """The key in `ARTEFACTS` of a file's content."""
    with damage_told(file), h5py.File(file, "r") as opened:
        found = read_words(opened, "artefact", "not an artefact")
    for name, kind in ARTEFACTS.items():
        if kind.__name__ == found:
            return name
    raise ArtefactError(f"{file} is {found}; expected one of {', '.join(ARTEFACTS)}.")
