"""`texture` of the four primitives: values, mip levels, borders and refusals."""

import itertools

import numpy as np
import pytest
import torch

from lib.errors import ShapeError
from lib.render.differentiable.mipmap import build_mipmaps
from lib.render.differentiable.texture import texture
from tests.render.backends import DEVICES
from tests.render.texture_oracle import mip_levels, sample_densely

FILTERS = ["nearest", "linear", "linear-mipmap-nearest", "linear-mipmap-linear"]
BOUNDARIES = ["wrap", "clamp", "zero"]
TYPE = {"cpu": torch.float64, "cuda": torch.float32}
ERROR = {"cpu": 1e-12, "cuda": 1e-4}  # a GPU knows 8 or more bits of a texel's fraction


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


def sample(device, image, uv, derivatives=None, bias=None, **options):
    """`texture` on a backend in its finest type, back as float64 on the CPU."""
    tensors = [
        None if tensor is None else tensor.to(device, TYPE[device])
        for tensor in (image, uv, derivatives, bias)
    ]
    return texture(*tensors, **options).double().cpu()


def scene(size=(8, 16), pixels=(2, 9, 7), channels=3, textures=1, seed=0):
    """Image, uv from -1 to 2, uv derivatives of 0.3 to 10 texels, and a bias, in float64."""
    rng = torch.Generator().manual_seed(seed)
    image = torch.rand(textures, *size, channels, generator=rng, dtype=torch.float64)
    uv = 3 * torch.rand(*pixels, 2, generator=rng, dtype=torch.float64) - 1
    spread = 0.3 * 30 ** torch.rand(*pixels, 1, generator=rng, dtype=torch.float64)
    derivatives = torch.randn(*pixels, 4, generator=rng, dtype=torch.float64)
    derivatives *= spread / torch.tensor([size[1], size[1], size[0], size[0]])
    bias = torch.randn(*pixels, generator=rng, dtype=torch.float64)
    return image, uv, derivatives, bias


def at_points(*points):
    """(1, 1, P, 2) uv."""
    return torch.tensor(points, dtype=torch.float64)[None, None]


def ramp(height, width):
    """(1, h, w, 1) image whose texel (x, y) is 10 y + x."""
    values = 10.0 * torch.arange(height)[:, None] + torch.arange(width)
    return values.double()[None, :, :, None]


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("filter", FILTERS)
def test_values_are_those_of_dense_weights(device, filter, boundary):
    for size in ((8, 16), (16, 4), (1, 1), (1, 8)):
        inputs = scene(size)
        options = {"filter": filter, "boundary": boundary}
        expected = sample_densely(*inputs, **options)
        found = sample(device, *inputs, **options)
        torch.testing.assert_close(found, expected, rtol=0, atol=ERROR[device])


@pytest.mark.parametrize("given", [(True, False), (False, True), (True, True)])
def test_derivatives_bias_or_both_choose_the_level(device, given):
    image, uv, *choice = scene()
    choice = [tensor if wanted else None for tensor, wanted in zip(choice, given)]
    for max_level in (None, 0, 2, 9):
        expected = sample_densely(
            image, uv, *choice, filter="linear-mipmap-linear", max_level=max_level
        )
        found = sample(device, image, uv, *choice, max_level=max_level)
        torch.testing.assert_close(found, expected, rtol=0, atol=ERROR[device])


@pytest.mark.parametrize("channels", [1, 4, 12])
def test_any_number_of_channels_is_sampled_alike(device, channels):
    inputs = scene(channels=channels)
    whole = sample(device, *inputs)
    for k in range(channels):
        alone = sample(device, inputs[0][..., k : k + 1], *inputs[1:])
        torch.testing.assert_close(whole[..., k : k + 1], alone, rtol=0, atol=ERROR[device])


def test_texel_centres_are_at_half_integers_and_row_0_at_v_0(device):
    image = ramp(2, 4)
    centres = at_points(*[((x + 0.5) / 4, (y + 0.5) / 2) for y in range(2) for x in range(4)])
    for filter in ("nearest", "linear"):
        found = sample(device, image, centres, filter=filter)
        assert found.flatten().tolist() == [0, 1, 2, 3, 10, 11, 12, 13]
    between = sample(device, image, at_points((0.25, 0.25), (0.5, 0.5)))
    assert between.flatten().tolist() == [0.5, 6.5]


def test_the_three_boundaries_by_hand(device):
    image, outside = 1 + ramp(1, 4), at_points((0.0, 0.5), (-0.125, 0.5), (1.25, 0.5), (3.375, 0.5))
    expected = {
        "wrap": [2.5, 4.0, 1.5, 2.0],
        "clamp": [1.0, 1.0, 4.0, 4.0],
        "zero": [0.5, 0.0, 0.0, 0.0],
    }
    for boundary, values in expected.items():
        assert sample(device, image, outside, boundary=boundary).flatten().tolist() == values


@pytest.mark.parametrize("filter", FILTERS)
def test_wrapped_textures_repeat(device, filter):
    image, _, derivatives, bias = scene()
    uv = torch.randint(0, 1024, (2, 9, 7, 2)).double() / 1024 + 1 / 4096  # exact when moved
    moved = uv + torch.tensor([3.0, -2.0])
    here, there = (
        sample(device, image, at, derivatives, bias, filter=filter) for at in (uv, moved)
    )
    assert torch.equal(here, there)


@pytest.mark.parametrize("filter", FILTERS)
def test_a_constant_texture_is_constant_under_every_filter(device, filter):
    _, uv, derivatives, bias = scene()
    image = torch.full((1, 8, 16, 3), 0.7, dtype=torch.float64)
    for boundary in ("wrap", "clamp"):
        found = sample(device, image, uv, derivatives, bias, filter=filter, boundary=boundary)
        torch.testing.assert_close(found, torch.full_like(found, 0.7), rtol=0, atol=1e-6)


def test_a_far_checkerboard_is_grey(device):
    board = torch.from_numpy(np.indices((64, 64)).sum(0) % 2).double()[None, :, :, None]
    _, uv, derivatives, _ = scene((64, 64))
    far = derivatives / derivatives.norm(dim=-1, keepdim=True)  # about the whole board per pixel
    grey = sample(device, board, uv, far)
    torch.testing.assert_close(grey, torch.full_like(grey, 0.5), rtol=0, atol=ERROR[device])
    assert sample(device, board, uv, 1e-3 * far).std() > 0.1


def test_the_footprints_longer_side_is_the_level(device):
    steps = torch.tensor([[4.0, 0, 0, 1], [1, 0, 0, 4], [0, -4, 1, 0]]) / torch.tensor(
        [32, 32, 8, 8]
    )
    turn = 0.3  # a footprint of 4 x 1 texels, turned
    turned = torch.tensor([4 * np.cos(turn), -np.sin(turn), 4 * np.sin(turn), np.cos(turn)])
    steps = torch.cat([steps, turned[None] / torch.tensor([32, 32, 8, 8])]).double()[None, None]
    image, uv = scene((8, 32))[0], at_points(*4 * [(0.3, 0.6)])
    two = torch.full((1, 1, 4), 2.0, dtype=torch.float64)
    by_steps, by_level = sample(device, image, uv, steps), sample(device, image, uv, None, two)
    torch.testing.assert_close(by_steps, by_level, rtol=0, atol=max(1e-6, ERROR[device]))


def test_pixels_nearer_than_a_texel_see_the_image_itself(device):
    image, uv, derivatives, _ = scene()
    for step in (0.0, 1e-3):
        assert torch.equal(sample(device, image, uv, step * derivatives), sample(device, image, uv))


def test_mip_maps_made_once_sample_the_same():
    for textures in (1, 2):
        image, uv, derivatives, bias = scene(textures=textures)
        stack = build_mipmaps(image)
        for max_level in (None, 2):
            fresh = texture(image, uv, derivatives, bias, max_level=max_level)
            kept = texture(image, uv, derivatives, bias, max_level=max_level, mip=stack)
            assert torch.equal(fresh, kept)
    assert stack.max_level == 4 and stack.sizes[-1] == (1, 1)
    for k, level in enumerate(mip_levels(image)[1:], 1):
        torch.testing.assert_close(stack.level(k), level, rtol=0, atol=1e-15)


def test_each_image_of_a_batch_has_its_own_texture(device):
    image, uv, derivatives, bias = scene(textures=2)
    both = sample(device, image, uv, derivatives, bias)
    for b in range(2):
        alone = [tensor[b : b + 1] for tensor in (image, uv, derivatives, bias)]
        assert torch.equal(both[b : b + 1], sample(device, *alone))


def test_strided_inputs_are_sampled_as_copies_are():
    image, uv, derivatives, bias = scene(textures=2)
    strided = image.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)
    flipped = [tensor.flip(2).contiguous().flip(2) for tensor in (uv, derivatives, bias)]
    doubled = torch.stack([uv, uv], -1)[..., 0]
    expected = texture(image, uv, derivatives, bias)
    assert torch.equal(texture(strided, doubled, *flipped[1:]), expected)
    assert torch.equal(texture(image[:1].expand(2, -1, -1, -1), uv), texture(image[:1], uv))


@pytest.mark.parametrize("pixels", [(0, 5, 4), (2, 0, 4), (1, 5, 0)])
def test_empty_batches_and_images_give_empty_values(pixels):
    inputs = scene(pixels=pixels)
    for filter in FILTERS:
        assert texture(*inputs, filter=filter).shape == (*pixels, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("filter", FILTERS)
def test_coordinates_that_are_no_numbers_or_far_away_do_no_harm(filter, boundary, dtype):
    image, nan = scene()[0].to(dtype), float("nan")
    broken = at_points((nan, 0.5), (0.5, nan), (nan, nan)).to(dtype)
    far = at_points((1e9, 0.5), (-1e9, 1e30), (-1e-30, 1e300), (float("inf"), 0.5)).to(dtype)
    for uv in (broken, far):
        derivatives = torch.full((*uv.shape[:3], 4), 0.1, dtype=dtype)
        uv.requires_grad_()
        values = texture(image, uv, derivatives, filter=filter, boundary=boundary)
        values.sum().backward()
        assert torch.isfinite(values).all() and torch.isfinite(uv.grad).all()
        if uv is broken:
            assert not values.any() and not uv.grad.any()


def test_levels_that_are_no_numbers_give_zero():
    image, uv, derivatives, bias = scene()
    derivatives[0, 0, 0, 1] = bias[1, 2, 3] = float("nan")
    for filter in ("linear-mipmap-linear", "linear-mipmap-nearest"):
        values = texture(image, uv, derivatives, bias, filter=filter)
        assert not values[0, 0, 0].any() and not values[1, 2, 3].any()
        assert torch.isfinite(values).all()


def test_single_precision_agrees_with_double():
    inputs = scene((64, 32))
    for filter, boundary in itertools.product(FILTERS[1:], BOUNDARIES):
        options = {"filter": filter, "boundary": boundary}
        single = texture(*(tensor.float() for tensor in inputs), **options)
        assert single.dtype == torch.float32
        torch.testing.assert_close(single.double(), texture(*inputs, **options), rtol=0, atol=3e-5)


def test_shapes_that_do_not_fit_are_refused_by_name():
    image, uv, derivatives, bias = scene()
    with pytest.raises(ShapeError, match=r"uv has shape \(2, 9, 7, 3\)"):
        texture(image, torch.zeros(2, 9, 7, 3).double())
    with pytest.raises(ShapeError, match=r"image has shape \(3, 8, 16, 3\), expected \(2\|1"):
        texture(image.expand(3, -1, -1, -1), uv)
    with pytest.raises(ShapeError, match="image has shape"):
        texture(image[0], uv)
    with pytest.raises(ShapeError, match="uv_derivatives has shape"):
        texture(image, uv, derivatives[:, :4])
    with pytest.raises(ShapeError, match="level_bias has shape"):
        texture(image, uv, derivatives, bias[..., None])
    with pytest.raises(ShapeError, match="mip is of"):
        texture(image, uv, derivatives, mip=build_mipmaps(image[:, :4]))


def test_types_filters_and_boundaries_that_do_not_exist_are_refused_by_name():
    image, uv, derivatives, _ = scene()
    with pytest.raises(TypeError, match=r"uv is torch.float64 .* image is torch.float32"):
        texture(image.float(), uv)
    with pytest.raises(TypeError, match=r"image is torch.float16, expected float32 or float64"):
        texture(image.half(), uv.half())
    with pytest.raises(ValueError, match="filter is 'cubic', expected one of auto, nearest"):
        texture(image, uv, filter="cubic")
    with pytest.raises(ValueError, match="boundary is 'cube', expected one of wrap, clamp, zero"):
        texture(image, uv, boundary="cube")
    with pytest.raises(ValueError, match="without uv_derivatives or level_bias"):
        texture(image, uv, filter="linear-mipmap-linear")
    for mip in (None, build_mipmaps(image)):
        with pytest.raises(ValueError, match="max_level is -1"):
            texture(image, uv, derivatives, max_level=-1, mip=mip)


def test_sides_that_cannot_be_halved_are_refused_until_max_level_allows_them(device):
    image, uv, derivatives, _ = scene((8, 12))
    for max_level in (None, 3, 7):
        with pytest.raises(ShapeError, match=r"level 2 is 2 x 3, an odd side. Set max_level <= 2"):
            texture(image, uv, derivatives, max_level=max_level)
    expected = sample_densely(image, uv, derivatives, filter="linear-mipmap-linear", max_level=2)
    found = sample(device, image, uv, derivatives, max_level=2)
    torch.testing.assert_close(found, expected, rtol=0, atol=ERROR[device])
