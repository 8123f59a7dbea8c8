"""The detail layer as a stage: its input, and its displacement on our own chart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.artefacts import SkinMask
from lib.errors import ConfigError, MissingModelError
from lib.facemodel import load_face_model
from lib.fitting import FitOptions, fit_faces
from lib.networks.detail_layer import DetailNetwork
from lib.render.plain_light import plain_shading
from lib.shading import ShadingOptions, ShadingTools, shade_capture
from lib.shading.detail_layer.relief import DetailLayer, coarse_view
from lib.uvspace.grid import chart_grid
from lib.uvspace.shown import posed_vertices
from tests.coded import SIZE, random_coarse_code
from tests.regression.test_coarse_codes import coded

CPU = torch.device("cpu")
WIDTHS = (2,) * 10  # a chart of 512


@pytest.fixture(scope="module")
def head():
    return load_face_model("makehuman")


def network(seed=0):
    torch.manual_seed(seed)
    made = DetailNetwork(WIDTHS)
    for layer in (*made.down, *made.up):
        torch.nn.init.normal_(layer.weight, std=0.2)
        torch.nn.init.normal_(layer.bias, std=0.1)
    return made.eval()


def constant(value):
    """A network that says one displacement everywhere."""
    made = DetailNetwork(WIDTHS).eval()
    with torch.no_grad():
        for layer in (*made.down, *made.up):
            layer.weight.zero_()
            layer.bias.zero_()
        made.up[-1].bias.fill_(float(np.arctanh(value)))
    return made


@pytest.fixture(scope="module")
def layer(head):
    return DetailLayer(network(), head, CPU)


@pytest.fixture(scope="module")
def subject(head, layer):
    """A coded capture, its fit, its view, and the photo that the code itself would give."""
    item = coded(head, random_coarse_code(head))
    fit = fit_faces(head, [item], FitOptions(method="detail_layer"))["anna"]
    view = coarse_view(head, item.capture, fit, 0, item.regression)
    drawn = layer.drawn(view)
    photo = np.full((300, 300, 3), 60, np.uint8)
    seen = drawn.raster.mask[0].numpy()
    photo[seen] = np.rint(drawn.colour[0].numpy()[seen])
    return item, fit, view, photo


def test_a_perfect_coarse_fit_leaves_no_difference(head, layer, subject):
    _, _, view, photo = subject
    found = layer.relief(replace(view, photo=photo))
    assert np.abs(found.difference).max() <= 0.51 / 127.5  # photos are whole numbers
    assert found.seen.max() == 1


def test_a_mark_on_the_photo_is_a_difference_where_it_lies(head, layer, subject):
    _, _, view, photo = subject
    drawn = layer.drawn(view)
    nose = head.landmarks["ibug68"].triangle[30]
    vertex = head.triangles[nose][0]
    x, y = drawn.camera[0, vertex, 0] + 150, 150 - drawn.camera[0, vertex, 1]
    marked = photo.copy()
    marked[int(y) - 4 : int(y) + 5, int(x) - 4 : int(x) + 5] = 255
    found = layer.relief(replace(view, photo=marked))
    row, column = np.argwhere(found.difference.max(axis=2) > 0.2).mean(axis=0)
    texel = layer._texel[vertex]
    assert np.hypot(row - texel[0], column - texel[1]) < 8


def test_the_fits_own_camera_gives_nearly_the_view_of_its_code(head, subject):
    item, fit, view, _ = subject
    other = coarse_view(head, item.capture, fit, 0)
    face = head.parts["face_mask"]
    there = [
        v.crop.to_image(np.stack([149.5 + v.places[face, 0], 149.5 - v.places[face, 1]], 1))
        for v in (view, other)
    ]
    assert np.abs(there[0] - there[1]).max() < 0.7  # px of the photo
    assert other.crop != view.crop
    np.testing.assert_allclose(other.normals, view.normals, atol=1e-5)
    facing = view.normals[face][view.normals[face][:, 2] > 0.3]
    shades = [plain_shading(facing, v.light) for v in (view, other)]
    assert np.abs(shades[0] - shades[1]).mean() < 0.03 * shades[0].mean()


def test_displacement_along_z_becomes_distance_along_the_normal(head, layer, subject):
    _, fit, view, photo = subject
    other = DetailLayer(constant(0.5), head, CPU, layer.chart)
    grid = chart_grid(head, posed_vertices(head, fit, 0), 256)
    distance, confidence = other.on_grid(other.relief(replace(view, photo=photo)), grid)
    sure = confidence > 0.999
    assert sure.sum() > 1000
    np.testing.assert_allclose(distance[sure], 0.5 * grid.normal[sure][:, 2], atol=2e-3)
    assert (distance[~grid.mask] == 0).all()
    assert np.abs(distance).max() <= 0.5


def test_eyes_nose_and_neck_stay(head, layer, subject):
    _, fit, view, photo = subject
    other = DetailLayer(constant(0.9), head, CPU, layer.chart)
    grid = chart_grid(head, posed_vertices(head, fit, 0), 256)
    distance, confidence = other.on_grid(other.relief(replace(view, photo=photo)), grid)
    marks = head.landmarks["ibug68"].on(posed_vertices(head, fit, 0), head.triangles)
    for mark, limit in ((30, 0.1), (39, 0.5)):
        near = grid.mask & (np.linalg.norm(grid.position - marks[mark], axis=2) < 3)
        assert near.any() and np.abs(distance[near]).mean() < limit
    below = grid.mask & (grid.position[..., 1] < marks[8, 1] - 25)
    assert below.any() and not distance[below].any() and not confidence[below].any()
    behind = grid.mask & (grid.position[..., 2] < -90)
    assert not distance[behind].any()


def test_what_the_photo_hides_has_no_confidence(head, layer):
    turned = random_coarse_code(head)
    turned[-33:-30] = [0, 0.7, 0]
    side = coded(head, turned)
    fit = fit_faces(head, [side], FitOptions(method="detail_layer"))["anna"]
    other = DetailLayer(constant(0.5), head, CPU, layer.chart)
    grid = chart_grid(head, posed_vertices(head, fit, 0), 256)
    seen = coarse_view(head, side.capture, fit, 0, side.regression)
    _, confidence = other.on_grid(other.relief(seen), grid)
    cheeks = [
        confidence[grid.mask & (np.sign(grid.position[..., 0]) == sign)
                   & (np.abs(grid.position[..., 0]) > 45)].mean()
        for sign in (-1, 1)
    ]  # fmt: skip
    assert max(cheeks) > 4 * min(cheeks)


def test_random_weights_on_a_synthetic_photo_give_a_finite_relief(head, layer, subject):
    item, fit, _, _ = subject
    found = layer.relief(coarse_view(head, item.capture, fit, 0, item.regression))
    grid = chart_grid(head, posed_vertices(head, fit, 0), 256)
    distance, confidence = layer.on_grid(found, grid)
    assert np.isfinite(distance).all() and np.isfinite(confidence).all()
    assert 0 < np.abs(distance).max() <= 1
    again = layer.relief(coarse_view(head, item.capture, fit, 0, item.regression))
    np.testing.assert_array_equal(again.displacement_mm, found.displacement_mm)


def test_the_stage_makes_a_surface_in_the_heads_frame(head, layer, subject):
    item, fit, _, _ = subject
    options = ShadingOptions(method="detail_layer", uv_size=128)
    skin = SkinMask(probability=(np.full(SIZE, 255, np.uint8),))
    tools = ShadingTools(detail_layer=layer)
    surface = shade_capture(head, item.capture, skin, fit, options, tools, item.regression)
    assert surface.method.endswith("detail_layer")
    np.testing.assert_array_equal(surface.head_to_world, np.eye(3, 4))
    assert surface.confidence.max() == 1 and 0 < np.abs(surface.distance_mm).max() <= 1
    assert np.isfinite(surface.expression_share).all()
    hair = SkinMask(probability=(np.zeros(SIZE, np.uint8),))
    other = shade_capture(head, item.capture, hair, fit, options, tools, item.regression)
    assert other.confidence.max() == 0
    np.testing.assert_array_equal(other.distance_mm, surface.distance_mm)


def test_weights_that_are_not_named_are_told(head):
    with pytest.raises(ConfigError, match=r"shading\.weights is empty"):
        ShadingTools.load(ShadingOptions(method="detail_layer"), head, CPU)
    with pytest.raises(MissingModelError, match="fine network"):
        ShadingTools.load(ShadingOptions(method="detail_layer", weights="none.pt"), head, CPU)


def test_a_network_for_a_smaller_chart_gets_one(head, subject):
    _, fit, view, photo = subject
    small = DetailNetwork((2,) * 8).eval()
    with torch.no_grad():
        for part in (*small.down, *small.up):
            part.weight.zero_()
            part.bias.zero_()
        small.up[-1].bias.fill_(float(np.arctanh(0.5)))
    other = DetailLayer(small, head, CPU)
    assert other.chart.size == 128
    grid = chart_grid(head, posed_vertices(head, fit, 0), 256)
    distance, confidence = other.on_grid(other.relief(replace(view, photo=photo)), grid)
    sure = confidence > 0.999
    assert sure.sum() > 1000
    np.testing.assert_allclose(distance[sure], 0.5 * grid.normal[sure][:, 2], atol=2e-3)
