"""Flat patterns of the surroundings: walls, wood, cloth, books, posters, facades, screens."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from lib.synthesis.backgrounds.people import paint_person
from lib.synthesis.backgrounds.shapes import (
    CLOTHS,
    SKIN,
    colour,
    ellipse,
    fractal,
    grid,
    pick,
    smoothstep,
)

PAINTS = ("eeebe4", "e4ddcc", "d8d3c8", "c3c6c5", "b9c4c9", "a9b3a0", "c9b39a", "8c9aa3", "e9e6df",
          "6d7c78", "37475a", "a8644a", "d2c3a5", "efe9dc", "5b6a57", "d9c2b8")  # fmt: skip
WOODS = ("7a5232", "9c7148", "b68d5f", "5a3a24", "3e2818", "c7a67a", "8a6a4c")
BRICKS = ("8e4a34", "a05a40", "7a3d2c", "b27458", "c9b8a2", "6a4a40", "d8d2c8")
STONES = ("9b978f", "b5afa2", "7d7b77", "c8c2b4", "6d6862")
SPINES = ("7c1f1f", "1f3350", "23462f", "e8e2d0", "c9b58a", "141416", "a33b1f", "d8d8d6", "5a2f4f",
          "b8862f", "2d5f70", "8d8f92", "efe9df", "3b2a20", "c24a38", "4c6a8c")  # fmt: skip


def paint(side: int, chance: np.random.Generator) -> np.ndarray:
    """A painted wall: even but for brush, dirt and dents."""
    value = (
        1
        + 0.03 * fractal((side, side), chance, 0.7)
        + 0.012 * chance.standard_normal((side, side), np.float32)
    )
    return pick(PAINTS, chance) * value[..., None]


def plaster(side: int, chance: np.random.Generator) -> np.ndarray:
    """Rough plaster or concrete, lit from one side."""
    base = pick((*PAINTS, *STONES), chance)
    rough = fractal((side, side), chance, chance.uniform(0.25, 0.7), 6)
    slope = rough - np.roll(rough, (1, 1), (0, 1))
    stain = fractal((side, side), chance, 1.1, 2)
    value = np.exp(0.12 * stain + chance.uniform(0.1, 0.3) * slope)
    return base * np.clip(value, 0.3, 1.7)[..., None]


def bricks(side: int, chance: np.random.Generator) -> np.ndarray:
    """A brick wall: bricks of their own shade, mortar, rough faces."""
    rows = 2 * int(chance.integers(5, 9))
    columns = rows // 3 + 1
    x, y = grid((side, side))
    row = np.floor(y * rows).astype(int)
    place = x * columns + 0.5 * (row % 2)
    column = np.floor(place).astype(int) % columns
    shade = np.exp(chance.normal(0, 0.22, (rows, columns)))[row, column].astype(np.float32)
    tint = chance.normal(0, 0.10, (rows, columns))[row, column].astype(np.float32)
    joint = chance.uniform(0.035, 0.07)
    wobble = 0.012 * fractal((side, side), chance, 0.3, 24)
    to_edge = np.minimum(
        np.minimum(place % 1, 1 - place % 1) * 3, np.minimum(y * rows % 1, 1 - y * rows % 1)
    )
    face = smoothstep(joint, joint + 0.06, to_edge + wobble)[..., None]
    base = pick(BRICKS, chance, 0.2)
    rough = np.exp(0.16 * fractal((side, side), chance, 0.35, 16))
    brick = base * (shade * rough)[..., None] * np.exp(tint[..., None] * [0.6, 0, -0.6])
    mortar = pick(STONES, chance) * rough[..., None]
    lit = 1 - 0.35 * smoothstep(0.3, 0.0, (y * rows % 1))  # the joint above throws a shadow
    return (brick * face * lit[..., None] + mortar * (1 - face) * 0.8).astype(np.float32)


def planks(side: int, chance: np.random.Generator) -> np.ndarray:
    """Wooden boards with grain, knots and joints; knots stand like eyes now and then."""
    boards = int(chance.integers(3, 9))
    x, y = grid((side, side))
    board = np.floor(x * boards).astype(int) * np.ones((side, 1), int)
    shift = chance.uniform(0, 9, boards)[board].astype(np.float32)
    bend = 0.10 * fractal((side, side), chance, 1.2, 2)
    rings = x * boards * 4 + shift + bend * 6
    knots = np.zeros((side, side), np.float32)
    for _ in range(chance.integers(0, 9)):
        kx, ky, size = chance.uniform(0, 1), chance.uniform(0, 1), chance.uniform(0.012, 0.035)
        distance = np.hypot(x - kx, (y - ky) / chance.uniform(1.2, 1.8)) / size
        knots = np.maximum(knots, np.exp(-(distance**2)))
        rings = rings + 1.6 * np.exp(-((distance / 3) ** 2))
    grain = np.sin(2 * np.pi * rings) + 0.5 * np.sin(4.7 * np.pi * rings + 5 * bend)
    fine = cv2.resize(
        chance.standard_normal((max(2, side // 16), side), np.float32), (side, side),
        interpolation=cv2.INTER_CUBIC,
    )  # fmt: skip
    shade = np.exp(chance.normal(0, 0.14, boards))[board].astype(np.float32)
    value = shade * np.exp(0.10 * grain + 0.07 * fine + 0.08 * fractal((side, side), chance))
    joint = smoothstep(0.0, 0.03, np.minimum(x * boards % 1, 1 - x * boards % 1))
    value = value * (0.25 + 0.75 * joint) * (1 - 0.75 * knots)
    result = pick(WOODS, chance) * value[..., None]
    return result if chance.random() < 0.6 else np.ascontiguousarray(result.swapaxes(0, 1))


def tiles(side: int, chance: np.random.Generator) -> np.ndarray:
    """Glazed tiles with grout and dull reflections."""
    rows = 2 * int(chance.integers(2, 7))
    columns = rows if chance.random() < 0.5 else max(2, rows // 4 * 2)
    x, y = grid((side, side))
    u, v = x * columns % 1, y * rows % 1
    cell = (np.floor(y * rows).astype(int), np.floor(x * columns).astype(int))
    shade = np.exp(chance.normal(0, 0.05, (rows, columns)))[cell].astype(np.float32)
    first, second = pick((*PAINTS, "f4f4f2", "d9e4e6"), chance), pick((*PAINTS, *CLOTHS), chance)
    mixed = chance.random() < 0.35
    other = (
        (np.add(*cell) % 2 == 0)
        if chance.random() < 0.5
        else chance.random((rows, columns))[cell] < 0.2
    )
    face = np.where((other & mixed)[..., None], second, first)
    edge = np.minimum(np.minimum(u, 1 - u) / rows * columns, np.minimum(v, 1 - v))
    glaze = 1 + 0.08 * fractal((side, side), chance, 1.0, 3) + 0.10 * (0.5 - v)
    grout = pick(STONES, chance)
    cover = smoothstep(0.02, 0.05, edge)[..., None]
    return (face * (shade * glaze)[..., None] * cover + grout * (1 - cover)).astype(np.float32)


def books(side: int, chance: np.random.Generator) -> np.ndarray:
    """Shelves of books: spines with titles, gaps, leaning ones, the odd thing between."""
    image = np.empty((side, side, 3), np.float32)
    wood = pick((*WOODS, "e8e4dc"), chance)
    image[:] = 0.10 * wood
    shelves = int(chance.integers(3, 6))
    step = side / shelves
    board = max(2, round(step * 0.07))
    for shelf in range(shelves):
        bottom, x = round((shelf + 1) * step), chance.uniform(0, 0.02) * side
        while x < side:
            if chance.random() < 0.06:  # a gap, perhaps with a thing in it
                gap = chance.uniform(0.04, 0.14) * side
                if chance.random() < 0.6:
                    thing = pick((*CLOTHS, *PAINTS), chance)
                    ellipse(image, (x + gap / 2, bottom - 0.3 * step), (0.3 * gap, 0.25 * step),
                            0.6 * thing)  # fmt: skip
                x += gap
                continue
            width = chance.uniform(0.012, 0.04) * side
            top = bottom - board - chance.uniform(0.55, 0.88) * (step - board)
            _spine(image, x, top, width, bottom - board, chance)
            x += width + chance.exponential(0.0015) * side
        image[max(bottom - board, 0) : bottom] = wood * (0.7 + 0.1 * chance.random())
        start = round(shelf * step)
        dark = np.linspace(0.35, 1, max(2, round(0.35 * step)), dtype=np.float32)
        part = image[start : start + len(dark)]
        part *= dark[: len(part), None, None]
    return image * np.exp(0.05 * fractal((side, side), chance, 0.6, 4))[..., None]


def _spine(
    image: np.ndarray,
    x: float,
    top: float,
    width: float,
    bottom: float,
    chance: np.random.Generator,
) -> None:
    left, right, high = round(x), max(round(x + width), round(x) + 1), round(top)
    cover = pick(SPINES, chance, 0.25)
    across = np.linspace(-1, 1, max(right - left, 1), dtype=np.float32)
    spine = image[high : round(bottom), left:right]
    if not spine.size:
        return
    spine[:] = cover * (1.02 - 0.55 * across[: spine.shape[1]] ** 2)[None, :, None]
    ink = pick(("e8e0c8", "d4b25a", "141414", "ffffff"), chance)
    for _ in range(chance.integers(0, 4)):
        start = chance.uniform(0.05, 0.85)
        stop = start + chance.choice([0.02, 0.04, 0.22])
        rows = slice(round(start * len(spine)), round(stop * len(spine)) + 1)
        inner = slice(spine.shape[1] // 4, max(1, 3 * spine.shape[1] // 4))
        spine[rows, inner] = 0.35 * cover + 0.65 * ink


def spots(side: int, chance: np.random.Generator) -> np.ndarray:
    """Cloth or paper with dots, leopard rosettes or flowers."""
    image = np.empty((side, side, 3), np.float32)
    ground = pick((*PAINTS, "c99a5b", "d8b078", *SKIN), chance)
    image[:] = ground
    kind = chance.integers(3)
    inks = [pick((*CLOTHS, *SPINES, "20140c"), chance) for _ in range(3)]
    rows = 2 * int(chance.integers(4, 8))
    jitters = chance.normal(0, 0.22 if kind else 0.01, (rows, rows, 2))
    for row in range(-1, rows + 1):
        for column in range(-1, rows + 1):
            jitter = jitters[row % rows, column % rows]  # the pattern repeats
            place = np.array([column + 0.5 * (row % 2), row]) + jitter
            x, y = (place + 0.5) * side / rows
            size = side / rows * (0.26 if kind == 0 else chance.uniform(0.22, 0.4))
            if kind == 0:
                ellipse(image, (x, y), (size, size), inks[0])
            elif kind == 1:
                turn, shape = chance.uniform(0, 180), chance.uniform(0.6, 1.0)
                ellipse(image, (x, y), (size, size * shape), 0.12 * ground, turn)
                ellipse(image, (x + chance.normal(0, 0.2) * size, y), (0.55 * size, 0.5 * size),
                        0.62 * ground, turn)  # fmt: skip
            else:
                ink = inks[chance.integers(3)]
                for petal in range(5):
                    angle = 2 * np.pi * petal / 5
                    at = (x + 0.5 * size * np.cos(angle), y + 0.5 * size * np.sin(angle))
                    ellipse(image, at, (0.4 * size, 0.4 * size), ink)
                ellipse(image, (x, y), (0.25 * size, 0.25 * size), inks[0])
    weave = 1 + 0.06 * chance.standard_normal((side, side), np.float32)
    return cv2.GaussianBlur(image, (0, 0), 0.7) * weave[..., None]


def poster(side: int, chance: np.random.Generator) -> np.ndarray:
    """A printed or painted picture: a head, a landscape, an abstraction, with its frame."""
    image = np.empty((side, side, 3), np.float32)
    y = grid((side, side))[1]
    ground = pick((*PAINTS, *SPINES), chance)
    image[:] = ground * (0.7 + 0.5 * y[..., None])
    kind = chance.random()
    if kind < 0.45:
        half = side * chance.uniform(0.16, 0.3)
        paint_person(image, (side * chance.uniform(0.4, 0.6), side * 0.45), half, chance)
    elif kind < 0.75:
        line = chance.uniform(0.4, 0.7) + 0.08 * fractal((1, side), chance, 1.0, 2)
        land = smoothstep(0, 0.02, y - line)[..., None]
        sky = pick(("a8c4dc", "e0c8a8", "cdd6da", "6f8fb0"), chance) * (0.8 + 0.5 * y[..., None])
        image[:] = sky * (1 - land) + land * pick(("3d5230", "6a5a38", "20343a"), chance)
    else:
        for _ in range(8):
            low, high = np.sort(chance.integers(0, side, (2, 2)), axis=0)
            image[low[0] : high[0], low[1] : high[1]] = pick((*SPINES, *PAINTS), chance)
    image *= np.exp(0.10 * fractal((side, side), chance, 0.7, 4))[..., None]
    edge = round(side * chance.choice([0.0, 0.04, 0.07]))
    if edge:
        inner = image[edge:-edge, edge:-edge].copy()
        image[:] = pick(("15110d", "e8e6e0", "6a4a2a", "8c8a86"), chance)
        image[edge:-edge, edge:-edge] = inner
    return image


def facade(side: int, chance: np.random.Generator, lit: float = 0.0) -> np.ndarray:
    """A house front: rows of windows with frames; some bright inside.

    Args:
        side: px.
        chance: source of random numbers.
        lit: share of bright windows.
    """
    wall = pick((*PAINTS, *BRICKS, *STONES), chance)
    rows, columns = int(chance.integers(4, 9)), int(chance.integers(4, 9))
    x, y = grid((side, side))
    u, v = x * columns % 1, y * rows % 1
    cell = (np.floor(y * rows).astype(int), np.floor(x * columns).astype(int))
    wide, high = chance.uniform(0.16, 0.42), chance.uniform(0.22, 0.4)
    inside = smoothstep(0.02, -0.02, np.maximum(np.abs(u - 0.5) - wide, np.abs(v - 0.5) - high))
    frame = smoothstep(0.06, 0.02, np.maximum(np.abs(u - 0.5) - wide, np.abs(v - 0.5) - high))
    bar = (np.abs(u - 0.5) < 0.025) | (np.abs(v - 0.42) < 0.02)
    glass = np.exp(chance.normal(-0.2, 0.7, (rows, columns)))[cell][..., None] * colour("4a5a68")
    bright = (chance.random((rows, columns)) < lit)[cell][..., None]
    lamp = np.exp(chance.normal(0.3, 0.6, (rows, columns)))[cell][..., None] * colour("ffd49a")
    pane = np.where(bright, 4 * lamp, glass * (1.2 - 0.7 * v[..., None]))
    trim = pick(("e8e6e0", "3a3632", "9a9890"), chance)
    rough = np.exp(0.10 * fractal((side, side), chance, 0.6, 3))[..., None]
    image = wall * rough * (1 - frame[..., None]) + trim * frame[..., None]
    pane = np.where(bar[..., None], trim, pane)
    return (image * (1 - inside[..., None]) + pane * inside[..., None]).astype(np.float32)


def road(side: int, chance: np.random.Generator) -> np.ndarray:
    """Asphalt with patches and a line along it."""
    x = grid((side, side))[0]
    y = grid((side, side))[1]
    value = np.exp(0.12 * fractal((side, side), chance, 0.5, 4))
    image = pick(("6a6966", "7c7a76", "55544f"), chance) * value[..., None]
    line = (np.abs(x - 0.5) < 0.012) & (np.abs(y - 0.5) < chance.choice([0.25, 1.0]))
    return np.where(line[..., None], colour("c8c6be"), image).astype(np.float32)


def goods(side: int, chance: np.random.Generator) -> np.ndarray:
    """A shop's shelves: rows of coloured packets with labels."""
    image = np.empty((side, side, 3), np.float32)
    image[:] = 0.06
    rows = int(chance.integers(3, 6))
    step = side // rows
    for row in range(rows):
        x = 0.0
        while x < side:
            kind = pick((*SPINES, *CLOTHS, "ffffff", "e6b800", "c8102e"), chance)
            label, ink = pick(("ffffff", "f2d060", "c0262c", "1a3a7a"), chance), chance.random()
            width, height = chance.uniform(0.03, 0.09) * side, chance.uniform(0.5, 0.85) * step
            for _ in range(chance.integers(1, 6)):
                left, right = round(x), round(x + 0.92 * width)
                bottom = (row + 1) * step - round(0.08 * step)
                shade = chance.uniform(0.75, 1.0)
                image[round(bottom - height) : bottom, left:right] = kind * shade
                top = round(bottom - (0.35 + 0.3 * ink) * height)
                image[top : round(top + 0.25 * height), left:right] = label * shade
                x += width
            x += chance.exponential(0.015) * side
        image[(row + 1) * step - round(0.08 * step) : (row + 1) * step] = colour("d0d0cc")
    return image


def screen(side: int, chance: np.random.Generator) -> np.ndarray:
    """What a monitor shows: windows with lines of text, a picture, a call with a face."""
    dark = chance.random() < 0.4
    ground = pick(("16181d", "1e2430") if dark else ("f4f5f7", "e6eaf0", "ffffff"), chance, 0.05)
    image = np.empty((side, side, 3), np.float32)
    image[:] = ground
    ink = colour("c8ccd4" if dark else "30343c")
    for _ in range(chance.integers(1, 4)):
        left, right = np.sort(chance.integers(0, side, 2))
        line = max(3, side // 26)
        for top in range(chance.integers(2, side // 3), side - line, line):
            stop = left + round((right - left) * chance.uniform(0.3, 1.0))
            image[top : top + max(1, line // 3), left:stop] = 0.4 * ground + 0.6 * ink
    if chance.random() < 0.6:
        top, left = chance.integers(0, side // 2, 2)
        image[top : top + side // 2, left : left + side // 2] = cv2.resize(
            poster(96, chance), (side // 2, side // 2)
        )[: side - top, : side - left]
    return image


def folds(side: int, chance: np.random.Generator) -> np.ndarray:
    """A curtain: vertical folds."""
    x, y = grid((side, side))
    waves = chance.integers(6, 16)
    bend = 0.3 * fractal((1, side), chance, 1.0, 4) + 0.05 * np.sin(2 * np.pi * y)
    phase = 2 * np.pi * (waves * x + bend)
    value = 0.62 + 0.28 * np.sin(phase) + 0.10 * np.sin(2 * phase + 1)
    weave = 1 + 0.03 * chance.standard_normal((side, side), np.float32)
    return pick((*PAINTS, *CLOTHS), chance) * (value * weave)[..., None].astype(np.float32)


def false_faces(side: int, chance: np.random.Generator) -> np.ndarray:
    """Ovals of the colours of skin with dark blobs where eyes and mouth would be."""
    image = np.empty((side, side, 3), np.float32)
    image[:] = pick((*SKIN, *WOODS, *PAINTS), chance)
    image *= np.exp(0.25 * fractal((side, side), chance, 1.0, 3))[..., None]
    for _ in range(chance.integers(3, 9)):
        half = side * chance.uniform(0.06, 0.16)
        x, y = chance.uniform(half, side - half, 2)
        oval = pick(SKIN, chance)
        turn = chance.normal(0, 15)
        cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        ellipse(image, (x, y), (0.75 * half, half), oval, turn)
        ellipse(image, (x - 0.15 * half, y), (0.5 * half, 0.8 * half), 1.15 * oval, turn)
        for u, v, wide, high in ((-0.3, -0.2, 0.16, 0.1), (0.3, -0.2, 0.16, 0.1),
                                 (0.0, 0.15, 0.1, 0.12), (0.0, 0.5, 0.3, 0.08)):  # fmt: skip
            u, v = np.array([u, v]) + chance.normal(0, 0.04, 2)
            at = (x + half * (u * cosine - v * sine), y + half * (u * sine + v * cosine))
            ellipse(image, at, (wide * half, high * half), chance.uniform(0.1, 0.4) * oval, turn)
    image = cv2.GaussianBlur(image, (0, 0), side * 0.006)
    return image * (1 + 0.05 * chance.standard_normal((side, side, 1), np.float32))


WALLS: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "paint": paint,
    "plaster": plaster,
    "bricks": bricks,
    "planks": planks,
    "tiles": tiles,
    "books": books,
    "spots": spots,
    "folds": folds,
    "false_faces": false_faces,
}
