"""Wrinkles of one person: where they run, how deep at rest, how a squeeze deepens them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lib.synthesis.skin.ground import SkinGround
from lib.synthesis.skin.lines import STEP_MM, Line
from lib.synthesis.skin.splats import Splats, joined, make_splats

RIM = 2.2  # width of the raised skin beside a furrow over that of the furrow
SLACK = 0.03  # squeeze that skin takes without folding
FINE_PER_MM2 = 0.16  # short wrinkles that only a squeeze, or great age, shows


class Family(NamedTuple):
    """How wrinkles of one kind are: mm, years, and depth in mm per unit of squeeze."""

    width_mm: float
    depth_at_80_mm: float
    onset_years: float
    gain_mm: float
    presence: float


FAMILIES = {
    "forehead": Family(0.42, 0.20, 28, 1.0, 0.9),
    "frown": Family(0.40, 0.18, 30, 1.0, 0.8),
    "crow": Family(0.34, 0.15, 30, 0.8, 0.85),
    "under_eye": Family(0.34, 0.11, 26, 0.6, 0.85),
    "nasolabial": Family(0.60, 0.22, 20, 0.8, 1.0),
    "smile": Family(0.55, 0.12, 42, 0.6, 0.6),
    "marionette": Family(0.50, 0.18, 38, 0.5, 0.9),
    "root": Family(0.42, 0.13, 35, 0.8, 0.7),
    "bunny": Family(0.34, 0.07, 40, 0.7, 0.8),
    "upper_lip": Family(0.24, 0.11, 44, 0.7, 0.75),
    "lower_lip": Family(0.24, 0.08, 48, 0.7, 0.6),
    "chin": Family(0.50, 0.12, 30, 0.6, 0.8),
    "neck": Family(0.55, 0.18, 22, 0.6, 0.85),
}


@dataclass(frozen=True)
class Wrinkles:
    """Furrows as chains of short kernels.

    Args:
        splats: their places and sizes.
        rest_mm: (n,) depth of a resting face.
        gain_mm: (n,) depth per unit of squeeze across.
        most_mm: (n,) depth that is not exceeded.
    """

    splats: Splats
    rest_mm: np.ndarray
    gain_mm: np.ndarray
    most_mm: np.ndarray

    def depth_mm(self, across: np.ndarray, along: np.ndarray) -> np.ndarray:
        """(n,) depth under squeezes (n,), shares of length; what is stretched flattens out."""
        squeeze = np.maximum(across - np.maximum(along, 0) - SLACK, 0)
        smooth = np.clip(1 + 2.5 * np.minimum(across, 0), 0.2, 1)
        return np.minimum(self.rest_mm * smooth + self.gain_mm * squeeze, self.most_mm)


def draw_wrinkles(ground: SkinGround, age: float, chance: np.random.Generator) -> Wrinkles:
    """A random person's wrinkles.

    Args:
        ground: what people of the model have in common.
        age: years.
        chance: source of random numbers.
    """
    worn = np.exp(chance.normal(0, 0.35))
    taste = {kind: np.exp(chance.normal(0, 0.35)) for kind in FAMILIES}
    parts = []
    for line in ground.lines:
        family = FAMILIES[line.kind]
        years = np.clip((age - family.onset_years) / (80 - family.onset_years), 0, 1)
        rest = family.depth_at_80_mm * years**1.2 * worn * taste[line.kind]
        for size, depth in ((1.0, rest), (0.55, 0.4 * rest), (0.55, 0.4 * rest)):
            if chance.random() < family.presence:
                parts.append(_along_line(line, family, float(depth), size, chance))
    place, to_mm, width, rest, gain, most = (np.concatenate(column) for column in zip(*parts))
    count = len(place)
    lines = make_splats(place, to_mm, np.full(count, STEP_MM), width, np.ones(count))
    fine = _fine(ground, age, worn, chance)
    depths = (
        np.concatenate([own, getattr(fine, name)]).astype(np.float32)
        for own, name in ((rest, "rest_mm"), (gain, "gain_mm"), (most, "most_mm"))
    )
    return Wrinkles(joined([lines, fine.splats]), *depths)


def _along_line(
    line: Line, family: Family, rest_mm: float, size: float, chance: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Place, frame, width, depth at rest, gain and most of one wrinkle near a line.

    It is shifted, wavy and broken here and there. Size 1 = the line itself, less = finer company
    beside it.
    """
    count = len(line.place)
    strength = np.exp(chance.normal(0, 0.3))
    shift = chance.normal(0, 0.7) if size == 1 else chance.normal(0, 2.2)
    offset = shift + 0.5 * _wave(count, 14.0, chance)
    first, last = np.sort(chance.uniform(-0.15, 1.15, 2)) if size < 1 else (-1, 2)
    share = np.linspace(0, 1, count)
    within = np.clip(np.minimum(share - first, last - share) * 8, 0, 1)
    broken = np.clip(0.85 + 0.45 * _wave(count, 14.0, chance), 0, 1.3)
    width = family.width_mm * (0.6 + 0.4 * size) * np.exp(0.2 * _wave(count, 12.0, chance))
    # kernels one sigma apart, less their rims, add up to the depth
    scale = strength * line.share * within * broken / np.sqrt(2 * np.pi) / (1 - 1 / RIM)
    return (
        line.place + line.sideways * offset[:, None],
        line.to_mm,
        width,
        rest_mm * scale,
        family.gain_mm * size * scale,
        0.24 * size * np.minimum(scale, 0.5),
    )


def _wave(count: int, length: float, chance: np.random.Generator) -> np.ndarray:
    """(count,) smooth random values of variance about 1; length in steps."""
    knots = chance.standard_normal(int(count / length) + 4)
    at = np.arange(count) / length + chance.random() + 1
    low = np.floor(at).astype(int)
    blend = 0.5 - 0.5 * np.cos(np.pi * (at - low))
    return 1.2 * (knots[low - 1] * (1 - blend) + knots[low] * blend)


def _fine(ground: SkinGround, age: float, worn: float, chance: np.random.Generator) -> Wrinkles:
    """Short wrinkles of all directions; age shows those that run with the skin lines."""
    f = ground.features
    where = (
        np.clip(f.bare + 0.6 * f.lids + 0.7 * f.neck, 0, 1) * (f.lip_mm < -0.5) * (1 - 0.7 * f.nose)
    )
    place = ground.scatter((FINE_PER_MM2 * where).astype(np.float32), chance)
    count = len(place)
    turn = np.where(
        chance.random(count) < 0.5, chance.normal(0, 0.3, count), chance.uniform(0, np.pi, count)
    )
    length = chance.uniform(1.2, 3.0, count)
    width = np.clip(np.exp(chance.normal(np.log(0.30), 0.3, count)), 0.16, 0.6)
    splats = make_splats(place, ground.frames_at(place), length, width, np.ones(count), turn)
    row, column = np.clip(np.rint(place), 0, len(f.lids) - 1).astype(np.int64).T[::-1]
    thin = 0.5 + f.lids[row, column] + 0.6 * f.cheeks[row, column]
    years = np.clip((age - 38) / 42, 0, 1) ** 1.3
    variety = np.exp(chance.normal(0, 0.4, count))
    rest = 0.032 * years * worn * thin * np.cos(turn) ** 4 * variety
    return Wrinkles(splats, rest, 0.35 * variety, np.full(count, 0.09))
