"""The evaluation of a batch: only captures with a truth have a row, failed ones included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lib.artefacts import BatchWriter, Outcome, Scores, as_failure
from lib.errors import CaptureFailure
from lib.evaluation.evaluate import Result, evaluate_capture, failed_scores
from lib.evaluation.options import EvaluationOptions
from lib.evaluation.truth import read_truth
from lib.facemodel import FaceModel
from lib.log import progress
from lib.metrics import NothingToScore


def evaluate_batch(
    model: FaceModel,
    outcomes: Sequence[Outcome],
    truths: Mapping[str, tuple[str, int]],
    read: Callable[[str], Result],
    target: str | Path,
    options: EvaluationOptions,
    threads: int = 1,
) -> None:
    """Write the scores of all captures of a batch that have a truth.

    A capture that failed anywhere, and one whose evaluation fails, has scores without numbers and
    the reason. Memory holds one capture at a time.

    Args:
        model: that was fitted.
        outcomes: of the last stage whose result is compared.
        truths: capture -> (where its truth is, number of its views).
        read: capture -> its result.
        target: `scores.h5` to write.
        options: see `EvaluationOptions`.
        threads: see `evaluate_capture`.
    """
    known = [row for row in outcomes if row.capture in truths]
    with BatchWriter(target, Scores, "evaluate") as writer:
        for row in progress(known, "evaluate"):
            reference, views = truths[row.capture]
            truth = read_truth(reference, model)
            try:
                if row.failed:
                    raise CaptureFailure(row.outcome, row.reason)
                result = read(row.capture)
                scores = evaluate_capture(model, result, truth, reference, options, threads)
            except NothingToScore as error:
                failure = CaptureFailure("nothing_to_score", str(error))
                scores = failed_scores(model, truth, reference, views, failure)
            except Exception as error:
                failure = as_failure(error, row.capture)
                scores = failed_scores(model, truth, reference, views, failure)
            writer.add(row.capture, scores)
