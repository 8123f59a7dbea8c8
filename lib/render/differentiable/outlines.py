"""Where the outlines of a mesh pass between pixels of a raster, on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from lib.render import threads
from lib.render.differentiable.topology import EdgeTable
from lib.render.kernels import silhouettes

ITEMS_PER_TASK = 2**15  # triangles or edges
ROWS_PER_TASK = 64


class Pairs(NamedTuple):
    """Pairs of pixels on both sides of an outline, in an order that the problem alone decides.

    Args:
        pixels: (N, 2) int32 near and far pixel.
        edge: (N,) int32.
        crossing: (N,) float64 where the edge crosses, 0 = near centre, 1 = far centre.
    """

    pixels: np.ndarray
    edge: np.ndarray
    crossing: np.ndarray

    @classmethod
    def empty(cls, n: int) -> Pairs:
        return cls(np.empty((n, 2), np.int32), np.empty(n, np.int32), np.empty(n))

    def first(self, n: int) -> Pairs:
        return Pairs(self.pixels[:n], self.edge[:n], self.crossing[:n])


def find_pairs(
    clip: np.ndarray, packed: np.ndarray, edges: EdgeTable, silhouette: str
) -> list[Pairs]:
    """The pairs of each image; `clip` (B, V, 4), `packed` (B, h, w, 4), both contiguous."""
    batch, height, width, _ = packed.shape
    seen = packed.reshape(batch, height * width, 4)
    turns, outlines = _find_outlines(clip, edges)
    chosen = [np.flatnonzero(row) for row in outlines]
    if silhouette == "edges":
        return _walk(clip, seen, edges, turns, chosen, (height, width))
    return _compare(clip, seen, edges, outlines, chosen, (height, width))


def _find_outlines(clip: np.ndarray, edges: EdgeTable) -> tuple[np.ndarray, np.ndarray]:
    """(B, 2 T) int8 turn of each side, (B, E) bool outlines of each image."""
    batch, n_triangles, n_edges = len(clip), len(edges.triangles), len(edges.ends)
    turns = np.empty((batch, 2 * n_triangles), np.int8)
    missing = np.zeros(batch, bool)

    def turn(b: int, first: int, last: int) -> None:
        if silhouettes.find_turns(clip[b], edges.triangles, first, last, turns[b]):
            missing[b] = True

    run(partial(turn, b, *span) for b in range(batch) for span in _spans(n_triangles))
    for b in np.flatnonzero(missing):
        silhouettes.settle_turns(edges.of_triangle, edges.sides, turns[b])
    outlines = np.empty((batch, n_edges), bool)
    run(
        partial(silhouettes.flag_outlines, edges.sides, turns[b], *span, outlines[b])
        for b in range(batch)
        for span in _spans(n_edges)
    )
    if len(edges.more):
        for b in range(batch):
            silhouettes.unflag_crowded(edges.more, edges.sides, turns[b], outlines[b])
    return turns, outlines


def _walk(
    clip: np.ndarray,
    seen: np.ndarray,
    edges: EdgeTable,
    turns: np.ndarray,
    chosen: list[np.ndarray],
    size: tuple[int, int],
) -> list[Pairs]:
    """Pairs along every outline; `seen` (B, h * w, 4), `chosen` the outlines of each image."""
    result = [Pairs.empty(0)] * len(clip)

    def walk(b: int) -> None:
        spans = np.empty((len(chosen[b]), 3), np.int32)
        total = silhouettes.span_edges(clip[b], edges.ends, chosen[b], *size, spans)
        most = min(total, 2 * size[0] * size[1])
        table = np.full(1 << int(2 * most + 2).bit_length(), -1, np.int32)
        pairs = Pairs.empty(most)
        found = silhouettes.walk_edges(
            clip[b], edges.triangles, seen[b], edges.ends, edges.sides, turns[b],
            chosen[b], spans, size, table, *pairs,
        )  # fmt: skip
        result[b] = pairs.first(found)

    run(partial(walk, b) for b in range(len(clip)))
    return result


def _compare(
    clip: np.ndarray,
    seen: np.ndarray,
    edges: EdgeTable,
    outlines: np.ndarray,
    chosen: list[np.ndarray],
    size: tuple[int, int],
) -> list[Pairs]:
    """Pairs of neighbouring pixels whose triangles differ, with an outline of the nearer one."""
    bands = [(y, min(y + ROWS_PER_TASK, size[0])) for y in range(0, size[0], ROWS_PER_TASK)]
    marked = np.zeros((len(clip), len(edges.triangles)), bool)
    parts = [[Pairs.empty(0)] * len(bands) for _ in clip]

    def compare(b: int, band: int) -> None:
        first, last = bands[band]
        pairs = Pairs.empty(2 * (last - first) * size[1])
        found = silhouettes.compare_pixels(
            clip[b], seen[b], edges.ends, edges.of_triangle, outlines[b], marked[b],
            size, bands[band], *pairs,
        )  # fmt: skip
        parts[b][band] = Pairs(*(array[:found].copy() for array in pairs))

    for b in range(len(clip)):
        silhouettes.mark_triangles(edges.sides, chosen[b], marked[b])
    run(partial(compare, b, band) for b in range(len(clip)) for band in range(len(bands)))
    return [Pairs(*map(np.concatenate, zip(*part))) if part else Pairs.empty(0) for part in parts]


def _spans(n: int) -> list[tuple[int, int]]:
    """0..n in parts whose size does not depend on the number of threads."""
    return [(first, min(first + ITEMS_PER_TASK, n)) for first in range(0, n, ITEMS_PER_TASK)]


def run(tasks: Iterable[Callable[[], None]]) -> None:
    """Do all tasks on as many threads as PyTorch uses."""
    threads.run(list(tasks), torch.get_num_threads())
