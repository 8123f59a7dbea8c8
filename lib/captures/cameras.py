"""Known cameras, from the files of this project and of other programs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lib.captures.formats.colmap import find_colmap, is_colmap
from lib.captures.formats.facescape import find_facescape
from lib.captures.formats.given import (
    GivenCamera,
    LengthUnit,
    bad,
    file_state,
    mapping,
    read_json,
    read_xml,
)
from lib.captures.formats.metashape import find_metashape
from lib.captures.formats.own import find_nersemble, find_own
from lib.captures.formats.realitycapture import find_in_csv, find_in_xmp
from lib.captures.formats.turn import turned_upright
from lib.geometry import keeps_order

SQUARE = 1.1  # largest ratio of the focal lengths that is no mistake
FOCAL_PER_SIDE = (0.1, 200.0)  # from a fisheye to a long telescope
SKEW_PX = 0.2  # that the shear may move a pixel at the border
RIGID = 1e-3
FAR = 1e12  # units of length
XMP_ROOT = "xmpmeta"


@dataclass(frozen=True)
class KnownCamera:
    """A camera of an upright, full-size photo.

    Args:
        focal_px: (2,) focal lengths along x and y in px; NaN where unknown.
        centre_px: (2,) principal point (x, y) in px; integer = pixel centre.
        world_to_camera: (3, 4) rigid transform [R|t] in `length_unit`. NaN where unknown.
        distortion: (8,) k1 k2 p1 p2 k3 k4 k5 k6 of OpenCV's model.
        length_unit: `mm` or `unknown`.
    """

    focal_px: np.ndarray
    centre_px: np.ndarray
    world_to_camera: np.ndarray
    distortion: np.ndarray
    length_unit: LengthUnit = "mm"


def find_camera(
    path: str | Path, image: str | Path, size: tuple[int, int], orientation: int = 1
) -> KnownCamera:
    """The camera of one image: the entry whose name is the image's name or its stem.

    Args:
        path: a `cameras.json` of this project, FaceScape's `params.json`, NeRSemble's
            `camera_params.json`, an XML of Metashape, a CSV or XMP of RealityCapture, or a folder
            (or file) of a COLMAP model.
        image: path of the image.
        size: (h, w) of the upright image in px.
        orientation: EXIF orientation that turned it upright.

    Raises:
        CaptureFailure: `bad_camera`: the file or the entry is missing or makes no sense.
    """
    path, image = Path(path), Path(image)
    found = _find(path, image, size)
    where = f"camera '{found.name}' in {path}"
    return _checked(turned_upright(found, size, orientation, where), where, image, size)


def _find(path: Path, image: Path, size: tuple[int, int]) -> GivenCamera:
    suffix = path.suffix.lower()
    if path.is_dir() or suffix in (".bin", ".txt"):
        folder = path if path.is_dir() else path.parent
        if not is_colmap(folder):
            raise bad(f"{folder} holds no COLMAP model (cameras and images, .txt or .bin).")
        return find_colmap(folder, image)
    if suffix == ".csv":
        return find_in_csv(path, image, size)
    if suffix in (".xml", ".xmp"):
        root = _xml(path, file_state(path))
        if root.tag.rpartition("}")[2] == XMP_ROOT:
            return find_in_xmp(root, path, size)
        return find_metashape(root, path, image)
    return _find_in_json(path, image, size)


def _find_in_json(path: Path, image: Path, size: tuple[int, int]) -> GivenCamera:
    expected = (
        "an object with cameras (each with name, K, R and t), with FaceScape's keys (0_K, 0_Rt, "
        "...) or with NeRSemble's (world_2_cam, intrinsics)"
    )
    content = mapping(_json(path, file_state(path)), path, expected)
    if "cameras" in content:
        return find_own(content, path, image)
    if "world_2_cam" in content:
        return find_nersemble(content, path, image, size)
    if any(key.endswith("_K") for key in content):
        return find_facescape(content, path, image)
    raise bad(f"{path} has the keys {', '.join(list(content)[:5])}, expected {expected}.")


@lru_cache(maxsize=4)
def _json(path: Path, _state: tuple[int, int]) -> Any:
    return read_json(path)


@lru_cache(maxsize=4)
def _xml(path: Path, _state: tuple[int, int]) -> Any:
    return read_xml(path)


def _checked(camera: GivenCamera, where: str, image: Path, size: tuple[int, int]) -> KnownCamera:
    """The camera, if it is one that can have taken the image."""
    if camera.size is not None and camera.size != size:
        raise bad(
            f"{where} is for {camera.size[1]} x {camera.size[0]} px, {image.name} has {size[1]} x "
            f"{size[0]} px. Give the camera of the photo turned upright, uncropped."
        )
    focal_x, focal_y = camera.focal_px
    if not (focal_x > 0 and focal_y > 0 and 1 / SQUARE < focal_x / focal_y < SQUARE):
        raise bad(
            f"{where} has focal lengths {focal_x:g} and {focal_y:g} px, expected two positive "
            "ones that are nearly equal. Resample the images to square pixels."
        )
    low, high = FOCAL_PER_SIDE
    if not low < focal_x / max(size) < high:
        raise bad(
            f"{where} has a focal length of {focal_x:g} px for an image of {max(size)} px, which "
            "no lens has. Give K in pixels of the full image."
        )
    if abs(camera.skew_px) / focal_y * size[0] / 2 > SKEW_PX:
        raise bad(f"{where} has skew {camera.skew_px:g} px. Rectify the images first.")
    outside = np.abs(camera.centre_px / np.array(size[::-1]) - 0.5) > 1
    if outside.any():
        raise bad(
            f"{where} has its principal point at {camera.centre_px[0]:g}, "
            f"{camera.centre_px[1]:g} px, far outside of {image.name}: {size[1]} x {size[0]} px."
        )
    _check_pose(camera.world_to_camera, where)
    _check_lens(camera, size, where)
    return KnownCamera(
        camera.focal_px,
        camera.centre_px,
        camera.world_to_camera,
        camera.distortion,
        camera.length_unit,
    )


def _check_pose(pose: np.ndarray, where: str) -> None:
    rotation = pose[:, :3]
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=RIGID) or np.linalg.det(rotation) < 0:
        raise bad(
            f"R of {where} is no rotation. Give the world-to-camera rotation of the OpenCV "
            "convention."
        )
    if not np.abs(pose).max() < FAR:
        raise bad(f"t of {where} is {pose[:, 3]}: too far away to be a camera of a face.")


def _check_lens(camera: GivenCamera, size: tuple[int, int], where: str) -> None:
    """Refuse coefficients that fold the image; they belong to another lens or model."""
    if not camera.distortion.any():
        return
    corners = np.array([[0, 0], [size[1], 0], [0, size[0]], [size[1], size[0]]], np.float64)
    reach = max(math.hypot(*corner) for corner in (corners - camera.centre_px) / camera.focal_px)
    if not keeps_order(camera.distortion, reach) or np.abs(camera.distortion[2:4]).max() > 1:
        raise bad(
            f"the distortion of {where}, k1 k2 p1 p2 k3 k4 k5 k6 = "
            f"{', '.join(f'{k:g}' for k in camera.distortion)}, folds the image over itself. Check "
            "the order of the coefficients, or undistort the images first."
        )
