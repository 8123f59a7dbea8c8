"""Highlights by networks, at the seam of methods that look at one picture."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.errors import ConfigError, MissingModelError
from lib.highlights import HighlightOptions, remove_highlights
from lib.highlights import network as by_network
from lib.highlights.network import LearnedHighlights, UnetTransformer, load_separator
from lib.highlights.separator import FacePhoto
from lib.imaging import linear_to_srgb, srgb_to_linear
from lib.networks.checkpoints import CheckpointError
from lib.networks.highlight_unet import HighlightNetwork, Removed, packed
from tests.networks.test_highlight_unet import TINY, network


class Oracle(torch.nn.Module):
    """Says that of the brightest channel, what is above 0.6 (encoded) is mirrored by all three."""

    unit = 16

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen = []

    def forward(self, picture):
        self.seen.append(picture)
        over = (picture.amax(1, keepdim=True) - 0.6).clamp_min(0)
        diffuse = (picture - over).clamp_min(0)
        return Removed(diffuse, diffuse, (over > 0).float())

    def composed(self, picture, coarse, probability):
        return coarse


def photo(size=(120, 100), illuminant=(1.0, 1.0, 1.0), px_per_mm=0.9, seed=0):
    """Skin of one colour with a smooth highlight, and what is mirrored."""
    rows, cols = np.mgrid[: size[0], : size[1]]
    away = ((rows - size[0] / 2) ** 2 + (cols - size[1] / 2) ** 2) / (0.1 * size[0]) ** 2
    spot = 0.3 * np.exp(-away)[..., None].astype(np.float32)
    skin = np.float32([0.3, 0.2, 0.15]) * np.ones((*size, 1), np.float32)
    light = np.float32(illuminant)
    head = np.zeros(size, bool)
    head[size[0] // 10 : -size[0] // 10, size[1] // 10 : -size[1] // 10] = True
    rgb = ((skin + spot) * light).astype(np.float32)
    return FacePhoto(rgb, head.astype(np.float32), head, light, px_per_mm=px_per_mm), spot[..., 0]


def test_the_published_method_shows_the_network_the_encoded_picture_whole():
    made = network(seed=3)
    given, _ = photo((90, 70))
    found = UnetTransformer(made).separate(given)
    planes = torch.from_numpy(linear_to_srgb(given.rgb).transpose(2, 0, 1)[None].copy())
    with torch.no_grad():
        wanted = made(planes)
    diffuse = srgb_to_linear(wanted.diffuse[0].permute(1, 2, 0).numpy())
    np.testing.assert_allclose(found.diffuse, diffuse, atol=1e-6)
    np.testing.assert_allclose(found.probability, wanted.probability[0, 0].numpy(), atol=1e-6)


def test_the_small_network_sees_a_grey_light_and_its_answer_is_scaled_back():
    grey, _ = photo()
    warm, _ = photo(illuminant=(1.3, 1.0, 0.7))
    oracles = Oracle(), Oracle()
    found = [LearnedHighlights(o).separate(p) for o, p in zip(oracles, (grey, warm))]
    assert torch.allclose(oracles[0].seen[0], oracles[1].seen[0], atol=1e-6)
    np.testing.assert_allclose(found[1].diffuse, found[0].diffuse * warm.illuminant, atol=1e-5)


def test_the_small_network_sees_faces_at_the_size_that_it_learnt():
    given, _ = photo((400, 300), px_per_mm=3.6)
    oracle = Oracle()
    LearnedHighlights(oracle).separate(given)
    rows, cols = by_network._window(given)
    height, width = rows.stop - rows.start, cols.stop - cols.start
    assert oracle.seen[0].shape[2:] == (round(height / 4), round(width / 4))
    small, _ = photo(px_per_mm=0.4)
    LearnedHighlights(oracle).separate(small)
    assert oracle.seen[1].shape[2:] == tuple(
        span.stop - span.start for span in by_network._window(small)
    )  # never enlarged


def test_what_the_small_network_says_reaches_fine_pixels_by_their_brightness():
    fine, spot = photo((480, 400), px_per_mm=3.6)
    rng = np.random.default_rng(0)
    grain = 1 + 0.2 * rng.standard_normal(spot.shape).astype(np.float32)  # finer than it sees
    bright = np.where(spot > 0.1, spot * grain, spot)[..., None]
    given = replace(fine, rgb=fine.rgb - spot[..., None] + bright)
    found = LearnedHighlights(Oracle()).separate(given)
    matte, lit = fine.rgb - spot[..., None], spot > 0.15

    def rms(picture):
        return float(np.sqrt(np.mean((picture - matte)[lit] ** 2)))

    smooth = given.rgb - spot[..., None]  # without the grain of the highlight
    assert rms(found.diffuse) < 0.35 * rms(given.rgb)
    spread = np.std((found.diffuse - matte)[lit]), np.std((smooth - matte)[lit])
    assert spread[0] < spread[1]


def test_pixels_off_the_skin_stay_and_have_no_highlight():
    given, spot = photo()
    found = LearnedHighlights(Oracle()).separate(given)
    off = given.skin == 0
    assert np.array_equal(found.diffuse[off], given.rgb[off]) and not found.probability[off].any()
    assert found.probability[spot > 0.2].min() > 0.5 > found.probability[spot < 0.01].max()
    assert (found.diffuse <= given.rgb).all() and found.diffuse.dtype == np.float32


def test_a_photo_without_a_head_is_seen_whole():
    given, _ = photo((50, 40))
    bare = replace(given, head=np.zeros((50, 40), bool), skin=np.zeros((50, 40), np.float32))
    found = LearnedHighlights(Oracle()).separate(bare)
    assert np.array_equal(found.diffuse, bare.rgb)


@pytest.mark.parametrize("method", ["unet_transformer", "learned"])
def test_the_stage_runs_with_weights_of_the_method(tmp_path, glossy, method):
    own = "share" if method == "learned" else "published"
    file = tmp_path / "net.pt"
    torch.save(packed(HighlightNetwork(replace(TINY, composition=own)), 1, 1), file)
    found = remove_highlights(
        glossy.model,
        glossy.capture,
        glossy.fit,
        glossy.skin,
        HighlightOptions(method=method, weights=str(file), across_views=False),
    )
    assert found.method == method and found.diffuse[0].shape == glossy.capture.image[0].shape
    other = "unet_transformer" if method == "learned" else "learned"
    with pytest.raises(
        CheckpointError, match=f"not that of highlights.method: {other}".replace(".", r"\.")
    ):
        load_separator(HighlightOptions(method=other, weights=str(file)), "cpu")


def test_mirrored_light_is_grey_where_the_photo_has_all_its_colours():
    shown = np.array([[[0.6, 0.4, 0.3], [1.0, 1.0, 0.9]]], np.float32)
    mirrored = np.array([[[0.05, 0.1, 0.2], [0.1, 0.4, 0.5]]], np.float32)
    found = by_network.of_the_lamp(mirrored, shown)
    np.testing.assert_allclose(found[0, 0], 0.1)
    np.testing.assert_allclose(found[0, 1], mirrored[0, 1])
    dark = by_network.of_the_lamp(mirrored, np.minimum(shown, 0.08))
    assert (dark <= 0.08).all()


def test_answers_that_brightness_does_not_follow_reach_the_photo_whole():
    rows, cols = np.mgrid[:60, :80]
    checked = ((rows // 10 + cols // 10) % 2).astype(np.float32)[..., None] * 0.1
    even = np.full((60, 80, 3), 0.5, np.float32)  # tells nothing of where light is mirrored
    weight = np.ones((60, 80), np.float32)
    same = by_network._carried(even, np.repeat(checked, 3, axis=2), weight, even, 3.0)
    np.testing.assert_allclose(same, np.repeat(checked, 3, axis=2), atol=1e-5)


def test_the_weights_that_ship_take_most_of_a_highlight_off_and_leave_matte_skin(glossy, plain):
    options = HighlightOptions(method="learned", across_views=False)
    told = glossy.model, glossy.capture, glossy.fit, glossy.skin, options
    found = remove_highlights(*told)
    truth = linear_to_srgb(glossy.diffuse)
    lit = glossy.head & (glossy.specular > 0.08)

    def error(picture, where):
        return float(np.abs(picture.astype(np.float32) / 255 - truth)[where].mean())

    left = error(found.diffuse[0], lit) / error(glossy.capture.image[0], lit)
    assert left < 0.5
    assert error(found.diffuse[0], glossy.head & (glossy.specular < 0.002)) < 0.03


def test_weights_that_are_not_named_or_not_there_are_told(tmp_path):
    with pytest.raises(ConfigError, match=r"is unet_transformer, but highlights\.weights is empty"):
        load_separator(HighlightOptions(method="unet_transformer"), "cpu")
    lost = HighlightOptions(method="unet_transformer", weights=str(tmp_path / "lost.pt"))
    with pytest.raises(MissingModelError, match=r"lost\.pt is not there"):
        load_separator(lost, "cpu")
