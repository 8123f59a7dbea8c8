"""Aligned crops: published numbers, the way there and back, and the pixels themselves."""

from __future__ import annotations

import numpy as np
import pytest

from lib.errors import ShapeError
from lib.geometry.aligned_crop import STANDARD_FIVE, AlignedCrop, align_face, standard_five
from lib.networks.aligned import cut_aligned

# Numbers of the published alignment on three photos of its examples: size (w, h), five points,
# scale, translation, resized (w, h), corner, and the points in the crop with y up.
GOLDEN = [
    (
        (423, 594),
        [(142.84, 207.18), (222.02, 203.90), (159.24, 253.57), (146.59, 290.93), (227.52, 284.74)],
        0.729374, (196.6142, 355.0627), (308, 433), (31, 62),
        [(73.041, 134.558), (130.793, 136.950), (85.003, 100.722), (75.776, 73.473),
         (134.805, 77.987)],
    ),
    (
        (321, 341),
        [(123.12, 117.58), (176.59, 122.09), (126.99, 144.68), (117.61, 183.43), (163.94, 186.41)],
        1.000263, (154.6408, 188.4666), (321, 341), (42, 40),
        [(80.513, 146.007), (133.997, 141.496), (84.384, 118.900), (75.002, 80.140),
         (121.344, 77.159)],
    ),
    (
        (900, 1354),
        [(284.61, 496.57), (562.77, 550.78), (395.85, 712.84), (238.92, 786.80), (495.61, 827.22)],
        0.223403, (400.7275, 728.3272), (201, 302), (-22, 27),
        [(86.090, 140.862), (148.232, 128.752), (110.942, 92.547), (75.883, 76.024),
         (133.228, 66.994)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("size", "five", "scale", "centre", "resized", "corner", "there"), GOLDEN)
def test_the_published_crop_has_its_published_numbers(
    size, five, scale, centre, resized, corner, there
):
    crop = align_face(np.array(five), size[::-1], "published")
    assert crop.scale == pytest.approx(scale, abs=1e-6)
    np.testing.assert_allclose(crop.centre, centre, atol=1e-4)
    assert crop.resized[::-1] == resized
    assert crop.corner == corner
    np.testing.assert_allclose(crop.published_points(np.array(five)), there, atol=1e-3)


@pytest.mark.parametrize("rounding", ["published", "exact"])
def test_points_go_to_the_crop_and_back(rounding):
    size, five = (594, 423), np.array(GOLDEN[0][1])
    crop = align_face(five, size, rounding)
    np.testing.assert_allclose(crop.to_image(crop.to_crop(five)), five, atol=1e-9)


def test_the_exact_crop_puts_pixels_where_the_published_formula_puts_points():
    five = np.array(GOLDEN[2][1])
    crop = align_face(five, (1354, 900), "exact")
    up = crop.published_points(five)
    np.testing.assert_allclose(crop.to_crop(five), up * [1, -1] + [0, 223], atol=1e-9)


def test_the_published_crop_is_little_off_its_own_formula():
    for size, five, *_ in GOLDEN:
        crop = align_face(np.array(five), size[::-1], "published")
        up = crop.published_points(np.array(five))
        assert np.abs(crop.to_crop(np.array(five)) - (up * [1, -1] + [0, 223])).max() < 1.5


def test_the_way_back_of_3ddfa_v3_undoes_its_own_crop():
    five = np.array(GOLDEN[0][1])
    crop = align_face(five, (594, 423), "published")
    there = five * [308 / 423, 433 / 594] - [31, 62]
    np.testing.assert_allclose(crop.published_image(there), five, atol=1e-9)


@pytest.mark.parametrize("rounding", ["published", "exact"])
@pytest.mark.parametrize("side", [224, 512])
def test_a_bright_spot_lands_where_its_point_does(rounding, side):
    image = np.zeros((300, 260, 3), np.uint8)
    rows, columns = np.mgrid[:300, :260]
    spot = np.array([131.0, 118.0])
    image[:] = (255 * np.exp(-((columns - spot[0]) ** 2 + (rows - spot[1]) ** 2) / 50))[..., None]
    five = np.array([(100, 110), (160, 112), (131, 140), (108, 175), (155, 176)], float)
    crop = align_face(five, (300, 260), rounding, side)
    picture = cut_aligned(image, crop)[..., 0].astype(float)
    assert picture.shape == (side, side)
    v, u = np.mgrid[:side, :side]
    found = np.array([(u * picture).sum(), (v * picture).sum()]) / picture.sum()
    np.testing.assert_allclose(found, crop.to_crop(spot), atol=0.05)


@pytest.mark.parametrize("rounding", ["published", "exact"])
def test_beyond_the_photo_a_crop_is_black(rounding):
    five = np.array([(0, 20), (40, 20), (20, 40), (5, 60), (35, 60)], float)
    crop = align_face(five, (120, 110), rounding)
    picture = cut_aligned(np.full((120, 110), 200, np.uint8), crop)
    v, u = np.mgrid[:224, :224]
    place = crop.to_image(np.stack([u, v], -1))
    outside = ((place < -3) | (place > [112, 122])).any(-1)
    inside = ((place > 3) & (place < [106, 116])).all(-1)
    assert outside.any() and (picture[outside] == 0).all()
    assert inside.any() and (picture[inside] == 200).all()


def test_five_points_come_from_the_68():
    ibug68 = np.random.default_rng(0).uniform(0, 100, (68, 2))
    five = standard_five(ibug68)
    np.testing.assert_allclose(five[0], (ibug68[36] + ibug68[39]) / 2)
    np.testing.assert_allclose(five[1], (ibug68[42] + ibug68[45]) / 2)
    np.testing.assert_allclose(five[2:], ibug68[[30, 48, 54]])


def test_a_face_like_the_standard_face_is_cut_at_its_size():
    five = STANDARD_FIVE[:, :2] * [102, -102] + [400, 300]
    crop = align_face(five, (600, 800), "exact")
    assert crop.scale == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(crop.to_crop(np.array([400.0, 300.0])), [112, 111], atol=1e-4)


def test_points_that_tell_no_scale_are_refused():
    with pytest.raises(ValueError, match="tell no scale"):
        align_face(np.full((5, 2), 7.0), (100, 100))
    with pytest.raises(ShapeError, match=r"five has shape \(4, 2\)"):
        align_face(np.zeros((4, 2)), (100, 100))


def test_a_crop_tells_its_published_parameters():
    crop = AlignedCrop((594, 423), 0.7, (196.0, 355.0), (433, 308), (31, 62))
    np.testing.assert_array_equal(crop.parameters, [423, 594, 0.7, 196, 355])
