"""Cameras around a head: a phone carried along an arc, and rigs like published ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lib.geometry.pose import rotation_from_vector
from lib.render import Camera
from lib.synthesis.cameras.view import FACE_MM, View, focal35_of, focal_px_of

RigName = Literal["phone_arc", "triple", "quad", "octet", "deca", "hexadeca", "facescape"]

TARGET_MM = np.array([0.0, -25.0, -20.0])  # what all cameras look at, in the model frame
CONVENTION = (
    "OpenCV: x_cam = R @ X_world + t, x right, y down, z forward; K in pixels, pixel centres at "
    "integer coordinates; images are undistorted"
)


@dataclass(frozen=True)
class Rig:
    """Where the cameras of a rig stand.

    Args:
        places_deg: per camera, degrees to the subject's left and degrees up.
        distance_mm: from the face.
        crop: full-frame diagonal over the sensor's.
        f_number: of all lenses.
    """

    places_deg: tuple[tuple[float, float], ...]
    distance_mm: float
    crop: float
    f_number: float


def _row(count: int, reach_deg: float, up_deg: float) -> tuple[tuple[float, float], ...]:
    return tuple((float(turn), up_deg) for turn in np.linspace(-reach_deg, reach_deg, count))


RIGS = {
    "triple": Rig(_row(3, 27, 0), 900, 3.9, 8),
    "quad": Rig(((-55, 0), (-17, 10), (17, -10), (55, 0)), 1000, 1.6, 11),
    "octet": Rig((*_row(4, 72, 10), *_row(3, 48, -16), (0, 32)), 1000, 1.6, 11),
    "deca": Rig(
        (*_row(2, 12, 2), *_row(2, 34, -10), *_row(2, 48, 20), *_row(2, 78, 0), (0, 38), (0, -30)),
        1100, 1.0, 11,
    ),
    "hexadeca": Rig((*_row(5, 38, 18), *_row(6, 47, 0), *_row(5, 38, -17)), 1000, 2.0, 8),
    "facescape": Rig(
        (*_row(12, 95, -25), *_row(16, 110, -5), *_row(16, 110, 15), *_row(14, 100, 35),
         *_row(10, 90, 55)), 1400, 1.0, 11,
    ),
}  # fmt: skip
PLACE_ERROR_DEG, DISTANCE_ERROR, AIM_ERROR_MM, ROLL_ERROR_DEG = 1.6, 0.025, 8.0, 1.2
FOCAL_ERROR, CENTRE_ERROR = 0.015, 0.008


def rig_views(
    name: RigName,
    size: tuple[int, int],
    chance: np.random.Generator,
    n_frames: int = 24,
    face_share: tuple[float, float] = (0.6, 0.7),
) -> list[View]:
    """The cameras of one rig, all upon the face; no two rigs are equal.

    Args:
        name: which rig.
        size: (h, w) px; published rigs stand upright, 3:4 or 2:3.
        chance: source of random numbers.
        n_frames: of `phone_arc`; rigs have their own number.
        face_share: of the picture's height that a face of 200 mm takes in a rig.

    Raises:
        ValueError: `name` is no rig.
    """
    if name == "phone_arc":
        return _phone_arc(size, chance, n_frames)
    if name not in RIGS:
        known = ", ".join(["phone_arc", *RIGS])
        raise ValueError(f"rig '{name}' is not known. Choose one of {known}.")
    rig = RIGS[name]
    share = chance.uniform(*face_share)
    lean, wide = chance.normal(0, 2.0, 2), chance.uniform(0.94, 1.06)
    target = TARGET_MM + np.clip(chance.normal(0, 5.0, 3), -10, 10)
    views = []
    for k, place in enumerate(rig.places_deg):
        turn, up = np.array(place) * wide + lean + chance.normal(0, PLACE_ERROR_DEG, 2)
        distance = rig.distance_mm * (1 + DISTANCE_ERROR * _bounded(chance))
        aim = target + AIM_ERROR_MM * chance.uniform(-1, 1, 3)
        focal = share * size[0] * rig.distance_mm / FACE_MM
        focal *= 1 + FOCAL_ERROR * _bounded(chance)
        pose = look_at(turn, up, distance, aim, ROLL_ERROR_DEG * chance.normal())
        centre = _middle(size) + CENTRE_ERROR * chance.uniform(-1, 1, 2) * max(size)
        camera = Camera(pose, float(focal), centre)
        views.append(_view(f"view_{k:02d}", camera, size, rig.crop, rig.f_number, turn))
    return views


def _phone_arc(size: tuple[int, int], chance: np.random.Generator, n_frames: int) -> list[View]:
    """Frames of a phone that is led around the face by hand."""
    reach = chance.uniform(60, 80)
    along = np.linspace(-1, 1, n_frames) * chance.choice([-1.0, 1.0])
    turns = reach * along + _wobble(along, 2.0, chance)
    ups = chance.uniform(-4, 10) + _wobble(along, 5.0, chance) + chance.normal(0, 4) * along
    focal35 = chance.uniform(24, 42)
    focal = focal_px_of(focal35, size)
    least = max(350.0, focal * FACE_MM / size[0] / 0.72)  # no face larger than the picture
    middle = chance.uniform(min(least + 40, 500), 510)
    distances = np.clip(middle + _wobble(along, 25.0, chance), least, 550)
    aims = np.stack([_wobble(along, 12.0, chance) for _ in range(3)], axis=1)
    aims += chance.normal(0, 4.0, aims.shape)
    rolls = _wobble(along, 4.0, chance) + chance.normal(0, 0.7, n_frames)
    centre = _middle(size) + 0.005 * chance.uniform(-1, 1, 2) * max(size)
    views = []
    for k, (turn, up, distance, aim, roll) in enumerate(zip(turns, ups, distances, aims, rolls)):
        pose = look_at(turn, up, distance, TARGET_MM + aim, roll)
        views.append(_view(f"frame_{k:03d}", Camera(pose, focal, centre), size, 4.5, 1.8, turn))
    return views


def look_at(
    turn_deg: float, up_deg: float, distance_mm: float, target_mm: np.ndarray, roll_deg: float = 0.0
) -> np.ndarray:
    """(3, 4) world_to_camera of a camera that looks at a point.

    Args:
        turn_deg: of its place, to the subject's left.
        up_deg: likewise, upwards.
        distance_mm: from the point.
        target_mm: (3,) the point, in the middle of the picture.
        roll_deg: turn of the camera about its axis, clockwise as its user sees it.
    """
    turn, up = np.radians([turn_deg, up_deg])
    away = np.array([np.sin(turn) * np.cos(up), np.sin(up), np.cos(turn) * np.cos(up)])
    right = np.array([np.cos(turn), 0.0, -np.sin(turn)])
    rotation = np.stack([right, np.cross(-away, right), -away])
    rotation = rotation_from_vector(np.array([0, 0, -np.radians(roll_deg)])) @ rotation
    place = target_mm + distance_mm * away
    return np.column_stack([rotation, -rotation @ place])


def cameras_json(views: list[View]) -> dict[str, Any]:
    """The content of a `cameras.json` that `lib.captures` reads, exact to the last bit.

    Args:
        views: of one capture.
    """
    return {"units": "mm", "convention": CONVENTION, "cameras": [_entry(view) for view in views]}


def _entry(view: View) -> dict[str, Any]:
    (height, width), camera = view.size, view.camera
    x, y = (float(value) for value in camera.centre_px)
    focal = float(camera.focal_px)
    return {
        "name": view.name,
        "width": int(width),
        "height": int(height),
        "K": [[focal, 0.0, x], [0.0, focal, y], [0.0, 0.0, 1.0]],
        "R": camera.world_to_camera[:, :3].tolist(),
        "t": camera.world_to_camera[:, 3].tolist(),
        "dist_coeffs": [0, 0, 0, 0, 0],
    }


def _view(
    name: str, camera: Camera, size: tuple[int, int], crop: float, f_number: float, turn: float
) -> View:
    pose = camera.world_to_camera
    depth = float((pose[:, :3] @ TARGET_MM + pose[:, 3])[2])
    focal35 = focal35_of(camera.focal_px, size)
    return View(name, camera, size, focal35, focal35 / crop, f_number, depth, -float(turn))


def _middle(size: tuple[int, int]) -> np.ndarray:
    return np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])


def _bounded(chance: np.random.Generator) -> float:
    return float(np.clip(chance.normal(), -2, 2))


def _wobble(along: np.ndarray, size: float, chance: np.random.Generator) -> np.ndarray:
    """Smooth deviations of about a size, as of a hand."""
    waves = chance.uniform(1.5, 9.0, 4)
    phase = chance.uniform(0, 2 * np.pi, 4)
    return size * np.sqrt(0.5) * np.sin(waves * along[:, None] + phase).mean(axis=1) * 2
