"""Pictures, their profiles and their notes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from lib.captures.masks import read_mask
from lib.imaging import encode_exr, encode_jpeg, read_exr, read_photo, read_picture, read_png16
from lib.imaging.exif import focal_length_px, orientation
from lib.imaging.icc import to_srgb8, to_srgb16
from lib.parsing.files import read_parts
from lib.parsing.options import ParsingOptions
from tests.fuzz.reader import Reader

SIZE = (40, 48)


def pixels() -> np.ndarray:
    """(40, 48, 3) uint8."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.stack([rows * 5, columns * 5, rows + columns], -1).astype(np.uint8)


def saved(kind: str, **more: object) -> bytes:
    """A picture of a format of Pillow's."""
    buffer = io.BytesIO()
    Image.fromarray(pixels()).save(buffer, kind, **more)
    return buffer.getvalue()


def sixteen(kind: str) -> bytes:
    """A picture of 16 bits with a colour profile."""
    import cv2

    done, found = cv2.imencode(kind, pixels().astype(np.uint16) * 257)
    assert done
    return found.tobytes()


def exif() -> bytes:
    """An EXIF block with an orientation and a lens."""
    block = Image.Exif()
    block[0x0112] = 6
    inner = block.get_ifd(0x8769)
    inner.update({0x920A: 35.0, 0xA405: 52, 0xA20E: 3000.0, 0xA210: 2, 0xA002: 48, 0xA003: 40})
    return block.tobytes()


def profile() -> bytes:
    """A colour profile of a matrix and curves, which is not called sRGB."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return data.replace(b"s\0R\0G\0B", b"w\0i\0d\0e").replace(b"sRGB", b"wide")


def read_profile(folder: Path) -> None:
    data = (folder / "a.icc").read_bytes()
    to_srgb8(Image.fromarray(pixels()), data)
    to_srgb16(pixels().astype(np.uint16), data)


def read_notes(folder: Path) -> None:
    buffer = io.BytesIO(saved("JPEG", exif=(folder / "a.exif").read_bytes()[:60_000]))
    with Image.open(buffer) as picture:
        block = picture.getexif()
    orientation(block)
    focal_length_px(block, SIZE)


def photo(name: str, data: bytes) -> Reader:
    return Reader(name, lambda _: data, lambda folder: read_photo(folder / name, 1.0))


READERS = {
    "photo jpeg": photo("a.jpg", saved("JPEG", exif=exif(), icc_profile=profile())),
    "photo progressive": photo("a.jpg", saved("JPEG", progressive=True)),
    "photo png": photo("a.png", saved("PNG", icc_profile=profile())),
    "photo png 16": photo("a.png", sixteen(".png")),
    "photo webp": photo("a.webp", saved("WEBP")),
    "photo tiff": photo("a.tif", saved("TIFF", compression="tiff_lzw")),
    "photo tiff 16": photo("a.tif", sixteen(".tif")),
    "photo gif": photo("a.gif", saved("GIF")),
    "photo bmp": photo("a.bmp", saved("BMP")),
    "photo jpeg 2000": photo("a.jp2", saved("JPEG2000")),
    "photo ppm": photo("a.ppm", saved("PPM")),
    "exif": Reader("a.exif", lambda _: exif(), read_notes),
    "colour profile": Reader("a.icc", lambda _: profile(), read_profile),
    "exr": Reader(
        "a.exr",
        lambda _: encode_exr(np.linspace(0, 1, 40 * 30, dtype=np.float32).reshape(40, 30)),
        lambda folder: read_exr(folder / "a.exr"),
    ),
    "png of heights": Reader(
        "a.png", lambda _: sixteen(".png"), lambda folder: read_png16(folder / "a.png")
    ),
    "mask": Reader(
        "a.png",
        lambda _: saved("PNG"),
        lambda folder: read_mask(folder / "a.png", SIZE, 1.0),
    ),
    "mask of parts": Reader(
        "a.png",
        lambda folder: _indexed(),
        lambda folder: read_parts("a.jpg", ParsingOptions(masks=str(folder))),
    ),
    "picture of a data set": Reader(
        "a.jpg",
        lambda _: encode_jpeg(pixels(), 90),
        lambda folder: read_picture(folder / "a.jpg", "RGB"),
    ),
}


def _indexed() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels()[..., 0] % 8).save(buffer, "PNG")
    return buffer.getvalue()
