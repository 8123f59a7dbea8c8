"""HEIC photos: turned once, converted by their profile, and harmless when they are damaged."""

import random

import numpy as np
import pytest
from PIL import Image

from lib.errors import CaptureFailure
from lib.imaging import read_photo
from tests.imaging.heic_files import DEEP, TURNED, encode, unpacked
from tests.imaging.test_read_photo import gamma_profile, largest_difference, saved, smooth_image

pytest.importorskip("pi_heif", reason="the optional package pi-heif is not installed")

DISPLAY_P3 = gamma_profile(
    2.2,
    [(0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)],
)


def mean_difference(found, expected):
    assert found.shape == expected.shape
    return np.abs(found.astype(float) - expected).mean()


@pytest.fixture
def turned(tmp_path):
    """A photo on its side that both EXIF and the container's own box turn, with a P3 profile."""
    path = tmp_path / "a.heic"
    path.write_bytes(unpacked(TURNED))
    return path


def test_a_heic_photo_is_turned_once_and_converted_like_its_png_twin(turned, tmp_path):
    twin = saved(tmp_path / "a.png", smooth_image(), icc_profile=DISPLAY_P3)
    expected = read_photo(twin).pixels
    photo = read_photo(turned)
    assert photo.pixels.dtype == np.uint8
    assert mean_difference(photo.pixels, expected) < 2
    assert mean_difference(photo.pixels, smooth_image()) > 3, "the profile changed nothing"


def test_the_focal_length_of_a_heic_photo_is_that_of_the_upright_photo(turned):
    photo = read_photo(turned)
    assert photo.focal_source == "exif35mm"
    assert photo.focal_px == pytest.approx(26 / np.hypot(36, 24) * 80)


def test_a_10_bit_heic_photo_is_read_with_8_bits(tmp_path):
    (tmp_path / "a.heic").write_bytes(unpacked(DEEP))
    pixels = read_photo(tmp_path / "a.heic").pixels
    assert pixels.dtype == np.uint8
    assert largest_difference(pixels, smooth_image()) < 16


@pytest.mark.parametrize("icc_profile", [None, DISPLAY_P3])
def test_an_encoded_photo_is_read_like_its_png_twin(tmp_path, icc_profile):
    grey_to_red = smooth_image() // 2 + 64  # inside the sRGB gamut
    path = encode(tmp_path / "a.heic", grey_to_red, icc_profile=icc_profile)
    twin = saved(tmp_path / "b.png", grey_to_red, icc_profile=icc_profile)
    assert mean_difference(read_photo(path).pixels, read_photo(twin).pixels) < 2


def test_grey_and_transparent_heic_photos_are_understood(tmp_path):
    grey = np.asarray(Image.fromarray(smooth_image()).convert("L"))
    found = read_photo(encode(tmp_path / "grey.heic", grey)).pixels
    assert largest_difference(found, np.repeat(grey[..., None], 3, axis=2)) < 8
    clear = np.dstack([smooth_image(), np.zeros(smooth_image().shape[:2], np.uint8)])
    found = read_photo(encode(tmp_path / "clear.heic", clear)).pixels
    assert largest_difference(found, np.full_like(found, 128)) <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_once(tmp_path, orientation):
    pytest.importorskip("pillow_heif", reason="only pillow-heif writes EXIF orientations")
    shown = Image.fromarray(smooth_image())
    stored = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # how PIL undoes each orientation
    if orientation > 1:
        shown = shown.transpose(Image.Transpose(stored[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = encode(tmp_path / "a.heic", np.asarray(shown), exif=exif)
    assert largest_difference(read_photo(path).pixels, smooth_image()) < 16


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.7, 0.95])
def test_a_truncated_heic_photo_is_called_damaged(turned, kept):
    data = turned.read_bytes()
    turned.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(CaptureFailure, match=r"a\.heic is damaged or cut off"):
        read_photo(turned)


def test_a_broken_item_type_is_a_reason_and_not_the_end_of_the_process(turned):
    turned.write_bytes(turned.read_bytes().replace(b"Exif", b"Ex\x99f", 1))
    with pytest.raises(CaptureFailure, match="its list of items makes no sense"):
        read_photo(turned)


def test_heic_bytes_broken_at_random_give_a_photo_or_a_reason(turned):
    data, draw = turned.read_bytes(), random.Random(1)
    for _ in range(60):
        broken = bytearray(data)
        for _ in range(draw.choice([1, 4, 16])):
            broken[draw.randrange(len(broken))] = draw.randrange(256)
        turned.write_bytes(broken)
        try:
            assert read_photo(turned).pixels.dtype == np.uint8
        except CaptureFailure as failure:
            assert failure.outcome in ("unreadable_image", "too_small")
