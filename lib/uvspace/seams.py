"""Seams of a chart: where a surface was cut to lie flat, and how a texel grid is sewn up again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lib.facemodel import FaceModel
from lib.render import uv_to_texel
from lib.uvspace.grid import outer_skin

NEAR_TEXELS = 1.7  # of a seam: border texels that far off belong to it


@dataclass(frozen=True)
class Seam:
    """A cut through the outer skin, as two lines on the chart.

    Args:
        uv: (2, n, 2): n points along each side, the same places on the skin.
    """

    uv: np.ndarray


def seams(model: FaceModel) -> list[Seam]:
    """The cuts of a model's chart, each from end to end or from fork to fork."""
    skin = outer_skin(model)
    sides = _cut_edges(model.triangles[skin], model.uv_triangles[skin])
    ways: dict[int, list[int]] = {}
    for here, there in sides:
        ways.setdefault(here, []).append(there)
    found, done = [], set()
    starts = [vertex for vertex in sorted(ways) if len(ways[vertex]) != 2]
    for start in starts + sorted(ways):  # rings have no ends
        for first in sorted(ways[start]):
            path = [start]
            while first is not None and (path[-1], first) not in done:
                done |= {(path[-1], first), (first, path[-1])}
                path.append(first)
                onwards = [way for way in ways[first] if (first, way) not in done]
                first = onwards[0] if len(ways[first]) == 2 and onwards else None
            if len(path) > 1:
                found.append(_seam(path, sides, model.uv))
    return found


def _cut_edges(
    triangles: np.ndarray, uv_triangles: np.ndarray
) -> dict[tuple[int, int], np.ndarray]:
    """(from, to) of both directions -> (2, 2) points of the chart [side, end] of each cut edge."""
    either: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for corner in range(3):
        ahead = (corner + 1) % 3
        ends = np.stack([triangles[:, corner], triangles[:, ahead]], 1).tolist()
        places = np.stack([uv_triangles[:, corner], uv_triangles[:, ahead]], 1).tolist()
        for (a, b), (at_a, at_b) in zip(ends, places, strict=True):
            own = (at_a, at_b) if a < b else (at_b, at_a)
            either.setdefault((min(a, b), max(a, b)), []).append(own)
    result = {}
    for (a, b), places in either.items():
        if len(places) == 2 and places[0] != places[1]:
            both = np.array(places)
            result[a, b], result[b, a] = both, both[:, ::-1]
    return result


def _seam(path: list[int], sides: dict[tuple[int, int], np.ndarray], uv: np.ndarray) -> Seam:
    """Both sides of a path of vertices; a side goes on where its last edge ended."""
    lines = [[], []]
    for here, there in pairwise(path):
        both = sides[here, there]
        if lines[0] and both[0, 0] != lines[0][-1] and both[1, 0] == lines[0][-1]:
            both = both[::-1]
        for line, (begin, end) in zip(lines, both.tolist(), strict=True):
            line += [end] if line else [begin, end]
    return Seam(uv[np.array(lines)])


def sewn(
    texel: np.ndarray, triangles: np.ndarray, shape: tuple[int, int], model: FaceModel
) -> np.ndarray:
    """Triangles that close the gaps that a texel grid's mesh has along the seams of its chart.

    Args:
        texel: (n,) flat index of each vertex's texel.
        triangles: (t, 3) into these n, counter-clockwise seen from outside.
        shape: (rows, cols) of the grid.
        model: whose chart it is.

    Returns:
        (s, 3) int32 more triangles, of the same vertices.
    """
    edges = _border(triangles)
    border = np.unique(edges)
    row, col = np.divmod(texel[border], shape[1])
    place = np.column_stack([col, row]).astype(np.float64)
    result = [np.zeros((0, 3), np.int32)]
    for seam in seams(model):
        found = [_on_line(place, uv_to_texel(line.astype(np.float64), shape)) for line in seam.uv]
        chains = []
        for (distance, along), (other, _) in (found, found[::-1]):
            near = (distance < NEAR_TEXELS) & (distance < other)
            near &= (along > 0) & (along < seam.uv.shape[1] - 1)
            chain = np.flatnonzero(near)[np.argsort(along[near], kind="stable")]
            chains.append((border[chain], along[chain]))
        if min(len(chain) for chain, _ in chains) >= 2:
            result.append(_zipped(*chains, _ascends(edges, *chains[0])))
    return np.concatenate(result)


def _border(triangles: np.ndarray) -> np.ndarray:
    """(k, 2) directed edges that one triangle alone has."""
    ahead = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    ahead = ahead.astype(np.int64)
    size = int(triangles.max()) + 1
    # Inside, edges lead to the neighbours that edges come from, so that sums of their numbers are
    # equal; the numbers are drawn, since a grid's own have equal sums by chance. Few are left.
    number = np.random.default_rng(0).integers(1, 1 << 40, size).astype(np.float64)
    to, back = (
        np.bincount(ahead[:, end], number[ahead[:, 1 - end]], minlength=size) for end in (0, 1)
    )
    ahead = ahead[(to != back)[ahead].all(axis=1)]
    code = ahead[:, 0] * size + ahead[:, 1]
    return ahead[~np.isin(code, ahead[:, 1] * size + ahead[:, 0])]


def _on_line(points: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) distance of points (n, 2) to a line (k, 2), and where along it: segment + share."""
    best, along = np.full(len(points), np.inf), np.zeros(len(points))
    for index, (begin, end) in enumerate(pairwise(line)):
        step = end - begin
        share = ((points - begin) @ step / max(float(step @ step), 1e-12)).clip(0, 1)
        distance = np.linalg.norm(points - begin - share[:, None] * step, axis=1)
        nearer = distance < best
        best, along = np.where(nearer, distance, best), np.where(nearer, index + share, along)
    return best, along


def _ascends(edges: np.ndarray, chain: np.ndarray, along: np.ndarray) -> bool:
    """Whether the border's edges, as their triangles go round, lead along a chain and not back."""
    where = np.full(int(edges.max()) + 1, np.nan)
    where[chain] = along
    return bool(np.nansum(np.sign(where[edges[:, 1]] - where[edges[:, 0]])) > 0)


def _zipped(
    left: tuple[np.ndarray, np.ndarray], right: tuple[np.ndarray, np.ndarray], ascends: bool
) -> np.ndarray:
    """(s, 3) triangles between two chains, each time on the side whose next vertex comes first.

    At the steps of a border of texels they may fold over their neighbours, by less than a texel.

    Args:
        left: vertices in order along the seam, and how far along they lie.
        right: of the other side.
        ascends: whether the border's edges lead along the left chain.
    """
    (a, along_a), (b, along_b) = left, right
    i, j, found = 0, 0, []
    while i + 1 < len(a) or j + 1 < len(b):
        if j + 1 == len(b) or (i + 1 < len(a) and along_a[i + 1] <= along_b[j + 1]):
            found.append((a[i + 1], a[i], b[j]))
            i += 1
        else:
            found.append((b[j], b[j + 1], a[i]))
            j += 1
    triangles = np.array(found, np.int32)
    return triangles if ascends else triangles[:, ::-1]
