"""Reading one photo of any usual kind, or saying in one sentence why it cannot be read."""

from __future__ import annotations

import logging
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from lib.errors import CaptureFailure
from lib.imaging import exif
from lib.imaging.colour import srgb_to_linear
from lib.imaging.icc import to_srgb8, to_srgb16
from lib.imaging.sniff import (
    describe,
    has_broken_items,
    has_no_end,
    is_heif,
    says_what_to_do,
)
from lib.inputs.files import CappedReader

log = logging.getLogger(__name__)

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP", "JPEG2000", "PPM")
ALREADY_UPRIGHT = ("TIFF", "HEIF")  # their decoders turn the pixels
BACKGROUND = 128  # sRGB grey behind transparent pixels: neither skin nor white nor black
HEAD_BYTES = 4096
BT709, UNSPECIFIED, HDR_CURVES = 1, 2, (16, 18)  # ITU-T H.273: primaries; PQ and HLG


@dataclass(frozen=True)
class Photo:
    """One decoded photo.

    Args:
        pixels: (h, w, 3) uint8 or uint16, sRGB-encoded RGB, upright by its EXIF orientation.
        focal_px: focal length in px of these pixels; NaN when the file does not say.
        focal_source: `exif` (lens and sensor), `exif35mm` (35 mm equivalent) or `none`.
        orientation: EXIF orientation by which the file's own pixels were turned; 1 = not at all.
    """

    pixels: np.ndarray
    focal_px: float
    focal_source: str
    orientation: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) in px."""
        return self.pixels.shape[:2]

    def linear(self) -> np.ndarray:
        """(h, w, 3) float32 linear light, 1 = white."""
        return srgb_to_linear(self.pixels)


def read_photo(path: str | Path, max_megapixels: float = 200.0, min_side_px: int = 32) -> Photo:
    """The pixels of a photo as upright sRGB; the file's contents decide, never its extension.

    8 and 16 bits per channel, colour profiles, CMYK, greyscale, palettes and animations (first
    frame) are understood; HEIC and AVIF are read with 8 bits; transparent pixels are laid over
    middle grey. The file is not changed.

    Args:
        path: JPEG, PNG, WebP, TIFF, HEIC, AVIF, GIF, BMP, JPEG 2000 or PPM file.
        max_megapixels: larger photos are refused before they are decoded.
        min_side_px: photos with a shorter side are refused.

    Raises:
        CaptureFailure: `unreadable_image` or `too_small`, with what was found and what to do.
    """
    path = Path(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for ever
            raise _unreadable(path, "is not a regular file", "Name an image file")
        with CappedReader(path) as file:
            head = file.read(HEAD_BYTES)
            _check_head(path, head)
            with pillow_without_limits():
                picture = _open(path, file, head)
                _check_size(path, picture.size, max_megapixels, min_side_px)
                _check_complete(path, picture, file)
                return _decode(path, picture, file)
    except FileNotFoundError:
        raise _unreadable(path, "is not there", "Restore it or remove its row") from None
    except PermissionError:
        raise _unreadable(path, "may not be read (permission denied)", "Run chmod u+r") from None
    except OSError as error:
        found = f"cannot be opened ({error.strerror or error})"
        raise _unreadable(path, found, "Name an image file that can be read") from error


def _check_head(path: Path, head: bytes) -> None:
    found = describe(head)
    if found is not None:
        raise _unreadable(path, f"is {found}, not a photo", says_what_to_do(head))


def _open(path: Path, file: BinaryIO, head: bytes) -> Image.Image:
    if is_heif(head):
        _register_heif(path)
        if has_broken_items(file):
            raise _damaged(path, "its list of items makes no sense")
    file.seek(0)
    try:
        return Image.open(file, formats=known_formats())
    except UnidentifiedImageError:
        if is_heif(head):
            raise _damaged(path, "the HEIC decoder does not understand it") from None
        raise _unreadable(
            path,
            f"is no image format that can be read (it starts with {head[:8]!r})",
            "Save it as JPEG, PNG, WebP or TIFF",
        ) from None
    except Exception as error:  # decoders of damaged bytes raise anything; it is this file's fault
        raise _damaged(path, error) from error


def known_formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _register_heif(path: Path) -> None:
    try:
        import pi_heif
    except ImportError:
        raise _unreadable(
            path,
            "is a HEIC photo, and the package pi-heif is not installed",
            "Run pip install pi-heif, or save the photo as JPEG",
        ) from None
    pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def _check_size(path: Path, size: tuple[int, int], max_megapixels: float, min_side: int) -> None:
    width, height = size
    if width * height > max_megapixels * 1e6:
        raise _unreadable(
            path,
            f"has {width} x {height} pixels, the limit is {max_megapixels:g} megapixels",
            "Raise import.max_megapixels, or make the photo smaller",
        )
    if min(width, height) < min_side:
        raise CaptureFailure(
            "too_small",
            f"{path.name} has {width} x {height} pixels, at least {min_side} on each side are "
            "needed. Give a larger photo.",
        )


def _check_complete(path: Path, picture: Image.Image, file: BinaryIO) -> None:
    if picture.format in ("JPEG", "MPO") and has_no_end(file):
        raise _damaged(path, "the file stops before the end of the image")


def _decode(path: Path, picture: Image.Image, file: BinaryIO) -> Photo:
    sixteen_bit = _is_16_bit(picture)  # before load(): it changes the mode of some pictures
    try:
        picture.load()
        profile = picture.info.get("icc_profile")
        pixels = _sixteen_bit_pixels(path, file, profile) if sixteen_bit else None
        if pixels is None:
            pixels = _eight_bit_pixels(path, picture, profile)
    except (CaptureFailure, MemoryError):
        raise
    except Exception as error:  # decoders of damaged bytes raise anything; it is this file's fault
        raise _damaged(path, error) from error
    _warn_of_colours(path, picture)
    block = exif.read_exif(picture)
    orientation = 1 if picture.format in ALREADY_UPRIGHT else exif.orientation(block)
    pixels = exif.upright(pixels, orientation)
    focal_px, source = exif.focal_length_px(block, pixels.shape[:2])
    return Photo(pixels, focal_px, source, orientation)


def _warn_of_colours(path: Path, picture: Image.Image) -> None:
    """Say that colours which only numbers in a HEIC file describe are read as if they were sRGB."""
    colours = picture.info.get("nclx_profile") or {}
    primaries = colours.get("color_primaries", BT709)
    transfer = colours.get("transfer_characteristics", 0)
    if transfer in HDR_CURVES:
        log.warning("%s: it is an HDR photo; its tones are read as sRGB and look flat", path.name)
    elif primaries not in (BT709, UNSPECIFIED) and "icc_profile" not in picture.info:
        log.warning("%s: its wide colours have no ICC profile; they are read as sRGB", path.name)


def _is_16_bit(picture: Image.Image) -> bool:
    if picture.format == "TIFF":
        bits = picture.tag_v2.get(258, (1,))
        return max(bits) == 16 if isinstance(bits, tuple) else bits == 16
    if picture.format == "PNG":
        return picture.mode == "I;16" or "16" in str(picture.tile[0].args)
    return False


def _sixteen_bit_pixels(path: Path, file: BinaryIO, profile: bytes | None) -> np.ndarray | None:
    """(h, w, 3) uint16 sRGB, or None where only an 8-bit route understands the file."""
    file.seek(0)
    found = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16:
        return None
    if found.ndim == 2:
        return np.repeat(found[..., None], 3, axis=2)
    pixels = to_srgb16(found[..., 2::-1], profile)
    if pixels is None:
        log.warning("%s: its colour profile is a table; it is read with 8 bits", path.name)
        return None
    if found.shape[2] == 4:
        alpha = found[..., 3:].astype(np.float32) / 65535
        pixels = np.round(pixels * alpha + BACKGROUND * 257 * (1 - alpha)).astype(np.uint16)
    return pixels


def _eight_bit_pixels(path: Path, picture: Image.Image, profile: bytes | None) -> np.ndarray:
    """(h, w, 3) uint8 sRGB."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;"):
        if picture.mode != "I;16":
            raise _unreadable(
                path,
                f"holds 32-bit samples (mode {picture.mode})",
                "Save it with 8 or 16 bits per channel",
            )
        return np.repeat((np.asarray(picture) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if picture.mode in ("YCbCr", "HSV"):
        picture = picture.convert("RGB")
    alpha = None
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        alpha = np.asarray(picture.getchannel("A"), np.float32)[..., None] / 255
        picture = picture.convert("RGB")
    elif picture.mode in ("1", "P"):
        picture = picture.convert("RGB" if picture.mode == "P" else "L")
    pixels = np.asarray(to_srgb8(picture, profile))
    if alpha is not None:
        pixels = np.round(pixels * alpha + BACKGROUND * (1 - alpha)).astype(np.uint8)
    return pixels


@contextmanager
def pillow_without_limits() -> Iterator[None]:
    """Lift Pillow's global limit, for `max_megapixels` is checked before anything is decoded.

    Its warnings are notes on metadata; damaged pixels raise.
    """
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _damaged(path: Path, cause: object) -> CaptureFailure:
    return _unreadable(path, f"is damaged or cut off ({cause})", "Copy it again from its source")


def _unreadable(path: Path, found: str, advice: str) -> CaptureFailure:
    return CaptureFailure("unreadable_image", f"{path.name} {found}. {advice}.")
