"""Cameras of single photos: who holds them, how far away, with what lens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.geometry.pose import rotation_from_vector
from lib.render import Camera

FACE_MM = 200.0  # from the hairline to the chin
FACE_MIDDLE_MM = np.array([0.0, -30.0, 0.0])  # of the face, in the model frame
FULL_FRAME_DIAGONAL_MM = float(np.hypot(36, 24))
MODEL_TO_OPENCV = np.diag([1.0, -1.0, -1.0])  # of a camera before the face, looking at it


@dataclass(frozen=True)
class Habit:
    """A way in which photos of people are taken.

    Args:
        chance: share of photos.
        focal35_mm: shortest and longest lens, as if on 36 x 24 mm.
        distance_mm: nearest and farthest.
        f_number: smallest and largest.
        crop: full-frame diagonal over the sensor's, smallest and largest.
        cut: the photo is a part of a larger one, so its optical axis is off its middle.
    """

    chance: float
    focal35_mm: tuple[float, float]
    distance_mm: tuple[float, float]
    f_number: tuple[float, float]
    crop: tuple[float, float]
    cut: bool = False


HABITS = (
    Habit(0.25, (20.0, 28.0), (300.0, 600.0), (1.8, 2.4), (5.5, 8.0)),  # selfie
    Habit(0.25, (26.0, 60.0), (420.0, 1500.0), (1.5, 2.4), (3.6, 6.0)),  # somebody else's phone
    Habit(0.35, (50.0, 120.0), (1000.0, 3000.0), (1.4, 8.0), (1.0, 2.0)),  # portrait lens
    Habit(0.15, (28.0, 120.0), (320.0, 2500.0), (1.8, 5.6), (1.0, 6.0), cut=True),
)


@dataclass(frozen=True)
class PhotoCameraOptions:
    """Ranges of single photos.

    Args:
        focal35_mm: shortest and longest lens, as if on 36 x 24 mm.
        face_share: of the picture's height that a face of 200 mm takes, least and most.
        yaw_deg: largest turn of the head; most are within half of it.
        pitch_deg, roll_deg: largest nod and tilt.
        off_centre: largest shift of the face's middle, of the picture's width and height.
    """

    focal35_mm: tuple[float, float] = (20.0, 120.0)
    face_share: tuple[float, float] = (0.25, 0.75)
    yaw_deg: float = 90.0
    pitch_deg: float = 25.0
    roll_deg: float = 20.0
    off_centre: float = 0.14


@dataclass(frozen=True)
class View:
    """One camera of a capture, with what its EXIF block and its depth of field need.

    Args:
        name: of the file, without ending.
        camera: in the model frame.
        size: (h, w) px.
        focal35_mm: focal length as if this picture filled 36 x 24 mm by its diagonal.
        focal_mm: of the lens itself.
        f_number: focal length over the aperture's diameter.
        focus_mm: distance of the plane in focus.
        yaw_deg: turn of the head to its left, seen from the camera.
    """

    name: str
    camera: Camera
    size: tuple[int, int]
    focal35_mm: float
    focal_mm: float
    f_number: float
    focus_mm: float
    yaw_deg: float

    def blur_radius_px(self, distance_mm: float) -> float:
        """Radius of the disc that a point at a distance becomes.

        Source: Hecht, Optics, 5th ed., 5.2 (thin lens, far from the lens).
        """
        aperture = self.focal_mm / self.f_number
        return 0.5 * self.camera.focal_px * aperture * abs(1 / self.focus_mm - 1 / distance_mm)


def focal35_of(focal_px: float, size: tuple[int, int]) -> float:
    """Focal length in mm as if a picture filled 36 x 24 mm by its diagonal."""
    return focal_px / float(np.hypot(*size)) * FULL_FRAME_DIAGONAL_MM


def focal_px_of(focal35_mm: float, size: tuple[int, int]) -> float:
    """Focal length in px of a full-frame equivalent in mm."""
    return focal35_mm / FULL_FRAME_DIAGONAL_MM * float(np.hypot(*size))


def draw_photo_view(
    size: tuple[int, int],
    chance: np.random.Generator,
    yaw_deg: float | None = None,
    options: PhotoCameraOptions = PhotoCameraOptions(),
    name: str = "photo",
) -> View:
    """A camera as in the photos that people take of each other and of themselves.

    Args:
        size: (h, w) px.
        chance: source of random numbers.
        yaw_deg: a given turn of the head instead of a random one.
        options: ranges.
        name: of the view.
    """
    habit = HABITS[chance.choice(len(HABITS), p=[habit.chance for habit in HABITS])]
    yaw = draw_yaw(chance, options.yaw_deg)
    yaw = yaw if yaw_deg is None else float(yaw_deg)
    pitch = _mostly_small(chance, options.pitch_deg)
    roll = _mostly_small(chance, options.roll_deg)
    focal, distance = _lens(habit, size, options, chance)
    height, width = size
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    aim = chance.uniform(-1, 1, 2) * chance.random() * options.off_centre * [width, height]
    aim[1] -= 0.03 * height  # eyes above the middle
    if habit.cut:
        centre = centre + chance.uniform(-0.2, 0.2, 2) * [width, height]
    turn = head_turn(yaw, pitch, roll)
    middle_px = np.array([(width - 1) / 2, (height - 1) / 2]) + aim
    camera = _aimed(turn, distance, focal, centre, middle_px)
    focal35 = focal35_of(focal, size)
    f_number = float(np.exp(chance.uniform(*np.log(habit.f_number))))
    crop = chance.uniform(*habit.crop)
    return View(name, camera, size, focal35, focal35 / crop, f_number, distance, yaw)


def draw_yaw(chance: np.random.Generator, largest_deg: float) -> float:
    """Degrees: six of ten nearly frontal, a quarter half turned, and 15 % beyond two thirds."""
    kind, side = chance.random(), chance.choice([-1.0, 1.0])
    if kind < 0.15:
        return float(side * largest_deg * chance.uniform(2 / 3, 1))
    if kind < 0.40:
        return float(side * largest_deg * chance.uniform(0.25, 2 / 3))
    return float(np.clip(chance.normal(0, 0.17), -0.5, 0.5) * largest_deg)


def head_turn(yaw_deg: float, pitch_deg: float, roll_deg: float) -> np.ndarray:
    """(3, 3) model frame to OpenCV camera frame of a head before the camera.

    Args:
        yaw_deg: turn to the subject's left.
        pitch_deg: nod down.
        roll_deg: tilt to the subject's right shoulder: counter-clockwise in the picture.
    """
    angles = np.radians([yaw_deg, pitch_deg, roll_deg])
    yaw, pitch, roll = (
        rotation_from_vector(angle * axis) for angle, axis in zip(angles, np.eye(3)[[1, 0, 2]])
    )
    return MODEL_TO_OPENCV @ roll @ pitch @ yaw


def _mostly_small(chance: np.random.Generator, largest: float) -> float:
    return float(np.clip(chance.normal(0, 0.36), -1, 1) * largest)


def _lens(
    habit: Habit, size: tuple[int, int], options: PhotoCameraOptions, chance: np.random.Generator
) -> tuple[float, float]:
    """Focal length in px and distance in mm that give the face a usual share of the picture."""
    low, high = (
        float(np.clip(f, *options.focal35_mm)) for f in habit.focal35_mm
    )  # a habit outside the options' range becomes its nearest end
    focal = focal_px_of(float(np.exp(chance.uniform(np.log(low), np.log(high)))), size)
    at_one_mm = focal * FACE_MM / size[0]  # share of a face, times its distance
    near, far = habit.distance_mm
    least = float(np.clip(at_one_mm / far, *options.face_share))
    most = float(np.clip(at_one_mm / near, *options.face_share))
    share = least + (most - least) * chance.beta(2.2, 1.7)
    return focal, at_one_mm / share


def _aimed(
    rotation: np.ndarray,
    distance_mm: float,
    focal_px: float,
    centre_px: np.ndarray,
    middle_px: np.ndarray,
) -> Camera:
    """The camera that shows the face's middle at a place of the picture, as seen along its ray.

    The head's turn is relative to the ray to the face, so that a face at the border of a wide
    picture looks at the lens when its turn is zero.
    """
    ray = np.append((middle_px - centre_px) / focal_px, 1.0)
    ray /= np.linalg.norm(ray)
    axis = np.cross([0.0, 0.0, 1.0], ray)
    length = np.linalg.norm(axis)
    swing = axis * (np.arccos(ray[2]) / length if length > 1e-12 else 0.0)
    turned = rotation_from_vector(swing) @ rotation
    place = ray * distance_mm
    pose = np.column_stack([turned, place - turned @ FACE_MIDDLE_MM])
    return Camera(pose, float(focal_px), centre_px)
