"""What calibrated views show at texels: the same places whatever the size, and nothing hidden."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.geometry import SurfaceTree, project
from lib.render import Camera, sample_image
from lib.uvspace.grid import chart_grid
from lib.uvspace.views import CalibratedView, cast_rays, views_at, visibility
from tests.studio import camera
from tests.texture.conftest import ellipsoid_head

SIZE = (141, 127)


@pytest.fixture(scope="module")
def model():
    return ellipsoid_head()


@pytest.fixture(scope="module")
def grid(model):
    return chart_grid(model, model.mean, 96)


def noise_view(yaw_deg: float = 20.0, size=SIZE, focal_px: float = 620.0) -> CalibratedView:
    chance = np.random.default_rng(int(yaw_deg) + 90)
    image = chance.uniform(0, 255, (*size, 3)).astype(np.float32)
    return CalibratedView("noise", image, camera(yaw_deg, size, focal_px))


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_a_point_stays_at_its_place_in_a_reduced_view(factor):
    point = np.array([[12.0, -31.0, 9.0]])
    view = noise_view()
    (x, y), y_x = project(point, *view.camera)[0], np.mgrid[: SIZE[0], : SIZE[1]]
    blob = np.exp(-0.5 * ((y_x[1] - x) ** 2 + (y_x[0] - y) ** 2) / 36).astype(np.float32)
    small = replace(view, image=blob, mask=blob).reduced(factor)
    assert small.size == (SIZE[0] // factor, SIZE[1] // factor)
    rows, cols = np.mgrid[: small.size[0], : small.size[1]]
    for picture in (small.image, small.mask):
        middle = [(plane * picture).sum() / picture.sum() for plane in (cols, rows)]
        np.testing.assert_allclose(project(point, *small.camera)[0], middle, atol=2e-3)
    assert small.px_mm(point) == pytest.approx(factor * view.px_mm(point))


def test_pixels_of_a_reduced_view_are_means_of_squares():
    view = noise_view()
    wanted = view.image[:140, :126].reshape(70, 2, 63, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(view.reduced(2).image, wanted, rtol=1e-5)


def test_the_size_of_a_pixel_is_depth_by_focal_length():
    view = noise_view(0.0)
    assert view.px_mm(np.array([[0.0, -20.0, -80.0]])) == pytest.approx(800 / 620)
    assert view.px_mm(np.array([[0.0, -20.0, 900.0]])) == np.inf


def test_views_are_reduced_to_about_a_texel_and_never_further(grid):
    sharp, blurred = noise_view(0, (1410, 1270), 6200.0), noise_view(0, SIZE, 60.0)
    small, same = views_at([sharp, blurred], grid)
    points = grid.position[grid.mask]
    assert 0.7 < small.px_mm(points) / grid.spacing_mm <= 1.35
    assert same is blurred


@pytest.mark.parametrize("channels", [1, 3])
def test_rays_look_up_what_projection_and_bilinear_sampling_do(grid, channels):
    views = [noise_view(-35.0), noise_view(20.0, (90, 100), 900.0)]
    if channels == 1:
        views = [replace(view, image=view.image[..., 0]) for view in views]
    distance = np.random.default_rng(2).uniform(-9, 9, grid.mask.shape).astype(np.float32)
    values, inside = cast_rays(views, grid).sample(torch.tensor(distance))
    points = grid.position + grid.normal * distance[..., None]
    for view, found, within in zip(views, values.numpy(), inside.numpy(), strict=True):
        place = project(points[grid.mask].astype(np.float64), *view.camera)
        wanted = sample_image(view.image.reshape(*view.size, channels), place)
        within, found = within[grid.mask], found[:, grid.mask].T
        assert within.sum() > 500
        np.testing.assert_allclose(found[within], wanted[within], atol=0.15)  # of 0..255
        limit = np.array(view.size[::-1]) - 1
        deep = ((place >= 1) & (place <= limit - 1)).all(axis=1)
        beyond = ((place < 0) | (place > limit)).any(axis=1)
        assert within[deep].all() and not within[beyond].any()


def test_points_behind_the_camera_are_not_inside(grid):
    middle = np.array([0.0, -20.0, -80.0])
    rotation = np.diag([1.0, -1.0, -1.0])
    pose = np.column_stack([rotation, -rotation @ middle])  # in the head's middle
    view = CalibratedView("in", np.full((300, 300), 9.0), Camera(pose, 60.0, np.full(2, 149.5)))
    values, inside = cast_rays([view], grid).sample(torch.zeros(grid.mask.shape))
    before = grid.position[..., 2] < middle[2] - 1
    assert not inside[0].numpy()[~before & grid.mask].any()
    assert inside[0].numpy()[before & grid.mask].mean() > 0.3
    assert not values[0, 0].numpy()[~before & grid.mask].any()


def test_what_a_mask_leaves_out_is_not_inside(grid):
    view = noise_view(0.0)
    mask = np.ones(SIZE, np.float32)
    mask[:, :60] = 0
    nowhere = torch.zeros(grid.mask.shape)
    free = cast_rays([view], grid).sample(nowhere)[1][0].numpy()
    held = cast_rays([replace(view, mask=mask)], grid).sample(nowhere)[1][0].numpy()
    x = np.zeros(grid.mask.shape)
    x[grid.mask] = project(grid.position[grid.mask], *view.camera)[:, 0]
    assert (held == (free & (x > 60 - 0.011)))[grid.mask & (abs(x - 60) > 0.05)].all()
    nothing = replace(view, mask=np.zeros(SIZE, np.float32))
    assert not cast_rays([nothing], grid).sample(nowhere)[1].any()


@pytest.mark.parametrize("yaw_deg", [0.0, 40.0])
def test_a_view_sees_what_no_ray_to_its_eye_meets(model, yaw_deg):
    vertices = model.mean.astype(np.float64)
    at_nose = (vertices[:, 0] / 9) ** 2 + ((vertices[:, 1] + 36) / 16) ** 2
    vertices[:, 2] += 22 * np.exp(-at_nose) * (vertices[:, 2] > -80)
    grid = chart_grid(model, vertices, 192)
    view = noise_view(yaw_deg, (420, 380), 1500.0)
    cosine = visibility([view], grid, np.zeros(grid.mask.shape, np.float32))[0]
    pose = view.camera.world_to_camera
    eye = -pose[:, :3].T @ pose[:, 3]
    points, normal = grid.position[grid.mask].astype(np.float64), grid.normal[grid.mask]
    towards = (eye - points) / np.linalg.norm(eye - points, axis=1, keepdims=True)
    facing = (towards * normal).sum(axis=1)
    tree = SurfaceTree(vertices, model.triangles)
    free = np.isinf(tree.along(points, towards, start_mm=0.5).distance_mm)
    x, y = project(points, *view.camera).T
    framed = (x >= -0.5) & (y >= -0.5) & (x <= 379.5) & (y <= 419.5)
    clear = (facing > 0.1) & framed
    found = cosine[grid.mask]
    assert (found[clear] > 0)[free[clear]].mean() > 0.99
    if yaw_deg:
        behind_nose = clear & ~free
        deep = tree.along(points, towards, start_mm=0.5).distance_mm > 4
        assert (behind_nose & deep).sum() > 40
        assert (found[behind_nose & deep] > 0).mean() < 0.12
    assert not found[~framed].any() and (found[facing < -0.1] > 0).mean() < 0.01
    assert np.quantile(np.abs(found - facing)[found > 0], 0.99) < 0.07


def test_what_else_stands_before_the_head_hides_it(grid):
    view, nowhere = noise_view(0.0), np.zeros(grid.mask.shape, np.float32)
    square = np.array([[-400, -400, 100], [400, -400, 100], [0, 800, 100]], np.float32)
    board = (square, np.array([[0, 1, 2]]))
    assert visibility([view], grid, nowhere).any()
    assert not visibility([view], grid, nowhere, board).any()


def test_a_coarser_mesh_hides_about_the_same(model):
    grid = chart_grid(model, model.mean, 192)
    views, nowhere = [noise_view(50.0)], np.zeros(grid.mask.shape, np.float32)
    fine = visibility(views, grid, nowhere, tolerance_mm=2) > 0
    coarse = visibility(views, grid, nowhere, tolerance_mm=2, stride=2) > 0
    assert (fine != coarse)[0][grid.mask].mean() < 0.02
