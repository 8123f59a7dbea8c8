"""Seams: a head's grid is sewn up, and only there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lib.facemodel import load_face_model
from lib.uvspace.grid import chart_grid
from lib.uvspace.mesh import grid_triangles
from lib.uvspace.seams import _border, seams, sewn


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


def test_the_head_has_one_cut_from_its_top_down_the_neck(model):
    [seam] = seams(model)
    assert seam.uv.shape[0] == 2 and seam.uv.shape[1] > 20
    ends = [
        model.mean[model.triangles[model.uv_triangles == _nearest(model.uv, uv)][0]]
        for uv in seam.uv[0][[0, -1]]
    ]
    assert abs(ends[0][1] - ends[1][1]) > 200 and max(abs(end[0]) for end in ends) < 1
    assert np.ptp(seam.uv[0] - seam.uv[1], axis=0).max() > 0  # two lines, not one


@pytest.mark.parametrize("size", [128, 300])
def test_sewn_up_nothing_of_the_seam_is_open(model, size):
    grid = chart_grid(model, model.mean, size)
    texel, triangles = grid_triangles(grid.mask)
    more = sewn(texel, triangles, grid.mask.shape, model)
    points = grid.position.reshape(-1, 3)[texel]
    closed = np.concatenate([triangles, more])
    before, after = (_behind(points, _border(mesh)) for mesh in (triangles, closed))
    assert before > 1.5 * size / 4
    assert after <= 4  # where the cut begins and ends
    assert np.abs(points[more][..., 0]).max() < 4000 / size  # a texel or two from the cut


def test_the_new_triangles_face_outwards(model):
    grid = chart_grid(model, model.mean, 200)
    texel, triangles = grid_triangles(grid.mask)
    more = sewn(texel, triangles, grid.mask.shape, model)
    points = grid.position.reshape(-1, 3)[texel]
    corners = points[more]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outwards = grid.normal.reshape(-1, 3)[texel][more].mean(axis=1)
    area = (normal * outwards).sum(axis=1)
    assert area[area > 0].sum() > 4 * -area[area < 0].sum()  # steps of the border fold a little


def test_a_chart_without_a_cut_has_nothing_to_sew(model):
    """Every vertex has one place on the chart: the border left is the model's own."""
    uv = np.zeros((model.n_vertices, 2), np.float32)
    uv[model.triangles] = model.uv[model.uv_triangles]
    whole = dataclasses.replace(model, uv=uv, uv_triangles=model.triangles)
    assert seams(whole) == []
    grid = chart_grid(model, model.mean, 96)
    texel, triangles = grid_triangles(grid.mask)
    assert len(sewn(texel, triangles, grid.mask.shape, whole)) == 0
    assert len(sewn(texel, triangles, grid.mask.shape, model)) > 100


def _behind(points, edges):
    """Border edges at the back of the head, above the neck's end."""
    middle = points[edges].mean(axis=1)
    return int(((middle[:, 2] < -60) & (middle[:, 1] > -120) & (np.abs(middle[:, 0]) < 6)).sum())


def _nearest(uv, place):
    return int(np.linalg.norm(uv - place, axis=1).argmin())
