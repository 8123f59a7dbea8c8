"""A view without highlights at the size of its original photo."""

from __future__ import annotations

import cv2
import numpy as np

from lib.artefacts import Capture, Highlights
from lib.highlights.smooth import around
from lib.imaging import srgb_to_linear
from lib.imaging.colour import linear_to_srgb8
from lib.uvspace.photos import open_photo

STRIP_ROWS = 256
FINE_PX = 1.0  # sigma in the working image; what is finer is its finest detail
REACH_PX = 2.5  # over which the share of it is found that was taken off
TEXTURE = 0.01  # contrast of detail of which at most half goes


def at_original_size(
    capture: Capture, highlights: Highlights, view: int
) -> tuple[np.ndarray, np.ndarray]:
    """The matte photo and its highlights, pixel by pixel those of the upright original.

    What was taken off the working image is enlarged, not the picture. Of the original's finer
    detail, such as glints between pores, as large a share goes as went of the working image's
    finest; the rest stays, and where nothing was taken off, pixels stay as they are. Lens
    distortion that a camera file tells is removed.

    Args:
        capture: tells the original file and the working image.
        highlights: of the capture.
        view: row of both.

    Returns:
        (H, W, 3) uint8 sRGB without highlights; (H, W) uint8, 255 = surely a highlight.

    Raises:
        CaptureFailure: `original_missing`.

    Source: after He & Sun 2015, Fast guided filter.
    """
    pixels = open_photo(capture, view).pixels
    scale = capture.working_to_original[view]
    size = pixels.shape[:2]
    diffuse = pixels.copy() if pixels.dtype == np.uint8 else linear_to_srgb8(pixels)
    mask = np.empty(size, np.uint8)
    image, matte = capture.image[view], highlights.diffuse[view]
    linear, off = srgb_to_linear(image), srgb_to_linear(image) - srgb_to_linear(matte)
    share = _detail_taken(linear, linear - off)
    changed = cv2.dilate((image != matte).any(axis=2).astype(np.float32), np.ones((3, 3)))
    for first in range(0, size[0], STRIP_ROWS):
        rows = np.arange(first, min(first + STRIP_ROWS, size[0]))
        part = slice(first, first + len(rows))
        place = _places(rows, size[1], scale)
        mask[part] = _look_up(highlights.probability[view], place)
        weight = _look_up(changed, place)
        touched = weight > 0
        if not touched.any():
            continue
        own = srgb_to_linear(pixels[part])
        less = _look_up(off, place) + _look_up(share, place) * (own - _look_up(linear, place))
        diffuse[part][touched] = linear_to_srgb8((own - np.minimum(less, own))[touched])
    return diffuse, mask


def _detail_taken(linear: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """(h, w, 3) share of the finest detail of linear values that was taken off, too."""
    weight = np.ones(linear.shape[:2], np.float32)
    share = np.empty_like(linear)
    for k in range(3):
        guide, off = linear[..., k], linear[..., k] - matte[..., k]
        layers = np.dstack([guide, off])
        fine, fine_off = np.moveaxis(layers - around(layers, weight, FINE_PX), 2, 0)
        product, square = np.moveaxis(
            around(np.dstack([fine * fine_off, fine**2]), weight, REACH_PX), 2, 0
        )
        share[..., k] = product / (square + np.square(TEXTURE * guide) + 1e-7)
    return np.clip(share, 0, 1)


def _places(rows: np.ndarray, width: int, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows (k, W) float32 of the working image at rows (k,) of the original."""
    x = (np.arange(width) + 0.5) / scale[0] - 0.5
    y = (rows + 0.5) / scale[1] - 0.5
    shape = (len(rows), width)
    return (
        np.broadcast_to(x.astype(np.float32), shape).copy(),
        np.broadcast_to(y.astype(np.float32)[:, None], shape).copy(),
    )


def _look_up(picture: np.ndarray, place: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return cv2.remap(picture, *place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
