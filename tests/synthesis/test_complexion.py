"""Skin colours: the tone that was asked for, the same person at any size."""

import cv2
import numpy as np
import pytest

from lib.facemodel.pigment import skin_colour, typology_angle
from lib.facemodel.skin_fields import ITA_CLASSES
from lib.synthesis.skin.complexion import draw_complexion
from lib.synthesis.skin.ground import CANVAS
from lib.synthesis.skin.pigment_table import melanin_for, pigment_colour
from lib.synthesis.skin.splats import add_splats, make_splats


@pytest.fixture(scope="module")
def grounds(studio):
    return {side: studio.ground(side) for side in (256, 512)}


@pytest.fixture(scope="module")
def ground(grounds):
    return grounds[256]


def chance(seed):
    return np.random.default_rng(seed)


def mean_colour(ground, complexion):
    weight = ground.full(ground.features.bare) * ground.chart.inside
    return (complexion.albedo * weight[..., None]).sum(axis=(0, 1)) / weight.sum()


@pytest.mark.parametrize("tone_class", ITA_CLASSES)
def test_the_mean_skin_has_the_tone_that_was_asked_for(ground, tone_class):
    wanted = np.mean(tone_class)
    found = [
        typology_angle(mean_colour(ground, draw_complexion(ground, wanted, age, chance(seed))))
        for seed, age in enumerate((20, 45, 75))
    ]
    np.testing.assert_allclose(found, wanted, atol=7)
    assert abs(np.mean(found) - wanted) < 4


def test_the_table_gives_the_colours_of_the_pigment_model():
    melanin, blood = np.exp(chance(0).uniform(-3, 0.5, (9, 9))), np.full((9, 9), 0.06)
    oxygen = chance(1).uniform(0.4, 0.8, (9, 9))
    arrays = (np.float32(array) for array in (np.log(melanin), np.log(blood), oxygen))
    found = pigment_colour(*arrays, np.ones((9, 9), bool))
    np.testing.assert_allclose(found, skin_colour(melanin, blood, oxygen), atol=2e-3)


def test_melanin_for_a_tone_gives_that_tone():
    for tone in (-50, -10, 20, 58):
        colour = skin_colour(melanin_for(tone, 0.05, 0.7), 0.05, 0.7)
        assert abs(typology_angle(colour) - tone) < 0.5


def test_the_same_chance_gives_the_same_bytes_and_another_does_not(ground):
    first, again = (draw_complexion(ground, 45, 40, chance(3), beard=0.5) for _ in range(2))
    for name in ("albedo", "specular", "roughness"):
        assert getattr(first, name).dtype == np.float32
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    other = draw_complexion(ground, 45, 40, chance(4), beard=0.5)
    assert np.abs(other.albedo - first.albedo).max() > 0.05


def test_a_person_at_two_sizes_is_one_person(grounds):
    small, large = (
        draw_complexion(grounds[side], 45, 60, chance(5), beard=0.6).albedo for side in (256, 512)
    )
    # texels whose whole neighbourhood is skin
    inside = cv2.erode(grounds[256].chart.inside.astype(np.uint8), np.ones((9, 9))) > 0
    pair = [cv2.GaussianBlur(cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA), (0, 0), 1)
            for image in (small, large)]  # fmt: skip
    first, second = (np.log(image[inside]) for image in pair)
    assert np.abs(first - second).max() < 0.2
    for channel in range(3):
        assert np.corrcoef(first[:, channel], second[:, channel])[0, 1] > 0.985


def test_values_stay_in_their_ranges_and_off_the_skin_is_nothing(ground):
    inside = ground.chart.inside
    for tone, age, beard in ((65, 18, 0), (-55, 80, 1), (10, 50, 1)):
        skin = draw_complexion(ground, tone, age, chance(6), beard)
        assert (skin.albedo[inside] > 0.001).all()
        assert (skin.albedo <= 0.9).all()
        assert skin.specular[inside].min() >= 0.4
        assert skin.specular.max() <= 1.8
        assert 0.2 < skin.roughness[inside].min() < skin.roughness.max() < 0.7
        for image in (skin.albedo, skin.specular, skin.roughness):
            assert not image[~inside].any()


def redness(image, where):
    colour = image[where].mean(axis=0)
    return colour[0] / colour[1]


@pytest.mark.parametrize("tone", [55, 20, -45])
def test_lips_are_redder_than_the_skin_about_them(ground, tone):
    lip_mm = ground.full(ground.features.lip_mm)
    inside = ground.chart.inside
    albedo = draw_complexion(ground, tone, 30, chance(7)).albedo
    skin = inside & (lip_mm < -4) & (lip_mm > -12)
    assert redness(albedo, inside & (lip_mm > 2)) > 1.08 * redness(albedo, skin)


def test_a_beard_darkens_and_cools_light_skin_where_beards_grow(ground):
    bare, bearded = (draw_complexion(ground, 50, 30, chance(8), b).albedo for b in (0.0, 1.0))
    field = ground.full(ground.features.beard)
    inside = ground.chart.inside
    grown, free = inside & (field > 0.8), inside & (field < 0.01)
    assert bearded[grown].mean() < 0.85 * bare[grown].mean()
    assert redness(bearded, grown) < redness(bare, grown)
    np.testing.assert_allclose(bearded[free], bare[free], atol=2e-3)


def test_old_skin_has_more_spots_than_young_skin(ground):
    def roughness_of_colour(age):
        found = []
        for seed in range(4):
            green = draw_complexion(ground, 50, age, chance(seed)).albedo[..., 1]
            log = np.log(np.maximum(green, 1e-3))
            detail = log - cv2.GaussianBlur(log, (0, 0), 3)
            found.append(detail[ground.full(ground.features.bare) > 0.9].std())
        return np.median(found)

    assert roughness_of_colour(75) > 1.15 * roughness_of_colour(20)


def test_a_splat_holds_its_volume_on_any_grid_and_lies_where_it_was_put():
    place = np.array([[100.3, 200.8]], np.float32)
    frame = np.array([[0.5, 0, 0, 0.5]], np.float32)  # mm per canvas texel
    for side in (256, 512, 2048):
        image = np.zeros((side, side), np.float32)
        splat = make_splats(place, frame, np.full(1, 0.7), np.full(1, 0.4), np.ones(1), np.ones(1))
        add_splats(image, splat, CANVAS)
        pitch = 0.5 * CANVAS / side
        assert image.sum() * pitch**2 == pytest.approx(2 * np.pi * 0.7 * 0.4, rel=0.03)
        row, column = (np.indices(image.shape) * image).sum(axis=(1, 2)) / image.sum()
        centre = (np.array([column, row]) + 0.5) * CANVAS / side - 0.5
        np.testing.assert_allclose(centre, place[0], atol=0.02)


def test_freckles_can_be_asked_for_and_leave_the_rest_as_it_is(ground):
    plain, spotted = (
        draw_complexion(ground, 45.0, 30.0, np.random.default_rng(3), freckles=least)
        for least in (0.0, 1.0)
    )
    bare = ground.full(ground.features.cheeks) * ground.chart.inside > 0.5
    change = (spotted.albedo / np.maximum(plain.albedo, 1e-6))[bare]
    assert 0.02 < (change.min(axis=1) < 0.9).mean() < 0.5
    np.testing.assert_array_equal(spotted.roughness, plain.roughness)
    dark = [
        draw_complexion(ground, -40.0, 30.0, np.random.default_rng(3), freckles=least).albedo
        for least in (0.0, 1.0)
    ]
    np.testing.assert_array_equal(*dark)
