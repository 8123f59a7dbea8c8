"""What a photo's EXIF block says about its orientation and its focal length."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PIL import Image

FULL_FRAME_DIAGONAL_MM = math.hypot(36, 24)
FOCAL_PER_DIAGONAL = (0.25, 40.0)  # from an ultra-wide lens to a long telescope
SAME_ASPECT = 1.03
AGREE = 1.3

EXIF_BLOCK = 0x8769
ORIENTATION = 0x0112
FOCAL_LENGTH = 0x920A
FOCAL_LENGTH_35MM = 0xA405
FOCAL_PLANE_X_RESOLUTION = 0xA20E
FOCAL_PLANE_UNIT = 0xA210
PIXEL_X, PIXEL_Y = 0xA002, 0xA003
UNIT_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}


def read_exif(picture: Image.Image) -> Image.Exif:
    """The EXIF block of a picture; empty where it is missing or damaged."""
    try:
        return picture.getexif()
    except Exception:  # a damaged block raises whatever its parser stumbles on; pixels still count
        return Image.Exif()


def orientation(exif: Image.Exif) -> int:
    """EXIF orientation 1..8; 1 where it is missing or nonsense."""
    value = exif.get(ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """(h, w[, c]) pixels turned and mirrored as an EXIF orientation asks.

    Source: Exif 2.32, tag 0x0112.
    """
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def focal_length_px(exif: Image.Exif, size: tuple[int, int]) -> tuple[float, str]:
    """Focal length in pixels of the full-size photo, and where it was found.

    A value that no lens has, or one of a photo that was cropped afterwards (the size in EXIF has
    another aspect ratio), counts as missing. Where the sensor's resolution and the 35 mm
    equivalent disagree, the equivalent is taken: it does not change when a photo is resized.

    Args:
        exif: EXIF block.
        size: (h, w) of the photo in px, upright or not.

    Returns:
        focal length in px (NaN when unknown) and `exif`, `exif35mm` or `none`.
    """
    try:
        block = exif.get_ifd(EXIF_BLOCK)
    except Exception:  # see read_exif
        return math.nan, "none"
    if _was_cropped(block, size):
        return math.nan, "none"
    diagonal = math.hypot(*size)
    by_sensor = _plausible(_focal_by_sensor(block, size), diagonal)
    equivalent = _number(block.get(FOCAL_LENGTH_35MM))
    by_equivalent = _plausible(equivalent / FULL_FRAME_DIAGONAL_MM * diagonal, diagonal)
    if math.isnan(by_sensor):
        return by_equivalent, "none" if math.isnan(by_equivalent) else "exif35mm"
    if not math.isnan(by_equivalent) and not 1 / AGREE < by_sensor / by_equivalent < AGREE:
        return by_equivalent, "exif35mm"
    return by_sensor, "exif"


def _focal_by_sensor(block: dict[int, Any], size: tuple[int, int]) -> float:
    length_mm = _number(block.get(FOCAL_LENGTH))
    unit_mm = UNIT_MM.get(block.get(FOCAL_PLANE_UNIT, 2), math.nan)
    per_mm = _number(block.get(FOCAL_PLANE_X_RESOLUTION)) / unit_mm
    taken = max(_number(block.get(PIXEL_X)), _number(block.get(PIXEL_Y)))
    resized = 1.0 if math.isnan(taken) or taken <= 0 else max(size) / taken
    return length_mm * per_mm * resized


def _was_cropped(block: dict[int, Any], size: tuple[int, int]) -> bool:
    taken = sorted((_number(block.get(PIXEL_X)), _number(block.get(PIXEL_Y))))
    if math.isnan(sum(taken)) or taken[0] <= 0:
        return False
    change = (taken[1] / taken[0]) / (max(size) / min(size))
    return not 1 / SAME_ASPECT < change < SAME_ASPECT


def _plausible(focal_px: float, diagonal: float) -> float:
    low, high = FOCAL_PER_DIAGONAL
    return focal_px if low < focal_px / diagonal < high else math.nan


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return math.nan
