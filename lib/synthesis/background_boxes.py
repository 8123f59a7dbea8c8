"""Rooms and streets made of boxes, as a camera sees them: rays, patterns, soft light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

AXES = np.eye(3, dtype=np.float32)
CORNER_DARK, CORNER_MM = 0.42, 260.0  # light lost where surfaces meet, and how far from there
NOTHING = 1e9


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
        rays: three (n,) float32 arrays: x, y, z per px, row by row.
        size: (h, w) px.
    """

    origin: np.ndarray
    rays: tuple[np.ndarray, np.ndarray, np.ndarray]
    size: tuple[int, int]


def sight(
    size: tuple[int, int],
    focal_per_height: float,
    eye_mm: tuple[float, float, float],
    yaw_deg: float,
    pitch_deg: float,
) -> Sight:
    """The rays of an upright camera.

    Args:
        size: (h, w) px.
        focal_per_height: focal length over the picture's height.
        eye_mm: place of the camera.
        yaw_deg: turn to the right.
        pitch_deg: turn upwards.
    """
    height, width = size
    focal = focal_per_height * height
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2) / focal
    y = ((height - 1) / 2 - np.arange(height, dtype=np.float32)) / focal
    x, y = (part.ravel() for part in np.broadcast_arrays(x[None, :], y[:, None]))
    yaw, pitch = np.radians([yaw_deg, pitch_deg])
    up = y * np.cos(pitch) + np.sin(pitch)
    forward = np.cos(pitch) - y * np.sin(pitch)
    rays = (x * np.cos(yaw) + forward * np.sin(yaw), up, forward * np.cos(yaw) - x * np.sin(yaw))
    rays = tuple(_never_zero(ray.astype(np.float32)) for ray in rays)
    return Sight(np.array(eye_mm, np.float32), rays, size)


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
        lamps: small lights; nothing throws shadows but corners are darker.
        ambient: (3,) what a white surface sends back of the light from all around.
        sun: direction towards it and colour.

    Returns:
        (h, w, 3) linear radiance, 0 where there is nothing; (h, w) mm depth, huge there.
    """
    depth, which = _nearest(view, boxes)
    seen = np.flatnonzero(which >= 0)
    image = np.zeros((len(which), 3), np.float32)
    if len(seen):
        ray = np.stack([part[seen] for part in view.rays], axis=1)
        point = view.origin + depth[seen, None] * ray
        which = which[seen]
        side, facing = _sides(point, which, boxes, ray)
        light = _light(point, side, facing, lamps, ambient, sun)
        light *= _corners(point, which, boxes)[:, None]
        image[seen] = _surface(point, which, side, boxes, light)
    return image.reshape(*view.size, 3), depth.reshape(view.size)


def _never_zero(ray: np.ndarray) -> np.ndarray:
    return np.where(np.abs(ray) < 1e-6, np.float32(1e-6), ray)


def _nearest(view: Sight, boxes: list[Box]) -> tuple[np.ndarray, np.ndarray]:
    """(n,) distance along each ray in units of its length, and which box; -1 = none."""
    inverse = [1 / ray for ray in view.rays]
    depth = np.full(len(inverse[0]), NOTHING, np.float32)
    which = np.full(len(inverse[0]), -1, np.int32)
    for index, box in enumerate(boxes):
        enter = leave = None
        for axis in range(3):
            one = (np.float32(box.low[axis]) - view.origin[axis]) * inverse[axis]
            two = (np.float32(box.high[axis]) - view.origin[axis]) * inverse[axis]
            near, far = np.minimum(one, two), np.maximum(one, two)
            enter = near if enter is None else np.maximum(enter, near)
            leave = far if leave is None else np.minimum(leave, far)
        at = leave if box.room else enter
        hit = (enter < leave) & (at > 1) & (at < depth)
        depth[hit], which[hit] = at[hit], index
    return depth, which


def _sides(
    point: np.ndarray, which: np.ndarray, boxes: list[Box], ray: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) axis of the side that each point is on, and (n,) sign of its normal."""
    low = np.array([box.low for box in boxes], np.float32)[which]
    high = np.array([box.high for box in boxes], np.float32)[which]
    side = np.argmin(np.minimum(np.abs(point - low), np.abs(point - high)), axis=1)
    along = np.take_along_axis(ray, side[:, None], axis=1)[:, 0]
    return side, -np.sign(along)


def _light(
    point: np.ndarray,
    side: np.ndarray,
    facing: np.ndarray,
    lamps: list[Lamp],
    ambient: np.ndarray,
    sun: tuple[np.ndarray, np.ndarray] | None,
) -> np.ndarray:
    """(n, 3) irradiance over pi; surfaces that look up get more of the light from around."""
    tilt = np.array([1.0, 1.12, 0.94], np.float32)[side]
    tilt = np.where((side == 1) & (facing < 0), 0.75, tilt)
    light = tilt[:, None] * np.asarray(ambient, np.float32)
    rows = np.arange(len(point))
    for lamp in lamps:
        towards = np.array(lamp.place, np.float32) - point
        square = (towards**2).sum(axis=1)
        cosine = facing * towards[rows, side] / np.sqrt(square + 1)
        reach = np.float32(lamp.reach_mm**2)
        arrives = np.maximum(0.85 * cosine + 0.15, 0) * reach / (square + 0.3 * reach)
        light += arrives[:, None] * np.asarray(lamp.colour, np.float32)
    if sun is not None:
        cosine = np.maximum(facing * np.asarray(sun[0], np.float32)[side], 0)
        light += cosine[:, None] * np.asarray(sun[1], np.float32)
    return light


def _corners(point: np.ndarray, which: np.ndarray, boxes: list[Box]) -> np.ndarray:
    """(n,) share of light that is left near other surfaces."""
    share = np.ones(len(point), np.float32)
    for index, box in enumerate(boxes):
        low, high = np.array(box.low, np.float32), np.array(box.high, np.float32)
        if box.room:
            gaps = np.concatenate([point - low, high - point], axis=1)
            near = np.sort(gaps, axis=1)[:, 1]  # the nearest is the surface itself
            share *= 1 - CORNER_DARK * np.exp(-np.maximum(near, 0) / np.float32(2 * CORNER_MM))
            continue
        size = float(np.sort(high - low)[1])
        gap = np.maximum(np.maximum(low - point, point - high), 0)
        distance = np.sqrt((gap**2).sum(axis=1))
        reach = np.float32(min(CORNER_MM, 0.35 * size))
        dark = CORNER_DARK * np.exp(-distance / reach)
        share *= np.where(which == index, 1, 1 - dark)
    return share


def _surface(
    point: np.ndarray, which: np.ndarray, side: np.ndarray, boxes: list[Box], light: np.ndarray
) -> np.ndarray:
    """(n, 3) radiance of the points' own colour under their light."""
    colours = np.array([box.colour for box in boxes], np.float32)
    albedo = colours[which]
    for index, box in enumerate(boxes):
        if box.texture is None:
            continue
        rows = np.flatnonzero((which == index) & (box.top | (side != 1)))
        if len(rows):
            albedo[rows] = _pattern(point[rows], side[rows], box)
    glow = np.array([box.glow for box in boxes], np.float32)[which]
    return albedo * (light + glow[:, None])


def _pattern(point: np.ndarray, side: np.ndarray, box: Box) -> np.ndarray:
    low, high = np.array(box.low, np.float32), np.array(box.high, np.float32)
    across, up = np.array([2, 0, 0])[side], np.array([1, 2, 1])[side]
    rows = np.arange(len(point))
    u, v = point[rows, across] - low[across], high[up] - point[rows, up]
    wide, tall = (
        ((high - low)[across], (high - low)[up]) if box.texture_mm is None else (box.texture_mm)
    )
    n = len(box.texture)
    x, y = (u / wide * n).astype(np.float32), (v / tall * n).astype(np.float32)
    return _sampled(box.texture, x % n, y % n)


def _sampled(texture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n, 3) texture between its texels; in rows of 1024, for remapping has a longest side."""
    rows = -(-len(x) // 1024)
    place = np.zeros((2, rows * 1024), np.float32)
    place[0, : len(x)], place[1, : len(y)] = x - 0.5, y - 0.5
    place = place.reshape(2, rows, 1024)
    flat = cv2.remap(texture, place[0], place[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return flat.reshape(-1, 3)[: len(x)]
