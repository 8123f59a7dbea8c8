"""Settings of the rig, with their defaults; `config.yaml` documents each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from lib.errors import ConfigError

MARKERS = Literal["4x4_50", "5x5_100", "6x6_250", "7x7_1000", "apriltag_36h11"]


@dataclass(frozen=True)
class RigOptions:
    """How the cameras of a capture come to stand in one frame in mm.

    Args:
        motion: how cameras that nobody gave are recovered: `colmap` from details that COLMAP
            matches, `features` from landmarks and details that these let find, `auto` the first
            of both that works, `landmarks` from landmarks alone, `none` leaves them unknown.
        refine: whether given cameras are corrected: `auto` where details held out then agree
            clearly better, `always`, or `never`.
        views: `auto`, or the names of the views to use, separated by spaces.
        distance_mm: known distance of two points of the face, for cameras without a unit; 0 = none.
        distance_points: which: `pupils`, or the numbers of two iBUG-68 points.
        marker_mm: side of the square markers in the pictures, for cameras without a unit; 0 = none.
        marker: their dictionary.

    Raises:
        ConfigError: `distance_points` is not two points.
    """

    motion: Literal["auto", "colmap", "features", "landmarks", "none"] = "auto"
    refine: Literal["auto", "never", "always"] = "auto"
    views: str = "auto"
    distance_mm: float = 0.0
    distance_points: str = "pupils"
    marker_mm: float = 0.0
    marker: MARKERS = "4x4_50"

    def __post_init__(self) -> None:
        self.ends()

    def ends(self) -> tuple[list[int], list[int]]:
        """iBUG-68 points whose means are the two ends of the known distance."""
        if self.distance_points == "pupils":
            return list(range(36, 42)), list(range(42, 48))
        numbers = re.fullmatch(r"(\d+) +(\d+)", self.distance_points.strip())
        first, second = map(int, numbers.groups()) if numbers else (0, 0)
        if first == second or max(first, second) > 67:
            raise ConfigError(
                f"rig.distance_points is '{self.distance_points}', expected `pupils` or two "
                "different numbers 0..67 of iBUG-68 points, such as `36 45`."
            )
        return [first], [second]
