"""A camera as a file gives it, and what all readers of such files need."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar
from xml.etree import ElementTree

import numpy as np

from lib.errors import CaptureFailure
from lib.geometry import rational_of_polynomial
from lib.inputs.texts import parse_json, parse_xml

LARGEST_FILE = 1 << 28  # bytes: camera files of thousands of views stay far below
MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
RIGHT = 1e-6
CONVERSION_PX = 0.01  # largest error of a term of 8th order that is written in another way

LengthUnit = Literal["mm", "unknown"]
Entry = TypeVar("Entry")


@dataclass(frozen=True)
class GivenCamera:
    """The camera of a full-size photo, before anyone asked whether it makes sense.

    Args:
        name: what the file calls it.
        focal_px: (2,) focal lengths along x and y.
        centre_px: (2,) principal point (x, y); integer = pixel centre.
        world_to_camera: (3, 4) [R|t] of the OpenCV convention.
        length_unit: of t: `mm`, or `unknown` where the file has a scale of its own.
        distortion: (8,) k1 k2 p1 p2 k3 k4 k5 k6 of OpenCV's model.
        skew_px: shear of a row of pixels per row, times the focal length.
        size: (h, w) that the file says; None where it does not.
        upright: it is that of the photo turned upright by EXIF; otherwise programs differ.
    """

    name: str
    focal_px: np.ndarray
    centre_px: np.ndarray
    world_to_camera: np.ndarray
    length_unit: LengthUnit
    distortion: np.ndarray = field(default_factory=lambda: np.zeros(8))
    skew_px: float = 0.0
    size: tuple[int, int] | None = None
    upright: bool = False


def bad(reason: str) -> CaptureFailure:
    """The failure of a photo whose camera cannot be used."""
    return CaptureFailure("bad_camera", reason)


def file_state(path: Path) -> tuple[int, int]:
    """(size, mtime_ns) by which a file that was read can be kept while other views need it.

    Raises:
        CaptureFailure: `bad_camera`: it is not there, or too large to be a camera file.
    """
    try:
        state = os.stat(path)
    except OSError as error:
        raise bad(f"{path} cannot be read ({error.strerror}). Name a camera file.") from error
    if state.st_size > LARGEST_FILE:
        raise bad(
            f"{path} has {state.st_size >> 20} MB, expected a camera file of at most "
            f"{LARGEST_FILE >> 20} MB."
        )
    return state.st_size, state.st_mtime_ns


def read_text(path: Path) -> str:
    """A camera file as text.

    Raises:
        CaptureFailure: `bad_camera`: it cannot be read, is too large or is no UTF-8 text.
    """
    file_state(path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise bad(f"{path} cannot be read ({error.strerror}). Name a camera file.") from error
    except UnicodeDecodeError as error:
        raise bad(f"{path} is no UTF-8 text ({error.reason}). Export the cameras again.") from error


def read_json(path: Path) -> Any:
    """The content of a JSON file of cameras.

    Raises:
        CaptureFailure: `bad_camera`: it cannot be read as JSON.
    """
    try:
        return parse_json(read_text(path))
    except ValueError as error:
        raise bad(
            f"{path} cannot be read as JSON ({error}). Export or copy the cameras again."
        ) from error


def read_xml(path: Path) -> ElementTree.Element:
    """The root of an XML file of cameras.

    Raises:
        CaptureFailure: `bad_camera`: it cannot be read as XML, or defines entities of its own.
    """
    text = read_text(path)
    if "<!ENTITY" in text or "<!DOCTYPE" in text:
        raise bad(f"{path} defines entities, which no camera file needs. Export the cameras again.")
    try:
        return parse_xml(text)
    except ValueError as error:
        raise bad(f"{path} cannot be read as XML ({error}). Export the cameras again.") from error


def numbers(value: Any, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Finite numbers of a shape, from nested lists, or words between spaces.

    Raises:
        CaptureFailure: `bad_camera`, naming `where`.
    """
    try:
        words = value.split() if isinstance(value, str) else value
        found = np.array(words, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise bad(f"{where} is not made of numbers, expected {_counted(shape)}.") from error
    if found.size == math.prod(shape):
        found = found.reshape(shape)
    if found.shape != shape or not np.isfinite(found).all():
        raise bad(
            f"{where} has shape {found.shape}"
            + ("" if np.isfinite(found).all() else " with numbers that are not finite")
            + f", expected {_counted(shape)}."
        )
    return found


def number(value: Any, where: str) -> float:
    """One finite number.

    Raises:
        CaptureFailure: `bad_camera`, naming `where`.
    """
    return float(numbers([value], (1,), where)[0])


def pinhole(matrix: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray, float]:
    """(2,) focal lengths, (2,) principal point and skew of a (3, 3) camera matrix.

    Raises:
        CaptureFailure: `bad_camera`: it is none, such as one that was transposed.
    """
    if np.abs(matrix[2] - [0, 0, 1]).max() > RIGHT or abs(matrix[1, 0]) > RIGHT:
        raise bad(
            f"K of {where} is no camera matrix: expected [[fx, s, cx], [0, fy, cy], [0, 0, 1]] in "
            f"px, row by row; found {matrix.tolist()}."
        )
    return np.diag(matrix)[:2], matrix[:2, 2], float(matrix[0, 1])


def entry_of(entries: Sequence[tuple[str, Entry]], image: Path, path: Path) -> tuple[str, Entry]:
    """The one entry that is named after an image: its name, its stem, or a path that ends so.

    Raises:
        CaptureFailure: `bad_camera`: none or several are.
    """
    wanted = {image.name, image.stem}
    matches = [item for item in entries if item[0] in wanted]
    if not matches:
        ends = [(item, item[0].replace("\\", "/").split("/")) for item in entries]
        near = [(item, parts) for item, parts in ends if parts[-1] in wanted]
        own = image.parts[:-1]
        best = max((_shared(parts[:-1], own) for _, parts in near), default=0)
        matches = [item for item, parts in near if _shared(parts[:-1], own) == best]
    if len(matches) != 1:
        raise bad(
            f"{path} has {len(matches)} cameras named '{image.stem}' or '{image.name}'. "
            "Name exactly one camera after the image."
        )
    return matches[0]


def from_centre(rotation: np.ndarray, position: np.ndarray) -> np.ndarray:
    """(3, 4) [R|t] of a world-to-camera rotation and the camera's place in the world."""
    return np.column_stack([rotation, -rotation @ position])


def four_radial_terms(
    radial: np.ndarray, focal_px: float, size: tuple[int, int], where: str
) -> np.ndarray:
    """(6,) k1 k2 k3 k4 k5 k6 of OpenCV for a polynomial of four radial terms.

    Raises:
        CaptureFailure: `bad_camera`: no such terms come within a hundredth of a pixel.
    """
    reach = 0.5 * math.hypot(*size) / focal_px if focal_px > 0 else math.inf
    if not reach < 10:
        raise bad(f"{where} has a focal length of {focal_px:g} px. Export the cameras again.")
    found, miss = rational_of_polynomial(radial, reach)
    if not miss * focal_px <= CONVERSION_PX:
        raise bad(
            f"{where} has a radial term of 8th order that OpenCV's model follows only within "
            f"{miss * focal_px:.2g} px. Export again with three radial terms."
        )
    return found


def mapping(value: Any, path: Path, expected: str) -> Mapping[str, Any]:
    """The value, if it is an object of JSON.

    Raises:
        CaptureFailure: `bad_camera` with what was expected.
    """
    if not isinstance(value, Mapping):
        raise bad(f"{path} holds {type(value).__name__}, expected {expected}.")
    return value


def _shared(parts: Sequence[str], own: Sequence[str]) -> int:
    """How many folders two paths have in common, counted from their ends."""
    count = 0
    for one, other in zip(reversed(parts), reversed(own)):
        if one != other:
            break
        count += 1
    return count


def _counted(shape: tuple[int, ...]) -> str:
    return f"{' x '.join(map(str, shape))} finite numbers"
