"""Single numbers on their way into tables."""

from __future__ import annotations

from typing import NamedTuple

CAPTURE = -1  # the view of a number that belongs to the whole capture


class Row(NamedTuple):
    """One number.

    Args:
        who: a key of `WHO`.
        measure: a key of `MEASURES`, which has its unit.
        value: the number; NaN is left out of tables.
        view: index of the view, or `CAPTURE`.
    """

    who: str
    measure: str
    value: float
    view: int = CAPTURE
