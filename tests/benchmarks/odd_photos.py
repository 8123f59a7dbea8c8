"""Pictures of every odd kind, made from one portrait and one picture without a face."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from PIL import Image

from tests.runs import permissions_count

HEAD = ("head",)
UNREADABLE = ("unreadable_image",)
NO_FACE = ("no_face", "landmarks_unsure")
IGNORED = ("ignored",)


@dataclass(frozen=True)
class OddPhoto:
    """One odd file.

    Args:
        name: path below the photo folder.
        expected: the outcomes that are right: `head`, `ignored` or words of status.tsv.
        write: writes the file at a path.
    """

    name: str
    expected: tuple[str, ...]
    write: Callable[[Path], object]


def portrait(side: int = 512) -> np.ndarray:
    """(side, side, 3) uint8: a public-domain portrait, cut to head and shoulders."""
    cut = skimage.data.astronaut()[:300, 75:375]
    method = cv2.INTER_AREA if side < 300 else cv2.INTER_CUBIC
    return cv2.resize(cut, (side, side), interpolation=method)


def no_face() -> np.ndarray:
    """(400, 600, 3) uint8: a cup of coffee."""
    return skimage.data.coffee()


def odd_photos() -> list[OddPhoto]:
    """All of them, the unreadable ones first."""
    return [*_unreadable(), *_readable(), *_named(), *_poor()]


def _unreadable() -> list[OddPhoto]:
    jpeg, png = _bytes("JPEG", quality=90), _bytes("PNG")
    result = [
        OddPhoto("truncated.jpg", UNREADABLE, _raw(jpeg[: len(jpeg) // 2])),
        OddPhoto("truncated.png", UNREADABLE, _raw(png[: len(png) // 2])),
        OddPhoto("text.jpg", UNREADABLE, _raw(b"This is no photo.\n" * 20)),
        OddPhoto("empty.jpg", UNREADABLE, _raw(b"")),
        OddPhoto("zeros.jpg", UNREADABLE, _raw(bytes(100_000))),
        OddPhoto("noise.jpg", UNREADABLE, _raw(np.random.default_rng(1).bytes(50_000))),
        OddPhoto("web_page.jpg", UNREADABLE, _raw(b"<!DOCTYPE html><html>404</html>")),
        OddPhoto("huge_header.png", UNREADABLE, _raw(_huge_header())),
        OddPhoto("broken_link.jpg", UNREADABLE, lambda path: path.symlink_to("gone.jpg")),
        OddPhoto("one_pixel.png", ("too_small",), _saved(portrait(1), "PNG")),
        OddPhoto("no_face.jpg", NO_FACE, _saved(no_face(), "JPEG")),
        OddPhoto("plain.png", NO_FACE, _saved(np.full((300, 300, 3), 90, np.uint8), "PNG")),
        OddPhoto("notes.txt", IGNORED, _raw(b"notes")),
        OddPhoto("Thumbs.db", IGNORED, _raw(b"\xd0\xcf")),
        OddPhoto(".hidden.jpg", IGNORED, _raw(jpeg)),
        OddPhoto("photo.json", IGNORED, _raw(b"{}")),
    ]
    if permissions_count():
        result.append(OddPhoto("no_permission.jpg", UNREADABLE, _without_permission(jpeg)))
    return result


def _readable() -> list[OddPhoto]:
    image = portrait()
    deep = image.astype(np.uint16) * 257
    alpha = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    alpha[:40, :, 3] = 0
    grey = Image.fromarray(image).convert("L")
    frames = [Image.fromarray(image), Image.fromarray(image[:, ::-1].copy())]
    heic = [OddPhoto("still.heic", HEAD, _heic(image))] if shutil.which("heif-enc") else []
    return [
        *heic,
        OddPhoto("sixty_megapixels.jpg", HEAD, _big_jpeg),
        OddPhoto("cmyk.jpg", HEAD, _saved(Image.fromarray(image).convert("CMYK"), "JPEG")),
        OddPhoto("sixteen_bit.png", HEAD, _cv2_file(".png", deep[..., ::-1])),
        OddPhoto("sixteen_bit.tif", HEAD, _cv2_file(".tif", deep[..., ::-1])),
        OddPhoto("sixteen_bit_grey.png", HEAD, _cv2_file(".png", deep[..., 1])),
        OddPhoto("animated.gif", HEAD, _animated(frames, "GIF")),
        OddPhoto("animated.webp", HEAD, _animated(frames, "WEBP")),
        OddPhoto("still.webp", HEAD, _saved(image, "WEBP")),
        OddPhoto("still.bmp", HEAD, _saved(image, "BMP")),
        OddPhoto("still.jp2", HEAD, _saved(image, "JPEG2000")),
        OddPhoto("lzw.tiff", HEAD, _saved(image, "TIFF", compression="tiff_lzw")),
        OddPhoto("exif_rotated.jpg", HEAD, _turned_by_exif(image)),
        OddPhoto("grey.jpg", HEAD, _saved(grey, "JPEG")),
        OddPhoto("alpha.png", HEAD, _saved(alpha, "PNG")),
        OddPhoto("palette.png", HEAD, _saved(Image.fromarray(image).quantize(128), "PNG")),
        OddPhoto("progressive.jpg", HEAD, _saved(image, "JPEG", progressive=True)),
        OddPhoto("png_inside.jpg", HEAD, _saved(image, "PNG")),
        OddPhoto("without_extension", HEAD, _saved(image, "JPEG")),
        OddPhoto("upside_down.jpg", HEAD, _saved(image[::-1, ::-1], "JPEG")),
        OddPhoto("lying.jpg", HEAD, _saved(np.rot90(image), "JPEG")),
    ]


def _named() -> list[OddPhoto]:
    names = [
        "with some spaces.jpg",
        "Jürgen Groß.jpg",
        "张伟.jpg",
        "emoji 😀.jpg",
        "anna.jpg",
        "anna.png.jpg",
        "ANNA.JPG",
        "anna_2.jpg",
        "sub folder/anna.jpg",
        "quote'\"$(x){y}.jpg",
        "tab\tand newline\n.jpg",
        "-rf.jpg",
        "long_" + "x" * 200 + ".jpg",
    ]
    jpeg = _bytes("JPEG", quality=90)
    strange = OddPhoto(os.fsdecode(b"caf\xe9.jpg"), UNREADABLE, _raw(jpeg))
    return [*(OddPhoto(name, HEAD, _raw(jpeg)) for name in names), strange]


def _poor() -> list[OddPhoto]:
    draw, image = np.random.default_rng(2), portrait().astype(np.float32)
    small = np.full((400, 600, 3), 120, np.uint8)
    small[100:196, 300:396] = portrait(96)
    noisy = image * 0.5 + draw.normal(0, 25, image.shape)
    pictures = {
        "dark.jpg": image * 0.15,
        "noisy.jpg": noisy,
        "blurred.jpg": cv2.GaussianBlur(image, None, 5),
        "overexposed.jpg": image * 1.7,
        "low_contrast.jpg": 110 + 0.15 * (image - 110),
        "blocky.jpg": image,
        "forty_pixel_face.png": small,
    }
    return [
        OddPhoto(
            name,
            (*HEAD, *NO_FACE),
            _saved(
                np.clip(pixels, 0, 255).astype(np.uint8),
                "PNG" if name.endswith("png") else "JPEG",
                **({"quality": 8} if name == "blocky.jpg" else {}),
            ),
        )
        for name, pixels in pictures.items()
    ]


def _bytes(kind: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(portrait()).save(buffer, kind, **settings)
    return buffer.getvalue()


def _raw(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def _saved(
    image: np.ndarray | Image.Image, kind: str, **settings: object
) -> Callable[[Path], object]:
    picture = image if isinstance(image, Image.Image) else Image.fromarray(np.array(image))
    return lambda path: picture.save(path, kind, **settings)


def _cv2_file(extension: str, image: np.ndarray) -> Callable[[Path], object]:
    return _raw(cv2.imencode(extension, image)[1].tobytes())


def _animated(frames: list[Image.Image], kind: str) -> Callable[[Path], object]:
    return lambda path: frames[0].save(path, kind, save_all=True, append_images=frames[1:])


def _big_jpeg(path: Path) -> None:
    Image.fromarray(portrait(7750)).save(path, "JPEG", quality=80)


def _turned_by_exif(image: np.ndarray) -> Callable[[Path], object]:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    return _saved(np.rot90(image), "JPEG", exif=exif)


def _heic(image: np.ndarray) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            flat = Path(folder) / "still.png"
            Image.fromarray(image).save(flat)
            subprocess.run(["heif-enc", "-o", path, flat], check=True, capture_output=True)

    return write


def _without_permission(data: bytes) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        path.write_bytes(data)
        path.chmod(0)

    return write


def _huge_header() -> bytes:
    """A PNG of a few bytes that says it has 3.6 gigapixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + _bytes("PNG")[33:]
