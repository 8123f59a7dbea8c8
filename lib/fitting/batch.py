"""The fit of a whole batch, from artefacts to artefact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from lib.artefacts import BatchWriter, FaceFit, Outcome
from lib.errors import CaptureFailure
from lib.facemodel import FaceModel
from lib.fitting.fit import fit_faces
from lib.fitting.options import FitOptions
from lib.fitting.views import Subject


def fit_batch(
    model: FaceModel,
    outcomes: Sequence[Outcome],
    read: Callable[[str], Subject],
    target: str | Path,
    options: FitOptions,
    device: torch.device | str,
) -> None:
    """Fit every capture of a batch that has come this far, and write `fit.h5`.

    Args:
        model: the head model.
        outcomes: rows of the stage before, in order.
        read: capture name -> what was measured of it.
        target: file to write.
        options: settings.
        device: where the tensors live.
    """
    fits = fit_faces(model, _measured(outcomes, read), options, device)
    with BatchWriter(target, FaceFit, "fit") as writer:
        for row in outcomes:
            if row.failed:
                writer.carry(row)
            elif isinstance(fit := fits[row.capture], CaptureFailure):
                writer.fail(row.capture, fit)
            else:
                writer.add(row.capture, fit)


def _measured(outcomes: Sequence[Outcome], read: Callable[[str], Subject]) -> Iterator[Subject]:
    """One subject at a time, so that memory does not hold the photos of the batch."""
    for row in outcomes:
        if not row.failed:
            yield read(row.capture)
