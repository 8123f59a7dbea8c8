"""Lens distortion: pictures freed of it show points where a pinhole would."""

import cv2
import numpy as np
import pytest

from lib.errors import ShapeError
from lib.geometry import distort, keeps_order, rational_of_polynomial, rectify

SIZE = (300, 400)
FOCAL = np.array([520.0, 505.0])
CENTRE = np.array([207.3, 146.8])
BARREL = np.array([-0.28, 0.11, 0.0012, -0.0008, -0.02, 0.0, 0.0, 0.0])
RATIONAL = np.array([0.31, 0.05, -0.0009, 0.0011, 0.012, 0.42, 0.09, 0.003])


def by_hand(point, coefficients):
    """The textbook formula for one ray, term by term in Python's own numbers."""
    k1, k2, p1, p2, k3, k4, k5, k6 = map(float, coefficients)
    x, y = map(float, point)
    r2 = x * x + y * y
    factor = (1 + k1 * r2 + k2 * r2 * r2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2 * r2 + k6 * r2**3)
    u = x * factor + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    v = y * factor + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    return u, v


def blobs(centres, dtype, scale):
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    light = sum(np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * 3.0**2)) for u, v in centres)
    return np.round(light * scale).astype(dtype)


def places(image, near):
    for x, y in near:
        left, top = round(x) - 12, round(y) - 12
        part = image[top : top + 25, left : left + 25].astype(float)
        row, column = np.mgrid[top : top + 25, left : left + 25]
        yield (part * column).sum() / part.sum(), (part * row).sum() / part.sum()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("coefficients", [BARREL, RATIONAL], ids=["barrel", "rational"])
@pytest.mark.parametrize("stretch", [1.0, 0.97])
def test_points_come_back_to_where_a_pinhole_puts_them(dtype, coefficients, stretch):
    grid = np.stack(np.meshgrid(np.arange(40, 370, 50.0), np.arange(40, 270, 50.0)), -1)
    pinhole = grid.reshape(-1, 2) + 0.37
    seen = [by_hand(ray, coefficients) for ray in (pinhole - CENTRE) / FOCAL]
    taken = blobs(np.array(seen) * FOCAL + CENTRE, dtype, 0.9 * np.iinfo(dtype).max)
    freed = rectify(taken, FOCAL, CENTRE, coefficients, stretch)
    assert freed.dtype == dtype and freed.shape == taken.shape
    expected = np.column_stack([pinhole[:, 0], (pinhole[:, 1] + 0.5) / stretch - 0.5])
    found = np.array(list(places(freed, expected)))
    assert np.abs(found - expected).max() < 0.05
    moved = np.abs(np.array(seen) * FOCAL + CENTRE - pinhole).max()
    assert moved > 2  # or the test would say nothing


def test_the_formula_is_that_of_opencv():
    rays = np.random.default_rng(0).uniform(-0.4, 0.4, (50, 2))
    for coefficients in (BARREL, RATIONAL):
        by_opencv = cv2.projectPoints(
            np.column_stack([rays, np.ones(50)]), np.zeros(3), np.zeros(3), np.eye(3), coefficients
        )[0][:, 0]
        np.testing.assert_allclose(distort(rays, coefficients), by_opencv, atol=1e-12)
        np.testing.assert_allclose(
            [by_hand(ray, coefficients) for ray in rays], by_opencv, atol=1e-12
        )


def test_without_distortion_the_picture_is_the_same_object():
    image = np.zeros((4, 5, 3), np.uint8)
    assert rectify(image, FOCAL, CENTRE, np.zeros(8)) is image


def test_strips_join_without_a_seam():
    y, x = np.mgrid[:1100, :60].astype(float)
    ramp = np.round(100 + 20 * y + 3 * x).astype(np.uint16)
    k1 = 0.05
    freed = rectify(
        ramp, np.array([900.0, 900.0]), np.array([30.0, 550.0]), np.array([k1] + [0] * 7)
    )
    radius = ((x - 30) ** 2 + (y - 550) ** 2) / 900**2
    source = 550 + (y - 550) * (1 + k1 * radius)
    expected = 100 + 20 * source + 3 * (30 + (x - 30) * (1 + k1 * radius))
    inside = (source > 4) & (source < 1095) & (x > 8) & (x < 51)
    assert np.abs(freed - expected)[inside].max() < 1.5  # of 20 per row: maps count 1/32 px


def test_coefficients_that_fold_the_image_are_told():
    assert keeps_order(BARREL, 0.6)
    assert not keeps_order(np.array([-3.0, 0, 0, 0, 0, 0, 0, 0]), 0.6)
    assert not keeps_order(np.array([0, 0, 0, 0, 0, -4.0, 0, 0]), 0.6)  # a pole
    assert not keeps_order(np.full(8, np.nan), 0.6)


def test_an_eighth_order_term_has_a_rational_double():
    radial = np.array([-0.21, 0.16, -0.05, 0.031])
    found, miss = rational_of_polynomial(radial, 0.5)
    assert miss < 1e-6
    coefficients = np.array([*found[:2], 0, 0, *found[2:]])
    radius = np.linspace(0, 0.5, 77)
    wanted = radius * (1 + sum(k * radius ** (2 * i + 2) for i, k in enumerate(radial)))
    got = distort(np.column_stack([radius, 0 * radius]), coefficients)[:, 0]
    np.testing.assert_allclose(got, wanted, atol=1e-6)
    same, none = rational_of_polynomial(np.array([0.1, 0.2, 0.3, 0.0]), 0.5)
    assert same.tolist() == [0.1, 0.2, 0.3, 0, 0, 0] and none == 0


def test_a_side_that_opencv_cannot_address_is_refused():
    with pytest.raises(ShapeError, match=r"at most 32766 px"):
        rectify(np.zeros((1, 40000), np.uint8), FOCAL, CENTRE, BARREL)
