"""Pictures inside the page, as `data:` URIs."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
from PIL import Image

from lib.imaging import encode_jpeg

QUALITY = 84
PAPER = (245, 245, 245)  # the background of the turned heads
COLUMNS = 3  # photo, textured head and shape
TURNED = (2, 3, 4)  # of the turntable's five views: front, half and profile
TURNED_VIEWS = 5
GAP = 8  # px between panels


def picture_uri(path: Path, width: int) -> str:
    """A picture file as a JPEG `data:` URI, at most `width` px wide."""
    image = _opened(path)
    if image.width > width:
        height = max(1, round(image.height * width / image.width))
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return _uri(image)


def array_uri(picture: np.ndarray) -> str:
    """A picture (h, w, 3) uint8 as a JPEG `data:` URI."""
    return _uri(Image.fromarray(picture))


def card_uri(overlay: Path, turntable: Path, width: int) -> str:
    """A head's picture as a JPEG `data:` URI: its three panels, below them the head turned.

    Every panel stands in a square of its own, so that the cards of photos of any shape are alike.

    Args:
        overlay: the three panels beside each other.
        turntable: the five turned views beside each other; left out where there is no file.
        width: px of the picture.
    """
    side = width // COLUMNS
    rows = [_split(_opened(overlay), COLUMNS)]
    if turntable.is_file():
        views = _split(_opened(turntable), TURNED_VIEWS)
        rows.append([views[index] for index in TURNED])
    card = Image.new("RGB", (side * COLUMNS, side * len(rows)), PAPER)
    for row, panels in enumerate(rows):
        for column, panel in enumerate(panels):
            scale = (side - GAP) / max(panel.size)
            size = tuple(max(1, round(length * scale)) for length in panel.size)
            shown = panel if panel.size == size else panel.resize(size, Image.Resampling.LANCZOS)
            corner = (side - size[0]) // 2 + side * column, (side - size[1]) // 2 + side * row
            card.paste(shown, corner)
    return _uri(card)


def _split(image: Image.Image, count: int) -> list[Image.Image]:
    width = image.width // count
    return [image.crop((width * k, 0, width * (k + 1), image.height)) for k in range(count)]


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        return opened.convert("RGB")


def _uri(image: Image.Image) -> str:
    encoded = encode_jpeg(np.asarray(image), QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(encoded).decode()
