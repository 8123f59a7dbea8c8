"""An eye or brow is the photo's or painted as a whole, and painted brows are the person's."""

from dataclasses import replace

import numpy as np
import pytest

from lib.imaging import luminance
from lib.texture import TextureOptions
from lib.texture.brows import recolour_brows
from lib.texture.complete import complete
from lib.texture.judge import _towards_white, _without_highlight
from tests.texture.test_judge import DARK, TONE, Front, front, off  # noqa: F401  (a fixture)

SHADOW = np.full(3, -1.6)
BROW = np.array([-0.9, -0.8, -0.6])
CAP = np.log([0.05, 0.06, 0.1])


def brow_height(front: Front) -> np.ndarray:  # noqa: F811
    return front.mark("ibug68", slice(17, 27))[:, 1]


def lids(front: Front, side: int) -> np.ndarray:  # noqa: F811
    """(n,) bool: seen lids of the right (0) or left (1) eye."""
    zone = front.chart.spread(front.chart.zones.lids[:, [side]])[:, 0]
    return (zone > 0.9) & front.chart.skin & (front.seen.weight > 0)


def brows(front: Front, side: int) -> np.ndarray:  # noqa: F811
    zone = front.chart.spread(front.chart.zones.brows[:, [side]])[:, 0]
    return (zone > 0.9) & front.chart.skin & (front.seen.weight > 0)


def under_a_cap(front: Front) -> np.ndarray:  # noqa: F811
    """(n,) bool: forehead and brows."""
    return front.chart.skin & (front.place[:, 1] > brow_height(front).min() - 2)


def test_eyes_in_the_shadow_of_a_cap_are_the_photos_and_the_brows_below_it_are_painted(front):  # noqa: F811
    below = front.place[:, 1] > front.mark("ibug68", slice(36, 48))[:, 1].mean()
    seen = front.paint(below & front.chart.skin & (front.seen.weight > 0), SHADOW)
    seen = replace(
        seen,
        log_rgb=np.where(
            under_a_cap(front)[:, None], (front.prior + TONE + CAP), seen.log_rgb
        ).astype(np.float32),
    )
    weight = front.complete(seen)[1]
    for side in (0, 1):
        eye = lids(front, side) & ~under_a_cap(front)
        assert eye.sum() > 30
        assert np.quantile(weight[eye], 0.02) > 0.85
        assert weight[brows(front, side) & under_a_cap(front)].max() < 0.15


def test_an_eye_under_hair_is_painted_as_a_whole_and_the_other_is_not(front):  # noqa: F811
    eye = front.mark("ibug68", slice(42, 48)).mean(axis=0)
    strand = front.near(eye, 32) & (front.place[:, 0] > eye[0] - 16)
    weight = front.complete(front.paint(strand, DARK - 0.5))[1]
    assert weight[lids(front, 1)].max() < 0.1
    assert np.quantile(weight[lids(front, 0)], 0.02) > 0.9


def with_brows(front: Front) -> Front:  # noqa: F811
    """The same head, whose prior draws brows and whose photo shows them as drawn."""
    drawn = front.chart.brows[:, None] * BROW * front.chart.skin[:, None]
    prior = (front.prior + drawn).astype(np.float32)
    log_rgb = (front.seen.log_rgb + drawn).astype(np.float32)
    return replace(front, prior=prior, seen=replace(front.seen, log_rgb=log_rgb))


def test_a_brow_under_hair_has_the_colour_of_the_other(front):  # noqa: F811
    person = with_brows(front)
    dark = np.array([-1.7, -1.6, -1.5])
    every = brows(person, 0) | brows(person, 1)
    log_rgb = np.where(every[:, None], front.prior + TONE + dark, person.seen.log_rgb)
    fringe = under_a_cap(person) & (person.place[:, 0] > 4) & (person.seen.weight > 0)
    log_rgb[fringe] = (front.prior + TONE + np.array([-0.3, -0.9, -1.6]))[fringe]
    rgb, weight = person.complete(replace(person.seen, log_rgb=log_rgb.astype(np.float32)))
    hidden = brows(person, 1) & fringe & (person.place[:, 0] < 45)
    assert hidden.sum() > 30 and weight[hidden].mean() < 0.1
    assert off(rgb[hidden], (front.prior + TONE + dark)[hidden]) < 0.35


@pytest.mark.parametrize("lash, expected", [(-0.5, -0.3), (-0.8, -0.48), (-3.0, -0.6)])
def test_brows_that_are_not_seen_are_as_dark_as_lashes_say(front, lash, expected):  # noqa: F811
    person = with_brows(front)
    log_rgb = person.seen.log_rgb.copy()
    every = lids(person, 0) | lids(person, 1)
    log_rgb[every] = (front.prior + TONE + lash)[every]
    trusted = np.where(person.chart.brows > 0, 0, person.seen.weight)
    tone = np.tile(TONE.astype(np.float32), (len(person.prior), 1))
    seen = replace(person.seen, log_rgb=log_rgb.astype(np.float32))
    recolour_brows(person.chart, seen, person.prior, tone, trusted)
    brow = (person.chart.brows > 0.97) & person.chart.skin
    depth = luminance(person.prior + tone - front.prior - TONE)[brow]
    assert np.median(depth) == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("tone", [[0.5, 0.4, 0.3], [-1.0, -1.1, -1.2]], ids=["pale", "dark"])
def test_the_unseen_has_the_median_colour_of_the_seen(front, tone):  # noqa: F811
    light = (0.004 * front.place[:, 1:2] - 0.003 * front.place[:, 2:3]).astype(np.float32)
    prior = front.prior + light * front.chart.skin[:, None]
    seen = replace(front.seen, log_rgb=(front.seen.log_rgb + np.float32(tone)))
    rgb, weight = complete(front.chart, seen, prior, TextureOptions(uv_size=256))
    plain = front.chart.skin & (front.chart.feature < 0.1)
    found = np.median(luminance(np.exp(seen.log_rgb[plain & (weight > 0.6)])))
    made = np.median(luminance(np.exp(rgb[plain & (weight < 0.02)])))
    assert made / found == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("kept", [True, False], ids=["highlight", "bleached hair"])
def test_a_smooth_highlight_on_the_forehead_is_kept_but_bleached_hair_is_not(front, kept):  # noqa: F811
    skin = np.exp(front.prior + TONE)[front.chart.skin].mean(axis=0)
    middle = front.mark("ibug68", 27) + [0, 45, 0]
    aside = np.linalg.norm((front.place - middle)[:, :2] / [1.4, 1], axis=1)
    bump = np.exp(-((aside / 22) ** 2))[:, None] * front.chart.skin[:, None]
    white = np.log(1 + 0.25 * bump / skin)
    bleached = 0.35 * bump + 2.2 * (white - luminance(white)[:, None])
    lit = replace(
        front.seen,
        log_rgb=(front.seen.log_rgb + (white if kept else bleached)).astype(np.float32),
    )
    weight = front.complete(lit)[1]
    spot = front.near(middle, 10)
    if kept:
        assert weight[spot].mean() > 0.9
    else:
        assert weight[spot].mean() < 0.3


def test_only_what_a_highlight_explains_is_taken_off_a_residual():
    skin = np.log(np.array([0.4, 0.2, 0.13]))
    white = _towards_white(skin)
    highlight = np.log(np.exp(skin) + 0.04) - skin
    yellow = np.array([0.3, 0.3, -0.2])
    residual = np.stack([highlight, yellow, -highlight]).astype(np.float32)
    rest = _without_highlight(residual, white)
    hue = rest[0] - luminance(rest[0])
    assert np.linalg.norm(hue) < 0.25 * np.linalg.norm(highlight - luminance(highlight))
    np.testing.assert_allclose(rest[1:], residual[1:], atol=1e-6)


def test_the_edge_of_a_fringe_is_not_mirrored_to_the_other_side(front):  # noqa: F811
    high = front.chart.skin & (front.place[:, 1] > brow_height(front).max() + 14)
    high &= front.seen.weight > 0
    aside = front.place[:, 0]
    log_rgb = front.seen.log_rgb.copy()
    log_rgb[high & (aside > -4)] += DARK.astype(np.float32)
    log_rgb[high & (aside > -8) & (aside < -4)] -= np.float32(0.45)
    rgb = front.complete(replace(front.seen, log_rgb=log_rgb))[0]
    edge = high & (aside > 4) & (aside < 8)
    assert edge.sum() > 10
    assert luminance(rgb - front.prior - TONE)[edge].mean() > -0.15
