"""Files as the detail layer writes them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from lib.export import PublishedExporter, PublishedInputs
from lib.export.published.detail_layer import displacement
from lib.facemodel import load_face_model
from lib.facemodel.object_frame import published_origin
from lib.fitting import FitOptions, fit_faces
from lib.shading.shade import _surface
from lib.uvspace.grid import chart_grid
from lib.uvspace.shown import posed_vertices
from tests.coded import random_coarse_code
from tests.regression.test_coarse_codes import coded


@pytest.fixture(scope="module")
def head():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def case(head):
    item = coded(head, random_coarse_code(head))
    return item, fit_faces(head, [item], FitOptions(method="detail_layer"))["anna"]


def relief(head, fit, method, size=256):
    """A surface 0.5 mm off along z."""
    grid = chart_grid(head, posed_vertices(head, fit, 0), size)
    return _surface(method, grid, 0.5 * grid.normal[..., 2], grid.mask, 0 * grid.mask)


@pytest.fixture(scope="module")
def folder(head, case, tmp_path_factory):
    item, fit = case
    place = tmp_path_factory.mktemp("export")
    exporter = PublishedExporter(head, ["detail_layer"])
    found = PublishedInputs(
        item.capture, item.landmarks, fit, None, None, item.regression,
        relief(head, fit, "detail_layer"),
    )  # fmt: skip
    exporter.write(place, "anna", found)
    return place / "detail_layer"


def read_ply(path):
    """Points, colours and triangles of a text PLY in the published layout."""
    lines = path.read_text().splitlines()
    end = lines.index("end_header")
    head = lines[:end]
    assert head[:2] == ["ply", "format ascii 1.0"]
    assert [line for line in head if line.startswith("property")] == [
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {colour}" for colour in ("red", "green", "blue")),
        "property list uchar int vertex_indices",
    ]
    n, faces = (int(line.split()[2]) for line in head if line.startswith("element"))
    points = np.array([line.split() for line in lines[end + 1 : end + 1 + n]], float)
    corners = np.array([line.split() for line in lines[end + 1 + n :]], int)
    assert len(corners) == faces and (corners[:, 0] == 3).all()
    return points[:, :3], points[:, 3:], corners[:, 1:]


def test_the_files_have_the_published_names(folder):
    names = {path.name for path in folder.iterdir()}
    assert names == {"anna.png", "anna.ply", "anna_fine.ply", "anna_frames.json"}
    assert np.asarray(Image.open(folder / "anna.png")).shape == (300, 300, 3)


def test_the_coarse_mesh_is_the_unposed_head_in_the_basel_frame(head, case, folder):
    _, fit = case
    points, colours, corners = read_ply(folder / "anna.ply")
    expected = posed_vertices(head, fit, 0) - published_origin(head, "detail_layer")
    np.testing.assert_allclose(points, expected, atol=1e-4)
    np.testing.assert_array_equal(corners, head.triangles)
    assert colours.min() >= 0 and 100 < colours.max() <= 255


def test_the_fine_mesh_is_the_dense_one_moved_along_z(head, case, folder):
    _, fit = case
    points, _, corners = read_ply(folder / "anna_fine.ply")
    assert len(points) > 80_000 and corners.max() == len(points) - 1
    base = PublishedExporter(head, ["detail_layer"])._dense.at_texels(
        posed_vertices(head, fit, 0) - published_origin(head, "detail_layer")
    )
    moved = points - base
    np.testing.assert_allclose(moved[:, :2], 0, atol=1e-4)
    assert 0.45 < np.median(moved[:, 2]) < 0.51
    assert np.quantile(np.abs(moved[:, 2] - 0.5), 0.7) < 0.01  # the others face aside


def test_relief_of_other_methods_moves_along_the_normal(head, case):
    _, fit = case
    surface = relief(head, fit, "optimise")
    inside = np.argwhere(surface.confidence[60:120, 60:120] == 1)[::50] + 60
    uv = np.stack([(inside[:, 1] + 0.5) / 256, 1 - (inside[:, 0] + 0.5) / 256], axis=1)
    normal = surface.normal[tuple(inside.T)]
    expected = normal * 0.5 * normal[:, 2:]
    np.testing.assert_allclose(displacement(surface, uv), expected, atol=1e-4)


def test_the_frames_tell_the_code(case, folder):
    item, fit = case
    told = json.loads((folder / "anna_frames.json").read_text())
    np.testing.assert_allclose(told["illum"], item.regression.light[0], atol=1e-5)
    pose = np.concatenate([item.regression.angles[0], item.regression.translation[0]])
    np.testing.assert_allclose(told["pose"], pose, atol=1e-5)
    np.testing.assert_allclose(told["shape"], fit.identity, atol=1e-5)
    assert told["square"]["side"] == round(300 / item.regression.scale[0])


def test_a_photo_without_relief_has_no_fine_mesh(head, case, tmp_path):
    item, fit = case
    found = PublishedInputs(item.capture, item.landmarks, fit, None, None)
    PublishedExporter(head, ["detail_layer"]).write(tmp_path, "anna", found)
    names = {path.name for path in (tmp_path / "detail_layer").iterdir()}
    assert names == {"anna.png", "anna.ply", "anna_frames.json"}
    assert "pose" not in json.loads((tmp_path / "detail_layer/anna_frames.json").read_text())
