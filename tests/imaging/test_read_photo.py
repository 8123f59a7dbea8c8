"""Photos of every usual kind, and files that only look like photos."""

import io
import os
import random
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from lib.errors import CaptureFailure
from lib.imaging import linear_to_srgb, read_photo, srgb_to_linear

HEIGHT, WIDTH = 48, 64


def smooth_image(height=HEIGHT, width=WIDTH):
    """(h, w, 3) uint8: another colour in each corner, so that no turn or swap goes unseen."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return np.round(np.stack([40 + 180 * x, 30 + 200 * y, 220 - 150 * x * y], -1)).astype(np.uint8)


def saved(path, image, **options):
    Image.fromarray(image).save(path, **options)
    return path


def largest_difference(found, expected):
    return np.abs(found.astype(int) - expected.astype(int)).max()


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "a.ppm", "a.jpg"])
def test_lossless_files_give_their_pixels_and_the_extension_does_not_matter(tmp_path, name):
    kind = {"a.jpg": "PNG"}.get(name)  # a PNG that calls itself .jpg
    path = saved(tmp_path / name, smooth_image(), format=kind)
    np.testing.assert_array_equal(read_photo(path).pixels, smooth_image())


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.avif", "a.jp2"])
def test_lossy_files_give_nearly_their_pixels(tmp_path, name):
    path = saved(tmp_path / name, smooth_image(), quality=95)
    assert largest_difference(read_photo(path).pixels, smooth_image()) < 12


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.webp", "a.avif"])
def test_every_exif_orientation_is_turned_upright(tmp_path, name, orientation):
    turned = {  # how a camera stores an upright image under each orientation
        1: lambda i: i,
        2: lambda i: i[:, ::-1],
        3: lambda i: i[::-1, ::-1],
        4: lambda i: i[::-1],
        5: lambda i: i.swapaxes(0, 1),
        6: lambda i: np.rot90(i),
        7: lambda i: i[::-1, ::-1].swapaxes(0, 1),
        8: lambda i: np.rot90(i, -1),
    }
    stored = np.ascontiguousarray(turned[orientation](smooth_image()))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / name, stored, exif=exif, quality=95)
    assert largest_difference(read_photo(path).pixels, smooth_image()) < 16


def deep_image():
    """(h, w, 3) uint16 whose low bytes carry information."""
    return (smooth_image().astype(np.uint16) << 8) + np.arange(WIDTH, dtype=np.uint16)[:, None]


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bit_files_keep_their_16_bits(tmp_path, name):
    cv2.imwrite(str(tmp_path / name), deep_image()[..., ::-1])
    np.testing.assert_array_equal(read_photo(tmp_path / name).pixels, deep_image())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_16_bit_tiffs_are_turned_like_8_bit_ones(tmp_path, orientation):
    tifffile = pytest.importorskip("tifffile")
    for name, image in (("8.tif", smooth_image()), ("16.tif", deep_image())):
        tag = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(tmp_path / name, image, photometric="rgb", extratags=tag)
    deep = read_photo(tmp_path / "16.tif").pixels
    np.testing.assert_array_equal(deep >> 8, read_photo(tmp_path / "8.tif").pixels)


def test_16_bit_grey_and_alpha_are_understood(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), deep_image()[..., 0])
    grey = read_photo(tmp_path / "grey.png").pixels
    np.testing.assert_array_equal(grey, np.repeat(deep_image()[..., :1], 3, axis=2))
    clear = np.dstack([deep_image()[..., ::-1], np.zeros((HEIGHT, WIDTH), np.uint16)])
    cv2.imwrite(str(tmp_path / "clear.png"), clear)
    assert (read_photo(tmp_path / "clear.png").pixels == 128 * 257).all()


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "PA"])
def test_other_pixel_modes_become_rgb(tmp_path, mode):
    picture = Image.fromarray(smooth_image()).convert("P" if mode == "PA" else mode)
    path = tmp_path / "a.png"
    if mode == "PA":
        picture.save(path, transparency=bytes([255] * 256))
    else:
        picture.save(path)
    expected = np.asarray(Image.fromarray(smooth_image()).convert(picture.mode).convert("RGB"))
    np.testing.assert_array_equal(read_photo(path).pixels, expected)


def test_transparent_pixels_lie_over_middle_grey(tmp_path):
    rgba = np.dstack([smooth_image(), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    rgba[:10, :, 3] = 0
    pixels = read_photo(saved(tmp_path / "a.webp", rgba, lossless=True)).pixels
    assert (pixels[:10] == 128).all()
    np.testing.assert_array_equal(pixels[10:], smooth_image()[10:])


def test_cmyk_jpegs_look_like_their_rgb_original(tmp_path):
    picture = Image.fromarray(smooth_image()).convert("CMYK")
    picture.save(tmp_path / "a.jpg", quality=98)
    assert largest_difference(read_photo(tmp_path / "a.jpg").pixels, smooth_image()) < 12


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.fromarray(smooth_image()), Image.fromarray(255 - smooth_image())]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.webp").pixels, smooth_image())


def gamma_profile(gamma, columns):
    """A minimal matrix profile: three colourants (XYZ at D50) and one power curve."""
    tags = [
        (name, b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in column)))
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
    ]
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    tags.append((b"wtpt", b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)))
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"wide\0" + bytes(79)
    tags.append((b"desc", text + bytes(-len(text) % 4)))
    offset, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags:
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


ADOBE_RGB = gamma_profile(  # colourants of Adobe RGB (1998), adapted to D50
    2.19921875,
    [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)],
)


def test_a_wide_profile_is_converted_to_srgb_alike_in_8_and_16_bits(tmp_path):
    grey_to_red = smooth_image() // 2 + 64  # inside the sRGB gamut
    saved(tmp_path / "8.png", grey_to_red, icc_profile=ADOBE_RGB)
    eight = read_photo(tmp_path / "8.png").pixels
    assert largest_difference(eight, grey_to_red) > 5, "the profile changed nothing"
    tifffile = pytest.importorskip("tifffile")
    deep = grey_to_red.astype(np.uint16) * 257
    tag = [(34675, 7, len(ADOBE_RGB), ADOBE_RGB, True)]
    tifffile.imwrite(tmp_path / "16.tif", deep, photometric="rgb", extratags=tag)
    sixteen = read_photo(tmp_path / "16.tif").pixels
    assert sixteen.dtype == np.uint16
    assert np.abs(sixteen / 257.0 - eight).max() < 1.6


def test_srgb_and_damaged_profiles_change_nothing(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, profile in (("srgb.png", srgb), ("broken.png", b"not a profile at all")):
        path = saved(tmp_path / name, smooth_image(), icc_profile=profile)
        np.testing.assert_array_equal(read_photo(path).pixels, smooth_image())


def exif_with(size=None, **tags):
    names = {"length": 0x920A, "equivalent": 0xA405, "resolution": 0xA20E, "unit": 0xA210}
    exif = Image.Exif()
    block = exif.get_ifd(0x8769)
    for name, value in tags.items():
        block[names[name]] = value
    if size:
        block[0xA003], block[0xA002] = size
    return exif


@pytest.mark.parametrize(
    ("exif", "focal_px", "source"),
    [
        (exif_with(equivalent=50), 50 / np.hypot(36, 24) * 80, "exif35mm"),
        (exif_with(length=5.0, resolution=20.0, unit=4), 100.0, "exif"),
        (exif_with(length=5.0, resolution=20.0, unit=4, size=(96, 128)), 50.0, "exif"),
        (exif_with(length=5.0, resolution=508.0, unit=2), 100.0, "exif"),
        (exif_with(length=5.0, resolution=900.0, unit=4, equivalent=50), 92.45, "exif35mm"),
        (exif_with(length=5.0), np.nan, "none"),
        (exif_with(equivalent=0), np.nan, "none"),
        (exif_with(equivalent=60000), np.nan, "none"),
        (exif_with(equivalent=50, size=(64, 64)), np.nan, "none"),
        (Image.Exif(), np.nan, "none"),
    ],
)
def test_focal_length_comes_from_exif_when_it_makes_sense(tmp_path, exif, focal_px, source):
    photo = read_photo(saved(tmp_path / "a.jpg", smooth_image(), exif=exif))
    assert photo.focal_source == source
    np.testing.assert_allclose(photo.focal_px, focal_px, rtol=1e-3)


def jpeg_bytes(**options):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG", **options)
    return buffer.getvalue()


NOT_PHOTOS = {
    "empty file": b"",
    "file of zeros": bytes(5000),
    "text file": "Grüße, this is a text\n".encode() * 400,
    "web page": b"<!DOCTYPE html><html>404</html>",
    "PDF document": b"%PDF-1.7\n\x80\x81",
    "ZIP archive": b"PK\x03\x04" + bytes(range(100)),
    "video": b"\0\0\0\x20ftypmp42" + bytes(range(100)),
    "no image format": bytes(range(128, 255)) * 9,
}


@pytest.mark.parametrize("found", NOT_PHOTOS)
def test_a_file_that_is_no_photo_is_called_what_it_is(tmp_path, found):
    path = tmp_path / "portrait one.jpg"
    path.write_bytes(NOT_PHOTOS[found])
    with pytest.raises(CaptureFailure, match=f"portrait one.jpg is .*{found}") as caught:
        read_photo(path)
    assert caught.value.outcome == "unreadable_image"


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.99])
@pytest.mark.parametrize("padding", [b"", bytes(4096)])
def test_a_truncated_jpeg_fails_instead_of_turning_grey(tmp_path, kept, padding, progressive):
    data = jpeg_bytes(progressive=progressive)
    (tmp_path / "a.jpg").write_bytes(data[: int(len(data) * kept)] + padding)
    with pytest.raises(CaptureFailure, match=r"a\.jpg is damaged or cut off"):
        read_photo(tmp_path / "a.jpg")


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_other_truncated_files_fail_too(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 65535, (90, 90, 3), dtype=np.uint16)
    if name == "a.webp":
        saved(tmp_path / name, (noise >> 8).astype(np.uint8), lossless=True)
    else:
        cv2.imwrite(str(tmp_path / name), noise)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * 0.6)])
    with pytest.raises(CaptureFailure, match=r"damaged|no image format"):
        read_photo(tmp_path / name)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "a.gif", "a.bmp"])
def test_bytes_broken_at_random_give_a_photo_or_a_reason(tmp_path, name):
    data = bytearray(saved(tmp_path / name, smooth_image()).read_bytes())
    draw = random.Random(1)
    for _ in range(60):
        broken = bytearray(data)
        for _ in range(draw.choice([1, 4, 16])):
            broken[draw.randrange(len(broken))] = draw.randrange(256)
        (tmp_path / name).write_bytes(broken)
        try:
            assert read_photo(tmp_path / name).pixels.dtype in (np.uint8, np.uint16)
        except CaptureFailure as failure:
            assert failure.outcome in ("unreadable_image", "too_small")


def test_missing_forbidden_and_strange_files_are_told_apart(tmp_path):
    with pytest.raises(CaptureFailure, match=r"gone\.jpg is not there"):
        read_photo(tmp_path / "gone.jpg")
    with pytest.raises(CaptureFailure, match="not a regular file"):
        read_photo(tmp_path)
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(CaptureFailure, match="not a regular file"):
        read_photo(tmp_path / "pipe.jpg")


def test_a_photo_without_read_permission_is_a_row(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", smooth_image())
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read everything

        def refuse(*_):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(CaptureFailure, match="permission denied"):
        read_photo(path)


def test_tiny_photos_are_too_small(tmp_path):
    path = saved(tmp_path / "dot.png", np.zeros((1, 1, 3), np.uint8))
    with pytest.raises(CaptureFailure, match="1 x 1 pixels") as caught:
        read_photo(path)
    assert caught.value.outcome == "too_small"


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path):
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n"
    for name, body in chunks:
        crc = struct.pack(">I", zlib.crc32(name + body))
        data += struct.pack(">I", len(body)) + name + body + crc
    (tmp_path / "bomb.png").write_bytes(data)
    with pytest.raises(CaptureFailure, match="limit is 200 megapixels"):
        read_photo(tmp_path / "bomb.png")


def test_reading_leaves_pillows_pixel_limit_alone(tmp_path):
    before = Image.MAX_IMAGE_PIXELS
    read_photo(saved(tmp_path / "a.png", smooth_image()))
    assert before == Image.MAX_IMAGE_PIXELS


def test_linear_light_of_a_photo_encodes_back_to_its_pixels(tmp_path):
    photo = read_photo(saved(tmp_path / "a.png", smooth_image()))
    assert photo.linear().dtype == np.float32
    np.testing.assert_allclose(linear_to_srgb(photo.linear()) * 255, photo.pixels, atol=1e-3)
    assert srgb_to_linear(np.float32(0.5)) == pytest.approx(0.21404, abs=1e-5)
