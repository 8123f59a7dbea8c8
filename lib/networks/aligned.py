"""The picture of an aligned crop, and pictures of the crop put back into the photo."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from lib.geometry.aligned_crop import AlignedCrop

BLACK = (0, 0, 0)


def cut_aligned(image: np.ndarray, crop: AlignedCrop) -> np.ndarray:
    """The crop of an image, bicubic and free of aliasing, black beyond the image.

    Args:
        image: (h, w, 3) or (h, w) uint8, of the size that `crop` knows.
        crop: whole-numbered ones are cut as published, out of the resized image.

    Returns:
        (side, side, 3) or (side, side) uint8.
    """
    picture = Image.fromarray(image)
    if all(float(value).is_integer() for value in (*crop.resized, *crop.corner)):
        return _cut_resized(picture, crop)
    low = crop.to_image(np.full(2, -0.5)) + 0.5
    high = crop.to_image(np.full(2, crop.side - 0.5)) + 0.5
    reach = 4 * np.ceil((high - low) / crop.side).astype(int) + 1  # of the filter
    start = np.floor(low).astype(int) - reach
    end = np.ceil(high).astype(int) + reach
    part = picture.crop((*start.tolist(), *end.tolist()))
    box = (*(low - start).tolist(), *(high - start).tolist())
    return np.asarray(part.resize((crop.side, crop.side), Image.Resampling.BICUBIC, box=box))


def cut_square(image: np.ndarray, crop: AlignedCrop) -> np.ndarray:
    """The square of `lib.geometry.orthographic` cut out as the detail layer's networks saw it.

    Black beyond the image; halved while it is more than four times as large as the crop, then
    bilinear without averaging.

    Args:
        image: (h, w, 3) or (h, w) uint8.
        crop: of whole px, of `square_crop`.
    """
    left, top = np.rint(np.asarray(crop.corner) / crop.scale).astype(int).tolist()
    side = round(crop.side / crop.scale)
    box = (left, top, left + side, top + side)
    part = np.asarray(Image.fromarray(image).crop(box))
    while part.shape[0] // 4 > crop.side:
        part = cv2.GaussianBlur(part, (3, 3), 1)[::2, ::2]
    return cv2.resize(part, (crop.side, crop.side), interpolation=cv2.INTER_LINEAR)


def _cut_resized(picture: Image.Image, crop: AlignedCrop) -> np.ndarray:
    height, width = (int(side) for side in crop.resized)
    left, top = (int(place) for place in crop.corner)
    small = picture.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(small.crop((left, top, left + crop.side, top + crop.side)))
