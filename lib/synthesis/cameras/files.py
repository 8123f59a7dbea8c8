"""Developed photos as files: the bytes as they were coded, with the EXIF block of a camera."""

from __future__ import annotations

import datetime
import json
import struct
import zlib
from pathlib import Path

from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from lib.imaging import save_bytes
from lib.synthesis.cameras.rigs import cameras_json
from lib.synthesis.cameras.sensor import Developed
from lib.synthesis.cameras.view import View

MAKERS = (  # made up
    ("Lumenar", ("Pocket 3", "Pocket 4 Pro", "Slate 11")),
    ("Oriel", ("O-20", "O-50D", "Mark II")),
    ("Halcyon", ("H1", "H7 Plus", "Fold 2")),
    ("Brightwater", ("BW 400", "BW 7R")),
)
MAKE, MODEL, ORIENTATION, SOFTWARE_DATE, EXIF_BLOCK = 0x010F, 0x0110, 0x0112, 0x0132, 0x8769
F_NUMBER, TAKEN, FOCAL_LENGTH, FOCAL_LENGTH_35MM = 0x829D, 0x9003, 0x920A, 0xA405
PIXEL_X, PIXEL_Y = 0xA002, 0xA003
FIRST_DAY = datetime.datetime(2015, 1, 1)
N_MINUTES = 10 * 365 * 24 * 60
START, APP1 = b"\xff\xd8", b"\xff\xe1"


def write_photo(path: str | Path, photo: Developed, view: View, exif: bool = True) -> None:
    """Write a developed photo; the file appears under its name only when complete.

    Args:
        path: ends in `.jpg`.
        photo: its bytes are written as they are; the EXIF block, if any, is put before them.
        view: lens and aperture.
        exif: tell the lens, a made-up camera and a made-up time. A photo that is stored turned
            always tells its orientation. The place is never told.
    """
    data = photo.jpeg
    if exif or photo.orientation != 1:
        data = with_exif(data, exif_block(view, photo, full=exif))
    save_bytes(path, data)


def write_cameras(path: str | Path, views: list[View]) -> None:
    """Write `cameras.json` of a capture."""
    save_bytes(path, (json.dumps(cameras_json(views), indent=1) + "\n").encode())


def exif_block(view: View, photo: Developed, full: bool = True) -> bytes:
    """EXIF bytes that begin with `Exif`; the same photo gives the same block.

    Args:
        view: lens and aperture.
        photo: its bytes choose the camera's name and the time.
        full: more than the orientation.
    """
    exif = Image.Exif()
    exif[ORIENTATION] = photo.orientation
    if full:
        key = zlib.crc32(f"{view.focal_mm:.6f} {view.f_number:.6f}".encode())
        maker, models = MAKERS[key % len(MAKERS)]
        exif[MAKE], exif[MODEL] = maker, models[key // len(MAKERS) % len(models)]
        minutes = zlib.crc32(photo.jpeg) % N_MINUTES
        taken = (FIRST_DAY + datetime.timedelta(minutes=minutes)).strftime("%Y:%m:%d %H:%M:%S")
        exif[SOFTWARE_DATE] = taken
        height, width = view.size if photo.orientation < 5 else view.size[::-1]
        block = exif.get_ifd(EXIF_BLOCK)
        block[F_NUMBER] = IFDRational(round(view.f_number * 100), 100)
        block[TAKEN] = taken
        block[FOCAL_LENGTH] = IFDRational(round(view.focal_mm * 100), 100)
        block[FOCAL_LENGTH_35MM] = round(view.focal35_mm)
        block[PIXEL_X], block[PIXEL_Y] = width, height
    return exif.tobytes()


def with_exif(jpeg: bytes, block: bytes) -> bytes:
    """JPEG bytes with an EXIF block right after their first marker; pixels are untouched.

    Source: Exif 2.32, 4.7.1.
    """
    return START + APP1 + struct.pack(">H", len(block) + 2) + block + jpeg[len(START) :]
