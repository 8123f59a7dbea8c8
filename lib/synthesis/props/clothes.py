"""What people wear on their shoulders: shirts, hoodies, jackets, pullovers, tops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lib.synthesis.props.fabric import Fabric, draw_colour, draw_fabric
from lib.synthesis.props.garments import Figure, Seamline, Shell, cord, hang, strip
from lib.synthesis.props.prop import Prop

V_STEP_MM = 2.0  # a V-neck is found in steps of this length
Edge = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Outfit:
    """Clothes, and down to where they leave the skin bare.

    Args:
        props: the clothes.
        edge: length of the lowest bare skin for directions (n,).
    """

    props: list[Prop]
    edge: Edge


def draw_outfit(figure: Figure, chance: np.random.Generator) -> Outfit:
    """What somebody wears."""
    kinds = (tee, v_neck, collared, hoodie, turtleneck, jacket, top)
    likely = np.array([0.28, 0.12, 0.20, 0.12, 0.08, 0.13, 0.07])
    return kinds[chance.choice(len(kinds), p=likely)](figure, chance)


def tee(figure: Figure, chance: np.random.Generator) -> Outfit:
    """A T-shirt with a round neck."""
    fabric = draw_fabric(chance, (*["plain"] * 5, "stripes", "melange", "melange", "print"))
    edge = _round(chance.uniform(0, 14), chance.uniform(0, 25))
    shell = Shell(edge, 2.6, chance.uniform(14, 22), slack=chance.uniform(0.6, 1.1))
    return Outfit([hang(figure, shell, fabric, chance)], edge)


def v_neck(figure: Figure, chance: np.random.Generator) -> Outfit:
    """A pullover or T-shirt with a V-neck."""
    fabric = draw_fabric(chance, (*["plain"] * 4, "melange"), chance.uniform(1, 1.6))
    edge = _pointed(figure, chance.uniform(2, 12), chance.uniform(60, 120), chance.uniform(58, 76))
    shell = Shell(edge, chance.uniform(2.6, 4.0), chance.uniform(9, 16), slack=0.9)
    return Outfit([hang(figure, shell, fabric, chance)], edge)


def collared(figure: Figure, chance: np.random.Generator) -> Outfit:
    """A shirt or a polo shirt with a collar, open or buttoned."""
    patterns = (*["plain"] * 4, "checks", "checks", "pinstripes", "melange")
    fabric = draw_fabric(chance, patterns, chance.uniform(1.1, 1.8))
    opened = chance.random() < 0.7
    edge, props = _shirt(figure, fabric, opened, chance)
    if not opened and chance.random() < 0.4:
        props.append(_tie(figure, draw_colour(chance)))
    return Outfit(props, edge)


def hoodie(figure: Figure, chance: np.random.Generator) -> Outfit:
    """A hooded pullover, the hood on the back."""
    fabric = draw_fabric(chance, (*["plain"] * 3, "melange"), 2.0)
    edge = _round(chance.uniform(2, 12), chance.uniform(5, 20))
    shell = Shell(edge, 4.5, 0, slack=chance.uniform(1.0, 1.5))
    props = [hang(figure, shell, fabric, chance), _hood(figure, edge, fabric, chance)]
    colour = fabric.colour if chance.random() < 0.5 else np.full(3, 0.6)
    for side in (-1, 1):
        q = np.linspace(0, 1, 16)
        turn = side * (0.22 + 0.05 * np.sin(2.5 * q + chance.uniform(0, 6)) * q)
        hangs = chance.uniform(90, 150)
        length = edge(turn) + 20 + hangs * q
        props.append(cord(figure, Seamline(turn, length, 9 - 2 * q), np.full(2, 2.1), colour))
    return Outfit(props, edge)


def turtleneck(figure: Figure, chance: np.random.Generator) -> Outfit:
    """A pullover with a high, folded collar."""
    fabric = draw_fabric(chance, (*["plain"] * 3, "melange"), chance.uniform(1.3, 2.0))
    high = chance.uniform(24, 40)
    edge = _round(-0.5 * high, 0)
    shell = Shell(edge, 3.4, 0, slack=0.9)
    turn = 2 * np.pi * np.arange(96) / 96
    lines = [
        _level(turn, length + chance.normal(0, 1.0) * np.sin(turn), out)
        for length, out in (
            (-high + 6, 3), (-high, 5.5), (-high + 4, 8), (-0.5 * high, 8), (3, 8.5), (5, 5),
        )
    ]  # fmt: skip
    roll = strip(figure, lines, fabric, chance, 2.0, around=True, clear_mm=3.5)
    return Outfit([hang(figure, shell, fabric, chance), roll], edge)


def jacket(figure: Figure, chance: np.random.Generator) -> Outfit:
    """A jacket with lapels over a shirt, a T-shirt or a pullover."""
    flat = replace(figure, slack=0.3)
    inner = (tee, collared, collared, turtleneck)[chance.integers(4)](flat, chance)
    patterns = (*["plain"] * 4, "melange", "pinstripes")
    fabric = draw_fabric(chance, patterns, 2.6)
    low = chance.uniform(190, 290)
    edge = _pointed(figure, 4.0, low, chance.uniform(62, 80))
    outer = hang(figure, Shell(edge, 9.5, 0, slack=0.8, floor_mm=8.0), fabric, chance)
    return Outfit([*inner.props, outer, _lapels(figure, edge, low, fabric, chance)], inner.edge)


def top(figure: Figure, chance: np.random.Generator) -> Outfit:
    """A top or a dress on straps: arms and shoulders are bare."""
    fabric = draw_fabric(chance, (*["plain"] * 3, "print", "stripes"))
    high = chance.uniform(85, 110)
    props = []
    for middle in (0.0, np.pi):

        def edge(turn: np.ndarray, middle: float = middle) -> np.ndarray:
            away = np.abs(turn - middle)
            at_strap = np.exp(-(((away - 0.56) / 0.16) ** 2))
            return high - 18 * at_strap + 20 * np.clip(1 - (away / 0.5) ** 2, 0, 1)

        props.append(hang(figure, Shell(edge, 2.2, 6, 0.68, middle, 0.5), fabric, chance))
    half = chance.uniform(4, 16)
    for side in (-1, 1):
        turn = np.linspace(0.54, np.pi - 0.56, 40)
        length = 64 + 62 * np.abs(np.cos(turn)) ** 1.5
        line = Seamline(side * turn, length, np.full(40, 1.6))
        radius = np.array([half, 1.3])
        props.append(cord(figure, line, radius, fabric.colour, squareness=4))
    return Outfit(props, lambda turn: np.full(len(turn), 1e3))


def _round(side_mm: float, front_mm: float) -> Edge:
    """A round neckline: lengths at the side, and how much lower it is in front."""
    return lambda turn: side_mm + front_mm * np.clip(np.cos(turn), 0, 1) ** 1.5


def _pointed(figure: Figure, side_mm: float, deep_mm: float, half_mm: float) -> Edge:
    """A V-neck, straight as seen from the front.

    Args:
        figure: that wears it.
        side_mm: length at the side and behind.
        deep_mm: length at its point.
        half_mm: half its width at the neck.
    """
    turn = np.linspace(0, np.pi / 2, 65)
    length = np.arange(side_mm, deep_mm + V_STEP_MM, V_STEP_MM)
    place, _ = figure.ground.place(*np.broadcast_arrays(turn, length[:, None]))
    other, _ = figure.ground.place(*np.broadcast_arrays(-turn, length[:, None]))
    out = (place[..., 0] - other[..., 0]) / 2
    line = half_mm * (1 - (length - side_mm) / (deep_mm - side_mm))[:, None]
    crossing = (out < line).sum(axis=0) * V_STEP_MM + side_mm
    for _ in range(5):
        crossing[1:-1] = (crossing[:-2] + 2 * crossing[1:-1] + crossing[2:]) / 4

    def edge(at: np.ndarray) -> np.ndarray:
        return np.interp(np.abs((at + np.pi) % (2 * np.pi) - np.pi), turn, crossing)

    return edge


def _level(turn: np.ndarray, length: np.ndarray | float, out: np.ndarray | float) -> Seamline:
    full = [np.broadcast_to(np.asarray(v, float), turn.shape) for v in (length, out)]
    return Seamline(turn, *full)


def _round_the_back(opening: float, n: int = 88) -> tuple[np.ndarray, np.ndarray]:
    """Directions from one side of an opening in front, past the back, to the other; and 0..1,
    how near each is to the front."""
    turn = np.linspace(opening, 2 * np.pi - opening, n)
    return turn, np.clip(np.cos(turn) * 1.2, 0, 1)


def _shirt(
    figure: Figure, fabric: Fabric, opened: bool, chance: np.random.Generator
) -> tuple[Edge, list[Prop]]:
    deep = chance.uniform(50, 110) if opened else 12.0
    edge = _pointed(figure, 3.0, deep, chance.uniform(36, 50))
    props = [hang(figure, Shell(edge, 3.0, 0, slack=0.9), fabric, chance)]
    opening = chance.uniform(0.24, 0.34) if opened else 0.06
    turn, front = _round_the_back(opening)
    stand = chance.uniform(20, 27) - 7 * front * opened
    leaf = stand + 18 + 26 * front**2
    foot = 0.6 * edge(turn)
    spread = chance.uniform(0.1, 0.25) * front**3 * np.sign(np.pi - turn)
    props.append(
        strip(
            figure,
            [
                _level(turn, foot + 5, 3.5),
                _level(turn, foot - 0.9 * stand, 5),
                _level(turn, foot - stand, 7.5),
                _level(turn, foot - 0.75 * stand, 10),
                _level(turn + 0.5 * spread, foot - stand + 0.55 * leaf, 10.5),
                _level(turn + spread, foot - stand + leaf, 6.5),
            ],
            fabric,
            chance,
            clear_mm=3.0,
        )
    )
    props += _buttons(figure, float(edge(np.zeros(1))[0]) + 12, fabric, chance)
    return edge, props


def _buttons(
    figure: Figure, first_mm: float, fabric: Fabric, chance: np.random.Generator
) -> list[Prop]:
    """The placket and its buttons."""
    q = np.linspace(0, 1, 60)
    strip_line = _level(0 * q, first_mm - 8 + (430 - first_mm) * q, 4.2)
    props = [cord(figure, strip_line, np.array([15.0, 1.6]), fabric.colour * 0.97, 12, 5.0)]
    colour = np.full(3, 0.55) if fabric.colour.mean() > 0.1 else fabric.colour * 1.5
    for length in np.arange(first_mm + 4, 380, 82.0):
        at = Seamline(np.zeros(2), length + np.array([-2.0, 2.0]), np.full(2, 6.0))
        props.append(cord(figure, at, np.array([5.0, 1.2]), colour, 12))
    return props


def _tie(figure: Figure, colour: np.ndarray) -> Prop:
    length = np.array([2.0, 10, 24, 36, 44, 90, 180, 300, 420])
    half = np.array([13.0, 17, 15, 11, 12, 19, 27, 35, 42])
    deep = np.array([6.0, 8, 7, 4, 2.5, 2.2, 2.2, 2.2, 2.2])
    fine = np.linspace(2, 420, 70)
    radius = np.stack([np.interp(fine, length, half), np.interp(fine, length, deep)], 1)
    out = np.interp(fine, [0, 30, 60, 420], [7.0, 8, 6.5, 9])
    return cord(figure, _level(0 * fine, fine, out), radius, colour, 16, 3.0)


def _hood(figure: Figure, edge: Edge, fabric: Fabric, chance: np.random.Generator) -> Prop:
    """A hood that lies on the shoulders and the back."""
    turn, front = _round_the_back(0.1, 96)
    foot = edge(turn)
    behind = np.clip(-np.cos(turn), 0, 1)
    fat = chance.uniform(0.8, 1.25) * (1 - 0.55 * front)
    wavy = 3 * np.sin(turn * 9 + chance.uniform(0, 6)) * np.sin(turn / 2)
    return strip(
        figure,
        [
            _level(turn, foot + 8, 3),
            _level(turn, foot - 20 * fat, 7),
            _level(turn, foot - 26 * fat, 16 * fat + wavy),
            _level(turn, foot - 6 * fat, 28 * fat + 10 * behind),
            _level(turn, foot + 25 + 15 * behind, 24 * fat + 18 * behind - wavy),
            _level(turn, foot + 46 + 60 * behind, 12 * fat + 18 * behind),
            _level(turn, foot + 52 + 80 * behind, 4),
        ],
        fabric,
        chance,
        2.5,
        clear_mm=5.0,
    )


def _lapels(
    figure: Figure, edge: Edge, low_mm: float, fabric: Fabric, chance: np.random.Generator
) -> Prop:
    """Collar and lapels along the edge of a jacket."""
    turn = np.linspace(0.015, 2 * np.pi - 0.015, 140)
    away = np.abs((turn + np.pi) % (2 * np.pi) - np.pi)
    side = np.sign(np.pi - turn)
    up = 1 - (edge(turn) - 4) / (low_mm - 4)  # 0 at the point of the V, 1 where it meets the neck
    up = up + 0.6 * np.clip(away - 1.0, 0, 2)
    broad = chance.uniform(50, 80)
    lapel = np.interp(
        up, [0, 0.72, 0.78, 0.84, 1.0, 1.3], [4, broad, 0.9 * broad, 0.45 * broad, 30, 0]
    )
    collar = np.interp(up, [0, 0.8, 0.9, 1.1, 1.6], [0, 4, 22, 36, 44])
    foot = edge(turn)
    across = side * lapel / 200
    return strip(
        figure,
        [
            _level(turn, foot + 2, 7),
            _level(turn, foot - 14 * np.clip(up, 0, 1), 8.5),
            _level(turn, foot - 15 * np.clip(up, 0, 1) + 2, 11),
            _level(turn + 0.5 * across, foot + 0.4 * collar, 12.5),
            _level(turn + across, foot + collar, 10.2),
        ],
        fabric,
        chance,
        clear_mm=5.0,
    )
