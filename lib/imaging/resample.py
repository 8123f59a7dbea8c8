"""Reducing images and sampling them between pixels, with integer positions at pixel centres."""

from __future__ import annotations

import cv2
import numpy as np

from lib.errors import ShapeError
from lib.imaging.colour import linear16_table, linear_to_srgb8, srgb_to_linear


def resize_to(image: np.ndarray, max_side: int) -> tuple[np.ndarray, np.ndarray]:
    """An 8-bit image whose longer side is at most `max_side`, averaged by area in linear light.

    Args:
        image: (h, w, 3) uint8 or uint16, sRGB-encoded RGB.
        max_side: longest allowed side in px; smaller images keep their size.

    Returns:
        The image, (new_h, new_w, 3) uint8 sRGB, and the scale (x, y), float64: a pixel (x, y) of
        it lies at `(x + 0.5) * scale_x - 0.5`, `(y + 0.5) * scale_y - 0.5` in `image`.

    Raises:
        ShapeError: `image` is not (h, w, 3).
    """
    if image.ndim != 3 or image.shape[2] != 3:
        raise ShapeError("image", image.shape, "(h, w, 3)")
    height, width = image.shape[:2]
    new_height, new_width = reduced_size((height, width), max_side)
    scale = np.array([width / new_width, height / new_height])
    same = max(height, width) <= max_side
    if same and image.dtype == np.uint8:
        return image, scale
    if image.dtype == np.uint8:
        linear = cv2.LUT(image, linear16_table())
    else:
        linear = srgb_to_linear(image)
    if not same:
        linear = cv2.resize(linear, (new_width, new_height), interpolation=cv2.INTER_AREA)
    return linear_to_srgb8(linear), scale


def reduced_size(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    """(h, w) of an image of some size whose longer side is then at most `max_side`."""
    factor = min(1.0, max_side / max(size))
    height, width = (max(1, round(side * factor)) for side in size)
    return height, width


def sample_bilinear(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values between the pixels of an image.

    Args:
        image: (h, w) or (h, w, c), any number type; integer positions are pixel centres.
        points: (..., 2) positions (x, y) in px.

    Returns:
        (...) or (..., c) float32. Within half a pixel of the border the edge value goes on;
        further out, and for NaN positions, the result is NaN.
    """
    height, width = image.shape[:2]
    x, y = points[..., 0], points[..., 1]
    with np.errstate(invalid="ignore"):
        inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    x = np.clip(np.where(inside, x, 0), 0, width - 1)
    y = np.clip(np.where(inside, y, 0), 0, height - 1)
    left = np.minimum(x.astype(np.intp), max(width - 2, 0))
    top = np.minimum(y.astype(np.intp), max(height - 2, 0))
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    along, down = (x - left).astype(np.float32), (y - top).astype(np.float32)
    if image.ndim == 3:
        along, down, inside = along[..., None], down[..., None], inside[..., None]
    above = image[top, left] * (1 - along) + image[top, right] * along
    below = image[bottom, left] * (1 - along) + image[bottom, right] * along
    return np.where(inside, above * (1 - down) + below * down, np.float32(np.nan)).astype(
        np.float32, copy=False
    )
