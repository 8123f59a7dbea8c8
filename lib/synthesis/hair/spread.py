"""Points spread evenly on triangles, in an order whose every first part is even, too."""

from __future__ import annotations

import numpy as np
from numba import njit

TRIES = 3  # random candidates for each point wanted
SHRINK = 0.84  # of the distance that is kept, from round to round
PACKING = 1.05  # distance of well-packed points times the root of their density


def spread_roots(
    corners: np.ndarray, n: int, chance: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Triangle (n,) int64 and barycentric weights (n, 3) of evenly spread points.

    Points are taken from random ones where no other is near, with a distance that shrinks.

    Args:
        corners: (t, 3, 3) mm of the triangles.
        n: points wanted.
        chance: source of random numbers.
    """
    area = 0.5 * np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    total = np.cumsum(area)
    triangle = np.searchsorted(total, chance.random(TRIES * n) * total[-1], side="right")
    triangle = np.minimum(triangle, len(area) - 1)
    one, two = chance.random((2, TRIES * n))
    root = np.sqrt(one)
    weights = np.stack([1 - root, root * (1 - two), root * two], axis=1)
    places = np.einsum("nk,nkd->nd", weights, corners[triangle])
    order = _thin(places, n, PACKING * np.sqrt(total[-1] / n), SHRINK)
    return triangle[order], weights[order]


@njit(cache=True, nogil=True)
def _thin(places, n, least, shrink):
    """Indices (n,) of points, far ones first, down to a distance of about `least`."""
    taken = np.empty(n, np.int64)
    used = np.zeros(len(places), np.bool_)
    count = 0
    low = np.array([places[:, axis].min() for axis in range(3)])
    high = np.array([places[:, axis].max() for axis in range(3)])
    distance = 0.5 * (high - low).max()
    while count < n:
        if distance < 0.5 * least:
            distance = 0.0
        cell = max(distance, least)
        size = np.ones(3, np.int64)
        for axis in range(3):
            size[axis] = int((high[axis] - low[axis]) / cell) + 1
        head = np.full(size[0] * size[1] * size[2], -1, np.int64)
        link = np.full(n, -1, np.int64)
        for number in range(count):
            key = _key(places[taken[number]], low, cell, size)
            link[number], head[key] = head[key], number
        for i in range(len(places)):
            if count == n:
                break
            if used[i] or _crowded(places, i, taken, head, link, low, cell, size, distance):
                continue
            taken[count] = i
            used[i] = True
            key = _key(places[i], low, cell, size)
            link[count], head[key] = head[key], count
            count += 1
        distance *= shrink
    return taken


@njit(cache=True, nogil=True)
def _key(place, low, cell, size):
    x = int((place[0] - low[0]) / cell)
    y = int((place[1] - low[1]) / cell)
    z = int((place[2] - low[2]) / cell)
    return (z * size[1] + y) * size[0] + x


@njit(cache=True, nogil=True)
def _crowded(places, i, taken, head, link, low, cell, size, distance):
    """Whether a taken point is nearer than `distance` to point i."""
    x = int((places[i, 0] - low[0]) / cell)
    y = int((places[i, 1] - low[1]) / cell)
    z = int((places[i, 2] - low[2]) / cell)
    for zz in range(max(z - 1, 0), min(z + 2, size[2])):
        for yy in range(max(y - 1, 0), min(y + 2, size[1])):
            for xx in range(max(x - 1, 0), min(x + 2, size[0])):
                number = head[(zz * size[1] + yy) * size[0] + xx]
                while number >= 0:
                    away = 0.0
                    for axis in range(3):
                        away += (places[i, axis] - places[taken[number], axis]) ** 2
                    if away < distance * distance:
                        return True
                    number = link[number]
    return False
