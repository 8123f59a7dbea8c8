"""The albedo of a whole batch, from artefacts to artefact, subject by subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lib.albedo.options import AlbedoOptions
from lib.albedo.photo import Source
from lib.albedo.recover import AlbedoTools, recover_albedo
from lib.artefacts import Albedo, BatchWriter, Outcome, as_failure
from lib.errors import CaptureFailure


def recover_batch(
    outcomes: Sequence[Outcome],
    subjects: Mapping[str, str],
    read: Callable[[str], Source],
    target: str | Path,
    options: AlbedoOptions,
    tools: AlbedoTools,
) -> None:
    """Recover the albedo of every subject of a batch, and write `albedo.h5`.

    Args:
        outcomes: rows of the stage before, in order.
        subjects: capture name -> whose face, of all that did not fail.
        read: capture name -> what the line made of it.
        target: file to write.
        options: settings.
        tools: of the method.
    """
    found: dict[str, Albedo | CaptureFailure] = {}
    with BatchWriter(target, Albedo, "albedo") as writer:
        for row in outcomes:
            if row.failed:
                writer.carry(row)
                continue
            if row.capture not in found:
                subject = subjects[row.capture]
                names = [name for name, whose in subjects.items() if whose == subject]
                found |= _of_subject(names, read, options, tools)
            made = found.pop(row.capture)
            if isinstance(made, CaptureFailure):
                writer.fail(row.capture, made)
            else:
                writer.add(row.capture, made)


def _of_subject(
    names: Sequence[str],
    read: Callable[[str], Source],
    options: AlbedoOptions,
    tools: AlbedoTools,
) -> dict[str, Albedo | CaptureFailure]:
    """All captures of one subject."""
    try:
        found = recover_albedo([read(name) for name in names], options, tools)
    except Exception as error:
        found = (as_failure(error, names[0]),) * len(names)
    return dict(zip(names, found, strict=True))
