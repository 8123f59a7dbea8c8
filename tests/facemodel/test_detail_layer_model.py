"""BFM 2009 of the detail layer: published coefficients, chart and masks."""

from __future__ import annotations

import numpy as np
import pytest

from lib.errors import ConfigError, MissingModelError
from lib.facemodel import read_face_model, write_face_model
from lib.facemodel.bfm import detail_layer_model, read_detail_layer
from lib.facemodel.bfm.detail_layer import IBUG68_OF_86
from lib.facemodel.object_frame import published_origin
from lib.facemodel.points86 import BFM53_VERTICES, MEAN86, points86
from tests.facemodel.detail_layer_files import (
    landmarks86,
    masks,
    published_mean,
    write_detail_layer,
)


@pytest.fixture(scope="module")
def folder(small_basel, tmp_path_factory):
    return write_detail_layer(tmp_path_factory.mktemp("bfm") / "resources", small_basel)


@pytest.fixture(scope="module")
def basel(small_basel, folder, tmp_path_factory):
    source = read_detail_layer(folder, landmarks86(small_basel))
    path = tmp_path_factory.mktemp("model") / "bfm09_53k.h5"
    write_face_model(path, detail_layer_model(source, "bfm09_53k"))
    return read_face_model(path)


def test_published_coefficients_give_the_published_points(basel, small_basel):
    chance = np.random.default_rng(0)
    identity, expression = (
        chance.normal(size=basel.n_identity),
        chance.normal(size=basel.n_expression),
    )
    face = small_basel.face
    expected = published_mean(small_basel) + np.tensordot(identity, face.identity, 1)
    expected = expected + np.tensordot(expression, face.expression, 1)
    found = basel.vertices(identity, expression) - published_origin(basel, "detail_layer")
    np.testing.assert_allclose(found, expected, atol=2e-4)
    assert basel.expression_prior == "normal"


def test_colours_are_the_published_ones(basel, small_basel):
    np.testing.assert_allclose(
        255 * basel.albedo_mean, 255 * small_basel.face.albedo_mean, atol=1e-4
    )
    assert basel.albedo_encoding == "srgb"


def test_the_chart_and_the_masks_are_the_published_ones(basel, small_basel, folder):
    chart = basel.cylinder
    with np.load(folder / "vertex_uv_ind.npz") as file:
        np.testing.assert_array_equal(chart.texel, file["uv_ind"])
    for name, mask in masks(small_basel).items():
        np.testing.assert_array_equal(getattr(chart, name), mask, err_msg=name)
    assert chart.drawn.all()
    assert 0.1 < chart.region.mean() < 0.6


def test_the_landmarks_are_published_vertices(basel, small_basel):
    for name, vertices in (
        ("points86", landmarks86(small_basel)),
        ("ibug68", small_basel.face.ibug68),
    ):
        found = basel.landmarks[name].on(basel.mean, basel.triangles)
        np.testing.assert_allclose(found, basel.mean[vertices], atol=1e-4)
    np.testing.assert_allclose(points86(basel).barycentric, basel.landmarks["points86"].barycentric)


def test_the_68_are_those_of_the_86_that_lie_where_they_should():
    """The published means of the 86, taken as 68, make a face in iBUG's order."""
    marks = MEAN86[IBUG68_OF_86]
    assert len(set(IBUG68_OF_86)) == 68
    right, left = marks[36:42], marks[42:48]
    assert right[0, 0] == right[:, 0].min() and right[3, 0] == right[:, 0].max()
    assert left[0, 0] == left[:, 0].min() and left[3, 0] == left[:, 0].max()
    assert (right[1:3, 1] < right[4:, 1]).all() and (left[1:3, 1] < left[4:, 1]).all()
    outer, inner = marks[48:60], marks[60:68]
    for lips in (outer, inner):
        around = np.unwrap(np.arctan2(*(lips - lips.mean(axis=0)).T[::-1]))
        assert (np.diff(around) > 0).all()  # once round, clockwise on the screen
    assert (np.diff(marks[27:31, 1]) > 0).all() and (np.diff(marks[31:36, 0]) > 0).all()
    assert (np.diff(marks[17:27, 0]) > 0).all()
    assert BFM53_VERTICES.max() < 53215


def test_missing_files_are_named(folder, tmp_path):
    with pytest.raises(MissingModelError, match=r"has no vertex_uv_ind.npz, face_mask.png"):
        (tmp_path / "BFM2009_Model.mat").write_bytes((folder / "BFM2009_Model.mat").read_bytes())
        read_detail_layer(tmp_path)


def test_files_of_other_meshes_are_refused(small_basel, tmp_path):
    folder = write_detail_layer(tmp_path / "other", small_basel)
    np.save(folder / "wo_nose_mask.npy", np.ones(7))
    with pytest.raises(ConfigError, match="but without_nose of 7"):
        read_detail_layer(folder, landmarks86(small_basel))
    np.savez(folder / "vertex_uv_ind.npz", uv_ind=np.full((9, 2), 600))
    with pytest.raises(ConfigError, match="rows and columns of a chart of 512"):
        read_detail_layer(folder, landmarks86(small_basel))


def test_vertices_beyond_the_mesh_are_told(folder):
    with pytest.raises(ConfigError, match="names vertices"):
        read_detail_layer(folder)
