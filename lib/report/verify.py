"""Whether the files of heads, and artefacts, are still those that a run made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lib.artefacts import ARTEFACTS, BatchReader, digest
from lib.errors import ArtefactError, ConfigError
from lib.export import PROVENANCE
from lib.report.status import kind_of

Trouble = Literal["missing", "changed", "extra", "damaged"]


@dataclass(frozen=True)
class Finding:
    """A file that is not as its provenance says.

    Args:
        trouble: what is wrong with it.
        file: path below the results folder.
        words: more about it, or empty.
    """

    trouble: Trouble
    file: str
    words: str = ""

    def __str__(self) -> str:
        return f"{self.trouble}: {self.file}" + (f" ({self.words})" if self.words else "")


def verify_heads(results: Path) -> Iterator[Finding | None]:
    """Every file of every head that is missing, changed or extra; None for each head without any.

    Args:
        results: the results folder of a finished run.

    Raises:
        ConfigError: the folder has no head, or a provenance is no JSON object.
    """
    folders = sorted(path for path in results.glob("b*/export/*") if path.is_dir())
    listed = _listed(results)
    if not folders and not listed:
        raise ConfigError(f"{results} has no heads. Name the results folder of a run.")
    if not (results / PROVENANCE).is_file():
        yield Finding("missing", PROVENANCE, "which heads the run made is not known")
    for folder in folders:
        name = folder.relative_to(results).as_posix()
        findings = list(_head(results, folder, listed.pop(f"{name}/{PROVENANCE}", None)))
        yield from findings or [None]
    for file in listed:
        yield Finding("missing", file, "and with it the head")


def verify_artefacts(results: Path) -> Iterator[Finding | None]:
    """Every artefact that cannot be read to its last byte, all of which are checksummed.

    None for each that can.
    """
    for path in sorted(results.glob("b*/*.h5")):
        try:
            with BatchReader(path, ARTEFACTS[kind_of(path)]) as reader:
                for _ in reader.items():
                    pass
        except ArtefactError as error:
            yield Finding("damaged", path.relative_to(results).as_posix(), str(error))
        else:
            yield None


def _listed(results: Path) -> dict[str, str]:
    """Provenance file of every head that the run's own lists -> its hash."""
    if not (results / PROVENANCE).is_file():
        return {}
    return {
        f"{batch}/export/{row['capture']}/{PROVENANCE}": row[PROVENANCE]
        for batch, rows in _read(results / PROVENANCE, "batches").items()
        for row in rows
        if PROVENANCE in row
    }


def _head(results: Path, folder: Path, wanted: str | None) -> Iterator[Finding]:
    below = folder.relative_to(results).as_posix()
    own = folder / PROVENANCE
    if not own.is_file():
        yield Finding("missing", f"{below}/{PROVENANCE}")
        return
    if wanted is not None and digest(own) != wanted:
        yield Finding("changed", f"{below}/{PROVENANCE}")
    if wanted is None and (results / PROVENANCE).is_file():
        yield Finding("extra", f"{below}/{PROVENANCE}", "no head of the run")
    told = _read(own, "files")
    there = {
        file.relative_to(folder).as_posix(): file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file != own
    }
    for name, sha256 in told.items():
        if name not in there:
            yield Finding("missing", f"{below}/{name}")
        elif digest(there[name]) != sha256:
            yield Finding("changed", f"{below}/{name}")
    for name in there.keys() - told.keys():
        yield Finding("extra", f"{below}/{name}")


def _read(path: Path, key: str) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))[key])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} is no provenance ({error!r}), expected JSON with '{key}'. Make it again: "
            "repeat the command of its run with --forcerun export_heads at the end."
        ) from error
