"""The loop of every stage: capture by capture, a failure becomes a row, the others go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from lib.artefacts.base import Artefact
from lib.artefacts.batch import BatchReader, BatchWriter, Kind
from lib.errors import CaptureFailure, VisagraphError
from lib.log import progress

logger = logging.getLogger(__name__)


def process_batch(
    source: BatchReader[Artefact],
    target: str | Path,
    kind: type[Kind],
    stage: str,
    work: Callable[[str], Iterable[tuple[str, Kind]]],
) -> None:
    """Write `target` with what `work` makes of each capture of `source` that has a result.

    Failures of earlier stages are carried on. A `CaptureFailure`, or an error that nobody foresaw,
    becomes a row of its capture; errors of settings and files end the stage.

    Args:
        source: batch file of an earlier stage; gives the captures and their order.
        target: batch file to write.
        kind: artefact class of `target`.
        stage: name of the stage.
        work: capture name -> (name, artefact) pairs; usually one, several when a photo shows
            several faces.
    """
    with BatchWriter(target, kind, stage) as writer:
        for row in progress(source.outcomes, stage):
            if row.failed:
                writer.carry(row)
                continue
            try:
                made = list(work(row.capture))
            except Exception as error:
                writer.fail(row.capture, as_failure(error, row.capture))
                continue
            for name, artefact in made:
                writer.add(name, artefact)


def as_failure(error: Exception, capture: str) -> CaptureFailure:
    """The row that an error of one capture becomes; the traceback of an unforeseen one is logged.

    Raises:
        VisagraphError: the error is about settings or files, so every capture would fail.
        ImportError, MemoryError: likewise.
    """
    if isinstance(error, CaptureFailure):
        logger.warning("%s: %s", capture, error)
        return error
    if isinstance(error, VisagraphError | ImportError | MemoryError):
        raise error
    logger.error("%s failed unexpectedly", capture, exc_info=error)
    return CaptureFailure(
        "crashed",
        f"{type(error).__name__}: {error}. This is a defect of visagraph: please report it with "
        "the stage's log.",
    )
