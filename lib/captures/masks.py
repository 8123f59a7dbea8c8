"""Masks that the user gives: white is the face, of any size with the photo's aspect."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lib.errors import CaptureFailure
from lib.imaging import read_photo


def read_mask(path: str | Path, size: tuple[int, int], max_megapixels: float) -> np.ndarray:
    """(h, w) uint8 of a photo's size: 255 = foreground.

    Args:
        path: picture of any kind; its colours are averaged. One of 0 and 1 alone counts as black
            and white.
        size: (h, w) of the upright photo.
        max_megapixels: larger masks are refused.

    Raises:
        CaptureFailure: `bad_mask`: unreadable, of another aspect, or all black.
    """
    try:
        pixels = read_photo(path, max_megapixels, 1).pixels
    except CaptureFailure as failure:
        raise CaptureFailure("bad_mask", f"The mask {failure.reason}") from failure
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8) if pixels.max() > 255 else pixels.astype(np.uint8)
    mask = np.round(pixels.mean(axis=2)).astype(np.uint8)
    if mask.max() <= 1:
        mask = mask * 255
    found = mask.shape
    if abs(found[0] * size[1] - found[1] * size[0]) > max(*size, *found):
        raise CaptureFailure(
            "bad_mask",
            f"The mask {Path(path).name} has {found[1]} x {found[0]} px, its photo {size[1]} x "
            f"{size[0]} px. Give a mask of the upright photo, whole and of its aspect.",
        )
    if not mask.any():
        raise CaptureFailure(
            "bad_mask", f"The mask {Path(path).name} is all black. White is the face."
        )
    if found != size:
        larger = size[0] > found[0]
        mask = cv2.resize(
            mask, size[::-1], interpolation=cv2.INTER_LINEAR if larger else cv2.INTER_AREA
        )
    return mask
