"""Cameras of photos that EXIF turns upright: many programs work on the pixels as stored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lib.captures.formats.given import GivenCamera, bad

# EXIF orientation -> how the stored picture's axes turn; 5 and 7 mirror it, too
TURNS = {6: np.array([[0, -1.0], [1.0, 0]]), 8: np.array([[0, 1.0], [-1.0, 0]])}


def turned_upright(
    camera: GivenCamera, size: tuple[int, int], orientation: int, where: str
) -> GivenCamera:
    """The camera of a photo after EXIF turned it upright.

    Args:
        camera: as its file gives it.
        size: (h, w) of the upright photo.
        orientation: EXIF orientation, 1..8.
        where: words for the camera.

    Raises:
        CaptureFailure: `bad_camera`: nothing tells whether the file means the stored picture or
            the upright one, or the photo is mirrored.
    """
    if orientation == 1:
        return camera
    sides_differ = orientation >= 5 and size[0] != size[1]
    if sides_differ and camera.size is not None:
        if camera.size != size[::-1]:
            return camera  # of the upright photo; or of none, which is told later
    elif camera.upright:
        return camera
    else:
        raise bad(
            f"{where}: EXIF turns its photo, and nothing says whether the camera is that of the "
            "photo before or after. Save the photos upright, without EXIF, and export again."
        )
    if orientation not in TURNS:
        raise bad(f"{where}: EXIF mirrors its photo. Save it upright, without EXIF, and try again.")
    return _turned(camera, TURNS[orientation])


def _turned(camera: GivenCamera, turn: np.ndarray) -> GivenCamera:
    height, width = camera.size
    middle = (np.array([width, height]) - 1) / 2
    full = np.eye(3)
    full[:2, :2] = turn
    distortion = camera.distortion.copy()
    distortion[[3, 2]] = turn @ distortion[[3, 2]]  # (p2, p1) turns like a vector
    return replace(
        camera,
        focal_px=np.abs(turn) @ camera.focal_px,
        centre_px=turn @ (camera.centre_px - middle) + (np.abs(turn) @ middle),
        world_to_camera=full @ camera.world_to_camera,
        distortion=distortion,
        size=tuple(np.abs(turn).astype(int) @ camera.size),
    )
