"""RealityCapture's (RealityScan's) cameras: the CSV of internal/external parameters, and XMP files.

XMP: `Rotation` is world to camera, row by row, OpenCV's axes; `Position` the camera's place. CSV:
heading, pitch and roll in degrees are turns about z (clockwise from y), x and y that take a camera
which looks down, its upper side to y, to its pose: world to camera = diag(1, -1, -1) Ry(-roll)
Rx(-pitch) Rz(heading). Both: 36 mm of `f` are the longer side of the image; the principal point
counts from the middle in longer sides; t1 and t2 have the places of OpenCV's p2 and p1, as the
program's own export for OpenCV orders them. Lengths have no unit that the files tell.

Source: Epic Games, "RealityCapture XMP Camera Math"; the export templates of the program.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from lib.captures.formats.given import (
    GivenCamera,
    bad,
    entry_of,
    four_radial_terms,
    from_centre,
    number,
    numbers,
    read_text,
)

FILM_MM = 36.0
XCR = "{http://www.capturingreality.com/ns/xcr/1.1#}"
BROWN = ("perspective", "brown3", "brown4", "brown3t2", "brown4t2")
PLACE = ("x", "y", "alt")
TURN = ("heading", "pitch", "roll")
OTHER_NAMES = {"yaw": "heading", "f_35mm": "f", "px_norm": "px", "py_norm": "py"}


def find_in_csv(path: Path, image: Path, size: tuple[int, int]) -> GivenCamera:
    """The camera of an image in the CSV of internal/external camera parameters.

    Raises:
        CaptureFailure: `bad_camera`.
    """
    try:
        rows = [row for row in csv.reader(read_text(path).splitlines()) if any(row)]
    except csv.Error as error:
        raise bad(f"{path} cannot be read as CSV ({error}). Export the cameras again.") from error
    rows = [row for row in rows if not row[0].startswith("#cameras")]
    header = [word.strip().lower().lstrip("#") for word in rows[0]] if rows else []
    header = [OTHER_NAMES.get(word, word) for word in header]
    missing = [word for word in ("name", *PLACE, *TURN, "f") if word not in header]
    if missing:
        raise bad(
            f"{path} has no column {', '.join(missing)}. Export the registration from "
            "RealityCapture as 'Internal/External camera parameters'."
        )
    entries = [
        (row[header.index("name")].strip(), row) for row in rows[1:] if len(row) == len(header)
    ]
    name, row = entry_of(entries, image, path)
    where = f"camera '{name}' in {path}"
    values = {
        word: number(cell, f"{word} of {where}")
        for word, cell in zip(header, row)
        if word != "name" and cell.strip()
    }
    absent = [word for word in (*PLACE, *TURN, "f") if word not in values]
    if absent:
        raise bad(f"{where} has no {', '.join(absent)}: RealityCapture did not align it.")
    place = np.array([values[word] for word in PLACE])
    pose = from_centre(_rotation(*(values[word] for word in TURN)), place)
    return _camera(name, values, pose, size, where)


def find_in_xmp(root: ElementTree.Element, path: Path, size: tuple[int, int]) -> GivenCamera:
    """The camera in an XMP file, which belongs to one image.

    Raises:
        CaptureFailure: `bad_camera`.
    """
    found = [item for item in root.iter() if item.tag.endswith("}Description")]
    if len(found) != 1:
        raise bad(f"{path} has {len(found)} descriptions, expected one. Export the XMP again.")
    words = {key.removeprefix(XCR): text for key, text in found[0].attrib.items()}
    words |= {item.tag.removeprefix(XCR): item.text or "" for item in found[0]}
    missing = [w for w in ("Rotation", "Position", "FocalLength35mm") if not words.get(w)]
    if missing:
        raise bad(f"{path} has no {', '.join(missing)}. Export the XMP of an aligned image.")
    model = words.get("DistortionModel", "perspective")
    terms = numbers(words.get("DistortionCoeficients", "0 " * 6), (6,), f"distortion in {path}")
    if terms.any() and model not in BROWN:
        raise bad(
            f"{path} has distortion model '{model}', expected {', '.join(BROWN)}. Choose one of "
            "these in RealityCapture, align, and export again."
        )
    for word, wanted in (("Skew", 0.0), ("AspectRatio", 1.0)):
        if abs(number(words.get(word) or wanted, f"{word} in {path}") - wanted) > 1e-9:
            raise bad(f"{path} has {word} {words[word]}, expected {wanted:g}: use no K+ model.")
    values = dict(zip(("k1", "k2", "k3", "k4", "t1", "t2"), terms))
    values["f"] = number(words["FocalLength35mm"], f"focal length in {path}")
    values["px"] = number(words.get("PrincipalPointU") or 0, f"principal point in {path}")
    values["py"] = number(words.get("PrincipalPointV") or 0, f"principal point in {path}")
    pose = from_centre(
        numbers(words["Rotation"], (3, 3), f"rotation in {path}"),
        numbers(words["Position"], (3,), f"position in {path}"),
    )
    return _camera(path.stem, values, pose, size, str(path))


def _camera(
    name: str, values: Mapping[str, float], pose: np.ndarray, size: tuple[int, int], where: str
) -> GivenCamera:
    longer = max(size)
    focal = values["f"] * longer / FILM_MM
    radial = np.array([values.get(f"k{i}", 0.0) for i in range(1, 5)])
    k1, k2, k3, k4, k5, k6 = four_radial_terms(radial, focal, size, where)
    tangential = values.get("t2", 0.0), values.get("t1", 0.0)
    centre = np.array([values.get("px", 0.0), values.get("py", 0.0)]) * longer
    return GivenCamera(
        name=name,
        focal_px=np.full(2, focal),
        centre_px=centre + np.array(size[::-1]) / 2 - 0.5,
        world_to_camera=pose,
        length_unit="unknown",
        distortion=np.array([k1, k2, *tangential, k3, k4, k5, k6]),
    )


def _rotation(heading: float, pitch: float, roll: float) -> np.ndarray:
    """(3, 3) world to camera, OpenCV's axes, of angles in degrees."""
    (ch, sh), (cp, sp), (cr, sr) = (
        (math.cos(math.radians(angle)), math.sin(math.radians(angle)))
        for angle in (heading, pitch, roll)
    )
    about_z = np.array([[ch, -sh, 0], [sh, ch, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    about_y = np.array([[cr, 0, -sr], [0, 1, 0], [sr, 0, cr]])
    return np.diag([1.0, -1.0, -1.0]) @ about_y @ about_x @ about_z
