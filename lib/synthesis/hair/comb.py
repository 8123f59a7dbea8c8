"""Which way hair is combed, and the regions of a scalp that styles speak of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.synthesis.hair.catalogue import HairStyle
from lib.synthesis.hair.hairline import ScalpRoots

WHORL = (14.0, -0.62, 0.78)  # mm to a side; direction back and up from the dome's centre
PART_SOFT_MM = 5.0
SOFT_MM = (9.0, 3.0)
WAVES = 8  # plane waves in a smooth random field


@dataclass(frozen=True)
class Regions:
    """Where roots lie, (n,) 0..1 each unless said otherwise, on the mean head.

    Args:
        place: (n, 3) mm from the middle of the dome.
        inside: mm inside the hairline.
        from_edge: mm inside the hairline at the ears and the nape; large in front.
        top: 1 on the top of the head.
        back: 1 behind the ears.
        front: 1 near the forehead.
        temple: 1 in the corners of the forehead.
        crown: 1 where old men are bald.
        soft_mm: (n,) over which hair begins: much in front, little at the ears.
        fade: 1 on the lowest part of sides and nape.
        radius: mm, of the dome.
    """

    place: np.ndarray
    inside: np.ndarray
    from_edge: np.ndarray
    top: np.ndarray
    back: np.ndarray
    front: np.ndarray
    temple: np.ndarray
    crown: np.ndarray
    soft_mm: np.ndarray
    fade: np.ndarray
    radius: float


def regions_of(roots: ScalpRoots, place: np.ndarray, inside: np.ndarray) -> Regions:
    """Regions of places (n, 3) on the mean head that lie (n,) mm inside the hairline."""
    centre, radius = roots.chart.centre, roots.chart.radius
    local = place - centre
    angle = np.rad2deg(np.abs(np.arctan2(local[:, 0], local[:, 2])))
    above_ears = place[:, 1] - roots.ears.top
    front = _step(70, 35, angle)
    low = 1 - front
    whorl = np.array([0.0, WHORL[2], WHORL[1]]) * radius
    middle = np.array([0.0, 0.95, 0.25]) * radius
    crown = np.maximum(_bump(local, whorl, 42.0), 0.9 * _bump(local, middle, 46.0))
    crown = np.clip(1.5 * crown, 0, 1) * _step(20, 50, above_ears)
    temple = np.exp(-0.5 * ((angle - 31) / 11) ** 2) * _step(15, 45, above_ears)
    return Regions(
        local,
        np.asarray(inside, np.float64),
        np.where(low > 0, inside / np.maximum(low, 1e-3), 1e3),
        _step(38, 66, above_ears),
        _step(95, 125, angle),
        front,
        temple,
        crown,
        SOFT_MM[0] + (SOFT_MM[1] - SOFT_MM[0]) * _step(46, 62, angle) * _step(-55, -35, above_ears),
        _step(55, 10, above_ears) * _step(40, 75, angle),
        radius,
    )


def combed(
    style: HairStyle, regions: Regions, normal: np.ndarray, chance: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Unit directions (n, 3) along the skin, and which roots (n,) bool belong to a fringe."""
    place = regions.place
    x = place[:, 0]
    side = np.sign(style.part_mm) if style.part_mm else 1.0
    down = np.array([0.0, -1.0, 0.0])
    lateral = np.tanh((x - style.part_mm) / PART_SOFT_MM)
    ways = {
        "whorl": _from_whorl(regions, side),
        "part": np.stack([lateral, 0 * x - 0.1, 0 * x - 0.25], axis=1),
        "back": np.stack([0.25 * np.tanh(x / 40), 0 * x, 0 * x - 1], axis=1),
        "over": np.stack([0 * x - side, 0 * x, 0 * x - 0.35], axis=1),
        "out": normal + 0.5 * place / regions.radius,
        "knot": np.array(style.knot) * regions.radius - place,
    }
    top = ways[style.comb]
    if style.comb in ("knot", "out"):
        way = top
    else:
        back = np.array([0.0, -0.35, -1.0]) * style.sides_back + down * (1 - style.sides_back)
        sides = back + np.stack([0.12 * np.sign(x), 0 * x, 0 * x], axis=1)
        sides = sides * (1 - regions.back[:, None]) + (down - [0, 0, 0.1]) * regions.back[:, None]
        share = np.clip(regions.top, 0, 1)[:, None]
        way = _unit(top) * share + _unit(sides) * (1 - share)
    fringe = (regions.front > 0.25) & (regions.top > 0.3) & (regions.inside < style.fringe_deep)
    fringe &= np.abs(x) < style.fringe_wide
    forward = np.stack([0.010 * x + style.fringe_side, 0 * x - 0.3, 0 * x + 1.0], axis=1)
    way = np.where(fringe[:, None], forward, way)
    noise = swell(place, 26.0, chance, 3)
    way = _unit(way) + style.tousle * (noise + 0.6 * chance.standard_normal(way.shape))
    along = (way * normal).sum(axis=1, keepdims=True)
    return _unit(way - (0.0 if style.comb == "out" else 1.0) * along * normal), fringe


def swell(
    place: np.ndarray, wavelength: float, chance: np.random.Generator, n: int = 1
) -> np.ndarray:
    """(m, n) smooth random values of mean 0 and variance about 1 at places (m, 3) mm, quickly."""
    way = chance.standard_normal((3, WAVES * n))
    way *= (
        2 * np.pi / wavelength / np.linalg.norm(way, axis=0) * chance.uniform(0.6, 1.6, WAVES * n)
    )
    phase = chance.uniform(0, 2 * np.pi, WAVES * n).astype(np.float32)
    waves = place.astype(np.float32) @ way.astype(np.float32)
    waves += phase
    np.sin(waves, out=waves)
    return np.sqrt(2 / WAVES) * waves.reshape(len(place), n, WAVES).sum(axis=2).astype(np.float64)


def _from_whorl(regions: Regions, side: float) -> np.ndarray:
    """Away from the whorl in a spiral, as hair grows by itself."""
    whorl = np.array([side * WHORL[0], WHORL[2] * regions.radius, WHORL[1] * regions.radius])
    away = regions.place - whorl
    distance = np.linalg.norm(away, axis=1, keepdims=True)
    around = np.cross(regions.place / regions.radius, away)
    return _unit(away) + side * 0.8 * np.exp(-distance / 45) * _unit(around)


def _bump(place: np.ndarray, centre: np.ndarray, radius: float) -> np.ndarray:
    return np.exp(-0.5 * ((place - centre) ** 2).sum(axis=1) / radius**2)


def _step(start: float, end: float, value: np.ndarray) -> np.ndarray:
    share = np.clip((value - start) / (end - start), 0, 1)
    return share * share * (3 - 2 * share)


def _unit(way: np.ndarray) -> np.ndarray:
    return way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
