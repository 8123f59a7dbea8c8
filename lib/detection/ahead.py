"""Gives a network full batches: it looks at the photos of the captures that follow as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lib.detection.options import BatchDetector, Detection

AT_ONCE = 16  # images


class AheadDetector:
    """A detector of several images for a stage that asks capture by capture.

    Args:
        detector: takes several images.
        names: captures in the order in which the stage asks.
        read: name -> images of the views.
    """

    def __init__(
        self,
        detector: BatchDetector,
        names: Sequence[str],
        read: Callable[[str], Sequence[np.ndarray]],
    ):
        self._detector, self._names, self._read = detector, list(names), read
        self._found: dict[str, list[list[Detection]]] = {}

    def detect_capture(self, name: str, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Faces of every view of a capture, best first."""
        if name not in self._found:
            self._look(name, images)
        return self._found.pop(name)

    def _look(self, name: str, images: Sequence[np.ndarray]) -> None:
        waiting, counts = list(images), {name: len(images)}
        for other in self._names[self._names.index(name) + 1 :]:
            if len(waiting) >= AT_ONCE:
                break
            more = self._read(other)
            counts[other] = len(more)
            waiting += more
        found = iter(self._detector.detect_many(waiting))
        self._found = {key: [next(found) for _ in range(n)] for key, n in counts.items()}
