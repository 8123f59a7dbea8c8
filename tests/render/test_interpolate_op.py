"""`interpolate` of the four primitives, on every backend: values, derivatives and gradients."""

import numpy as np
import pytest
import torch

from lib.errors import ShapeError
from lib.render.differentiable import interpolate, rasterise
from tests.render.backends import DEVICES, ellipsoid, to_device, triangle_soup, view_clip

SOUP = torch.arange(60).reshape(-1, 3)


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


def soup(device="cpu", dtype=torch.float32, n=20, seed=0):
    return to_device(triangle_soup(np.random.default_rng(seed), n), device, dtype)


def test_positions_on_a_head_project_back_to_their_pixel_from_several_poses(device):
    vertices, triangles = ellipsoid(24, 32)
    size = (48, 64)
    clip = np.concatenate([view_clip(vertices, turn) for turn in (0.0, 35.0, 80.0)])
    raster = rasterise(to_device(clip, device), torch.as_tensor(triangles), size)
    seen, _ = interpolate(to_device(clip, device), raster, torch.as_tensor(triangles))
    x = (2 * torch.arange(64, device=device) + 1) / 64 - 1
    y = (2 * torch.arange(48, device=device) + 1) / 48 - 1
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).expand(3, -1, -1, -1)
    back = seen[..., :2] / seen[..., 3:]
    half_px = torch.tensor([1 / 64, 1 / 48], device=device)  # in clip units
    error = ((back - grid).abs() / (2 * half_px))[raster.mask]
    assert raster.mask.float().mean() > 0.3
    assert error.quantile(0.99) < 0.01  # px
    assert error.max() < 0.5  # weights are clamped to triangles, slivers at silhouettes move
    assert error.median() < 1e-4


def test_interpolation_is_perspective_correct(device):
    clip = np.array([[-1, -1, 0, 1], [9, -3, 0, 3.0], [-1, 3, 0, 1]])[None]
    attributes = to_device([[[1.0], [3.0], [1.0]]], device)  # equal to w, so 1 / w is linear
    raster = rasterise(to_device(clip, device), torch.tensor([[0, 1, 2]]), (8, 8))
    values = interpolate(attributes, raster, torch.tensor([[0, 1, 2]]))[0][0, ..., 0]
    x = (2 * torch.arange(8, device=device) + 1) / 8 - 1
    expected = 1 / (1 + (x + 1) / 4 * (1 / 3 - 1))
    torch.testing.assert_close(values[0], expected, rtol=1e-5, atol=1e-5)


def test_background_is_zero_and_constants_stay(device):
    raster = rasterise(soup(device), SOUP[:3], (24, 24), derivatives=True)
    values, by_pixel = interpolate(
        to_device(np.full((1, 60, 2), 7.0), device), raster, SOUP[:3], [0, 1]
    )
    assert 0 < raster.mask.float().mean() < 1
    expected = 7.0 * raster.mask[..., None].float().expand(-1, -1, -1, 2)
    torch.testing.assert_close(values, expected)
    assert by_pixel.shape == (1, 24, 24, 4) and by_pixel.abs().max() == 0


def test_texture_coordinates_may_have_triangles_of_their_own(device):
    rng = np.random.default_rng(1)
    raster = rasterise(soup(device), SOUP, (24, 24))
    uv = rng.uniform(size=(1, 90, 2))
    own = torch.as_tensor(rng.permutation(90)[:60].reshape(-1, 3))
    by_corner = uv[:, own.flatten().numpy()]
    values, _ = interpolate(to_device(uv, device), raster, own)
    expected, _ = interpolate(to_device(by_corner, device), raster, SOUP)
    torch.testing.assert_close(values, expected)


@pytest.mark.parametrize("shape", [(1, 60, 5), (60, 5)])
def test_shared_attributes_serve_all_images_and_collect_all_gradients(device, shape):
    clip = torch.cat([soup(device), soup(device, seed=1)])
    raster = rasterise(clip, SOUP, (16, 16))
    attributes = to_device(np.random.default_rng(0).normal(size=shape), device).requires_grad_()
    values, _ = interpolate(attributes, raster, SOUP)
    each = attributes.detach().reshape(1, 60, 5).repeat(2, 1, 1).requires_grad_()
    expected, _ = interpolate(each, raster, SOUP)
    torch.testing.assert_close(values, expected)
    values.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(attributes.grad.reshape(60, 5), each.grad.sum(0))


def test_derivatives_tell_the_attribute_of_the_next_pixel(device):
    clip = np.array([[-8, -7, 0.0, 1.5], [9, -6, 0.5, 1.1], [-1, 9, 0.25, 2.0]])[None]
    triangle = torch.tensor([[0, 1, 2]])
    raster = rasterise(to_device(clip, device), triangle, (64, 64), derivatives=True)
    attributes = to_device(np.random.default_rng(0).normal(size=(1, 3, 4)), device)
    values, by_pixel = interpolate(attributes, raster, triangle, [3, 1])
    chosen = values[0][..., [3, 1]]
    along_x = (chosen[:, 2:] - chosen[:, :-2]) / 2
    along_y = (chosen[2:] - chosen[:-2]) / 2
    torch.testing.assert_close(along_x[1:-1], by_pixel[0, 1:-1, 1:-1, 0::2], atol=1e-5, rtol=5e-3)
    torch.testing.assert_close(
        along_y[:, 1:-1], by_pixel[0, 1:-1, 1:-1, 1::2], atol=1e-5, rtol=5e-3
    )


def test_gradients_equal_finite_differences_in_float64():
    triangles = SOUP[:10]
    clip = soup(dtype=torch.float64, n=10).requires_grad_()
    attributes = torch.randn(1, 30, 3, dtype=torch.float64, requires_grad=True)

    def picture(clip, attributes):
        raster = rasterise(clip, triangles, (8, 9), derivatives=True)
        u, v = raster.barycentric.detach().unbind(-1)
        inner = ((u > 1e-3) & (v > 1e-3) & (u + v < 0.999))[..., None]
        values, by_pixel = interpolate(attributes, raster, triangles, [0, 2])
        return values * inner, by_pixel * inner

    inputs = (clip, attributes)
    assert torch.autograd.gradcheck(picture, inputs, eps=1e-7, atol=1e-5, rtol=1e-5)


def test_only_what_needs_a_gradient_gets_one():
    raster = rasterise(soup().requires_grad_(), SOUP, (16, 16))
    values, _ = interpolate(torch.rand(1, 60, 3), raster, SOUP)
    assert values.requires_grad
    still = rasterise(soup(), SOUP, (16, 16))
    attributes = torch.rand(1, 60, 3, requires_grad=True)
    interpolate(attributes, still, SOUP)[0].sum().backward()
    assert attributes.grad.sum() == pytest.approx(3 * float(still.mask.sum()), rel=1e-5)
    assert not interpolate(attributes.detach(), still, SOUP)[0].requires_grad


def test_arguments_that_are_not_contiguous_give_the_same(device):
    clip = soup(device)
    attributes = to_device(np.arange(240.0).reshape(1, 4, 60), device).transpose(1, 2)
    wide = torch.stack([clip, clip], -1)[..., 0]
    assert not wide.is_contiguous() and not attributes.is_contiguous()
    one = interpolate(attributes, rasterise(wide, SOUP, (16, 16)), SOUP)[0]
    other = interpolate(attributes.contiguous(), rasterise(clip, SOUP, (16, 16)), SOUP)[0]
    assert torch.equal(one, other)


@pytest.mark.parametrize("size", [(32, 32), (500, 600)])
def test_equal_bytes_for_any_number_of_threads(size):
    vertices, triangles = ellipsoid(30, 40)
    triangles = torch.as_tensor(triangles)
    clip = to_device(np.concatenate([view_clip(vertices, a) for a in (0, 50)]), "cpu")
    raster = rasterise(clip, triangles, size, derivatives=True)
    before, results = torch.get_num_threads(), []
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            attributes = to_device(vertices[None], "cpu").requires_grad_()
            values, by_pixel = interpolate(attributes, raster, triangles, [0, 1, 2])
            (values.square().sum() + by_pixel.square().sum()).backward()
            parts = values, by_pixel, attributes.grad
            results.append([part.detach().numpy().tobytes() for part in parts])
    finally:
        torch.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_wrong_arguments_are_refused_by_name():
    raster = rasterise(soup(), SOUP, (8, 8))
    with pytest.raises(ShapeError, match=r"attributes has shape \(3, 60, 1\), expected \(1\|1"):
        interpolate(torch.zeros(3, 60, 1), raster, SOUP)
    with pytest.raises(IndexError, match="expected indices into 59 vertices"):
        interpolate(torch.zeros(1, 59, 1), raster, SOUP)
    with pytest.raises(ValueError, match=r"has no derivatives.*derivatives=True"):
        interpolate(torch.zeros(1, 60, 1), raster, SOUP, [0])
    with pytest.raises(TypeError, match=r"attributes is torch\.float64 on cpu, raster is"):
        interpolate(torch.zeros(1, 60, 1, dtype=torch.float64), raster, SOUP)
    raster = rasterise(soup(), SOUP, (8, 8), derivatives=True)
    with pytest.raises(IndexError, match=r"differentiate is \[1\], expected indices into 1"):
        interpolate(torch.zeros(1, 60, 1), raster, SOUP, [1])
