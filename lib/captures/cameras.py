"""Known cameras from a `cameras.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np

from lib.errors import CaptureFailure

SQUARE = 1.01  # largest ratio of the two focal lengths that counts as square pixels
VECTOR = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
MATRIX = {"type": "array", "items": VECTOR, "minItems": 3, "maxItems": 3}
SCHEMA = {
    "type": "object",
    "required": ["cameras"],
    "properties": {
        "cameras": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "K", "R", "t"],
                "properties": {
                    "name": {"type": "string"},
                    "width": {"type": "integer"},
                    "height": {"type": "integer"},
                    "K": MATRIX,
                    "R": MATRIX,
                    "t": VECTOR,
                    "dist_coeffs": {"type": "array", "items": {"type": "number"}},
                },
            },
        }
    },
}


@dataclass(frozen=True)
class KnownCamera:
    """A camera of an upright, full-size photo.

    Args:
        focal_px: focal length in px; pixels are square. NaN where unknown.
        centre_px: (2,) principal point (x, y) in px; integer = pixel centre.
        world_to_camera: (3, 4) rigid transform [R|t], t in mm. NaN where unknown.
    """

    focal_px: float
    centre_px: np.ndarray
    world_to_camera: np.ndarray


def find_camera(path: str | Path, image: str | Path, size: tuple[int, int]) -> KnownCamera:
    """The camera of one image: the entry whose `name` is the image's name or its stem.

    Args:
        path: `cameras.json`: `{"cameras": [{"name", "K", "R", "t", ...}]}`, with optional `width`,
            `height` (checked) and `dist_coeffs` (must be zero); OpenCV convention, t in mm.
        image: path of the image.
        size: (h, w) of the upright image in px.

    Raises:
        CaptureFailure: `bad_camera`: the file or the entry is missing or makes no sense.
    """
    image = Path(image)
    entries = _read(path)
    matches = [c for c in entries if c["name"] in (image.name, image.stem)]
    if len(matches) != 1:
        raise _bad(
            f"{path} has {len(matches)} cameras named '{image.stem}' or '{image.name}'. "
            "Name exactly one camera after the image."
        )
    camera = matches[0]
    found = (camera.get("height", size[0]), camera.get("width", size[1]))
    if found != size:
        raise _bad(
            f"camera '{camera['name']}' in {path} is for {found[1]} x {found[0]} px, {image.name} "
            f"has {size[1]} x {size[0]}. Give the camera of the photo turned upright, uncropped."
        )
    if any(camera.get("dist_coeffs", [])):
        raise _bad(
            f"camera '{camera['name']}' in {path} has lens distortion. Undistort the images and "
            "set dist_coeffs to zero."
        )
    return _known_camera(camera, path)


def _known_camera(camera: dict[str, Any], path: str | Path) -> KnownCamera:
    intrinsics, rotation = np.array(camera["K"], float), np.array(camera["R"], float)
    focal_x, focal_y = intrinsics[0, 0], intrinsics[1, 1]
    if focal_x <= 0 or focal_y <= 0 or not 1 / SQUARE < focal_x / focal_y < SQUARE:
        raise _bad(
            f"camera '{camera['name']}' in {path} has focal lengths {focal_x:g} and {focal_y:g} "
            "px, expected two equal positive ones. Resample the images to square pixels."
        )
    if abs(intrinsics[0, 1]) > 1e-3 * focal_x:
        raise _bad(f"camera '{camera['name']}' in {path} has skew. Rectify the images first.")
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3) or np.linalg.det(rotation) < 0:
        raise _bad(
            f"R of camera '{camera['name']}' in {path} is no rotation. Give the world-to-camera "
            "rotation of the OpenCV convention."
        )
    pose = np.column_stack([rotation, np.array(camera["t"], float)])
    return KnownCamera(float(np.sqrt(focal_x * focal_y)), intrinsics[:2, 2], pose)


def _read(path: str | Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        jsonschema.validate(content, SCHEMA)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _bad(f"{path} cannot be read as JSON ({error}). Check the camera column.") from error
    except jsonschema.ValidationError as error:
        where = "/".join(map(str, error.absolute_path))
        raise _bad(
            f"{path}: {where}: {error.message}. Each camera needs name, K, R (3 x 3) and t (3)."
        ) from error
    return content["cameras"]


def _bad(reason: str) -> CaptureFailure:
    return CaptureFailure("bad_camera", reason)
