"""COLMAP's sparse models, text and binary: `cameras.txt|bin` and `images.txt|bin` in one folder.

COLMAP's pixel centres lie at 0.5: 0.5 px is taken off the principal points. Its quaternions are
(w, x, y, z) and turn world to camera, OpenCV's axes; lengths have no unit.

Source: colmap.github.io, "Output Format" and "Camera Models".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lib.captures.formats.given import GivenCamera, bad, entry_of, file_state, numbers, read_text

# name -> (its number, how many parameters it has); those of `PARAMETERS` are understood
MODELS = {
    "SIMPLE_PINHOLE": (0, 3),
    "PINHOLE": (1, 4),
    "SIMPLE_RADIAL": (2, 4),
    "RADIAL": (3, 5),
    "OPENCV": (4, 8),
    "OPENCV_FISHEYE": (5, 8),
    "FULL_OPENCV": (6, 12),
    "FOV": (7, 5),
    "SIMPLE_RADIAL_FISHEYE": (8, 4),
    "RADIAL_FISHEYE": (9, 5),
    "THIN_PRISM_FISHEYE": (10, 12),
    "RAD_TAN_THIN_PRISM_FISHEYE": (11, 16),
}
# Where the numbers of a model go: fx fy cx cy, then OpenCV's coefficients in their order.
PARAMETERS = {
    "SIMPLE_PINHOLE": (0, 0, 1, 2),
    "PINHOLE": (0, 1, 2, 3),
    "SIMPLE_RADIAL": (0, 0, 1, 2, 3),
    "RADIAL": (0, 0, 1, 2, 3, 4),
    "OPENCV": tuple(range(8)),
    "FULL_OPENCV": tuple(range(12)),
}
LONGEST_NAME = 4096
MOST = 1_000_000
POINT_BYTES = 24


@dataclass(frozen=True)
class _Lens:
    """One row of cameras.txt."""

    model: str
    size: tuple[int, int]
    parameters: tuple[float, ...]


@dataclass(frozen=True)
class _Shot:
    """One row of images.txt."""

    lens: int
    quaternion: tuple[float, ...]
    translation: tuple[float, ...]


def is_colmap(folder: Path) -> bool:
    """Whether a folder holds a sparse model."""
    return any((folder / f"images.{kind}").is_file() for kind in ("bin", "txt"))


def find_colmap(folder: Path, image: Path) -> GivenCamera:
    """The camera of an image in a sparse model.

    Raises:
        CaptureFailure: `bad_camera`; also for camera models that are no pinhole with OpenCV's
            distortion.
    """
    kind = "bin" if (folder / "images.bin").is_file() else "txt"
    files = folder / f"cameras.{kind}", folder / f"images.{kind}"
    lenses, shots = _model(*files, *(file_state(file) for file in files))
    name, shot = entry_of(shots, image, files[1])
    where = f"image '{name}' in {files[1]}"
    if shot.lens not in lenses:
        raise bad(f"{where} has camera {shot.lens}, which {files[0]} lacks. Export both again.")
    lens = lenses[shot.lens]
    if lens.model not in PARAMETERS:
        raise bad(
            f"{where} has camera model {lens.model}, expected {', '.join(PARAMETERS)}. Undistort "
            "the images with COLMAP (image_undistorter) and give its model."
        )
    given = numbers(lens.parameters, (len(lens.parameters),), f"camera {shot.lens} in {files[0]}")
    values = given[list(PARAMETERS[lens.model])]
    distortion = np.zeros(8)
    distortion[: len(values) - 4] = values[4:]
    pose = np.column_stack(
        [
            _rotation(numbers(shot.quaternion, (4,), f"quaternion of {where}"), where),
            numbers(shot.translation, (3,), f"translation of {where}"),
        ]
    )
    return GivenCamera(
        name, values[:2], values[2:4] - 0.5, pose, "unknown", distortion, size=lens.size
    )


def _rotation(quaternion: np.ndarray, where: str) -> np.ndarray:
    length = np.linalg.norm(quaternion)
    if not 0.9 < length < 1.1:
        raise bad(f"quaternion of {where} has length {length:g}, expected 1. Export again.")
    w, x, y, z = quaternion / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


@lru_cache(maxsize=4)
def _model(
    cameras: Path, images: Path, *_state: tuple[int, int]
) -> tuple[dict[int, _Lens], tuple[tuple[str, _Shot], ...]]:
    """All cameras and images; kept, for all views of a capture ask for them."""
    try:
        if images.suffix == ".txt":
            return dict(_text_lenses(cameras)), tuple(_text_shots(images))
        with open(cameras, "rb") as file:
            lenses = dict(_binary_lenses(file))
        with open(images, "rb") as file:
            return lenses, tuple(_binary_shots(file))
    except (OSError, ValueError, IndexError, struct.error, UnicodeDecodeError) as error:
        raise bad(
            f"{cameras} or {images.name} is no COLMAP model ({error}). Export the model again."
        ) from error


def _text_lenses(path: Path) -> Iterator[tuple[int, _Lens]]:
    for line in _rows(path):
        number, model, width, height, *parameters = line.split()
        if model in MODELS and len(parameters) != MODELS[model][1]:
            raise ValueError(f"camera {number} has {len(parameters)} parameters of {model}")
        yield int(number), _Lens(model, (int(height), int(width)), tuple(map(float, parameters)))


def _text_shots(path: Path) -> Iterator[tuple[str, _Shot]]:
    """Every second line is a list of points, which may be empty."""
    lines = [line for line in read_text(path).splitlines() if not line.startswith("#")]
    while lines and not lines[0].strip():
        lines.pop(0)
    for line in lines[::2]:
        if line.strip():
            _, *pose, lens, name = line.split(maxsplit=9)
            values = tuple(map(float, pose))
            yield name, _Shot(int(lens), values[:4], values[4:])


def _rows(path: Path) -> Iterator[str]:
    return (
        line for line in read_text(path).splitlines() if line.strip() and not line.startswith("#")
    )


def _binary_lenses(file: BinaryIO) -> Iterator[tuple[int, _Lens]]:
    by_number = {number: (name, count) for name, (number, count) in MODELS.items()}
    for _ in range(_count(file)):
        number, model, width, height = _unpack(file, "<iiQQ")
        if model not in by_number:
            raise ValueError(f"camera {number} has the unknown model {model}")
        name, count = by_number[model]
        yield number, _Lens(name, (height, width), _unpack(file, f"<{count}d"))


def _binary_shots(file: BinaryIO) -> Iterator[tuple[str, _Shot]]:
    for _ in range(_count(file)):
        _, *pose, lens = _unpack(file, "<i7di")
        name = _name(file)
        (n_points,) = _unpack(file, "<Q")
        file.seek(POINT_BYTES * n_points, 1)
        yield name, _Shot(lens, tuple(pose[:4]), tuple(pose[4:]))


def _count(file: BinaryIO) -> int:
    (count,) = _unpack(file, "<Q")
    if count > MOST:
        raise ValueError(f"it counts {count} entries")
    return count


def _name(file: BinaryIO) -> str:
    letters = bytearray()
    while (letter := file.read(1)) != b"\0":
        if not letter or len(letters) > LONGEST_NAME:
            raise ValueError("a name without an end")
        letters += letter
    return letters.decode("utf-8")


def _unpack(file: BinaryIO, layout: str) -> tuple:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))
