"""Numbers that sum up distances: statistics, shares within a threshold, the cumulative curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.errors import VisagraphError

THRESHOLDS_MM = (0.2, 0.5, 1.0)


class NothingToScore(VisagraphError, ValueError):
    """No point is left to be compared: the region is empty or the surfaces are far apart."""


@dataclass(frozen=True)
class DistanceStatistics:
    """What distances amount to, in mm.

    Args:
        median: 50th percentile.
        mean: arithmetic mean.
        std: standard deviation about the mean, over n.
        p90: 90th percentile.
        rms: root of the mean square.
        count: number of distances.
    """

    median: float
    mean: float
    std: float
    p90: float
    rms: float
    count: int

    @classmethod
    def of(cls, distance_mm: np.ndarray) -> DistanceStatistics:
        """Of distances (n,); NaN does not count.

        Raises:
            NothingToScore: there are none.
        """
        distance = np.asarray(distance_mm, np.float64)
        distance = distance[~np.isnan(distance)]
        if len(distance) == 0:
            raise NothingToScore(
                "There is no distance to sum up, expected at least one: the region holds no point "
                "of the truth, or nothing of the reconstruction lies near it."
            )
        return cls(
            float(np.median(distance)),
            float(distance.mean()),
            float(distance.std()),
            float(np.percentile(distance, 90)),
            float(np.sqrt((distance**2).mean())),
            len(distance),
        )


@dataclass(frozen=True)
class CumulativeCurve:
    """Which share of errors is at most so large.

    Args:
        threshold: (n,) ascending, in the unit of the errors.
        share: (n,) 0..1.
    """

    threshold: np.ndarray
    share: np.ndarray

    def area(self) -> float:
        """Area under the curve over its range, 0..1, by the trapezoid rule; 1 is best."""
        width = self.threshold[-1] - self.threshold[0]
        return float(np.trapezoid(self.share, self.threshold) / width)


def cumulative_curve(errors: np.ndarray, largest: float, steps: int = 801) -> CumulativeCurve:
    """The cumulative error curve from 0 to `largest`.

    Args:
        errors: (n,) >= 0; infinite for what was not found, which so counts as a failure.
        largest: end of the curve, in the errors' unit.
        steps: number of thresholds.

    Raises:
        NothingToScore: there are no errors.
    """
    if len(errors) == 0:
        raise NothingToScore("There is no error to draw a curve of, expected at least one.")
    threshold = np.linspace(0, largest, steps)
    share = np.searchsorted(np.sort(errors), threshold, side="right") / len(errors)
    return CumulativeCurve(threshold, share)


def completeness(
    distance_mm: np.ndarray, thresholds_mm: tuple[float, ...] = THRESHOLDS_MM
) -> tuple[float, ...]:
    """Share 0..1 of true points (n,) with a surface nearer than each threshold in mm."""
    return tuple(float((distance_mm < limit).mean()) for limit in thresholds_mm)
