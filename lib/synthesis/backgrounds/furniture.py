"""Things that stand in rooms and streets, as boxes: windows, doors, shelves, sofas, desks, cars."""

from __future__ import annotations

import numpy as np

from lib.synthesis.backgrounds.boxes import Box, Lamp
from lib.synthesis.backgrounds.shapes import CLOTHS, colour, fractal, pick
from lib.synthesis.backgrounds.textures import PAINTS, SPINES, WOODS, books, folds, poster, screen

TEXTURE_PX = 128
DAY, WARM, COOL = colour("e9f1ff"), colour("ffd9a0"), colour("dfe9ff")
WHITE = colour("f4f2ee")

Things = tuple[list[Box], list[Lamp], float]  # boxes, lights, width in mm


def thing(chance: np.random.Generator, x: float, depth: float, evening: bool) -> Things:
    """Something at the back wall: its boxes, lights and width."""
    maker = chance.choice(
        [window, _door, pictures, _shelf, _sofa, _cabinet, _floor_lamp, _curtain],
        p=[0.2, 0.12, 0.2, 0.14, 0.1, 0.12, 0.06, 0.06],
    )
    return maker(chance, x, depth, evening)


def along_wall(
    chance: np.random.Generator, left: float, right: float, depth: float, evening: bool
) -> tuple[list[Box], list[Lamp]]:
    """Furniture and windows side by side at a wall, with their lights.

    Args:
        chance: source of random numbers.
        left, right: ends of the wall, mm.
        depth: of the wall.
        evening: lamps are on and windows dark.
    """
    boxes: list[Box] = []
    lamps: list[Lamp] = []
    place = left + chance.uniform(0, 600)
    while place < right - 300:
        things, light, wide = thing(chance, place, depth, evening)
        boxes += things
        lamps += light
        place += wide + chance.exponential(350)
    return boxes, lamps


def window(chance: np.random.Generator, x: float, depth: float, evening: bool) -> Things:
    wide, low, high = (
        chance.uniform(800, 2200),
        chance.uniform(150, 950),
        chance.uniform(1950, 2350),
    )
    outside = _outlook(chance) * (0.02 if evening else 1)
    bright = chance.uniform(1.2, 5.0)
    frame = pick(("f2f0ec", "e8e4da", "5a4030", "2b2d30"), chance)
    boxes = [
        Box((x - 60, low - 60, depth - 30), (x + wide + 60, high + 60, depth), frame),
        Box((x, low, depth - 32), (x + wide, high, depth - 28), WHITE, outside, glow=bright),
        Box((x - 100, low - 90, depth - 160), (x + wide + 100, low - 55, depth), frame),
    ]
    for k in range(1, int(chance.integers(2, 4))):
        bar = x + wide * k / 3
        boxes.append(Box((bar - 25, low, depth - 50), (bar + 25, high, depth - 20), frame))
    if chance.random() < 0.5:
        cloth, cover = folds(TEXTURE_PX, chance), chance.uniform(250, 500)
        for start in (x - cover + 60, x + wide - 60):
            boxes.append(Box((start, 40, depth - 150), (start + cover, high + 150, depth - 70),
                             cloth[0, 0], cloth, (900, 2400)))  # fmt: skip
    shine = 0.0 if evening else chance.uniform(0.3, 0.9)
    light = [Lamp((x + wide / 2, (low + high) / 2, depth - 400), shine * DAY, 1300)]
    return boxes, light, wide + 300


def _outlook(chance: np.random.Generator) -> np.ndarray:
    """What is seen through a window: sky over something dark, mostly too bright."""
    n = 96
    line = n * chance.uniform(0.35, 0.8) + 5 * fractal((1, n), chance, 0.8, 3)
    below = (np.arange(n)[:, None] > line)[..., None]
    sky = pick(("e6eef6", "c4dcf2", "ffffff"), chance) * 1.2
    land = pick(("5a7048", "70695c", "8a948c"), chance)
    return (np.where(below, land, sky) * np.exp(0.2 * fractal((n, n), chance, 0.6, 4))[..., None]
            ).astype(np.float32)  # fmt: skip


def _door(chance: np.random.Generator, x: float, depth: float, evening: bool) -> Things:
    wide, leaf = chance.uniform(750, 950), pick(("f0eee8", *WOODS, "dcd6ca"), chance)
    dark = chance.random() < 0.35  # it stands open
    inside = 0.08 * leaf if dark else leaf
    boxes = [
        Box((x - 80, 0, depth - 35), (x + wide + 80, 2130, depth), 0.9 * leaf + 0.05),
        Box((x, 0, depth - 40), (x + wide, 2040, depth - 5), inside),
    ]
    if not dark:
        for low, high in ((200, 900), (1050, 1850)):
            boxes.append(Box((x + 120, low, depth - 44), (x + wide - 120, high, depth), 0.8 * leaf))
        boxes.append(Box((x + 50, 980, depth - 100), (x + 170, 1010, depth), colour("8a8a88")))
    return boxes, [], wide + 160


def pictures(chance: np.random.Generator, x: float, depth: float, evening: bool) -> Things:
    boxes, place = [], x
    for _ in range(chance.integers(1, 4)):
        wide, tall = chance.uniform(250, 900), chance.uniform(250, 900)
        low = chance.uniform(1250, 1650) - tall / 2
        image = poster(TEXTURE_PX // 2, chance)
        boxes.append(Box((place, low, depth - 30), (place + wide, low + tall, depth), image[0, 0],
                         image))  # fmt: skip
        place += wide + chance.uniform(60, 300)
    return boxes, [], place - x


def _shelf(chance: np.random.Generator, x: float, depth: float, evening: bool) -> Things:
    wide, tall = chance.uniform(700, 2200), chance.uniform(1300, 2300)
    wood, image = pick((*WOODS, "ecebe6"), chance), books(2 * TEXTURE_PX, chance)
    boxes = [
        Box((x, 0, depth - 320), (x + wide, tall, depth), wood, image, (1400, tall), top=False),
        Box((x - 25, 0, depth - 330), (x, tall + 25, depth), wood),
        Box((x + wide, 0, depth - 330), (x + wide + 25, tall + 25, depth), wood),
    ]
    return boxes, [], wide + 100


def _sofa(chance: np.random.Generator, x: float, depth: float, evening: bool) -> Things:
    wide, cloth = chance.uniform(1500, 2400), pick(CLOTHS, chance)
    front = depth - chance.uniform(850, 1100)
    back = chance.uniform(750, 1000)
    boxes = [
        Box((x, 60, front), (x + wide, 430, depth - 60), 0.9 * cloth),
        Box((x, 60, depth - 300), (x + wide, back, depth - 60), cloth),
        Box((x - 180, 60, front), (x, 620, depth - 60), cloth),
        Box((x + wide, 60, front), (x + wide + 180, 620, depth - 60), cloth),
    ]
    for _ in range(chance.integers(0, 4)):
        start = x + chance.uniform(0, wide - 450)
        boxes.append(Box((start, 430, depth - 430), (start + 430, 830, depth - 300),
                         pick((*CLOTHS, *PAINTS), chance)))  # fmt: skip
    return boxes, [], wide + 400


def _cabinet(chance: np.random.Generator, x: float, depth: float, evening: bool) -> Things:
    wide, tall = chance.uniform(700, 1900), chance.uniform(600, 1200)
    wood = pick((*WOODS, "ecebe6", "3a3c40"), chance)
    boxes = [Box((x, 80, depth - 450), (x + wide, tall, depth), wood)]
    for k in range(int(wide // 450)):
        start = x + 450 * k
        boxes.append(
            Box((start + 20, 110, depth - 456), (start + 430, tall - 30, depth), 0.85 * wood)
        )
    place = x + 40
    while place < x + wide - 200:
        size, high = chance.uniform(70, 300), chance.uniform(90, 420)
        boxes.append(Box((place, tall, depth - 320), (place + size, tall + high, depth - 120),
                         pick((*SPINES, *PAINTS, "3a5a34"), chance)))  # fmt: skip
        place += size + chance.exponential(160)
    return boxes, [], wide + 100


def _floor_lamp(chance: np.random.Generator, x: float, depth: float, evening: bool) -> Things:
    tall, size = chance.uniform(1350, 1750), chance.uniform(280, 420)
    shade, bright = pick(("fff0d4", "f8e2b8", "fdf6e8"), chance), chance.uniform(1.5, 4)
    middle = x + size / 2
    glow = bright if evening or chance.random() < 0.4 else 0.15
    boxes = [
        Box((middle - 14, 0, depth - 400), (middle + 14, tall, depth - 372), colour("2a2a2a")),
        Box((x, tall - 120, depth - 386 - size / 2), (x + size, tall + 170, depth - 386 + size / 2),
            shade, glow=glow),
    ]  # fmt: skip
    return boxes, [Lamp((middle, tall + 100, depth - 386), 0.4 * glow * WARM, 500)], size + 200


def _curtain(chance: np.random.Generator, x: float, depth: float, evening: bool) -> Things:
    wide, cloth = chance.uniform(600, 2500), folds(TEXTURE_PX, chance)
    boxes = [Box((x, 30, depth - 160), (x + wide, 2450, depth - 60), cloth[0, 0], cloth,
                 (1300, 2450))]  # fmt: skip
    return boxes, [], wide


def beside(
    chance: np.random.Generator, left: float, width: float, depth: float, subject_mm: float
) -> list[Box]:
    """Furniture along the side walls, and a table."""
    boxes = []
    for _ in range(chance.integers(0, 4)):
        z = chance.uniform(subject_mm + 200, depth)
        tall, deep, long = (
            chance.uniform(500, 2100),
            chance.uniform(300, 600),
            chance.uniform(400, 1500),
        )
        low = left if chance.random() < 0.5 else left + width - deep
        image = books(TEXTURE_PX, chance) if chance.random() < 0.4 else None
        tone = pick((*WOODS, *CLOTHS, *PAINTS), chance)
        boxes.append(Box((low, 0, z), (low + deep, tall, z + long), tone, image))
    if chance.random() < 0.4 and depth > subject_mm + 1800:
        x, z = chance.uniform(-1500, 500), subject_mm + chance.uniform(500, 1200)
        wood = pick(WOODS, chance)
        boxes.append(Box((x, 720, z), (x + 1500, 750, z + 800), wood))
        for leg in (60, 1400):
            boxes.append(Box((x + leg, 0, z + 50), (x + leg + 60, 720, z + 110), 0.8 * wood))
    return boxes


def desk(chance: np.random.Generator, x: float, z: float, dark: bool) -> list[Box]:
    top = pick(("e6e4de", *WOODS), chance)
    image = screen(TEXTURE_PX // 2, chance)
    tall = chance.uniform(1050, 1300)
    boxes = [
        Box((x, 700, z), (x + 1500, 735, z + 750), top),
        Box((x + 380, tall - 360, z + 500), (x + 1000, tall, z + 540), colour("17181a"), None),
        Box((x + 400, tall - 340, z + 492), (x + 980, tall - 20, z + 500), WHITE, image,
            glow=chance.uniform(0.6, 1.6)),
    ]  # fmt: skip
    if chance.random() < 0.6:
        chair = pick(CLOTHS, chance)
        boxes.append(Box((x + 450, 450, z - 250), (x + 950, 1050, z - 170), chair))
    return boxes


def car(chance: np.random.Generator, half: float, subject_mm: float, night: bool) -> list[Box]:
    x = chance.choice([-1, 1]) * (half - chance.uniform(2600, 4200)) - 900
    z = subject_mm + chance.uniform(6000, 40000)
    coat = pick(("d8d8d8", "1a1b1e", "7a1a1c", "24406a", "f2f2f0", "6a6c70"), chance)
    glass, red = colour("20262c"), colour("d01410")
    lights = 3.0 if night else 0.1
    return [
        Box((x, 300, z), (x + 1800, 900, z + 4300), coat),
        Box((x + 120, 900, z + 900), (x + 1680, 1420, z + 3300), glass),
        Box((x + 170, 1400, z + 1000), (x + 1630, 1450, z + 3200), coat),
        Box((x + 80, 650, z - 8), (x + 380, 780, z + 10), red, glow=lights),
        Box((x + 1420, 650, z - 8), (x + 1720, 780, z + 10), red, glow=lights),
        Box((x + 80, 0, z + 500), (x + 1720, 300, z + 3900), colour("101010")),
    ]
