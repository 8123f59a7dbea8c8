import numpy as np
import pytest

from lib.networks.crop import CropFrame, cut

TURNED = CropFrame((50.0, 40.0), 60.0, 0.4, 32, mirrored=True)


def _ramp(size=(90, 120)):
    """An image whose red is x and whose green is y."""
    y, x = np.mgrid[: size[0], : size[1]]
    return np.stack([x, y, np.zeros_like(x)], -1).astype(np.uint8)


@pytest.mark.parametrize("mirrored", [False, True])
def test_points_come_back_from_the_crop(mirrored):
    frame = CropFrame((50.0, 40.0), 60.0, 0.4, 32, mirrored)
    points = np.random.default_rng(0).uniform(0, 90, (20, 2))
    np.testing.assert_allclose(frame.to_photo(frame.to_crop(points)), points, atol=1e-9)


@pytest.mark.parametrize("side", [20.0, 40.0, 70.0, 75.0])
def test_a_pixel_of_the_crop_shows_the_place_of_the_photo_that_the_frame_names(side):
    frame = CropFrame((60.0, 44.0), side, 0.3, 16, mirrored=True)
    crop = cut(_ramp(), frame)
    rows = np.array([[8, 8], [4, 11], [12, 5]])
    places = frame.to_photo(rows.astype(float))
    np.testing.assert_allclose(crop[rows[:, 1], rows[:, 0], :2], places, atol=1.01)


def test_mirroring_flips_the_crop_left_to_right():
    plain = CropFrame((60.0, 44.0), 40.0, 0.3, 16)
    mirrored = CropFrame((60.0, 44.0), 40.0, 0.3, 16, mirrored=True)
    difference = cut(_ramp(), plain)[:, ::-1].astype(int) - cut(_ramp(), mirrored)
    assert np.abs(difference).max() <= 1


def test_fine_stripes_average_to_grey_in_a_small_crop():
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = cut(stripes, CropFrame((199.5, 199.5), 390.0, 0.0, 32))
    assert np.abs(crop.astype(int) - 127).max() < 20


def test_beyond_the_border_the_border_is_repeated():
    image = np.full((30, 30, 3), 7, np.uint8)
    assert (cut(image, CropFrame((0.0, 0.0), 60.0, 0.0, 16)) == 7).all()
