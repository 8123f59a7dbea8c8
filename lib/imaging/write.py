"""Pictures to bytes and files: the same pixels give the same bytes, and nothing but pixels."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from lib.atomic import atomic_path
from lib.errors import ConfigError, ShapeError

PngEffort = Literal["small", "fast", "runs"]
PNG = {
    "small": {"compress_level": 6},
    "fast": {"compress_level": 3},
    "runs": {"compress_level": 1, "compress_type": zlib.Z_RLE},
}


def encode_png(image: np.ndarray, effort: PngEffort = "small") -> bytes:
    """PNG bytes without metadata.

    Args:
        image: (h, w), (h, w, 3) RGB or (h, w, 4) RGBA; uint8 or uint16.
        effort: for uint8. `fast` takes a third of the time of `small` and makes files a seventh
            larger; `runs` looks for equal neighbours only and takes a quarter: textures and
            renderings stay as small, photos become twice as large.

    Raises:
        ShapeError: another shape or number type.
    """
    _check(image, (None, 3, 4), (np.uint8, np.uint16))
    if image.dtype == np.uint8:
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(image)).save(buffer, "PNG", **PNG[effort])
        return buffer.getvalue()
    swapped = image if image.ndim == 2 else image[..., [2, 1, 0, 3][: image.shape[2]]]
    return cv2.imencode(".png", np.ascontiguousarray(swapped))[1].tobytes()


def encode_jpeg(image: np.ndarray, quality: int = 92) -> bytes:
    """JPEG bytes without metadata and without chroma subsampling.

    Args:
        image: (h, w) or (h, w, 3) RGB, uint8.
        quality: 1..95.

    Raises:
        ShapeError: another shape or number type.
    """
    _check(image, (None, 3), (np.uint8,))
    buffer = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(image))
    try:
        picture.save(buffer, "JPEG", quality=quality, subsampling=0, optimize=True)
    except OSError:  # Pillow optimises no file of more bytes than pixels, as noise makes it
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def save_png(path: str | Path, image: np.ndarray, effort: PngEffort = "small") -> None:
    """Write `encode_png(image, effort)`; the file appears under its name only when complete."""
    save_bytes(path, encode_png(image, effort))


def save_png16(path: str | Path, image: np.ndarray) -> None:
    """Write a PNG of 16 bits per channel; the file appears under its name only when complete.

    Args:
        path: the file.
        image: (h, w), (h, w, 3) RGB or (h, w, 4) RGBA, uint16.

    Raises:
        ShapeError: another shape or number type: fewer bits are never written by accident.
    """
    _check(image, (None, 3, 4), (np.uint16,))
    save_bytes(path, encode_png(image))


def read_png16(path: str | Path) -> np.ndarray:
    """The numbers of a PNG of 16 bits per channel as they are stored, without any colour profile.

    Returns:
        (h, w), (h, w, 3) RGB or (h, w, 4) RGBA, uint16.

    Raises:
        ConfigError: the file cannot be read or has fewer bits.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}).") from error
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if found is None or found.dtype != np.uint16:
        bits = "no picture" if found is None else f"{8 * found.dtype.itemsize} bits per channel"
        raise ConfigError(f"{path} has {bits}, expected a PNG of 16 bits per channel.")
    return found if found.ndim == 2 else found[..., [2, 1, 0, 3][: found.shape[2]]]


def save_jpeg(path: str | Path, image: np.ndarray, quality: int = 92) -> None:
    """Write `encode_jpeg(image, quality)`; the file appears under its name only when complete."""
    save_bytes(path, encode_jpeg(image, quality))


def save_bytes(path: str | Path, data: bytes) -> None:
    """Write a file that appears under its name only when complete."""
    with atomic_path(path) as part:
        part.write_bytes(data)


def _check(image: np.ndarray, channels: tuple[int | None, ...], types: tuple[type, ...]) -> None:
    found = image.shape[2] if image.ndim == 3 else None
    if image.ndim not in (2, 3) or found not in channels or image.dtype not in types:
        names = " or ".join(kind.__name__ for kind in types)
        raise ShapeError(
            f"image ({image.dtype})", image.shape, f"(h, w[, c]), c of {channels}, {names}"
        )
