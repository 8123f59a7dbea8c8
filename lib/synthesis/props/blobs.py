"""A smooth surface around a skeleton: round cones that flow into one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Cones:
    """Segments with a radius at each end.

    Args:
        start, end: (n, 3) mm.
        start_radius, end_radius: (n,) mm.
    """

    start: np.ndarray
    end: np.ndarray
    start_radius: np.ndarray
    end_radius: np.ndarray


def smooth_union(cones: Cones, step_mm: float, blend_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """A closed surface around round cones.

    Args:
        cones: the skeleton.
        step_mm: between the points of the grid that the surface is found on.
        blend_mm: how softly one cone goes over into the next.

    Returns:
        (v, 3) vertices and (t, 3) triangles, counter-clockwise from outside.
    """
    margin = 5 * blend_mm
    widest = np.maximum(cones.start_radius, cones.end_radius)[:, None] + margin
    low = (np.minimum(cones.start, cones.end) - widest).min(axis=0)
    high = (np.maximum(cones.start, cones.end) + widest).max(axis=0)
    size = np.ceil((high - low) / step_mm).astype(int) + 2
    weight = np.zeros(size, np.float32)
    for k in range(len(cones.start)):
        reach = max(cones.start_radius[k], cones.end_radius[k]) + margin
        ends = np.stack([cones.start[k], cones.end[k]])
        first = np.floor((ends.min(axis=0) - reach - low) / step_mm).astype(int).clip(0)
        last = np.ceil((ends.max(axis=0) + reach - low) / step_mm).astype(int) + 1
        last = np.minimum(last, size)
        axes = [low[a] + step_mm * np.arange(first[a], last[a]) for a in range(3)]
        distance = _distance(axes, ends, cones.start_radius[k], cones.end_radius[k])
        box = tuple(slice(a, b) for a, b in zip(first, last))
        weight[box] += np.exp(np.minimum(-distance / blend_mm, 40.0))
    field = -np.log(np.maximum(weight, 1e-12))
    vertices, triangles = _surface_net(field)
    return low + step_mm * vertices, triangles


def _distance(axes: list[np.ndarray], ends: np.ndarray, first: float, last: float) -> np.ndarray:
    """(i, j, k) mm from a segment whose radius grows evenly, on a grid."""
    x, y, z = (a.astype(np.float32) - np.float32(o) for a, o in zip(axes, ends[0]))
    way = (ends[1] - ends[0]).astype(np.float32)
    squared = max(float(way @ way), 1e-6)
    x, y, z = x[:, None, None], y[None, :, None], z[None, None, :]
    share = np.clip((x * way[0] + y * way[1] + z * way[2]) / squared, 0, 1)
    away = (x - share * way[0]) ** 2 + (y - share * way[1]) ** 2 + (z - share * way[2]) ** 2
    return np.sqrt(away) - (first + (last - first) * share)


def _surface_net(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The surface field = 0, outside where it is positive.

    Returns:
        (v, 3) vertices in grid steps and (t, 3) triangles.

    Source: Gibson 1998, Constrained elastic surface nets (MICCAI), without the relaxation.
    """
    inside = field < 0
    cells = np.array(field.shape) - 1
    touched, points, crossed = [], [], []
    for axis in range(3):
        one, two = _shifted(field, axis)
        a, b = _shifted(inside, axis)
        at = np.argwhere(a != b)
        f, g = one[tuple(at.T)], two[tuple(at.T)]
        point = at.astype(np.float64)
        point[:, axis] += f / (f - g)
        crossed.append((at, a[tuple(at.T)]))
        others = [k for k in range(3) if k != axis]
        for step in ((0, 0), (0, 1), (1, 0), (1, 1)):
            cell = at.copy()
            cell[:, others] -= step
            touched.append(np.ravel_multi_index(tuple(cell.T), tuple(cells)))
            points.append(point)
    n = int(cells.prod())
    touched, points = np.concatenate(touched), np.concatenate(points)
    count = np.bincount(touched, minlength=n)
    used = count > 0
    index = np.full(n, -1, np.int32)
    index[used] = np.arange(used.sum())
    index = index.reshape(cells)
    sums = [np.bincount(touched, points[:, k], minlength=n)[used] for k in range(3)]
    vertices = np.stack(sums, axis=1) / count[used][:, None]
    triangles = [_quads(index, at, leaving, axis) for axis, (at, leaving) in enumerate(crossed)]
    return vertices, np.concatenate(triangles)


def _shifted(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    n = values.shape[axis]
    return np.take(values, range(n - 1), axis), np.take(values, range(1, n), axis)


def _quads(index: np.ndarray, at: np.ndarray, leaving: np.ndarray, axis: int) -> np.ndarray:
    """Two triangles across each crossed edge of the grid."""
    one, two = np.eye(3, dtype=int)[(axis + 1) % 3], np.eye(3, dtype=int)[(axis + 2) % 3]
    corner = [index[tuple((at - s).T)] for s in (one + two, two, 0 * one, one)]
    quad = np.stack(corner, axis=1)
    quad[~leaving] = quad[~leaving][:, ::-1]
    return np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]]).astype(np.int32)
