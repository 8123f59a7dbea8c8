"""`cameras.json`, the project's own format, and the NeRSemble data set's `camera_params.json`.

Own: `{"units": "mm", "cameras": [{"name", "K", "R", "t", "width", "height", "dist_coeffs"}]}` with
x_camera = R X + t, integer pixel centres, and the coefficients in OpenCV's order. `units` is `mm`
(also where it is missing), `cm`, `m` or `unknown`.

NeRSemble: `{"world_2_cam": {serial: 4 x 4}, "intrinsics": 3 x 3}`, OpenCV convention, metres, one
camera matrix for all; images are named after the serial number, with or without `cam_` before it.

Source: Kirschstein et al. 2023, NeRSemble, and the data set's description of its files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lib.captures.formats.given import (
    MM,
    GivenCamera,
    LengthUnit,
    bad,
    entry_of,
    mapping,
    number,
    numbers,
    pinhole,
)

N_COEFFICIENTS = (0, 4, 5, 8)
NEEDED = ("name", "K", "R", "t")
NERSEMBLE_PREFIX = "cam_"
CENTRED = 0.1  # of the image: NeRSemble's principal point lies nearer to the middle


def find_own(content: dict[str, Any], path: Path, image: Path) -> GivenCamera:
    """The camera of an image in the project's own format.

    Raises:
        CaptureFailure: `bad_camera`.
    """
    entries = content["cameras"]
    scale, unit = _units(content.get("units", "mm"), path)
    if not isinstance(entries, list):
        raise bad(f"{path}: cameras is no list. Each camera needs name, K, R (3 x 3) and t (3).")
    for index, entry in enumerate(entries):
        missing = [key for key in NEEDED if key not in mapping(entry, path, "a camera")]
        if missing:
            raise bad(
                f"{path}: cameras/{index} has no {', '.join(missing)}. Each camera needs name, K, "
                "R (3 x 3) and t (3)."
            )
    name, camera = entry_of([(str(entry["name"]), entry) for entry in entries], image, path)
    where = f"camera '{name}' in {path}"
    focal, centre, skew = pinhole(numbers(camera["K"], (3, 3), f"K of {where}"), where)
    pose = np.column_stack(
        [
            numbers(camera["R"], (3, 3), f"R of {where}"),
            scale * numbers(camera["t"], (3,), f"t of {where}"),
        ]
    )
    return GivenCamera(
        name=name,
        focal_px=focal,
        centre_px=centre,
        world_to_camera=pose,
        length_unit=unit,
        distortion=opencv_coefficients(camera.get("dist_coeffs", []), where),
        skew_px=skew,
        size=_size(camera, where),
        upright=True,
    )


def find_nersemble(
    content: dict[str, Any], path: Path, image: Path, size: tuple[int, int]
) -> GivenCamera:
    """The camera of an image in NeRSemble's format.

    Raises:
        CaptureFailure: `bad_camera`; also for a reduced image, which the format cannot tell.
    """
    poses = mapping(content["world_2_cam"], path, "world_2_cam with one matrix per camera")
    named = [(key, pose) for key, pose in poses.items()]
    named += [(f"{NERSEMBLE_PREFIX}{key}", pose) for key, pose in poses.items()]
    name, pose = entry_of(named, image, path)
    where = f"camera '{name}' in {path}"
    matrix = numbers(content.get("intrinsics"), (3, 3), f"intrinsics of {path}")
    focal, centre, skew = pinhole(matrix, where)
    pose = numbers(pose, (4, 4), f"world_2_cam of {where}")[:3].copy()
    pose[:, 3] *= MM["m"]
    middle = (np.array(size[::-1]) - 1) / 2
    if (np.abs(centre - middle) > CENTRED * np.array(size[::-1])).any():
        raise bad(
            f"{where} has its principal point at {centre[0]:.0f}, {centre[1]:.0f}; "
            f"{image.name} has {size[1]} x {size[0]} px. The file is for images of full size: "
            "give those, or a cameras.json with a scaled K."
        )
    return GivenCamera(
        name=name,
        focal_px=focal,
        centre_px=centre,
        world_to_camera=pose,
        length_unit="mm",
        skew_px=skew,
        upright=True,
    )


def opencv_coefficients(values: Any, where: str) -> np.ndarray:
    """(8,) coefficients of OpenCV's model from 0, 4, 5 or 8 of them, or more that are zero.

    Raises:
        CaptureFailure: `bad_camera`: another number of them.
    """
    try:
        found = numbers(values, (len(values),), f"dist_coeffs of {where}")
    except TypeError:
        raise bad(f"dist_coeffs of {where} is no list of numbers.") from None
    used = int(np.flatnonzero(found).max(initial=-1)) + 1
    if len(found) not in N_COEFFICIENTS and used > max(N_COEFFICIENTS):
        raise bad(
            f"dist_coeffs of {where} has {len(found)} numbers, expected OpenCV's k1 k2 p1 p2 "
            "[k3 [k4 k5 k6]]. Calibrate with one of these models, or undistort the images."
        )
    coefficients = np.zeros(8)
    coefficients[: min(used, 8)] = found[: min(used, 8)]
    return coefficients


def _units(units: Any, path: Path) -> tuple[float, LengthUnit]:
    """(factor to the unit, unit) of a file's word for it."""
    if units == "unknown":
        return 1.0, "unknown"
    if units not in MM:
        raise bad(f"{path}: units is {units!r}, expected mm, cm, m or unknown.")
    return MM[units], "mm"


def _size(camera: dict[str, Any], where: str) -> tuple[int, int] | None:
    if camera.get("width") is None or camera.get("height") is None:
        return None
    return (
        int(number(camera["height"], f"height of {where}")),
        int(number(camera["width"], f"width of {where}")),
    )
