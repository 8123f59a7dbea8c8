"""Rooms and streets made of boxes, as a camera sees them: rays, patterns, soft light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.synthesis.backgrounds.kernels import look

CORNER_DARK, CORNER_MM = 0.42, 260.0  # light lost where surfaces meet, and how far from there
LAMP_SHADE = 0.75  # lamps are wide, so their shadows are not black
MOSTLY_LAMP = 1.0  # what glows more throws no shadow


@dataclass(frozen=True)
class Box:
    """A box along the axes: x right, y up from the floor, z away from the camera.

    Args:
        low: (3,) mm.
        high: (3,) mm.
        colour: (3,) linear reflectance.
        texture: (n, n, 3) reflectance instead of it on the sides, or None.
        texture_mm: (2,) width and height of one repeat; None = once over the whole side.
        glow: radiance per reflectance that the box sends out itself.
        room: the box is seen from inside.
        top: the texture is on the floor and ceiling too.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    colour: np.ndarray
    texture: np.ndarray | None = None
    texture_mm: tuple[float, float] | None = None
    glow: float = 0.0
    room: bool = False
    top: bool = False


@dataclass(frozen=True)
class Lamp:
    """A small light.

    Args:
        place: (3,) mm.
        colour: (3,) what a white surface facing it at a distance of `reach_mm` sends back.
        reach_mm: beyond it, light falls with the square of distance.
    """

    place: tuple[float, float, float]
    colour: np.ndarray
    reach_mm: float = 1500.0


@dataclass(frozen=True)
class Sight:
    """Where the rays of a picture go.

    Args:
        origin: (3,) mm.
        rays: (h * w, 3) float32, row by row; forward is about 1 long.
        size: (h, w) px.
    """

    origin: np.ndarray
    rays: np.ndarray
    size: tuple[int, int]


def scattered(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(h * w,) x and y in px, one place in each pixel, a quarter off its middle in four ways.

    A blur over neighbours then makes smooth edges of them.
    """
    y, x = np.indices(size, np.float32)
    x[0::2, 0::2] += 0.125
    y[0::2, 0::2] += 0.375
    x[0::2, 1::2] += 0.375
    y[0::2, 1::2] -= 0.125
    x[1::2, 1::2] -= 0.125
    y[1::2, 1::2] -= 0.375
    x[1::2, 0::2] -= 0.375
    y[1::2, 0::2] += 0.125
    return x.ravel(), y.ravel()


def sight(
    size: tuple[int, int],
    focal_per_height: float,
    eye_mm: tuple[float, float, float],
    yaw_deg: float,
    pitch_deg: float,
    roll_deg: float = 0.0,
) -> Sight:
    """The rays of a camera.

    Args:
        size: (h, w) px.
        focal_per_height: focal length over the picture's height.
        eye_mm: place of the camera.
        yaw_deg: turn to the right.
        pitch_deg: turn upwards.
        roll_deg: turn about its axis; the scene turns the other way in the picture.
    """
    height, width = size
    focal = focal_per_height * height
    x, y = scattered(size)
    x, y = (x - (width - 1) / 2) / focal, ((height - 1) / 2 - y) / focal
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    x, y = x * np.cos(roll) + y * np.sin(roll), y * np.cos(roll) - x * np.sin(roll)
    up = y * np.cos(pitch) + np.sin(pitch)
    forward = np.cos(pitch) - y * np.sin(pitch)
    rays = np.stack(
        [x * np.cos(yaw) + forward * np.sin(yaw), up, forward * np.cos(yaw) - x * np.sin(yaw)],
        axis=1,
    )
    return Sight(np.array(eye_mm, np.float32), _never_zero(rays.astype(np.float32)), size)


def show(
    view: Sight,
    boxes: list[Box],
    lamps: list[Lamp],
    ambient: np.ndarray,
    sun: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """What a camera sees of boxes.

    Args:
        view: rays.
        boxes: at most one of them is a room.
        lamps: small lights.
        ambient: (3,) what a white surface sends back of the light from all around.
        sun: direction towards it and colour.

    Returns:
        (h, w, 3) linear radiance, 0 where there is nothing; (h, w) mm depth, huge there.
    """
    lows, highs = (_rows([getattr(box, end) for box in boxes]) for end in ("low", "high"))
    rooms = [k for k, box in enumerate(boxes) if box.room]
    textures, starts, sides = _packed(boxes)
    towards, shine = sun if sun is not None else (np.ones(3), np.zeros(3))
    image = np.empty((len(view.rays), 3), np.float32)
    depth = np.empty(len(view.rays), np.float32)
    casters = [k for k, box in enumerate(boxes) if not box.room and box.glow < MOSTLY_LAMP]
    look(
        view.origin,
        view.rays,
        lows,
        highs,
        rooms[0] if rooms else -1,
        _in_sight(view, boxes, lows, highs),
        np.array(casters, np.int64),
        _rows([box.colour for box in boxes]),
        np.array([box.glow for box in boxes], np.float32),
        textures,
        starts,
        sides,
        _rows([box.texture_mm or (0, 0) for box in boxes], 2),
        np.array([box.top for box in boxes]),
        _rows([lamp.place for lamp in lamps]),
        _rows([lamp.colour for lamp in lamps]),
        np.array([lamp.reach_mm for lamp in lamps], np.float32),
        np.asarray(ambient, np.float32),
        _never_zero(np.asarray(towards, np.float32)),
        np.asarray(shine, np.float32),
        np.float32(LAMP_SHADE),
        np.float32(CORNER_DARK),
        np.float32(CORNER_MM),
        image,
        depth,
    )
    return image.reshape(*view.size, 3), depth.reshape(view.size)


def _never_zero(ray: np.ndarray) -> np.ndarray:
    return np.where(np.abs(ray) < 1e-6, np.float32(1e-6), ray)


def _rows(values: list, width: int = 3) -> np.ndarray:
    return np.array(values, np.float32).reshape(-1, width)


def _packed(boxes: list[Box]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All textures one after the other, where each starts (-1 = none) and its side."""
    parts, starts, sides, count = [np.zeros((1, 3), np.float32)], [], [], 1
    for box in boxes:
        if box.texture is None:
            starts.append(-1)
            sides.append(1)
            continue
        parts.append(np.asarray(box.texture, np.float32).reshape(-1, 3))
        starts.append(count)
        sides.append(len(box.texture))
        count += len(parts[-1])
    return np.concatenate(parts), np.array(starts), np.array(sides)


def _in_sight(view: Sight, boxes: list[Box], lows: np.ndarray, highs: np.ndarray) -> np.ndarray:
    """(k,) boxes with a corner inside each of the four planes through the picture's border."""
    height, width = view.size
    rays = view.rays.reshape(height, width, 3).astype(np.float64)
    ends = [rays[0, 0], rays[0, -1], rays[-1, -1], rays[-1, 0]]
    middle = sum(ends)
    pick = np.array([[(k >> axis) & 1 for axis in range(3)] for k in range(8)], bool)
    corners = np.where(pick[None], highs[:, None], lows[:, None]) - view.origin
    inside = np.ones(len(boxes), bool)
    for one, two in zip(ends, ends[1:] + ends[:1]):
        normal = np.cross(one, two)
        normal *= np.sign(normal @ middle)
        inside &= (corners @ normal > 0).any(axis=1)
    return np.flatnonzero(inside)
