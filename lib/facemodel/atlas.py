"""The atlas of a head that brings its own chart: seams tidied, eyeballs laid beside it."""

from __future__ import annotations

import numpy as np

from lib.errors import ConfigError
from lib.facemodel.eyeballs import Eyeballs
from lib.geometry import triangle_areas

WIDTH = 0.86  # of the atlas for the head's own chart; the rest is a column of cells
LONGEST_SIDE = 0.3  # of the chart; a triangle beyond it spans a seam
MOST_ODD = 0.2  # of all triangles
EYE_CELL = 0.2  # height of an eyeball's cell


def head_atlas(
    uv: np.ndarray, uv_triangles: np.ndarray, balls: Eyeballs | None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Chart coordinates of head and eyeballs without flips, and how many triangles were moved.

    Triangles that a seam stretches across the chart, and those turned over on it, get a small
    place of their own each.

    Args:
        uv: (n_uv, 2) of the head, 0..1, origin bottom-left.
        uv_triangles: (t, 3).
        balls: whose charts go beside it.

    Raises:
        ConfigError: a fifth of the triangles or more would have to move.
    """
    corners = uv[uv_triangles]
    span = (corners.max(axis=1) - corners.min(axis=1)).max(axis=1)
    odd = (triangle_areas(uv, uv_triangles) <= 1e-12) | (span > LONGEST_SIDE)
    if odd.mean() > MOST_ODD:
        raise ConfigError(
            f"{odd.mean():.0%} of the triangles are turned over or stretched on the model's chart; "
            f"expected less than {MOST_ODD:.0%}, with v upwards. Is this the published file?"
        )
    margin = 0.002
    places = [margin + (1 - 2 * margin) * uv * [WIDTH, 1]]
    triangles = uv_triangles.copy()
    slots = _slots(int(odd.sum()), 0.0 if balls is None else 2 * EYE_CELL)
    triangles[odd] = len(uv) + np.arange(3 * int(odd.sum())).reshape(-1, 3)
    places.append(slots.reshape(-1, 2))
    rows = [triangles]
    if balls is not None:
        size = np.array([1 - WIDTH, EYE_CELL])
        for side in range(2):
            start = sum(len(place) for place in places)
            places.append([WIDTH, side * EYE_CELL] + (0.02 + 0.96 * balls.uv) * size)
            rows.append(balls.uv_triangles + start)
    return np.concatenate(places), np.concatenate(rows), int(odd.sum())


def _slots(count: int, low: float) -> np.ndarray:
    """(count, 3, 2) corners of triangles in the cells of the column above `low`."""
    width, height = 1 - WIDTH, 1 - low
    columns = max(int(np.ceil(np.sqrt(count * width / height))), 1)
    rows = max(-(-count // columns), 1)
    cell = np.array([width / columns, height / rows])
    at = np.stack([np.arange(count) % columns, np.arange(count) // columns], axis=1)
    corner = np.array([[0.2, 0.2], [0.8, 0.2], [0.2, 0.8]])
    return [WIDTH, low] + (at[:, None] + corner) * cell
