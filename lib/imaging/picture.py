"""Pixels of pictures that are no photos: masks, labels, pictures of data sets."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from lib.errors import ForeignFileError
from lib.imaging.photo import known_formats, pillow_without_limits
from lib.inputs.files import CappedReader

OTHERS = ("HEIF", "AVIF")  # photos alone: their decoders need what read_photo does first
MAX_MEGAPIXELS = 200.0


def read_picture(
    source: str | Path | BinaryIO,
    mode: str | None = None,
    name: str = "",
    max_megapixels: float = MAX_MEGAPIXELS,
) -> np.ndarray:
    """The pixels of a picture as stored: not turned upright, no colour profile.

    Args:
        source: path or open file, which is closed.
        mode: Pillow's, such as `RGB`; None = as stored, without transparency.
        name: for messages; the path where there is none.
        max_megapixels: larger pictures are refused before they are decoded.

    Returns:
        (h, w) or (h, w, c).

    Raises:
        ForeignFileError: it cannot be read as a picture, or is larger.
    """
    name = name or str(source)
    formats = [kind for kind in known_formats() if kind not in OTHERS]
    try:
        file = CappedReader(source) if isinstance(source, str | Path) else source
        with pillow_without_limits(), file, Image.open(file, formats=formats) as picture:
            width, height = picture.size
            if width * height <= max_megapixels * 1e6:
                if mode is None and picture.mode in ("LA", "RGBA"):
                    mode = picture.mode[:-1]
                return np.asarray(picture.convert(mode) if mode else picture)
    except Exception as error:  # decoders of damaged bytes raise anything; it is this file's fault
        raise ForeignFileError(f"{name} cannot be read as a picture ({error}).") from error
    raise ForeignFileError(
        f"{name} has {width} x {height} pixels, the limit is {max_megapixels:g} megapixels."
    )
