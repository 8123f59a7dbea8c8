"""Scenes indoors and in streets, furnished by chance: living rooms, offices, shops, roads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.synthesis.backgrounds.boxes import Box, Lamp, show, sight
from lib.synthesis.backgrounds.furniture import (
    COOL,
    DAY,
    TEXTURE_PX,
    WARM,
    WHITE,
    along_wall,
    beside,
    car,
    desk,
    pictures,
    window,
)
from lib.synthesis.backgrounds.shapes import colour, pick
from lib.synthesis.backgrounds.textures import (
    STONES,
    WALLS,
    facade,
    goods,
    paint,
    planks,
    poster,
    road,
    tiles,
)


@dataclass(frozen=True)
class Stage:
    """What a scene is seen with.

    Args:
        size: (h, w) px of the picture to draw.
        focal_per_height: focal length over the picture's height.
        subject_mm: distance of the person, before whom nothing stands.
        blur_px: radius of the disc that points of the picture will become.
    """

    size: tuple[int, int]
    focal_per_height: float
    subject_mm: float
    blur_px: float = 0.0


Scene = tuple[np.ndarray, np.ndarray]  # radiance, depth


def living_room(stage: Stage, chance: np.random.Generator) -> Scene:
    """A furnished room by day or by lamp light."""
    width, height = chance.uniform(3200, 6500), chance.uniform(2400, 2900)
    depth = stage.subject_mm + chance.uniform(700, 4200)
    left = -width * chance.uniform(0.3, 0.7)
    walls = paint(TEXTURE_PX, chance) if chance.random() < 0.85 else tiles(TEXTURE_PX, chance)
    floor = planks(TEXTURE_PX, chance) * 0.8
    boxes = [
        Box((left, 0, -3000), (left + width, height, depth), walls[0, 0], walls, (4000, 3000),
            room=True),
        Box((left, -50, -3000), (left + width, 4, depth), floor[0, 0], floor, (1500, 1500),
            top=True),
        Box((left, height - 5, -3000), (left + width, height + 50, depth), 0.8 * WHITE),
        Box((left, 0, depth - 18), (left + width, 90, depth), 0.75 * WHITE),
    ]  # fmt: skip
    evening = chance.random() < 0.4
    things, lamps = along_wall(chance, left, left + width, depth, evening)
    boxes += things
    boxes += beside(chance, left, width, depth, stage.subject_mm)
    warm = WARM if evening else DAY
    lamps.append(Lamp((left + width / 2, height - 300, depth / 2), 0.35 * warm, 2500))
    ambient = chance.uniform(0.12, 0.4) * (0.4 * warm + 0.6 * WHITE)
    return show(_eye(stage, chance, 1150, 1650), boxes, lamps, ambient)


def office(stage: Stage, chance: np.random.Generator) -> Scene:
    """Desks with monitors under a ceiling of light panels."""
    width, height = chance.uniform(5000, 12000), chance.uniform(2600, 3200)
    depth = stage.subject_mm + chance.uniform(1500, 9000)
    left, wall = -width * chance.uniform(0.3, 0.7), paint(TEXTURE_PX, chance)
    boxes = [
        Box((left, 0, -4000), (left + width, height, depth), pick(STONES, chance), wall,
            (4000, 3000), room=True),
    ]  # fmt: skip
    dark = chance.random() < 0.3
    lamps = [Lamp((left + 0.5 * width, height - 300, 0.6 * depth), 0.3 * COOL, 3000)]
    for z in np.arange(500, depth - 600, chance.uniform(1500, 2400)):
        for x in np.arange(left + 600, left + width - 600, 2400):
            if not dark:
                boxes.append(Box((x, height - 12, z), (x + 1200, height, z + 300), WHITE,
                                 glow=chance.uniform(2, 5)))  # fmt: skip
    for _ in range(chance.integers(3, 9)):
        x, z = chance.uniform(left, left + width - 1500), chance.uniform(
            stage.subject_mm + 300, depth - 800)  # fmt: skip
        boxes += desk(chance, x, z, dark)
    if chance.random() < 0.7:
        things, light, _ = window(chance, chance.uniform(left, 0), depth, dark)
        boxes, lamps = boxes + things, lamps + light
    things, _, _ = pictures(chance, chance.uniform(0, left + width - 800), depth, dark)
    ambient = chance.uniform(0.02, 0.06) * COOL if dark else chance.uniform(0.25, 0.5) * COOL
    lamps = [] if dark else lamps
    return show(_eye(stage, chance, 1150, 1650), boxes[:40] + things, lamps, ambient)


def shop(stage: Stage, chance: np.random.Generator) -> Scene:
    """An aisle between shelves of goods, or a corridor."""
    half, height = chance.uniform(900, 2200), chance.uniform(2600, 3600)
    depth = stage.subject_mm + chance.uniform(3000, 16000)
    floor = tiles(TEXTURE_PX, chance) * 0.8 + 0.1
    boxes = [
        Box((-half - 500, 0, -3000), (half + 500, height, depth), 0.7 * WHITE, room=True),
        Box(
            (-half - 500, -50, -3000), (half + 500, 4, depth), WHITE, floor, (1800, 1800), top=True
        ),
    ]
    aisle = chance.random() < 0.7
    for low, high in ((-half - 500, -half), (half, half + 500)):
        image = goods(2 * TEXTURE_PX, chance) if aisle else facade(TEXTURE_PX, chance)
        tall = chance.uniform(1700, 2200) if aisle else height
        boxes.append(Box((low, 0, -2000), (high, tall, depth - 800), 0.5 * WHITE, image,
                         (chance.uniform(1800, 2600), tall)))  # fmt: skip
    bright = chance.uniform(2, 6)
    for z in np.arange(0, depth, chance.uniform(1500, 3000)):
        boxes.append(Box((-700, height - 15, z), (700, height, z + 250), WHITE, glow=bright))
    end = facade(TEXTURE_PX, chance, 0.3) if chance.random() < 0.5 else poster(TEXTURE_PX, chance)
    boxes.append(Box((-half, 0, depth - 30), (half, 0.8 * height, depth), WHITE, end, glow=0.4))
    lamps = [Lamp((0, height - 400, z), 0.35 * COOL, 1800) for z in (0.3 * depth, 0.7 * depth)]
    return show(_eye(stage, chance, 1300, 1700), boxes, lamps, chance.uniform(0.25, 0.45) * COOL)


def wall(stage: Stage, chance: np.random.Generator, kind: str) -> Scene:
    """A wall close behind the person, nearly in focus.

    Args:
        stage: size and lens.
        chance: source of random numbers.
        kind: a name of `WALLS`.
    """
    image = WALLS[kind](min(512, max(256, stage.size[0])), chance)
    depth = stage.subject_mm + chance.uniform(250, 1500)
    wide = {"bricks": 900, "planks": 1000, "tiles": 1600, "books": 1500}.get(kind, 1500)
    repeat = (wide * chance.uniform(0.8, 1.5),) * 2
    if kind == "false_faces":
        repeat = (0.9 * depth / stage.focal_per_height,) * 2
    tone = image.mean(axis=(0, 1))
    back = Box((-60000, 0, depth), (60000, 9000, depth + 100), tone, image, repeat)
    floor = Box((-60000, -50, -900), (60000, 0, depth), pick(STONES, chance))
    lamps = []
    for _ in range(chance.integers(1, 3)):
        place = (
            chance.normal(0, 1400),
            chance.uniform(800, 3000),
            depth - chance.uniform(300, 1500),
        )
        tint = np.exp(chance.normal(0, 0.15) * np.array([1, 0.1, -1]))
        lamps.append(Lamp(place, chance.uniform(0.2, 0.7) * tint, chance.uniform(500, 1500)))
    return show(_eye(stage, chance, 1300, 1700, 28), [back, floor], lamps,
                chance.uniform(0.15, 0.6) * WHITE)  # fmt: skip


def street(stage: Stage, chance: np.random.Generator, night: bool = False) -> Scene:
    """A street between houses with cars; the sky is left empty.

    Args:
        stage: size and lens.
        chance: source of random numbers.
        night: windows and lamps are lit, the rest is dark.
    """
    half = chance.uniform(4000, 11000)
    boxes = [
        Box(
            (-60000, -100, -9000),
            (60000, 0, 150000),
            colour("55554f" if night else "6f6e6b"),
            road(TEXTURE_PX, chance),
            (half, 9000),
            top=True,
        ),
    ]
    fronts = [facade(TEXTURE_PX, chance, 0.45 if night else 0.0) for _ in range(4)]
    for side in (-1, 1):
        pavement = sorted((side * half, side * (half - 2200)))
        boxes.append(Box((pavement[0], 0, -9000), (pavement[1], 130, 120000), colour("9a978f")))
        z = chance.uniform(-4000, 3000)
        for _ in range(5):
            long, tall = chance.uniform(8000, 26000), chance.uniform(7000, 26000)
            image = fronts[chance.integers(len(fronts))] * np.float32(np.exp(chance.normal(0, 0.2)))
            low, high = sorted((side * half, side * (half + 15000)))
            repeat = (chance.uniform(9000, 15000), chance.uniform(11000, 16000))
            boxes.append(Box((low, 0, z), (high, tall, z + long), image[0, 0], image, repeat,
                             glow=0.4 if night else 0.0))  # fmt: skip
            z += long + chance.choice([0, 0, 6000])
    image = fronts[0]
    boxes.append(Box((-30000, 0, z + 9000), (30000, chance.uniform(8000, 22000), z + 20000),
                     image[0, 0], image, (14000, 14000), glow=0.4 if night else 0.0))  # fmt: skip
    for _ in range(chance.integers(1, 7)):
        boxes += car(chance, half, stage.subject_mm, night)
    sun = chance.normal(0, 1, 3)
    sun = np.abs(sun) * [chance.choice([-1, 1]), 1, -1]
    light = 0.03 if night else chance.uniform(0.3, 0.5)
    shine = chance.choice([0.0, 0.8]) * (not night) * colour("fff0d8")
    return show(_eye(stage, chance, 1400, 1700), boxes, [], light * COOL,
                (sun / np.linalg.norm(sun), shine))  # fmt: skip


def _eye(stage: Stage, chance: np.random.Generator, low: float, high: float, turn: float = 18):
    return sight(
        stage.size,
        stage.focal_per_height,
        (0.0, chance.uniform(low, high), 0.0),
        float(np.clip(chance.normal(0, turn), -40, 40)),
        float(chance.normal(0, 4)),
        float(chance.normal(0, 2) * (3 if chance.random() < 0.15 else 1)),
    )
