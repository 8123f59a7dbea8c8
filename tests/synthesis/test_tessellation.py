"""Heads cut finer keep their shape, and get rounder."""

import numpy as np
import pytest

from lib.geometry import vertex_normals
from lib.synthesis.shape.tessellation import tessellate


@pytest.fixture(scope="module")
def model(studio):
    return studio.model


def test_the_models_own_vertices_stay_where_they_are(model):
    cut = tessellate(model, 1)
    normals = vertex_normals(model.mean, model.triangles).astype(np.float32)
    fine = cut.rounded(model.mean, normals)
    np.testing.assert_array_equal(fine[: model.n_vertices], model.mean)
    assert cut.n_vertices == len(fine)


def test_new_triangles_cover_the_old_ones_and_look_the_same_way(model):
    cut = tessellate(model, 1)
    flat = cut.values(model.mean)
    for triangles, vertices, parents in (
        (cut.triangles, flat, model.mean[model.triangles]),
        (cut.uv_triangles, np.pad(cut.uv, ((0, 0), (0, 1))), _flat_chart(model)),
    ):
        corners = vertices[triangles].astype(np.float64)
        area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        whole = np.cross(parents[:, 1] - parents[:, 0], parents[:, 2] - parents[:, 0])
        summed = np.zeros(whole.shape)
        np.add.at(summed, cut.model_triangle, area)
        np.testing.assert_allclose(summed, whole, atol=1e-4 * np.abs(whole).max())


def _flat_chart(model):
    return np.pad(model.uv, ((0, 0), (0, 1)))[model.uv_triangles].astype(np.float64)


def test_a_cut_sphere_is_rounder_than_its_flat_triangles(model):
    cut = tessellate(model, 2)
    ball = model.mean / np.linalg.norm(model.mean, axis=1, keepdims=True) * 90
    outward = (ball / 90).astype(np.float32)
    ball = ball.astype(np.float32)
    eye = np.unique(model.triangles[model.region("eye_left")])
    rows = np.isin(cut.model_triangle, np.flatnonzero(model.region("skin")))
    own = np.setdiff1d(np.unique(cut.triangles[rows]), eye)
    off = [
        np.abs(np.linalg.norm(points[own], axis=1) - 90).mean()
        for points in (cut.values(ball), cut.rounded(ball, outward))
    ]
    assert off[1] < 0.3 * off[0]
