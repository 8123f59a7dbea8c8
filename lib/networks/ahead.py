"""Gives a network full batches: it looks at what the captures that follow hold as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 16  # items


def at_once(device: object) -> int:
    """How many pictures a network is given at once: on a CPU one, which is fastest there."""
    return 1 if str(device) == "cpu" else AT_ONCE


class Ahead(Generic[Item, Result]):
    """Results for a stage that asks capture by capture, worked out for several captures at once.

    Args:
        work: items -> one result each.
        names: captures in the order in which the stage asks.
        read: name -> items of the capture.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], list[Result]],
        names: Sequence[str],
        read: Callable[[str], Sequence[Item]],
    ):
        self._work, self._names, self._read = work, list(names), read
        self._found: dict[str, list[Result]] = {}

    def take(self, name: str, items: Sequence[Item]) -> list[Result]:
        """Results for the items of a capture; each capture can be asked for once."""
        if name not in self._found:
            self._look(name, items)
        return self._found.pop(name)

    def _look(self, name: str, items: Sequence[Item]) -> None:
        waiting, counts = list(items), {name: len(items)}
        for other in self._names[self._names.index(name) + 1 :]:
            if len(waiting) >= AT_ONCE:
                break
            more = self._read(other)
            counts[other] = len(more)
            waiting += more
        found = iter(self._work(waiting))
        self._found = {key: [next(found) for _ in range(n)] for key, n in counts.items()}
