"""One picture of a patch of skin: what bright skin, clipped colours and coloured lamps do to it."""

import numpy as np
import pytest

from lib.highlights.dichromatic import Dichromatic
from lib.highlights.separator import FacePhoto
from lib.imaging import linear_to_srgb, srgb_to_linear

SIDE, PX_PER_MM = 160, 2.0
SKIN = np.float32((0.46, 0.27, 0.19))


def patch(colour=SKIN, spots=0.03):
    """(side, side, 3) linear skin that is a little uneven."""
    uneven = np.random.default_rng(0).normal(0, spots, (SIDE, SIDE, 3))
    return (colour * np.exp(uneven)).astype(np.float32)


def spot(width_mm):
    """(side, side, 1) 0..1: a soft spot in the middle."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    away = np.hypot(x, y) / PX_PER_MM / width_mm
    return np.clip(2 - 2 * away, 0, 1)[..., None].astype(np.float32)


def without(rgb):
    """The patch without its highlights, and where they were."""
    whole = np.ones((SIDE, SIDE), np.float32)
    photo = FacePhoto(
        rgb=np.clip(rgb, 0, 1).astype(np.float32),
        skin=whole,
        head=whole > 0,
        illuminant=np.ones(3, np.float32),
        px_per_mm=PX_PER_MM,
    )
    return Dichromatic().separate(photo)


@pytest.mark.parametrize("width_mm", [4.0, 9.0])
def test_a_burnt_out_spot_is_filled_with_skin_up_to_its_middle(width_mm):
    skin = patch()
    shown = np.clip(skin + 1.2 * spot(width_mm), 0, 1)
    found = without(shown).diffuse
    burnt = (shown.min(axis=2) > 0.97) & (spot(width_mm)[..., 0] > 0)
    assert burnt.sum() > 50
    before, after = (np.abs(picture - skin)[burnt].mean() for picture in (shown, found))
    assert after < 0.25 * before
    assert (found[burnt][:, 0] > 1.2 * found[burnt][:, 2]).mean() > 0.95  # red before blue, as skin


def test_bright_skin_whose_red_is_clipped_is_no_highlight():
    bright = np.clip(patch() + (patch() * 1.6 - patch()) * spot(12.0), 0, None)
    bright[..., 0] *= 1.5
    shown = np.clip(bright, 0, 1)
    clipped = shown[..., 0] > 0.97
    assert clipped.sum() > 500
    found = without(shown).diffuse
    np.testing.assert_allclose(found[clipped], shown[clipped], atol=0.06)


def test_under_lamps_of_two_colours_nothing_is_taken_off():
    blue = np.linspace(0, 1, SIDE, dtype=np.float32)[None, :, None]
    light = (1 - blue) * np.float32((1, 1, 1)) + blue * np.float32((0.5, 0.8, 2.2))
    shown = patch() * light + 0.2 * spot(6.0)
    found = without(shown)
    np.testing.assert_array_equal(found.diffuse, np.clip(shown, 0, 1).astype(np.float32))
    assert not found.probability.any()


def with_contrast(rgb, contrast=0.9):
    """What a tone curve of an S makes of linear colours: dark ones stronger, bright ones paler."""
    value = linear_to_srgb(np.clip(rgb, 0, 1))
    return srgb_to_linear(value + contrast * value * (1 - value) * (2 * value - 1))


def test_skin_that_a_tone_curve_makes_paler_where_it_is_bright_is_no_highlight():
    wave = 0.5 - 0.5 * np.cos(3 * np.pi * np.linspace(0, 1, SIDE, dtype=np.float32))
    lit = (0.25 + 1.25 * wave)[None, :, None]
    skin = with_contrast(patch() * lit)
    strength = (skin[..., 0] - skin[..., 2]) / skin.mean(axis=2)
    dark, bright = strength[:, wave < 0.2].mean(), strength[:, wave > 0.8].mean()
    assert dark > 1.3 * bright
    found = without(skin).diffuse
    assert np.abs(found - skin).mean() < 0.07 * skin.mean()
    shown = with_contrast(patch() * lit + 0.35 * spot(6.0))
    mirrored = (spot(6.0) > 0.5)[..., 0]
    before, after = (
        np.abs(picture - skin)[mirrored].mean() for picture in (shown, without(shown).diffuse)
    )
    assert after < 0.5 * before
