"""Which triangles meet at which edge: what it takes to tell a mesh's outline from its inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lib.errors import ShapeError


@dataclass(frozen=True)
class EdgeTable:
    """The edges of a mesh; connectivity only, so one table serves every pose and shape of it.

    A *side* is a triangle as seen from one of its edges: 2 * triangle, + 1 if the triangle runs
    along the edge from its second end to its first. An edge of three or more triangles (a fin, a
    mesh that is not a surface) keeps two sides in `sides` and the others in `more`; it is an
    outline where all of them lie on one side of it in the image. Corners that share a place but
    not an index are not joined: both borders of such a seam are open.

    Args:
        triangles: (T, 3) int32 vertex indices, contiguous.
        ends: (E, 2) int32 vertices of each edge, the lower first.
        sides: (E, 2) int32; an open edge repeats the side of its only triangle.
        more: (M, 2) int32 edge and side, for all beyond the second; ordered by edge.
        of_triangle: (T, 3) int32 edges of each triangle, the k-th between corners k and k + 1;
            -1 for a triangle that names a vertex twice, which has no edges and is never drawn.
        n_vertices: highest vertex index + 1.
    """

    triangles: np.ndarray
    ends: np.ndarray
    sides: np.ndarray
    more: np.ndarray
    of_triangle: np.ndarray
    n_vertices: int


def edge_table(triangles: torch.Tensor) -> EdgeTable:
    """The edges of a mesh; takes about 20 ms for 71k triangles, so keep it as long as the mesh.

    Args:
        triangles: (T, 3) integer vertex indices.

    Raises:
        ShapeError: `triangles` is not (T, 3).
        TypeError: `triangles` are not integers.
        IndexError: an index is negative.
    """
    if triangles.ndim != 2 or triangles.shape[1] != 3:
        raise ShapeError("triangles", tuple(triangles.shape), "(T, 3)")
    if triangles.is_floating_point() or triangles.is_complex() or triangles.dtype == torch.bool:
        raise TypeError(f"triangles are {triangles.dtype}, expected integer vertex indices.")
    corners = np.ascontiguousarray(triangles.detach().cpu().numpy(), dtype=np.int32)
    if corners.size and corners.min() < 0:
        raise IndexError(f"triangles has the index {corners.min()}, expected none below 0.")
    n_vertices = int(corners.max()) + 1 if corners.size else 0
    start, end = corners, np.roll(corners, -1, axis=1)
    proper = ((start != end).all(axis=1)[:, None] & np.ones(3, bool)).ravel()
    low, high = np.minimum(start, end).ravel(), np.maximum(start, end).ravel()
    key = (low.astype(np.int64) * n_vertices + high)[proper]
    # The side of each (triangle, k), in the order of `key`; stable: lower triangles come first.
    side = (2 * np.arange(len(corners))[:, None] + (start > end)).ravel()[proper]
    order = np.argsort(key, kind="stable")
    key, side = key[order], side[order]
    is_first = np.diff(key, prepend=-1) != 0
    first, edge = np.flatnonzero(is_first), np.cumsum(is_first) - 1
    count = np.diff(first, append=len(key))
    rank = np.arange(len(key)) - first[edge]  # which of its edge's sides
    of_triangle = np.full(3 * len(corners), -1, np.int32)
    of_triangle[np.flatnonzero(proper)[order]] = edge
    found = key[first]
    return EdgeTable(
        triangles=_frozen(corners),
        ends=_frozen(np.column_stack([found // max(n_vertices, 1), found % max(n_vertices, 1)])),
        sides=_frozen(np.column_stack([side[first], side[first + (count > 1)]])),
        more=_frozen(np.column_stack([edge, side])[rank > 1]),
        of_triangle=_frozen(of_triangle.reshape(-1, 3)),
        n_vertices=n_vertices,
    )


def _frozen(values: np.ndarray) -> np.ndarray:
    """A contiguous, read-only int32 copy."""
    values = np.array(values, np.int32, order="C")
    values.flags.writeable = False
    return values
