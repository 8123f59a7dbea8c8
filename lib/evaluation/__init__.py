"""How far the heads of a run are from the truth, and from heads that know nothing of the photo."""

from lib.evaluation.batch import evaluate_batch
from lib.evaluation.evaluate import Result, evaluate_capture, failed_scores
from lib.evaluation.measures import MEASURES, WHO, Measure
from lib.evaluation.options import EvaluationOptions
from lib.evaluation.rows import Row
from lib.evaluation.scoreboard import (
    Board,
    Entry,
    Group,
    ScoreRow,
    read_rows,
    rows_of_scores,
    scoreboard,
    write_rows,
    write_scoreboard,
)
from lib.evaluation.truth import CaptureTruth, read_truth

__all__ = [
    "MEASURES",
    "WHO",
    "Board",
    "CaptureTruth",
    "Entry",
    "EvaluationOptions",
    "Group",
    "Measure",
    "Result",
    "Row",
    "ScoreRow",
    "evaluate_batch",
    "evaluate_capture",
    "failed_scores",
    "read_rows",
    "read_truth",
    "rows_of_scores",
    "scoreboard",
    "write_rows",
    "write_scoreboard",
]
