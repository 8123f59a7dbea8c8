"""Gradients of `texture`: against differences, against autograd of dense weights, and bit-equal."""

from functools import partial

import pytest
import torch

from lib.render.differentiable.mipmap import build_mipmaps
from lib.render.differentiable.texture import texture
from tests.render.backends import DEVICES
from tests.render.test_texture_op import BOUNDARIES, ERROR, FILTERS, sample, scene
from tests.render.texture_oracle import footprint_level, sample_densely

SIZE = (4, 8)
KINK = 1e-3  # texels or levels; differences may not step over the edge of a tent


def smooth_scene(textures=1, pixels=12):
    """A scene whose pixels are away from lines of texel centres and of whole levels."""
    image, uv, derivatives, bias = (
        tensor[:1] for tensor in scene(SIZE, (1, 1, 40 * pixels), seed=1)
    )
    image = scene(SIZE, textures=textures)[0]
    level = footprint_level(image, derivatives, bias)
    far = ((level - level.round()).abs() > KINK) & (level > -2) & (level < 4)
    for k in range(4):
        centres = uv * torch.tensor([max(SIZE[1] >> k, 1), max(SIZE[0] >> k, 1)]) - 0.5
        far &= ((centres - centres.round()).abs() > KINK).all(-1)
    pick = far[0, 0].nonzero()[: 2 * pixels, 0]
    assert len(pick) == 2 * pixels
    chosen = [tensor[0, 0, pick].unflatten(0, (2, 3, -1)) for tensor in (uv, derivatives, bias)]
    return [tensor.clone().requires_grad_() for tensor in (image, *chosen)]


def gradients(function, inputs, weight, **options):
    """Gradients of the weighted sum of values, 0 where none flows."""
    found = torch.autograd.grad(
        (function(*inputs, **options) * weight).sum(), inputs, allow_unused=True
    )
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, inputs)]


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("filter", FILTERS)
def test_gradients_are_those_of_differences(filter, boundary):
    def sample(*inputs):
        return texture(*inputs, filter=filter, boundary=boundary)

    for textures in (1, 2):
        assert torch.autograd.gradcheck(sample, smooth_scene(textures), eps=1e-7, atol=1e-6)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("device", DEVICES)
def test_gradients_are_those_of_dense_weights(filter, boundary, device):
    for textures, channels, size in ((1, 3, (8, 16)), (2, 5, (16, 4)), (1, 1, (1, 1))):
        inputs = scene(size, channels=channels, textures=textures)
        inputs = [tensor.requires_grad_() for tensor in inputs]
        weight = torch.randn(2, 9, 7, channels, dtype=torch.float64)
        options = {"filter": filter, "boundary": boundary}
        expected = gradients(sample_densely, inputs, weight, **options)
        found = gradients(partial(sample, device), inputs, weight, **options)
        error = 100 * ERROR[device]
        for mine, wanted in zip(found, expected):
            torch.testing.assert_close(mine, wanted, rtol=error, atol=error)


def test_a_shared_texture_sums_the_gradients_of_its_images():
    image, uv, derivatives, bias = scene()
    weight = torch.randn(2, 9, 7, 3, dtype=torch.float64)
    image.requires_grad_()
    (shared,) = gradients(lambda i: texture(i, uv, derivatives, bias), [image], weight)
    single = [
        gradients(
            lambda i, b=b: texture(i, uv[b, None], derivatives[b, None], bias[b, None]),
            [image],
            weight[b, None],
        )[0]
        for b in range(2)
    ]
    torch.testing.assert_close(shared, sum(single), rtol=0, atol=1e-12)


def test_all_that_pixels_receive_reaches_the_texels():
    inputs = scene()
    image = inputs[0].requires_grad_()
    for filter in FILTERS:
        texture(*inputs, filter=filter)[..., 0].sum().backward()
        assert float(image.grad[..., 0].sum()) == pytest.approx(2 * 9 * 7, abs=1e-9)
        assert not image.grad[..., 1:].any()
        image.grad = None


def test_mip_maps_made_once_pass_the_same_gradient_to_their_image():
    image, uv, derivatives, bias = scene()
    image.requires_grad_()
    weight = torch.randn(2, 9, 7, 3, dtype=torch.float64)
    stack = build_mipmaps(image)
    made, kept = (
        gradients(lambda i, m=m: texture(i, uv, derivatives, bias, mip=m), [image], weight)[0]
        for m in (None, stack)
    )
    assert torch.equal(made, kept)


def test_a_bias_of_zero_may_leave_zero():
    image, uv, _, bias = scene()
    bias = torch.zeros_like(bias).requires_grad_()
    texture(image, uv, None, bias).square().sum().backward()
    assert (bias.grad != 0).float().mean() > 0.9


def test_round_footprints_have_a_gradient():
    image, uv, derivatives, _ = scene()
    around = (torch.tensor([1 / 16, 0, 0, 1 / 8]) * 3).double().expand_as(derivatives).clone()
    around.requires_grad_()
    texture(image, uv, around).square().sum().backward()
    assert torch.isfinite(around.grad).all() and around.grad.any()


@pytest.mark.parametrize("wanted", range(4))
def test_only_what_is_asked_for_gets_a_gradient(wanted):
    inputs = [tensor.requires_grad_(k == wanted) for k, tensor in enumerate(scene())]
    weight = torch.randn(2, 9, 7, 3, dtype=torch.float64)
    (texture(*inputs) * weight).sum().backward()
    everything = gradients(texture, [x.detach().requires_grad_() for x in scene()], weight)
    for k, tensor in enumerate(inputs):
        if k == wanted:
            assert torch.equal(tensor.grad, everything[k])
        else:
            assert tensor.grad is None


@pytest.mark.parametrize("textures", [1, 2])
@pytest.mark.parametrize("filter", FILTERS)
def test_bytes_are_equal_for_any_number_of_threads(filter, textures):
    inputs = scene((64, 32), (2, 320, 200), textures=textures)
    inputs = [tensor.float().requires_grad_() for tensor in inputs]
    weight = torch.randn(2, 320, 200, 3)
    before, results = torch.get_num_threads(), []
    try:
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            results.append(
                [
                    texture(*inputs, filter=filter),
                    *gradients(texture, inputs, weight, filter=filter),
                ]
            )
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        for first, again in zip(results[0], other):
            assert first.detach().numpy().tobytes() == again.detach().numpy().tobytes()


def test_second_derivatives_are_refused():
    inputs = [tensor.requires_grad_() for tensor in scene()]
    first = torch.autograd.grad(texture(*inputs).square().sum(), inputs[1], create_graph=True)[0]
    with pytest.raises(RuntimeError, match="differentiate twice"):
        first.sum().backward()
