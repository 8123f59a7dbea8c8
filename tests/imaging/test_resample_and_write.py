"""Resizing keeps its promise about positions; sampling and writing are exact."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from lib.errors import ShapeError
from lib.imaging import (
    encode_jpeg,
    encode_png,
    linear_to_srgb,
    resize_to,
    sample_bilinear,
    save_png,
    srgb_to_linear,
)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(300, 401), (512, 200), (1000, 999)])
def test_a_point_keeps_its_place_by_the_documented_scale(size, dtype):
    y, x = np.mgrid[: size[0], : size[1]]
    x0, y0 = 0.31 * size[1], 0.62 * size[0]
    blob = np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * 12**2))
    image = np.round(linear_to_srgb(blob)[..., None] * np.iinfo(dtype).max).astype(dtype)
    small, scale = resize_to(np.repeat(image, 3, axis=2), 160)
    assert max(small.shape) == 160
    assert small.dtype == np.uint8
    weight = srgb_to_linear(small)[..., 0].astype(float)
    row, column = np.mgrid[: weight.shape[0], : weight.shape[1]]
    found = np.array([(weight * column).sum(), (weight * row).sum()]) / weight.sum()
    np.testing.assert_allclose((found + 0.5) * scale - 0.5, [x0, y0], atol=0.05)


def test_reducing_averages_light_and_not_codes():
    checks = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    small, _ = resize_to(np.repeat(checks[..., None], 3, axis=2), 32)
    assert (small == 188).all()  # half of the light, not half of the code


def test_a_small_image_is_not_enlarged():
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    same, scale = resize_to(image, 100)
    np.testing.assert_array_equal(same, image)
    np.testing.assert_array_equal(scale, [1, 1])


def test_a_grey_plane_is_refused_by_shape():
    with pytest.raises(ShapeError, match=r"image has shape \(4, 4\)"):
        resize_to(np.zeros((4, 4), np.uint8), 2)


def test_sampling_a_plane_gives_the_plane_and_nan_outside():
    y, x = np.mgrid[:40, :50].astype(np.float32)
    image = np.stack([2 * x + 3 * y, x - y], axis=-1)
    points = np.random.default_rng(0).uniform([0, 0], [49, 39], (500, 2))
    expected = points @ np.array([[2.0, 1.0], [3.0, -1.0]])
    np.testing.assert_allclose(sample_bilinear(image, points), expected, atol=1e-4)
    outside = np.array([[-0.6, 3], [49.6, 3], [3, 39.7], [np.nan, 3]])
    assert np.isnan(sample_bilinear(image, outside)).all()
    assert sample_bilinear(image, np.array([-0.4, 0.0]))[0] == 0
    assert sample_bilinear(image[:1, :1], np.array([0.2, 0.2]))[0] == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_png_bytes_are_lossless_repeatable_and_bare(dtype, channels):
    draw = np.random.default_rng(0)
    image = draw.integers(0, np.iinfo(dtype).max, (20, 30, *channels), dtype=dtype)
    data = encode_png(image)
    assert data == encode_png(image.copy())
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    order = {(): ..., (3,): [2, 1, 0], (4,): [2, 1, 0, 3]}[channels]
    np.testing.assert_array_equal(found if channels == () else found[..., order], image)
    assert not Image.open(io.BytesIO(data)).info


def test_noise_takes_more_bytes_than_pixels_as_a_jpeg():
    image = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    data = encode_jpeg(image)
    assert len(data) > 200 * 300
    found = np.asarray(Image.open(io.BytesIO(data)), int)
    assert np.abs(found - image).mean() < 6


def test_jpeg_bytes_are_repeatable_and_carry_no_exif():
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    data = encode_jpeg(image)
    assert data == encode_jpeg(image.copy())
    assert not Image.open(io.BytesIO(data)).getexif()
    with pytest.raises(ShapeError, match="uint8"):
        encode_jpeg(image.astype(np.uint16))


def test_saving_makes_the_folder_and_leaves_no_temporary_file(tmp_path):
    save_png(tmp_path / "new" / "a.png", np.zeros((4, 4), np.uint8))
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.png"]
