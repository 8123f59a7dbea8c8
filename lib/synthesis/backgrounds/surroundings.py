"""What many cameras see around one person: one room for all views of a capture."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import cv2
import numpy as np

from lib.synthesis.backgrounds.boxes import Box, Lamp, Sight, scattered, show
from lib.synthesis.backgrounds.furniture import COOL, DAY, TEXTURE_PX, WARM, WHITE, along_wall
from lib.synthesis.backgrounds.shapes import SOFTEST_PX, defocus, pick
from lib.synthesis.backgrounds.textures import paint, planks
from lib.synthesis.cameras.view import View

Surroundings = Literal["room", "studio"]

MOST_PX = 640  # longest side that is drawn; surroundings are never sharper than that
TURNED = {1: (2, 1, 0, -1), 2: (0, -1, 2, -1), 3: (2, -1, 0, 1)}  # x from, sign, z from, sign
SCENERY_MM = 2500.0  # typical distance behind the person, for blur


def draw_surroundings(
    views: list[View], chance: np.random.Generator, kind: Surroundings
) -> list[np.ndarray]:
    """One (h, w, 3) float32 linear picture per view; 1 = white in the person's light.

    All views look into the same room, so that what is behind the person moves as it should.

    Args:
        views: of one capture.
        chance: source of random numbers.
        kind: `room` for phones, `studio` for rigs: dark walls and soft boxes.

    Raises:
        ValueError: `kind` is neither.
    """
    if kind not in ("room", "studio"):
        raise ValueError(f"surroundings '{kind}' are not known. Choose room or studio.")
    eyes_mm = chance.uniform(1150, 1650)
    boxes, lamps, ambient = (_room if kind == "room" else _studio)(chance, eyes_mm)
    return [_seen(view, boxes, lamps, ambient, eyes_mm) for view in views]


def sight_of(view: View, size: tuple[int, int], eyes_mm: float) -> Sight:
    """The rays of a view in a room where the person stands at x = z = 0, looking to -z.

    Args:
        view: camera in the model frame.
        size: (h, w) px to draw; of the view's aspect.
        eyes_mm: height of the person's eyes over the floor.
    """
    camera, pose = view.camera, view.camera.world_to_camera
    factor = size[0] / view.size[0]
    x, y = scattered(size)
    x = ((x + 0.5) / factor - 0.5 - camera.centre_px[0]) / camera.focal_px
    y = ((y + 0.5) / factor - 0.5 - camera.centre_px[1]) / camera.focal_px
    rays = np.stack([x, y, np.ones_like(x)], axis=1) @ pose[:, :3]  # model frame
    origin = -pose[:, :3].T @ pose[:, 3]
    rays = (rays * [1, 1, -1]).astype(np.float32)
    rays = np.where(np.abs(rays) < 1e-6, np.float32(1e-6), rays)
    return Sight((origin * [1, 1, -1] + [0, eyes_mm, 0]).astype(np.float32), rays, size)


def _seen(
    view: View, boxes: list[Box], lamps: list[Lamp], ambient: np.ndarray, eyes_mm: float
) -> np.ndarray:
    height, width = view.size
    factor = min(1.0, MOST_PX / max(height, width))
    size = max(8, round(height * factor)), max(8, round(width * factor))
    image, _ = show(sight_of(view, size, eyes_mm), boxes, lamps, ambient)
    radius = view.blur_radius_px(view.focus_mm + SCENERY_MM) * size[0] / height
    image = defocus(image, max(radius, SOFTEST_PX))
    if size != view.size:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.maximum(image, 0)


def _room(chance: np.random.Generator, eyes_mm: float) -> tuple[list[Box], list[Lamp], np.ndarray]:
    """Four furnished walls around the person."""
    reach = chance.uniform(1300, 3200, 4)  # to the walls behind, right, before and left
    height, evening = chance.uniform(2400, 2900), chance.random() < 0.4
    low, high = (-reach[3], 0.0, -reach[2]), (reach[1], height, reach[0])
    walls, floor = paint(TEXTURE_PX, chance), 0.8 * planks(TEXTURE_PX, chance)
    boxes = [
        Box(low, high, walls[0, 0], walls, (4000, 3000), room=True),
        Box((low[0], -50, low[2]), (high[0], 4, high[2]), floor[0, 0], floor, (1500, 1500),
            top=True),
        Box((low[0], height - 5, low[2]), (high[0], height + 50, high[2]), 0.8 * WHITE),
    ]  # fmt: skip
    warm = WARM if evening else DAY
    lamps = [Lamp(((low[0] + high[0]) / 2, height - 300, 0.0), 0.35 * warm, 2500)]
    for quarter in range(4):
        left, right = -reach[(quarter + 3) % 4], reach[(quarter + 1) % 4]
        things, lights = along_wall(chance, left, right - 900, reach[quarter], evening)
        boxes += [turned(box, quarter) for box in things]
        lamps += [replace(lamp, place=_turned(lamp.place, quarter)) for lamp in lights[:1]]
    return boxes, lamps, chance.uniform(0.15, 0.4) * (0.4 * warm + 0.6 * WHITE)


def _studio(
    chance: np.random.Generator, eyes_mm: float
) -> tuple[list[Box], list[Lamp], np.ndarray]:
    """Walls of one tone far away, and soft boxes on stands around the person."""
    tone = pick(("2a2b2d", "55575a", "9a9b9c", "1a1a1c", "3c4450"), chance)
    boxes = [Box((-3600, 0, -3600), (3600, 3400, 3600), tone, room=True)]
    for turn in np.arange(0, 360, 360 / chance.integers(5, 9)) + chance.uniform(0, 40):
        away, up = chance.uniform(2300, 3000), eyes_mm + chance.uniform(200, 1300)
        x, z = away * np.sin(np.radians(turn)), away * np.cos(np.radians(turn))
        half, bright = chance.uniform(200, 420), chance.uniform(1.0, 4.0)
        boxes.append(Box((x - half, up - half, z - half), (x + half, up + half, z + half), WHITE,
                         glow=bright))  # fmt: skip
        boxes.append(Box((x - 20, 0, z - 20), (x + 20, up - half, z + 20), 0.05 * WHITE))
    lamps = [Lamp((0.0, 3000.0, 0.0), 0.5 * COOL, 2000)]
    return boxes, lamps, chance.uniform(0.2, 0.6) * COOL


def turned(box: Box, quarter: int) -> Box:
    """A box turned about the person by quarters; 1 takes it from behind to the right."""
    ends = [_turned(end, quarter) for end in (box.low, box.high)]
    low, high = (tuple(float(v) for v in end(ends, axis=0)) for end in (np.min, np.max))
    return replace(box, low=low, high=high)


def _turned(place: tuple[float, float, float], quarter: int) -> tuple[float, float, float]:
    if quarter % 4 == 0:
        return place
    across, x_sign, along, z_sign = TURNED[quarter % 4]
    return (x_sign * place[across], place[1], z_sign * place[along])
