"""How heads are compared with a truth."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class EvaluationOptions:
    """Settings of the evaluation.

    Args:
        points: spread evenly over the whole true surface; those in the face count.
        benchmarks: tables that `python -m lib.evaluation benchmark` wrote, for the scoreboard.
        max_pictures: heat maps of a group inside the scoreboard; of more captures, the best, the
            worst and those between at equal steps.
    """

    points: int = 40_000
    benchmarks: list[str] = field(default_factory=list)
    max_pictures: int = 6
