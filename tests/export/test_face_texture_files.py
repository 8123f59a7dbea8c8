"""Files as 3DFaceTexture writes them: a lit head, and charts of albedo and light."""

import numpy as np
import pytest

from lib.albedo.face_chart import face_chart
from lib.artefacts import Albedo
from lib.export import PublishedExporter
from lib.export.published.face_texture import face_light
from lib.facemodel import load_face_model
from lib.geometry import vertex_normals
from lib.imaging import linear_to_srgb, read_photo
from lib.render import irradiance
from lib.uvspace.shown import posed_vertices
from tests.export.test_published_files import inputs
from tests.posed_head import make_case

SIDE, LOCAL = 256, 32


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def found(model):
    """A head of reddish skin, under light from above that is stronger on one side."""
    head = inputs(model, make_case(model, yaw_deg=20.0))
    light = np.zeros((1, 9, 3), np.float32)
    light[0, 0], light[0, 1] = 2.5, 0.8
    local = np.zeros((1, LOCAL, LOCAL, 9, 3), np.float32)
    local[0, :, LOCAL // 2 :, 0] = 0.7
    ones = np.ones((SIDE, SIDE), np.float32)
    return head.__class__(**vars(head) | {"albedo": Albedo(
        method="face_texture", rgb=ones[..., None] * [0.5, 0.3, 0.2], weight=ones,
        specular=ones, roughness=ones, gloss_weight=ones, light=light, local_light=local,
        white=np.ones((1, 3)), white_source=("camera",), ita_deg=20.0, ita_sigma_deg=5.0,
    )})  # fmt: skip


@pytest.fixture(scope="module")
def folder(model, found, tmp_path_factory):
    place = tmp_path_factory.mktemp("head")
    PublishedExporter(model, ["face_texture"]).write(place, "anna", found)
    return place / "face_texture"


def test_the_mesh_has_the_albedo_under_the_light_of_its_place(model, found, folder):
    lines = (folder / "anna.obj").read_text().splitlines()
    vertices = np.array([line.split()[1:] for line in lines if line.startswith("v ")], float)
    assert vertices.shape == (model.n_vertices, 6)
    assert sum(line.startswith("f ") for line in lines) == len(model.triangles)
    posed = posed_vertices(model, found.fit, 0)
    normals = vertex_normals(posed, model.triangles)
    nose = model.parts["nose"]
    for side, extra in ((-1, 0.0), (1, 0.7)):
        some = nose[side * model.mean[nose, 0] > 8]
        light = found.albedo.light[0].copy()
        light[0] += extra
        wanted = linear_to_srgb(np.clip([0.5, 0.3, 0.2] * irradiance(normals[some], light), 0, 1))
        assert len(some) > 20
        assert np.median(np.abs(vertices[some, 3:] - wanted)) < 0.02


def test_the_charts_show_albedo_and_grey_light_apart(model, found, folder):
    detail, light = (
        read_photo(folder / f"anna_uv_{name}_map.jpg").pixels.astype(int)
        for name in ("detail", "light")
    )
    assert detail.shape == light.shape == (256, 256, 3)
    mask = face_chart(model).mask
    wanted = 255 * linear_to_srgb(np.array([0.5, 0.3, 0.2]))
    assert np.abs(np.median(detail[mask], axis=0) - wanted).max() < 3
    assert np.median(np.ptp(light[mask], axis=1)) < 4
    right, left = light[60:200, 40:110].mean(), light[60:200, 150:220].mean()
    assert left > right + 15


def test_received_light_is_that_of_the_artefact(model, found):
    chart = face_chart(model, 64)
    posed = posed_vertices(model, found.fit, 0)
    skin, received = face_light(chart, found.albedo, 0, posed)
    row, column = np.argwhere(chart.mask)[len(np.argwhere(chart.mask)) // 2]
    normal = chart.drawn(vertex_normals(posed, model.triangles))[row, column]
    light = found.albedo.light[0].copy()
    light[0] += 0.7 * (column >= 32)
    expected = irradiance(normal / np.linalg.norm(normal), light)
    np.testing.assert_allclose(received[row, column], expected, rtol=0.02)
    np.testing.assert_allclose(skin[chart.mask].mean(axis=0), [0.5, 0.3, 0.2], rtol=2e-3)


def test_a_head_whose_albedo_failed_has_no_files_of_it(model, found, tmp_path):
    without = found.__class__(**vars(found) | {"albedo": None})
    PublishedExporter(model, ["face_texture"]).write(tmp_path, "anna", without)
    assert not list((tmp_path / "face_texture").glob("*.jpg"))
