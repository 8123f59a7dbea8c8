"""Queries about the surface: where they lie, and what the right answer is."""

from __future__ import annotations

import numpy as np

from lib.errors import ConfigError

NEAR, FAR = 4, 0.25  # candidates about the surface and anywhere, per query that is kept
PUBLISHED_LABEL = 0.05  # standard deviation of the answer over half the searched range


def draw_queries(
    distance: np.ndarray, count: int, sigma: float, d_size: int, chance: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Texels and hypotheses to ask about: half of them behind the surface, half before it.

    Most lie about the surface, some anywhere. If one side has too few, the other fills up.

    Args:
        distance: (t,) true distance of each texel in intervals, finite.
        count: queries.
        sigma: spread about the surface, in intervals.
        d_size: hypotheses; they are counted from the middle one, d_size // 2.
        chance: of the draw.

    Returns:
        (count,) texel; (count,) int hypothesis, -(d_size // 2) and up.

    Raises:
        ConfigError: no texel has a true distance.
    """
    if len(distance) == 0:
        raise ConfigError(
            "training.data: a capture has no texel whose true distance is known. Do cameras and "
            "truth share a frame, and does training.interval_mm times d_size reach it?"
        )
    near, far = NEAR * count, max(1, int(FAR * count))
    lowest = -(d_size // 2)
    texel = chance.integers(0, len(distance), near + far)
    place = np.concatenate(
        [
            distance[texel[:near]] + chance.normal(0, sigma, near),
            chance.uniform(lowest, lowest + d_size, far),
        ]
    )
    hypothesis = np.floor(place).astype(np.int64)
    order = chance.permutation(near + far)
    inside = (hypothesis[order] >= lowest) & (hypothesis[order] < lowest + d_size)
    order = order[inside]
    if len(order) < count:  # a surface beyond the range leaves few
        order = np.resize(order, count)
    texel, hypothesis = texel[order], hypothesis[order]
    behind = hypothesis < distance[texel]
    kept = _balanced(behind, count)
    return texel[kept], hypothesis[kept]


def _balanced(behind: np.ndarray, count: int) -> np.ndarray:
    """Indices of `count` candidates, half of each kind as far as there are so many."""
    kinds = np.flatnonzero(behind), np.flatnonzero(~behind)
    half = count // 2
    first = min(len(kinds[0]), max(half, count - len(kinds[1])))
    return np.sort(np.concatenate([kinds[0][:first], kinds[1][: count - first]]))


def answers(off: np.ndarray, d_size: int, width: float) -> np.ndarray:
    """(n,) float32 right response at hypotheses that are (n,) intervals off the surface.

    A bell of standard deviation `width`, in intervals; 0 beyond half the searched range. The
    published program looks it up at whole intervals; here it is exact.
    """
    bell = np.exp(-0.5 * (off / width) ** 2)
    return np.where(np.abs(off) <= d_size // 2, bell, 0).astype(np.float32)


def published_width(d_size: int) -> float:
    """Standard deviation of the published answers, in intervals: 5 of 201 hypotheses."""
    return PUBLISHED_LABEL * (d_size - 1) / 2
