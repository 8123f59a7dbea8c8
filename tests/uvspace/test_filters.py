"""Gaussian averages of masked grids: one result on every device."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lib.uvspace import filters
from lib.uvspace.filters import blur, masked_blur


def dense(image: np.ndarray, sigma: float) -> np.ndarray:
    """Sum over all texels with a kernel of three deviations, zero outside."""
    radius = max(1, int(np.ceil(3 * sigma)))
    steps = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (steps / sigma) ** 2)
    kernel /= kernel.sum()
    rows, cols = image.shape
    padded = np.pad(image.astype(np.float64), radius)
    result = np.zeros(image.shape)
    for down, weight in enumerate(kernel):
        for right, other in enumerate(kernel):
            result += weight * other * padded[down : down + rows, right : right + cols]
    return result


@pytest.mark.parametrize("sigma", [0.2, 0.8, 2.5, 6.0])
def test_both_ways_of_filtering_are_the_dense_sum(sigma):
    image = np.random.default_rng(0).normal(size=(2, 23, 31)).astype(np.float32)
    wanted = np.stack([dense(plane, sigma) for plane in image])
    radius = max(1, int(np.ceil(3 * sigma)))
    for way in (filters._by_opencv, filters._by_convolution):
        np.testing.assert_allclose(way(torch.tensor(image), sigma, radius), wanted, atol=2e-6)
    np.testing.assert_allclose(blur(torch.tensor(image), sigma), wanted, atol=2e-6)


def test_no_width_changes_nothing():
    image = torch.rand(3, 4, 5)
    assert blur(image, 0) is image


@pytest.mark.parametrize(
    "part", [(slice(None), slice(None), slice(4, 17)), (slice(None), slice(None), ..., slice(3, 9))]
)
def test_parts_of_larger_tensors_are_filtered_like_their_copies(part):
    whole = torch.rand(2, 3, 24, 20, generator=torch.Generator().manual_seed(0))
    before = whole.clone()
    assert torch.equal(blur(whole[part], 1.5), blur(whole[part].contiguous(), 1.5))
    assert torch.equal(whole, before)


def test_masked_averages_do_not_know_what_lies_off_the_mask():
    chance = torch.Generator().manual_seed(1)
    image, weight = torch.rand(2, 24, 24, generator=chance).unbind(0)
    weight[:, 12:] = 0
    dirty = torch.where(weight > 0, image, torch.full_like(image, 1e6))
    assert torch.equal(masked_blur(dirty, weight, 2.0), masked_blur(image, weight, 2.0))


def test_a_constant_stays_itself_up_to_the_border_of_its_mask_and_is_0_far_away():
    weight = torch.zeros(40, 40)
    weight[:, :12] = 1
    found = masked_blur(torch.full((40, 40), 3.0), weight, 2.0)
    np.testing.assert_allclose(found[:, :14], 3, rtol=1e-5)
    assert (found[:, 19:] == 0).all()
