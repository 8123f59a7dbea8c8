"""Cameras, light, normal maps and soft utilities on tensors."""

import numpy as np
import pytest
import torch

from lib import render
from lib.errors import ShapeError
from lib.geometry import project
from lib.render.differentiable import interpolate, rasterise
from lib.render.differentiable.cameras import (
    camera_clip,
    chart_clip,
    raster_depth,
    texture_coordinates,
)
from lib.render.differentiable.lights import (
    DirectionalLight,
    PointLight,
    apply_normal_map,
    ggx,
    illuminate,
    irradiance,
    sh_basis,
    unit,
    uv_tangents,
)
from lib.render.differentiable.texture import texture
from lib.render.differentiable.views import (
    bake,
    gaussian_blur,
    soft_mask,
    soft_visibility,
    visible_vertices,
)
from tests.render.backends import ellipsoid

SIZE = (96, 128)


def posed(turn_deg=20.0, distance_mm=700.0):
    """A camera (pose, focal length, centre) before a head at the origin, as tensors (1, ...)."""
    turn = np.radians(turn_deg)
    yaw = [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    pose = np.column_stack([np.diag([1.0, -1, -1]) @ yaw, [10.0, -5, distance_mm]])
    return torch.tensor(pose)[None], torch.tensor([250.0]).double(), torch.tensor([[63.0, 44.0]])


def head():
    vertices, triangles = ellipsoid(24, 32)
    return torch.tensor(vertices * 100), torch.tensor(triangles)


def test_clip_positions_are_those_of_the_pinhole_camera():
    vertices, _ = head()
    pose, focal, centre = posed()
    clip = camera_clip(vertices[None], pose, focal, centre.double(), SIZE)[0].numpy()
    pixels = (clip[:, :2] / clip[:, 3:] + 1) * np.array(SIZE[::-1]) / 2 - 0.5
    expected = project(vertices.numpy(), pose[0].numpy(), focal[0].numpy(), centre[0].numpy())
    np.testing.assert_allclose(pixels, expected, atol=1e-9)


def test_pictures_and_depth_equal_those_of_the_numpy_renderer():
    vertices, triangles = head()
    pose, focal, centre = posed()
    clip = camera_clip(vertices[None], pose, focal, centre.double(), SIZE)
    raster = rasterise(clip, triangles, SIZE)
    buffers = render.render_buffers(
        vertices.numpy(),
        triangles.numpy(),
        pose[0].numpy(),
        250.0,
        centre[0].numpy(),
        SIZE,
        cull_back_faces=False,
    )
    same = raster.triangle_id[0].numpy() == buffers.triangle_id
    assert same.mean() > 0.99  # 1/16 against 1/256 px
    depth = raster_depth(raster)[0].numpy()
    both = same & buffers.mask
    np.testing.assert_allclose(depth[both], buffers.depth_mm[both], rtol=1e-4)
    assert np.isinf(depth[~raster.mask[0].numpy()]).all()


def test_a_near_plane_beyond_far_is_refused():
    pose, focal, centre = posed()
    with pytest.raises(ValueError, match=r"near is 9 mm and far 3 mm, expected 0 < near < far"):
        camera_clip(head()[0][None], pose, focal, centre.double(), SIZE, near_mm=9, far_mm=3)
    with pytest.raises(ShapeError, match=r"focal_px has shape \(2,\), expected \(1,\)"):
        camera_clip(head()[0][None], pose, focal.repeat(2), centre.double(), SIZE)


def test_harmonics_equal_those_of_numpy_and_serve_one_or_many_lights():
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(2, 5, 7, 3))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    light = rng.normal(size=(2, 9, 3))
    on_tensors = irradiance(torch.tensor(normals), torch.tensor(light)).numpy()
    for b in range(2):
        expected = render.irradiance(normals[b], light[b])
        np.testing.assert_allclose(on_tensors[b], expected, atol=1e-6)
        alone = irradiance(torch.tensor(normals), torch.tensor(light[b])).numpy()[b]
        np.testing.assert_allclose(alone, expected, atol=1e-6)
    np.testing.assert_allclose(sh_basis(torch.tensor(normals)), render.sh_basis(normals))
    with pytest.raises(ShapeError, match=r"light has shape \(9,\), expected \(9, 3\)"):
        irradiance(torch.tensor(normals), torch.zeros(9))


def test_lamps_shine_with_their_colour_and_fall_with_distance():
    up = torch.tensor([[0.0, 0, 1]])
    colour = torch.tensor([1.0, 0.5, 0.25])
    white, eye = torch.ones(1, 3), torch.tensor([0.0, 0, 900])
    sun = DirectionalLight(torch.tensor([0.0, 0, 5]), colour)
    lamp = PointLight(torch.tensor([0.0, 0, 2000]), colour, reference_mm=1000.0)
    origin = torch.zeros(1, 3)
    torch.testing.assert_close(illuminate(white, up, origin, eye, [sun])[0], colour)
    torch.testing.assert_close(illuminate(white, up, origin, eye, [lamp])[0], colour / 4)
    torch.testing.assert_close(illuminate(white, up, origin, eye, [sun, lamp])[0], colour * 1.25)
    below = DirectionalLight(torch.tensor([0.0, 0.3, -1]), colour)
    assert illuminate(white, up, origin, eye, [below], reflectance=0.5).abs().max() == 0


@pytest.mark.parametrize("roughness", [0.15, 0.4, 0.8])
@pytest.mark.parametrize("angle_deg", [0.0, 40.0, 75.0])
def test_highlights_reflect_no_more_than_arrives(roughness, angle_deg):
    n = 400_000
    index = torch.arange(n, dtype=torch.float64) + 0.5
    z, around = index / n, torch.pi * (1 + 5**0.5) * index
    reach = (1 - z * z).sqrt()
    lights = torch.stack([reach * around.cos(), reach * around.sin(), z], dim=-1)
    angle = np.radians(angle_deg)
    eye = torch.tensor([[np.sin(angle), 0, np.cos(angle)]])
    normal = torch.tensor([[0.0, 0, 1]]).double()
    shown = ggx(normal, lights, eye, roughness, 1.0)
    total = float(shown.mean()) * 2  # over pi, on the half sphere
    assert total < 1.001
    assert total > 0.45  # what single scattering loses on rough surfaces
    if roughness < 0.2 and angle_deg < 60:
        assert total == pytest.approx(1, abs=0.02)


def test_highlights_are_reciprocal_and_brightest_in_the_mirror_direction():
    rng = torch.Generator().manual_seed(0)
    normal = torch.tensor([0.0, 0, 1]).double()
    one, other = (
        unit(torch.rand(50, 3, generator=rng).double() + torch.tensor([-0.5, -0.5, 0.2]))
        for _ in range(2)
    )
    forth = ggx(normal, one, other, 0.4, 0.04) / one[:, 2:]
    back = ggx(normal, other, one, 0.4, 0.04) / other[:, 2:]
    torch.testing.assert_close(forth, back, rtol=1e-6, atol=1e-9)
    tilt = torch.linspace(-1.2, 1.2, 241).double()
    ring = torch.stack([tilt.sin(), 0 * tilt, tilt.cos()], -1)
    eye = unit(torch.tensor([-0.5, 0, 1.0]).double())
    best = ring[ggx(normal, ring, eye, 0.2, 0.04).argmax()]
    torch.testing.assert_close(best, torch.tensor([-eye[0], 0, eye[2]]), atol=0.02, rtol=0)


def test_light_has_exact_gradients():
    def colour(albedo, normals, position, roughness):
        lamps = [
            DirectionalLight(torch.tensor([0.3, 0.2, 1.0]).double(), torch.ones(3).double()),
            PointLight(position, torch.ones(3).double(), reference_mm=3.0),
        ]
        ambient = torch.linspace(-1, 1, 27).double().reshape(9, 3)
        points, eye = torch.zeros(4, 3).double(), torch.tensor([0.5, 0.1, 5.0]).double()
        return illuminate(
            albedo, unit(normals), points, eye, lamps, ambient, roughness, reflectance=0.04
        )

    rng = torch.Generator().manual_seed(1)
    albedo = torch.rand(4, 3, generator=rng).double().requires_grad_()
    normals = torch.rand(4, 3, generator=rng).double() * 0.3 + torch.tensor([0.0, 0, 1])
    position = torch.tensor([0.5, 0.5, 4.0]).double().requires_grad_()
    roughness = torch.full((4, 1), 0.4).double().requires_grad_()
    inputs = (albedo, normals.requires_grad_(), position, roughness)
    assert torch.autograd.gradcheck(colour, inputs)


def test_tangents_follow_the_chart_and_a_flat_normal_map_changes_nothing():
    # A tilted plane with u along its first side and v up its second.
    side, up = torch.tensor([0.8, 0.0, 0.6]).double(), torch.tensor([0.0, 1.0, 0.0]).double()
    corners = torch.stack([-side - up, side - up, side + up, -side + up]) * 100
    uv = torch.tensor([[0.0, 0], [1, 0], [1, 1], [0, 1]]).double()
    triangles = torch.tensor([[0, 1, 2], [0, 2, 3]])
    pose, focal, centre = posed(0.0)
    clip = camera_clip(corners[None], pose, focal, centre.double(), SIZE)
    raster = rasterise(clip, triangles, SIZE, derivatives=True)
    both = torch.cat([corners, uv], dim=1)[None]
    _, by_pixel = interpolate(both, raster, triangles, range(5))
    normal = torch.linalg.cross(side, up)
    frames = uv_tangents(by_pixel[..., :6], by_pixel[..., 6:], normal.expand(1, *SIZE, 3))
    frames = frames[raster.mask]
    torch.testing.assert_close(frames[..., 0], side.expand_as(frames[..., 0]), atol=1e-6, rtol=0)
    torch.testing.assert_close(frames[..., 1], up.expand_as(frames[..., 1]), atol=1e-6, rtol=0)
    flat = torch.tensor([0.0, 0, 1]).double()
    torch.testing.assert_close(apply_normal_map(frames, flat), normal.expand(len(frames), 3))
    tilted = apply_normal_map(frames, torch.tensor([0.6, 0, 0.8]).double())
    expected = (0.6 * side + 0.8 * normal).expand(len(frames), 3)
    torch.testing.assert_close(tilted, expected, atol=1e-6, rtol=0)


def test_a_mesh_drawn_into_its_chart_can_be_looked_up_again():
    rng = np.random.default_rng(0)
    uv = torch.tensor([[0.1, 0.2], [0.9, 0.1], [0.85, 0.9], [0.15, 0.8]])
    uv_triangles = torch.tensor([[0, 1, 2], [0, 2, 3]])
    attributes = torch.tensor(rng.normal(size=(2, 5, 3)), dtype=torch.float32).requires_grad_()
    triangles = torch.tensor([[4, 1, 2], [4, 2, 3]])
    chart, mask = bake(attributes, triangles, uv, uv_triangles, (64, 48))
    assert chart.shape == (2, 64, 48, 3) and not mask[:3].any() and mask[20:40, 20:30].all()
    weights = torch.tensor([[0.2, 0.3, 0.5], [0.4, 0.3, 0.3]])
    points = torch.einsum("tk,tkc->tc", weights, uv[uv_triangles])
    expected = torch.einsum("tk,btkc->btc", weights, attributes[:, triangles])
    grid = texture_coordinates(points)[None, None].expand(2, -1, -1, -1)
    looked_up = texture(chart, grid)[:, 0]
    torch.testing.assert_close(looked_up, expected, atol=1e-3, rtol=1e-3)
    buffers = render.uv_buffers(uv.numpy(), uv_triangles.numpy(), (64, 48))
    assert (buffers.mask == mask.numpy()).mean() > 0.99
    chart.sum().backward()
    assert attributes.grad[:, 0].abs().max() == 0  # no triangle uses it
    assert (attributes.grad[:, 1:].abs().sum(-1) > 0).all()
    assert chart_clip(uv)[0].tolist() == pytest.approx([-0.8, 0.6, 0, 1])


def test_the_soft_mask_is_the_covered_area_and_grows_with_the_mesh():
    vertices, triangles = head()
    pose, focal, centre = posed()
    scale = torch.tensor(1.0).double().requires_grad_()
    clip = camera_clip(vertices[None] * scale, pose, focal, centre.double(), SIZE)
    raster = rasterise(clip, triangles, SIZE)
    mask = soft_mask(raster, clip, triangles)
    assert mask.shape == (1, *SIZE) and mask.min() >= 0 and mask.max() <= 1
    fine = tuple(8 * side for side in SIZE)
    centre_fine = 8 * (centre.double() + 0.5) - 0.5
    exact = camera_clip(vertices[None], pose, 8 * focal, centre_fine, fine)
    area = rasterise(exact, triangles, fine).mask.double().sum() / 64
    assert float(mask.detach().sum()) == pytest.approx(float(area), rel=3e-3)
    (slope,) = torch.autograd.grad(mask.sum(), scale)
    assert float(slope) == pytest.approx(2 * float(area), rel=0.08)  # and perspective


def test_visibility_is_soft_around_the_depth_of_the_surface():
    vertices, triangles = head()
    pose, focal, centre = posed(0.0)
    clip = camera_clip(vertices[None], pose, focal, centre.double(), SIZE)
    raster = rasterise(clip, triangles, SIZE)
    seen = soft_visibility(clip, raster_depth(raster), softness_mm=2.0, tolerance_mm=15.0)[0]
    toward = vertices[:, 2]
    assert seen[toward > 30].min() > 0.9 and seen[toward < -30].max() < 0.01
    assert not soft_visibility(
        clip * torch.tensor([1, 1, 1, -1]), raster_depth(raster), softness_mm=2.0
    ).any()
    shown = visible_vertices(raster, triangles, len(vertices))[0]
    assert shown[toward > 40].all() and not shown[toward < -20].any()


def test_blur_keeps_the_mean_and_spreads_a_point():
    image = torch.zeros(1, 41, 41, 2).double()
    image[0, 20, 20, 1] = 1
    blurred = gaussian_blur(image, 2.0)[0]
    assert blurred[..., 0].abs().max() == 0
    assert float(blurred[..., 1].sum()) == pytest.approx(1)
    offsets = torch.arange(41).double() - 20
    spread = (blurred[..., 1].sum(0) * offsets**2).sum().sqrt()
    assert float(spread) == pytest.approx(2, rel=0.02)
    assert torch.equal(gaussian_blur(image, 0), image)
    torch.testing.assert_close(gaussian_blur(torch.ones_like(image), 3.0), torch.ones_like(image))
