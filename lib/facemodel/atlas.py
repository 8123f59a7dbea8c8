"""The atlas of a head that brings its own chart: seams tidied, eyeballs laid beside it."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

from lib.errors import ConfigError
from lib.facemodel.chart import border_loops, convex_chart, squircle
from lib.facemodel.eyeballs import Eyeballs
from lib.geometry import triangle_areas

WIDTH = 0.86  # of the atlas for the head's own chart; the rest is a column of cells
LONGEST_SIDE = 0.3  # of the chart; a triangle beyond it spans a seam
MOST_ODD = 0.2  # of all triangles
EYE_CELL = 0.2  # height of an eyeball's cell
BORDER_SMOOTHING = 0.01  # of a border's vertices, so that ragged ones are not longer
MARGIN_OF_CHART = 0.498  # half a side of a chart that is made


def head_atlas(
    uv: np.ndarray, uv_triangles: np.ndarray, balls: Eyeballs | None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Chart coordinates of head and eyeballs without flips, and how many triangles were moved.

    Triangles that a seam stretches across the chart, and those turned over on it, get a small
    place of their own each. A chart that needs no further place stays as it is.

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
    if balls is None and not odd.any():
        return uv, uv_triangles, 0
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


def bordered_chart(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A chart without flips for a face that ends at a border: uv (n, 2), and its triangles (t, 3).

    The longest border goes round a rounded square, the middle of the forehead at its top and that
    of the chin or throat at its bottom; other holes, such as an open mouth, stay holes.

    Args:
        vertices: (n, 3) mm, face to +z, up +y.
        triangles: (t, 3), counter-clockwise from outside.

    Raises:
        ConfigError: the mesh is closed or falls into pieces.
    """
    edges = np.concatenate([triangles[:, :2], triangles[:, 1:]])
    graph = sp.coo_matrix((np.ones(len(edges)), edges.T), shape=(len(vertices),) * 2)
    pieces = connected_components(graph, directed=False)[0]
    loops = border_loops(triangles)
    if pieces > 1 or not loops:
        raise ConfigError(
            f"The model has no chart, and its mesh has {pieces} pieces and {len(loops)} borders; "
            "expected one piece with a border, which can be laid flat. Give a model with a chart."
        )
    border = max(loops, key=lambda loop: float(np.ptp(vertices[loop], axis=0).sum()))
    place = ndimage.gaussian_filter1d(
        vertices[border], BORDER_SMOOTHING * len(border), axis=0, mode="wrap"
    )
    upper = place[:, 1] > (place[:, 1].min() + place[:, 1].max()) / 2
    top, bottom = (
        int(np.where(half, np.abs(place[:, 0]), np.inf).argmin()) for half in (upper, ~upper)
    )
    border, place = np.roll(border, -top), np.roll(place, -top, axis=0)
    turn = (bottom - top) % len(border)
    steps = np.linalg.norm(np.diff(np.append(place, place[:1], axis=0), axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    parameter = np.interp(along[:-1], along[[0, turn, -1]], [0.0, 0.5, 1.0])
    uv = convex_chart(vertices, triangles, border, squircle(parameter), np.ones(len(triangles)))
    return 0.5 + MARGIN_OF_CHART * uv, triangles


def _slots(count: int, low: float) -> np.ndarray:
    """(count, 3, 2) corners of triangles in the cells of the column above `low`."""
    width, height = 1 - WIDTH, 1 - low
    columns = max(int(np.ceil(np.sqrt(count * width / height))), 1)
    rows = max(-(-count // columns), 1)
    cell = np.array([width / columns, height / rows])
    at = np.stack([np.arange(count) % columns, np.arange(count) // columns], axis=1)
    corner = np.array([[0.2, 0.2], [0.8, 0.2], [0.2, 0.8]])
    return [WIDTH, low] + (at[:, None] + corner) * cell
