"""Wrinkles of one person: where they run, how deep at rest, how a squeeze deepens them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lib.synthesis.skin_ground import SkinGround
from lib.synthesis.skin_lines import STEP_MM, Line
from lib.synthesis.splats import Splats, joined, make_splats

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
        parts.append(_along_line(ground, line, family, float(rest), 1.0, chance))
        for _ in range(2):  # finer company on both sides
            parts.append(_along_line(ground, line, family, float(0.4 * rest), 0.55, chance))
    parts.append(_fine(ground, age, worn, chance))
    splats = joined([part.splats for part in parts])
    depths = (
        np.concatenate([getattr(part, name) for part in parts]).astype(np.float32)
        for name in ("rest_mm", "gain_mm", "most_mm")
    )
    return Wrinkles(splats, *depths)


def _along_line(
    ground: SkinGround,
    line: Line,
    family: Family,
    rest_mm: float,
    size: float,
    chance: np.random.Generator,
) -> Wrinkles:
    """One wrinkle near a line: shifted, wavy, broken here and there; size 1 = on the line."""
    count = len(line.place)
    here = float(chance.random() < family.presence)
    strength = here * np.exp(chance.normal(0, 0.3))
    shift = chance.normal(0, 0.7) if size == 1 else chance.normal(0, 2.2)
    offset = shift + 0.5 * _wave(count, 14.0, chance)
    first, last = np.sort(chance.uniform(-0.15, 1.15, 2)) if size < 1 else (-1, 2)
    share = np.linspace(0, 1, count)
    within = np.clip(np.minimum(share - first, last - share) * 8, 0, 1)
    broken = np.clip(0.75 + 0.5 * _wave(count, 9.0, chance), 0, 1.3)
    depth = strength * line.share * within * broken
    place, turn, frame = _shifted(ground, line.place, offset)
    width = family.width_mm * (0.6 + 0.4 * size) * np.exp(0.2 * _wave(count, 12.0, chance))
    # kernels one sigma apart, less their rims, add up to the depth
    share_of_sum = 1 / np.sqrt(2 * np.pi) / (1 - 1 / RIM)
    splats = make_splats(place, frame, np.full(count, STEP_MM), width, np.ones(count), turn)
    scale = share_of_sum * depth
    return Wrinkles(
        splats, rest_mm * scale, family.gain_mm * size * scale, 0.24 * size * np.minimum(scale, 0.5)
    )


def _shifted(
    ground: SkinGround, place: np.ndarray, offset_mm: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of a line moved sideways by (n,) mm, the line's turn in the frames, the frames."""
    frame = ground.frames_at(place)
    matrix = frame.reshape(-1, 2, 2).astype(np.float64)
    matrix[np.abs(np.linalg.det(matrix)) < 1e-9] = np.eye(2)
    step = np.gradient(place.astype(np.float64), axis=0)
    way = np.einsum("nij,nj->ni", matrix, step)
    turn = np.arctan2(way[:, 1], way[:, 0])
    side = np.stack([-np.sin(turn), np.cos(turn)], axis=1) * offset_mm[:, None]
    moved = place + np.linalg.solve(matrix, side[..., None])[..., 0]
    return moved, turn, frame


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
