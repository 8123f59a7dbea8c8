"""EXR and 16-bit PNG: exact there and back, read by another reader, hostile bytes refused."""

import os
import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest

from lib.errors import ConfigError, ShapeError
from lib.imaging import encode_exr, encode_png, read_exr, read_png16, save_exr, save_png16

SCRIPT = (
    "import sys, cv2, numpy; numpy.save(sys.argv[2], cv2.imread(sys.argv[1], cv2.IMREAD_UNCHANGED))"
)
WRITE = "import sys, cv2, numpy; assert cv2.imwrite(sys.argv[1], numpy.load(sys.argv[2]), [{}])"


def relief(*size):
    y, x = np.mgrid[: size[0], : size[1]]
    smooth = np.sin(x / 7) * np.cos(y / 11) * 0.3
    noise = np.random.default_rng(1).normal(0, 0.01, size)
    values = smooth if len(size) == 2 else smooth[..., None] + noise
    return values.astype(np.float16).astype(np.float32)  # as maps are kept, and compressible


def by_opencv(script, *paths):
    environment = os.environ | {"OPENCV_IO_ENABLE_OPENEXR": "1"}
    subprocess.run([sys.executable, "-c", script, *map(str, paths)], env=environment, check=True)


@pytest.mark.parametrize("size", [(1, 1), (16, 3), (33, 50), (40, 21, 3)])
def test_opencv_reads_the_same_floats(tmp_path, size):
    image = relief(*size)
    save_exr(tmp_path / "a.exr", image)
    by_opencv(SCRIPT, tmp_path / "a.exr", tmp_path / "a.npy")
    found = np.load(tmp_path / "a.npy")
    np.testing.assert_array_equal(found[..., ::-1] if image.ndim == 3 else found, image)


@pytest.mark.parametrize("kind", ["IMWRITE_EXR_TYPE_FLOAT", "IMWRITE_EXR_TYPE_HALF"])
@pytest.mark.parametrize("compression", ["NO", "ZIPS", "ZIP"])
def test_files_of_opencv_are_read(tmp_path, kind, compression):
    image = relief(37, 21, 3)
    np.save(tmp_path / "a.npy", image)
    flags = f"cv2.IMWRITE_EXR_TYPE, cv2.{kind}, cv2.IMWRITE_EXR_COMPRESSION, "
    flags += f"cv2.IMWRITE_EXR_COMPRESSION_{compression}"
    by_opencv(WRITE.format(flags), tmp_path / "a.exr", tmp_path / "a.npy")
    found = read_exr(tmp_path / "a.exr")
    assert found.channels == ("R", "G", "B")
    half = kind.endswith("HALF")
    expected = image.astype(np.float16).astype(np.float32) if half else image
    np.testing.assert_array_equal(found.pixels, expected[..., ::-1])


def test_every_value_name_and_comment_comes_back(tmp_path):
    image = np.random.default_rng(0).integers(0, 2**32, (50, 30, 2), np.uint32).view(np.float32)
    save_exr(tmp_path / "a.exr", image, ("height", "confidence"), "millimetres; à côté")
    found = read_exr(tmp_path / "a.exr")
    assert found.channels == ("confidence", "height")
    assert found.comments == "millimetres; à côté"
    back = np.ascontiguousarray(found.pixels[..., ::-1])
    np.testing.assert_array_equal(back.view(np.uint32), image.view(np.uint32))


def test_smooth_pictures_are_compressed_and_repeatable():
    image = relief(256, 256)
    assert encode_exr(image) == encode_exr(image.copy())
    assert len(encode_exr(image)) < 0.6 * image.nbytes
    assert len(encode_exr(np.zeros((256, 256), np.float32))) < 0.01 * image.nbytes


@pytest.mark.parametrize(
    ("image", "channels"),
    [
        (np.zeros((4, 4)), ()),
        (np.zeros((4, 4, 2), np.float32), ()),
        (np.zeros((4, 4, 2), np.float32), ("a", "a")),
        (np.zeros((0, 4), np.float32), ()),
    ],
)
def test_other_shapes_types_and_names_are_refused(image, channels):
    with pytest.raises(ShapeError, match=r"image .* has shape"):
        encode_exr(image, channels)


def test_damaged_files_are_refused_and_never_crash(tmp_path):
    data = encode_exr(relief(20, 20), comments="x")
    generator = np.random.default_rng(0)
    path = tmp_path / "a.exr"
    refused = 0
    for _ in range(300):
        broken = bytearray(data[: generator.integers(len(data))])
        for place in generator.integers(0, max(1, len(broken)), 3):
            broken[place : place + 1] = bytes([generator.integers(256)])
        path.write_bytes(broken)
        try:
            read_exr(path)
        except ConfigError:
            refused += 1
    assert refused == 300
    huge = data.replace(struct.pack("<4i", 0, 0, 19, 19), struct.pack("<4i", 0, 0, 2**30, 2**30))
    path.write_bytes(huge)
    with pytest.raises(ConfigError, match="1073741825 x 1073741825 px"):
        read_exr(path)


@pytest.mark.parametrize("size", [(30, 20), (30, 20, 3), (30, 20, 4)])
def test_sixteen_bits_come_back(tmp_path, size):
    image = np.random.default_rng(0).integers(0, 65536, size).astype(np.uint16)
    save_png16(tmp_path / "a.png", image)
    np.testing.assert_array_equal(read_png16(tmp_path / "a.png"), image)


def test_eight_bits_are_no_sixteen(tmp_path):
    with pytest.raises(ShapeError, match="uint16"):
        save_png16(tmp_path / "a.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "b.png").write_bytes(encode_png(np.zeros((4, 4), np.uint8)))
    with pytest.raises(ConfigError, match="8 bits per channel"):
        read_png16(tmp_path / "b.png")
    assert cv2.imread(str(tmp_path / "a.png")) is None
