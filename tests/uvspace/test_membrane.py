"""Smooth functions on a surface."""

import numpy as np

from lib.uvspace.membrane import membrane


def strip(length_mm: int = 100, width_mm: int = 10):
    """Vertices and triangles of a flat strip of 1 mm squares along x."""
    rows, columns = np.mgrid[: width_mm + 1, : length_mm + 1]
    vertices = np.stack([columns, rows, 0 * rows], axis=-1).reshape(-1, 3).astype(float)
    index = rows * (length_mm + 1) + columns
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    return vertices, triangles


def test_between_two_pinned_ends_it_is_a_straight_line():
    vertices, triangles = strip()
    x = vertices[:, 0]
    ends = ((x == 0) | (x == 100)).astype(float)
    data = np.where(x == 100, 3.0, 1.0)[:, None]
    found = membrane(vertices, triangles).solve(data, ends, 0.01, np.zeros(1), 1e5)
    np.testing.assert_allclose(found[:, 0], 1 + 2 * x / 100, atol=2e-3)


def test_a_step_decays_to_rest_over_its_reach():
    vertices, triangles = strip()
    x = vertices[:, 0]
    found = membrane(vertices, triangles).solve(
        np.ones((len(x), 1)), (x == 0).astype(float), 0.01, np.zeros(1), 10.0
    )
    np.testing.assert_allclose(found[:, 0], np.exp(-x / 10), atol=0.01)


def test_vertices_without_a_triangle_are_at_rest():
    vertices, triangles = strip()
    vertices = np.concatenate([vertices, [[5.0, 5, 5]]])
    weight = np.ones(len(vertices))
    found = membrane(vertices, triangles).solve(
        np.full((len(weight), 2), 4.0), weight, 5.0, np.array([7.0, 8.0]), 10.0
    )
    np.testing.assert_allclose(found[-1], [7, 8])
    assert (found[:-1, 0] > 4).all() and (found[:-1, 0] < 7).all()
