"""Marks of single people's skin: freckles, age spots, moles, blemishes, small vessels, stubble."""

from __future__ import annotations

import numpy as np

from lib.synthesis.skin.ground import CANVAS, SkinGround
from lib.synthesis.skin.splats import Splats, add_splats, add_stamps, joined, make_splats


def _drawn(
    ground: SkinGround, weight: np.ndarray, count: int, chance: np.random.Generator
) -> np.ndarray:
    """(count, 2) places on the canvas where weight (CANVAS, CANVAS) times area is large."""
    total = np.cumsum((weight * ground.area).ravel(), dtype=np.float64)
    texel = np.searchsorted(total, chance.random(count) * total[-1], side="right")
    row, column = np.divmod(np.minimum(texel, total.size - 1), CANVAS)
    return np.stack([column, row], axis=1) + chance.uniform(-0.5, 0.5, (count, 2))


def _stamp(
    image: np.ndarray,
    ground: SkinGround,
    place: np.ndarray,
    radius_mm: np.ndarray,
    height: np.ndarray,
    edge: float,
    uneven: float,
    chance: np.random.Generator,
) -> None:
    """Spots with uneven borders; edge is the border's width over the radius."""
    count = len(place)
    stretch = np.exp(chance.normal(0, 0.16, count))
    turn = chance.uniform(0, np.pi, count)
    shape = chance.normal(0, uneven, (count, 3))
    spots = make_splats(
        place, ground.frames_at(place), radius_mm * stretch, radius_mm / stretch, height, turn
    )
    add_stamps(image, spots, edge * radius_mm, shape, CANVAS)


def add_freckles(
    melanin: np.ndarray,
    ground: SkinGround,
    tone_deg: float,
    chance: np.random.Generator,
    least: float = 0.0,
) -> None:
    """Freckles on a map of log melanin: many on a few light people, where the sun reaches.

    Args:
        melanin: (side, side), changed.
        ground: the skin.
        tone_deg: individual typology angle.
        chance: source of random numbers.
        least: 0..1 of the most freckles; medium skin then has some, too.
    """
    f = ground.features
    amount = chance.random() ** 2.2 * np.clip((tone_deg - 22) / 25, 0, 1)
    if chance.random() < 0.35:
        amount *= 0.1
    amount = max(amount, least * np.clip((tone_deg + 10) / 40, 0, 1))
    count = int(800 * amount)
    weight = (0.12 + f.cheeks + 0.9 * f.bridge + 0.7 * f.nose + 0.35 * f.forehead) * f.bare
    place = _drawn(ground, weight, count, chance)
    radius = np.clip(np.exp(chance.normal(np.log(0.6), 0.42, count)), 0.25, 1.6)
    height = (0.22 + 0.35 * amount) * np.exp(chance.normal(0, 0.4, count))
    _stamp(melanin, ground, place, radius, np.minimum(height, 0.95), 0.9, 0.12, chance)


def add_age_spots(
    melanin: np.ndarray,
    ground: SkinGround,
    tone_deg: float,
    age: float,
    chance: np.random.Generator,
) -> None:
    """Lentigines on a map of log melanin: flat brown patches of the years, mostly at the sides."""
    f = ground.features
    years = max(age - 32, 0) * np.clip((tone_deg + 25) / 60, 0.1, 1)
    count = chance.poisson(0.35 * years * np.exp(chance.normal(0, 0.6)))
    weight = (0.15 + 1.4 * f.temples + 0.8 * f.cheeks + 0.5 * f.forehead) * (
        f.bare + 0.4 * f.neck + 0.3 * f.scalp * f.temples
    )
    place = _drawn(ground, weight, count, chance)
    radius = np.clip(np.exp(chance.normal(np.log(1.3), 0.5, count)), 0.5, 4.0)
    height = np.clip(np.exp(chance.normal(np.log(0.3), 0.4, count)), 0.08, 0.8)
    _stamp(melanin, ground, place, radius, height, 0.35, 0.2, chance)


def add_moles(
    melanin: np.ndarray,
    ground: SkinGround,
    tone_deg: float,
    age: float,
    chance: np.random.Generator,
) -> None:
    """Moles, and on dark grown-up skin small black papules, on a map of log melanin."""
    f = ground.features
    count = min(chance.poisson(np.exp(chance.normal(np.log(3.0), 0.8))), 16)
    weight = (f.bare + 0.7 * f.neck + 0.3 * f.ears) * (1 - f.nose)
    place = _drawn(ground, weight, count, chance)
    radius = np.clip(np.exp(chance.normal(np.log(0.75), 0.4, count)), 0.35, 2.0)
    deep = np.log(2.2) - np.log(np.interp(tone_deg, [-55, 10, 60], [1.5, 0.55, 0.16]))
    height = deep * np.clip(chance.normal(0.55, 0.22, count), 0.2, 0.9)
    _stamp(melanin, ground, place, radius, height, 0.28, 0.07, chance)
    papules = int(max(age - 25, 0) * (tone_deg < 0) * chance.random() ** 3 * 1.2)
    place = _drawn(ground, f.bare * (0.05 + f.cheeks + f.temples), papules, chance)
    radius = np.clip(np.exp(chance.normal(np.log(0.55), 0.3, papules)), 0.3, 1.2)
    _stamp(melanin, ground, place, radius, chance.uniform(0.3, 0.7, papules), 0.4, 0.1, chance)


def add_blemishes(
    melanin: np.ndarray,
    blood: np.ndarray,
    ground: SkinGround,
    tone_deg: float,
    age: float,
    chance: np.random.Generator,
) -> None:
    """Red spots of young skin and the marks they leave, on maps of log melanin and log blood."""
    f = ground.features
    young = np.clip((38 - age) / 18, 0.12, 1)
    count = min(chance.poisson(7 * young * np.exp(chance.normal(0, 1.0))), 60)
    weight = f.bare * (0.15 + f.chin + 0.7 * f.forehead + 0.6 * f.cheeks + 0.4 * f.temples)
    place = _drawn(ground, weight, count, chance)
    radius = np.clip(np.exp(chance.normal(np.log(0.75), 0.45, count)), 0.3, 2.0)
    height = np.clip(np.exp(chance.normal(np.log(0.35), 0.5, count)), 0.08, 1.1)
    add_splats(blood, _round(ground, place, 1.5 * radius, 0.6 * height), CANVAS)
    _stamp(blood, ground, place, 0.7 * radius, 0.6 * height, 0.8, 0.1, chance)
    old = min(chance.poisson(6 * np.exp(chance.normal(0, 0.9))), 60)
    place = _drawn(ground, weight, old, chance)
    radius = np.clip(np.exp(chance.normal(np.log(1.0), 0.35, old)), 0.5, 2.5)
    brown = np.interp(tone_deg, [-30, 30], [0.16, 0.05]) * np.exp(chance.normal(0, 0.4, old))
    _stamp(melanin, ground, place, radius, brown, 0.9, 0.12, chance)


def _round(
    ground: SkinGround, place: np.ndarray, sigma_mm: np.ndarray, height: np.ndarray
) -> Splats:
    return make_splats(place, ground.frames_at(place), sigma_mm, sigma_mm, height)


def add_vessels(
    blood: np.ndarray, ground: SkinGround, tone_deg: float, age: float, chance: np.random.Generator
) -> None:
    """Small winding vessels about the nose and on the cheeks, on a map of log blood."""
    f = ground.features
    amount = np.clip((age - 20) / 45, 0.08, 1) * np.clip(tone_deg / 45, 0, 1)
    count = chance.poisson(110 * amount * np.exp(chance.normal(0, 0.6)))
    weight = f.bare * (0.01 + 1.6 * f.nose_wings + 0.8 * f.nose + 0.6 * f.cheeks)
    start = _drawn(ground, weight, count, chance)
    steps, step_mm = 9, 0.45
    heading = chance.uniform(0, 2 * np.pi, count)
    depth = np.clip(np.exp(chance.normal(np.log(0.3), 0.4, count)), 0.1, 0.8)
    frame = ground.frames_at(start)
    inverse = np.linalg.inv(frame.reshape(-1, 2, 2).astype(np.float64) + 1e-9 * np.eye(2))
    parts, place = [], start
    for number in range(steps):
        heading = heading + chance.normal(0, 0.45, count)
        way = np.stack([np.cos(heading), np.sin(heading)], axis=1) * step_mm
        place = place + np.einsum("nij,nj->ni", inverse, way)
        faded = depth * np.sin(np.pi * (number + 1) / (steps + 1))
        parts.append(
            make_splats(place, frame, np.full(count, 0.3), np.full(count, 0.07), faded, heading)
        )
    add_splats(blood, joined(parts), CANVAS)


def stubble(
    ground: SkinGround, beard: float, length_mm: float, chance: np.random.Generator
) -> np.ndarray:
    """(side, side) 0..1 share of the skin that cut hairs hide.

    Args:
        ground: the skin.
        beard: 0..1 strength.
        length_mm: of the hairs that show.
        chance: source of random numbers.
    """
    cover = np.zeros((ground.side,) * 2, np.float32)
    f = ground.features
    density = 1.3 * beard * np.maximum(f.beard - 0.03, 0) ** 1.5 * (f.lip_mm < -0.8)
    place = ground.scatter(density.astype(np.float32), chance)
    count = len(place)
    # hairs grow down the face: across the lines of the cheeks, with them on the jaw
    frame = _downward(ground, place)
    along = 0.5 * length_mm * chance.uniform(0.3, 1.0, count)
    hairs = make_splats(
        place,
        frame,
        np.maximum(along, 0.09),
        np.full(count, 0.07),
        np.full(count, 0.75),
        chance.normal(0, 0.35, count),
    )
    add_splats(cover, hairs, CANVAS)
    return np.minimum(cover, 0.9)


def _downward(ground: SkinGround, place: np.ndarray) -> np.ndarray:
    """(n, 4) frames whose first direction runs down the chart."""
    frame = ground.frames_at(place)
    down = np.arctan2(frame[:, 3], frame[:, 1])[:, None]  # direction of the row's step
    cosine, sine = np.cos(down), np.sin(down)
    along, across = frame[:, :2], frame[:, 2:]
    return np.concatenate([cosine * along + sine * across, cosine * across - sine * along], axis=1)
