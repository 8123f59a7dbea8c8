"""FaceScape's `params.json`: nine keys per view, `7_K`, `7_Rt`, `7_distortion`, `7_valid`, ...

OpenCV convention with coefficients k1 k2 p1 p2 k3; lengths as structure from motion left them. An
`Rt_scale_dict.json` beside the file or above it gives, per subject and expression, `[scale, Rt]`
that takes them to the millimetres and the frame of the registered models: X_mm = R (scale X) + t.
Subject and expression are the names of the two folders above the file, such as `12/4_anger`.

Source: Yang et al. 2020, FaceScape, and the data set's description of its files.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from lib.captures.formats.given import (
    GivenCamera,
    LengthUnit,
    bad,
    entry_of,
    mapping,
    number,
    numbers,
    pinhole,
    read_json,
)
from lib.captures.formats.own import opencv_coefficients

SCALES = "Rt_scale_dict.json"
FOLDERS_UP = 4


def find_facescape(content: dict[str, Any], path: Path, image: Path) -> GivenCamera:
    """The camera of an image in FaceScape's format.

    Raises:
        CaptureFailure: `bad_camera`; also for a view that the data set marks as not valid.
    """
    views = [(key[: -len("_K")], key) for key in content if key.endswith("_K")]
    name, _ = entry_of(views, image, path)
    where = f"view '{name}' in {path}"
    if not content.get(f"{name}_valid", True):
        raise bad(f"{where} is marked as not valid: its pose was not found.")
    matrix = _corner(content[f"{name}_K"], 3, f"K of {where}")
    focal, centre, skew = pinhole(matrix, where)
    pose = _corner(content.get(f"{name}_Rt"), 4, f"Rt of {where}")
    pose, unit = _in_millimetres(pose, path)
    sides = [content.get(f"{name}_{side}") for side in ("height", "width")]
    size = None if None in sides else tuple(int(number(s, f"size of {where}")) for s in sides)
    return GivenCamera(
        name=name,
        focal_px=focal,
        centre_px=centre,
        world_to_camera=pose,
        length_unit=unit,
        distortion=opencv_coefficients(content.get(f"{name}_distortion", []), where),
        skew_px=skew,
        size=size,
    )


def _corner(value: Any, columns: int, where: str) -> np.ndarray:
    """(3, columns) first rows of a matrix that is kept with or without its last row and column."""
    for shape in ((3, columns), (4, 4)):
        try:
            if np.shape(value) == shape:
                return numbers(value, shape, where)[:3, :columns]
        except (ValueError, TypeError):  # ragged lists
            break
    return numbers(value, (3, columns), where)


def _in_millimetres(pose: np.ndarray, path: Path) -> tuple[np.ndarray, LengthUnit]:
    """The pose in the frame of the registered models, where the data set tells that."""
    folder = path.absolute().parent
    for above in [folder, *folder.parents][:FOLDERS_UP]:
        if (above / SCALES).is_file():
            found = _scale_of(above / SCALES, folder)
            if found is None:
                return pose, "unknown"
            scale, frame = found
            rotation = pose[:, :3] @ frame[:, :3].T
            translation = scale * pose[:, 3] - rotation @ frame[:, 3]
            return np.column_stack([rotation, translation]), "mm"
    return pose, "unknown"


def _scale_of(file: Path, folder: Path) -> tuple[float, np.ndarray] | None:
    """(scale, (3, 4) rigid transform) of a capture's folder; None where the file has none."""
    subject = re.match(r"0*(\d+)", folder.parent.name)
    expression = re.match(r"0*(\d+)", folder.name)
    if subject is None or expression is None:
        return None
    people = mapping(read_json(file), file, "one entry per subject")
    entry = mapping(people.get(subject[1], {}), file, "expressions of a subject").get(expression[1])
    if entry is None:
        return None
    where = f"{subject[1]}/{expression[1]} in {file}"
    if not isinstance(entry, list) or len(entry) != 2:
        raise bad(f"{where} is not [scale, Rt]. Copy the file again.")
    scale = number(entry[0], f"scale of {where}")
    if scale <= 0:
        raise bad(f"scale of {where} is {scale:g}, expected more than 0. Copy the file again.")
    return scale, _corner(entry[1], 4, f"Rt of {where}")
