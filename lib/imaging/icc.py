"""Colour profiles to sRGB: by LittleCMS for 8 bits, by the profile's own matrix for 16."""

from __future__ import annotations

import io
import logging
import struct
from functools import cache

import numpy as np
from PIL import Image, ImageCms

from lib.imaging.colour import linear_to_srgb

log = logging.getLogger(__name__)

# XYZ (profile connection space, D50) to linear sRGB: Bradford-adapted, IEC 61966-2-1.
D50_TO_SRGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
PROFILE_SPACE = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}


def to_srgb8(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """An 8-bit picture as sRGB in mode RGB.

    A profile that is damaged or belongs to another kind of picture is ignored, as viewers do.

    Args:
        picture: mode L, RGB, CMYK or LAB.
        profile: ICC profile of the file.
    """
    space = PROFILE_SPACE.get(picture.mode)
    if picture.mode == "LAB" and profile is None:
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    else:
        source = _open(profile)
    if source is not None and not _is_srgb(source) and space is not None:
        if _space(source) == space:
            try:
                return ImageCms.profileToProfile(
                    picture,
                    source,
                    _srgb(),
                    renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                    outputMode="RGB",
                    flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
                )
            except (ImageCms.PyCMSError, ValueError) as error:
                log.warning("colour profile ignored: %s", error)
        else:
            log.warning("colour profile for %s ignored", _space(source) or "nothing known")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def to_srgb16(pixels: np.ndarray, profile: bytes | None) -> np.ndarray | None:
    """16-bit pixels as sRGB, or None where the profile is no matrix profile.

    Args:
        pixels: (h, w, 3) uint16.
        profile: ICC profile of the file.
    """
    source = _open(profile)
    if source is None or _is_srgb(source):
        return pixels
    if _space(source) != "RGB":
        return pixels
    try:
        matrix, curves = _matrix_profile(profile)
    except (KeyError, ValueError, struct.error):
        return None
    result = np.empty_like(pixels)
    rows = max(1, 4_000_000 // pixels.shape[1])
    for start in range(0, len(pixels), rows):
        band = pixels[start : start + rows]
        light = np.stack([curves[c][band[..., c]] for c in range(3)], axis=-1)
        encoded = linear_to_srgb(np.clip(light @ (D50_TO_SRGB @ matrix).T, 0, 1))
        result[start : start + rows] = np.round(encoded * 65535)
    return result


def _matrix_profile(profile: bytes) -> tuple[np.ndarray, list[np.ndarray]]:
    """RGB -> XYZ matrix (3, 3) and one (65536,) curve per channel.

    Source: ICC.1:2010, sections 7.3 (tag table), 10.5, 10.15 (curves), 10.27 (XYZ).
    """
    count = struct.unpack_from(">I", profile, 128)[0]
    tags = {}
    for index in range(min(count, 200)):
        name, offset, length = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        tags[name] = profile[offset : offset + length]
    columns = [struct.unpack_from(">3i", tags[name], 8) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    matrix = np.array(columns).T / 65536
    return matrix, [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]


def _curve(tag: bytes) -> np.ndarray:
    x = np.arange(65536) / 65535
    if tag[:4] == b"curv":
        count = struct.unpack_from(">I", tag, 8)[0]
        if count == 0:
            return x
        if count == 1:
            return x ** (struct.unpack_from(">H", tag, 12)[0] / 256)
        table = np.frombuffer(tag, ">u2", count, 12) / 65535
        return np.interp(x, np.linspace(0, 1, count), table)
    if tag[:4] != b"para":
        raise ValueError(f"unknown curve type {tag[:4]!r}")
    kind = struct.unpack_from(">H", tag, 8)[0]
    if kind > 4:
        raise ValueError(f"unknown parametric curve {kind}")
    values = np.array(struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)) / 65536
    gamma = values[0]
    a, b, c, d, e, f = 1.0, 0.0, 0.0, -1.0, 0.0, 0.0
    if kind in (1, 2):
        a, b = values[1:3]
        e = f = values[3] if kind == 2 else 0.0
        d = -b / a
    elif kind >= 3:
        a, b, c, d = values[1:5]
        e, f = values[5:7] if kind == 4 else (0.0, 0.0)
    return np.where(x >= d, np.maximum(a * x + b, 0) ** gamma + e, c * x + f)


def _open(profile: bytes | None) -> ImageCms.ImageCmsProfile | None:
    if not profile:
        return None
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (OSError, ImageCms.PyCMSError, ValueError) as error:
        log.warning("colour profile ignored: %s", error)
        return None


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    try:
        return "srgb" in ImageCms.getProfileDescription(profile).lower()
    except (ImageCms.PyCMSError, ValueError):
        return False


def _space(profile: ImageCms.ImageCmsProfile) -> str:
    """What its colours are: `RGB`, `GRAY`, ...; empty where a damaged profile does not tell."""
    try:
        return profile.profile.xcolor_space.strip()
    except ValueError:
        return ""


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
