"""Going through a texel grid in strips of rows, several at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch

from lib.render.threads import run


class Strip(NamedTuple):
    """Rows of a grid that are worked out together.

    Args:
        read: rows that are needed, with those around.
        write: rows that are found.
        inner: where these stand in `read`.
    """

    read: slice
    write: slice
    inner: slice


def each_strip(
    work: Callable[[Strip], None],
    rows: int,
    held: int,
    halo: int,
    device: torch.device,
) -> None:
    """Work on all rows of a grid strip by strip, on as many threads as PyTorch may use.

    Side by side, strips need no waiting for each other, as PyTorch's own threads do at the end of
    every small operation.

    Args:
        work: what is done with a strip; it writes to the strip's own rows alone.
        rows: of the grid.
        held: rows, with those around, that may be worked on at once by all threads together.
        halo: rows around a strip that it needs.
        device: where the tensors live; strips on a GPU go one after the other.
    """
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    height = min(held // threads, math.ceil(rows / threads) + 2 * halo)
    strips = list(row_strips(rows, height, halo))
    try:
        run([partial(_alone, work, strip) for strip in strips], threads)
    finally:
        torch.set_num_threads(threads)


def _alone(work: Callable[[Strip], None], strip: Strip) -> None:
    torch.set_num_threads(1)  # of this thread
    work(strip)


def row_strips(rows: int, height: int, halo: int) -> Iterator[Strip]:
    """Strips that cover all rows; `height` counts the halo to both sides, 8 rows go at least."""
    step = max(8, height - 2 * halo)
    for top in range(0, rows, step):
        bottom = min(top + step, rows)
        low = max(0, top - halo)
        yield Strip(
            slice(low, min(rows, bottom + halo)),
            slice(top, bottom),
            slice(top - low, bottom - low),
        )
