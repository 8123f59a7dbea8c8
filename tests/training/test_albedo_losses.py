"""Terms of the UV network's loss by hand, with gradients, and where published code is mistaken."""

import numpy as np
import pytest
import torch

from lib.render.encoded_light import encoded_shading
from lib.training.albedo import losses
from lib.training.albedo.decoder import before, chart_shading, pictures_of

RNG = np.random.default_rng(3)


def maps(*shape):
    return torch.from_numpy(RNG.uniform(0.1, 0.9, shape)).float()


def test_a_mean_over_masks_weighs_each_picture_alike():
    values, mask = torch.ones(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)
    values[1] = 3
    mask[0, 0, 0, 0] = 1
    mask[1] = 1
    assert float(losses.masked_mean(values, mask)) == pytest.approx((1 + 3) / 2)
    assert float(losses.masked_mean(values, 0 * mask)) == 0


def test_the_photometric_term_is_the_length_over_channels():
    one, two = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    one[0, :, 0, 0] = torch.tensor([0.3, 0.4, 0.0])
    mask = torch.ones(1, 1, 2, 2)
    assert float(losses.photometric(one, two, mask)) == pytest.approx(0.5 / 4, rel=1e-3)
    mask[0, 0, 0, 0] = 0
    assert float(losses.photometric(one, two, mask)) == pytest.approx(0, abs=2e-4)


def test_identity_is_one_minus_the_cosine_and_the_photo_learns_nothing():
    found = torch.nn.functional.normalize(maps(2, 5)).requires_grad_()
    wanted = torch.nn.functional.normalize(maps(2, 5)).requires_grad_()
    loss = losses.identity_distance(found, wanted)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(1 - (found * wanted).sum(1).mean()))
    assert wanted.grad is None and found.grad.abs().sum() > 0


def test_style_compares_statistics_over_channels_and_not_pictures():
    flat, other = torch.full((1, 1, 6, 6), 0.5), torch.full((1, 1, 6, 6), 0.7)
    mask = torch.ones(1, 1, 6, 6)
    found = float(losses.style_distance(flat, other, mask))
    assert found == pytest.approx((0.49 - 0.25) ** 2 / (4 * 7**2), rel=1e-4)
    stripes = (torch.arange(32) % 2).float().expand(1, 1, 32, 32).clone()
    moved, checks = stripes.roll(1, 3), (stripes + stripes.transpose(2, 3)) % 2
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 4:28, 4:28] = 1
    same = float(losses.style_distance(stripes, moved, mask))
    assert same < 1e-3 * float(losses.style_distance(stripes, checks, mask))


def test_gradients_of_either_diagonal_and_of_opposed_colours_count():
    row, column = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    flat, mask = torch.zeros(1, 3, 8, 8), torch.ones(1, 1, 8, 8)
    mask[..., 0], mask[..., -1], mask[..., 0, :], mask[..., -1, :] = 0, 0, 0, 0
    for ramp in (row + column, row - column):
        ramps = 0.05 * ramp.expand(1, 3, 8, 8)
        assert float(losses.gradient_distance(ramps, flat, mask)) == pytest.approx(0.1, rel=1e-5)
    opposed = torch.stack([0.05 * row, -0.05 * row, 0 * row])[None]
    found = float(losses.gradient_distance(opposed, flat, mask))
    assert found == pytest.approx(0.05 * 2 / 3, rel=1e-5)


def test_gradients_beside_the_mask_do_not_count():
    step, mask = torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)
    step[..., 4:] = 1
    mask[..., :4] = 1
    assert float(losses.gradient_distance(step, 0 * step, mask)) == 0


def test_symmetry_is_the_length_over_channels_beyond_a_threshold():
    albedo, mask = torch.zeros(1, 3, 2, 4), torch.ones(1, 1, 2, 4)
    albedo[0, :, 0, 0] = torch.tensor([0.3, 0.4, 0.0])
    assert float(losses.symmetry_distance(albedo, mask)) == pytest.approx(2 * 0.5 / 8, rel=2e-3)
    found = float(losses.symmetry_distance(albedo, mask, 0.4))
    assert found == pytest.approx(2 * 0.1 / 8, rel=1e-3)
    mask[0, 0, 0, 3] = 0  # where one side is unknown, neither counts
    assert float(losses.symmetry_distance(albedo, mask)) < 2e-4


def test_the_mirror_image_carries_no_gradient():
    albedo = maps(1, 3, 4, 4).requires_grad_()
    losses.symmetry_distance(albedo, torch.ones(1, 1, 4, 4)).backward()
    size = losses.length(albedo - albedo.detach().flip(3)).detach()
    expected = (albedo.detach() - albedo.detach().flip(3)) / size / 16
    torch.testing.assert_close(albedo.grad, expected)


def test_chroma_smoothness_by_hand():
    albedo, reference = maps(2, 3, 5, 6), maps(2, 3, 5, 6) / 20
    mask = (maps(2, 1, 5, 6) > 0.3).float()
    expected = 0.0
    for axis in (2, 3):
        steps = [np.abs(np.diff(m.numpy(), axis=axis)).sum(1) for m in (albedo, reference)]
        low, high = (np.take(mask[:, 0].numpy(), range(*r), axis - 1) for r in (
            (0, mask.shape[axis] - 1), (1, mask.shape[axis])
        ))  # fmt: skip
        both = low * high
        value = both * np.exp(-80 * steps[1]) * steps[0]
        expected += np.mean(value.sum((1, 2)) / both.sum((1, 2)))
    found = float(losses.chroma_smoothness(albedo, reference, mask))
    assert found == pytest.approx(expected, rel=1e-5)


def test_light_is_held_to_grey_and_to_the_global_light():
    gamma = maps(2, 27)
    light = gamma[..., None, None].expand(2, 27, 4, 4).clone()
    mask = torch.ones(2, 1, 4, 4)
    colours = gamma.view(2, 3, 9)
    grey = float((colours - colours.mean(1, keepdim=True)).abs().mean())
    assert float(losses.light_size(light, gamma, mask)) == pytest.approx(grey, rel=1e-5)
    found = float(losses.light_size(light + 0.5, gamma, mask))
    assert found == pytest.approx(grey + 0.5, rel=1e-5)


def test_sparsity_and_truth_are_weighted_means():
    coarse = maps(1, 3, 4, 4)
    albedo = coarse + torch.tensor([0.03, 0.0, 0.04])[None, :, None, None]
    importance, mask = torch.full((1, 1, 4, 4), 0.25), torch.ones(1, 1, 4, 4)
    found = float(losses.sparse_size(albedo, coarse, importance, mask))
    assert found == pytest.approx(0.25 * 0.05, rel=1e-2)
    assert float(losses.truth_distance(albedo, coarse, mask)) == pytest.approx(0.07 / 3, rel=1e-4)
    assert float(losses.truth_distance(albedo, coarse, 0 * mask)) == 0


@pytest.mark.parametrize("name", ["photometric", "style_distance", "gradient_distance"])
def test_gradients_of_pictures_are_those_of_differences(name):
    term = getattr(losses, name)
    wanted, mask = maps(1, 2, 6, 6).double(), (maps(1, 1, 6, 6) > 0.2).double()
    found = maps(1, 2, 6, 6).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: term(x, wanted, mask), (found,), eps=1e-5, atol=1e-4)


def test_shading_on_the_chart_is_the_published_formula():
    normals = RNG.normal(size=(4, 5, 3))
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    light = RNG.normal(size=(4, 5, 27))
    from lib.render.encoded_light import encoded_basis

    basis = torch.from_numpy(encoded_basis(normals)).permute(2, 0, 1)[None]
    found = chart_shading(basis, torch.from_numpy(light).permute(2, 0, 1)[None])[0]
    for row in range(4):
        for column in range(5):
            expected = encoded_shading(normals[row, column], light[row, column])
            np.testing.assert_allclose(found[:, row, column], expected, atol=1e-12)


def test_a_picture_looks_charts_up_where_it_was_rasterised():
    chart = maps(1, 3, 8, 8)
    rows, columns = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    places = torch.stack([(columns + 0.5) / 8, (rows + 0.5) / 8], -1)[None].float()
    torch.testing.assert_close(pictures_of(chart, places), chart)
    photo, mask = maps(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)
    mask[..., :4] = 1
    over = before(2 * chart, photo, mask)
    assert torch.equal(over[..., 4:], photo[..., 4:]) and float(over.max()) <= 1
