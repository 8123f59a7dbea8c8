"""How well views agree: like with like, whatever one of them shows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lib.imaging import srgb_to_linear
from lib.imaging.colour import linear_to_srgb8
from lib.uvspace.agreement import agreement, consensus, local_contrast, seen_boxes
from lib.uvspace.channels import BRIGHTNESS, matching_channels
from lib.uvspace.filters import blur

SIDE, SIGMA = 56, 2.5
INNER = (..., slice(8, -8), slice(8, -8))


def texture(seed: int, channels: int = 3) -> torch.Tensor:
    """(c, SIDE, SIDE) with a deviation of 20."""
    chance = torch.Generator().manual_seed(seed)
    field = blur(torch.randn(channels, SIDE, SIDE, generator=chance), 1.0)
    return 100 + 20 * field / field.std()


def compare(images, weight=None, passes=2):
    weight = torch.ones(len(images), SIDE, SIDE) if weight is None else weight
    contrast = local_contrast(images, (weight > 0).float(), SIGMA, 2.0)
    return agreement(contrast.values, weight, SIGMA, passes), weight


def noisy_views(count: int, noise: float = 1.0) -> torch.Tensor:
    chance = torch.Generator().manual_seed(7)
    views = texture(0).expand(count, -1, -1, -1)
    return views + noise * torch.randn(views.shape, generator=chance)


def test_views_of_one_texture_agree_fully_whatever_their_brightness_and_contrast():
    same = torch.stack([texture(0), 0.5 * texture(0) + 90, 1.7 * texture(0) - 30])
    (correlation, belief), weight = compare(same)
    assert correlation.min() > 0.98 and correlation.max() < 1 + 1e-4
    np.testing.assert_allclose(belief, weight * correlation.square(), atol=1e-6)
    assert consensus(correlation, weight, 0.5).min() > 0.96


def test_views_of_different_textures_do_not_agree():
    (correlation, _), weight = compare(torch.stack([texture(k) for k in range(4)]))
    assert correlation.abs().mean() < 0.25
    assert consensus(correlation, weight, 0.5).mean() < 0.25


def test_a_negative_is_the_opposite():
    two = torch.stack([texture(0), 200 - texture(0)])
    (correlation, _), _ = compare(two, passes=1)
    assert correlation.max() < -0.98


@pytest.mark.parametrize("apart", ["black", "noise", "another texture"])
def test_one_view_apart_leaves_the_belief_in_the_others(apart):
    others = noisy_views(4)
    odd = {
        "black": torch.zeros_like(others[:1]),
        "noise": 255 * torch.rand(others[:1].shape, generator=torch.Generator().manual_seed(1)),
        "another texture": texture(5)[None],
    }[apart]
    (alone, _), _ = compare(others)
    (correlation, belief), _ = compare(torch.cat([others, odd]))
    assert (correlation[:4] - alone).abs()[INNER].max() < 0.02
    assert belief[:4][INNER].min() > 0.9
    assert belief[4][INNER].mean() < 0.06


def test_the_second_pass_is_what_frees_them():
    views = torch.cat([noisy_views(3), texture(5)[None]])
    once, twice = (compare(views, passes=passes)[0][0][:3][INNER] for passes in (1, 2))
    assert twice.min() > once.min() + 0.1


def test_views_that_do_not_see_a_texel_have_no_voice_there():
    weight = torch.ones(4, SIDE, SIDE)
    weight[3, :, : SIDE // 2] = 0
    views = noisy_views(4)
    views[3, :, :, : SIDE // 2] = 1e4
    (correlation, belief), _ = compare(views, weight)
    (three, _), _ = compare(views[:3])
    assert not correlation[3, :, : SIDE // 2].any() and not belief[3, :, : SIDE // 2].any()
    far = slice(0, SIDE // 2 - 32 // 2)
    np.testing.assert_allclose(correlation[:3, :, far], three[:, :, far], atol=0.02)


@pytest.mark.parametrize("count", [1, 2])
def test_a_view_alone_agrees_with_nobody(count):
    weight = torch.zeros(count, SIDE, SIDE)
    weight[0] = 1
    (correlation, belief), _ = compare(noisy_views(count), weight)
    assert not correlation.any()
    assert torch.isfinite(belief).all() and belief.max() < 1e-3


def test_nobody_who_sees_says_nothing():
    (correlation, belief), weight = compare(noisy_views(3), torch.zeros(3, SIDE, SIDE))
    assert not correlation.any() and not belief.any()
    assert not consensus(correlation, weight, 0.5).any()


def test_contrast_below_the_noise_is_damped():
    faint = 100 + 0.02 * (texture(0) - 100)
    inside = torch.ones(2, SIDE, SIDE)
    values = local_contrast(torch.stack([texture(0), faint]), inside, SIGMA, 2.0).values
    assert values[0][INNER].std() > 0.7
    assert values[1][INNER].std() < 0.25


def test_contrast_knows_nothing_of_what_is_not_inside():
    inside = torch.ones(1, SIDE, SIDE)
    inside[:, :, 30:] = 0
    clean = texture(0)[None]
    dirty = torch.where(inside[:, None] > 0, clean, torch.full_like(clean, 5e3))
    found, wanted = (local_contrast(image, inside, SIGMA, 2.0).values for image in (dirty, clean))
    assert not found[..., 30:].any()
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_highlight_leaves_the_colour_channels():
    """The same light added to red, green and blue, as skin's oil does."""
    chance = np.random.default_rng(0)
    linear = chance.uniform(0.05, 0.4, (40, 40, 3)).astype(np.float32)
    y, x = np.mgrid[:40, :40]
    blob = 0.5 * np.exp(-((x - 20) ** 2 + (y - 18) ** 2) / 50).astype(np.float32)
    plain = linear_to_srgb8(linear)
    shiny = linear_to_srgb8(srgb_to_linear(plain) + blob[..., None])
    difference = np.abs(matching_channels(shiny) - matching_channels(plain))
    assert difference[..., 0].max() > 20 * BRIGHTNESS
    assert difference[..., 1:].max() < 2.2  # rounding to 8 bits alone
    assert difference[..., 1:].mean() < 0.5


def test_channels_are_brightness_red_less_green_and_green_less_blue():
    picture = np.uint8([[[200, 100, 50], [0, 0, 0]]])
    linear = 255 * srgb_to_linear(picture)[0, 0]
    wanted = [0.3 * (50 + 50 + 12.5), linear[0] - linear[1], linear[1] - linear[2]]
    found = matching_channels(picture)
    np.testing.assert_allclose(found[0, 0], wanted, rtol=1e-5)
    assert not found[0, 1].any() and found.dtype == np.float32


def test_what_lies_beside_a_view_changes_nothing_in_it():
    """A view is compared within what it sees, whatever the others show beyond."""
    views = noisy_views(3)
    weight = torch.ones(3, SIDE, SIDE)
    weight[0, :, 30:] = 0
    other = views.clone()
    other[1:, :, :, 30:] = 100 + 60 * torch.randn(2, 3, SIDE, SIDE - 30)
    found, wanted = (
        compare(images, weight, passes=1)[0][0][0, :, :18] for images in (other, views)
    )
    np.testing.assert_allclose(found, wanted, atol=0.02)


def test_boxes_hold_all_that_is_seen_and_no_blind_view():
    weight = torch.zeros(3, 40, 100)
    weight[0, 5:9, 40:60], weight[2, 20, 99] = 0.5, 1
    boxes = seen_boxes(weight)
    assert [box[0] for box in boxes] == [0, 2]
    assert [weight[box].sum() for box in boxes] == [weight[0].sum(), 1]
    assert weight[boxes[0]].shape == (4, 32) and weight[boxes[1]].shape == (1, 4)
