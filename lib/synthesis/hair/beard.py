"""Beards from stubble to full, moustaches and goatees as strands."""

from __future__ import annotations

import numpy as np

from lib.facemodel import FaceModel
from lib.geometry import vertex_normals
from lib.synthesis.chance import smooth_noise
from lib.synthesis.hair.colour import strand_colours, undyed
from lib.synthesis.hair.facial_roots import FacialRoots, facial_roots
from lib.synthesis.hair.strands import Strands

POINTS = 6
SHAPES = {  # weights of beard, moustache, chin and corners; how often
    "full": ((1.0, 1.0, 1.0, 1.0), 0.55),
    "circle": ((0.0, 1.0, 1.0, 1.0), 0.2),
    "goatee": ((0.0, 0.0, 1.0, 0.0), 0.07),
    "moustache": ((0.0, 1.0, 0.0, 0.0), 0.12),
    "moustache and chin": ((0.0, 1.0, 1.0, 0.0), 0.06),
}
SHORTEST_MM, LONGEST_MM = 0.8, 26.0
NONE_BELOW = 0.02
STUBBLE = 0.25  # amount below which a beard is stubble
RADIUS = (0.045, 0.4)  # mm
WIDER = 0.02  # that short hairs gain in radius with their length at most
LAYERS = 1.8


def draw_beard(
    model: FaceModel,
    vertices: np.ndarray,
    chance: np.random.Generator,
    colour: np.ndarray,
    amount: float,
    n_strands: int,
    roots: FacialRoots | None = None,
    shape: str | None = None,
) -> Strands | None:
    """A beard, or None where the amount is next to nothing.

    Args:
        model: the head.
        vertices: (n_vertices, 3) mm, this person's neutral head.
        chance: source of random numbers.
        colour: (3,) linear, of the hair on the head.
        amount: 0 = shaven, 0.1 = stubble of 1 mm .. 1 = a full beard of 25 mm.
        n_strands: at most; fewer ones are wider.
        roots: `facial_roots(model)`, to save its time when drawing many.
        shape: one of `SHAPES`; None = by chance.
    """
    names = list(SHAPES)
    odds = np.array([SHAPES[name][1] for name in names])
    drawn = names[chance.choice(len(names), p=odds / odds.sum())]
    if amount < NONE_BELOW:
        return None
    shape = shape or drawn
    roots = roots or facial_roots(model)
    zones = np.array(SHAPES[shape][0])
    fields = np.stack([roots.beard, roots.moustache, roots.chin, roots.corners])
    density = (fields * zones[:, None]).max(axis=0)
    density = density * _thinned(roots, chance)
    chosen = np.flatnonzero(roots.luck < density)[:n_strands]
    points, length = _grown(model, vertices, roots, chosen, amount, zones, chance)
    area = roots.area_mm2 * len(chosen) / len(roots.luck)
    layers = LAYERS * min(1.0, 0.12 + 2.2 * amount)
    radius = np.clip(layers * area / max(2 * length.sum(), 1e-6), *RADIUS)
    radius = np.minimum(radius, RADIUS[0] + WIDER * length)
    radius = radius * np.exp(0.15 * chance.standard_normal(len(chosen)))
    tone = undyed(colour) * np.array([1.12, 0.98, 0.9]) * 0.9  # beards are a little warmer
    cover = (roots.vertex_beard * zones[:, None]).max(axis=0) * min(0.15 + 1.3 * amount, 0.75)
    deep = np.linspace(0.6 if amount > STUBBLE else 0.95, 1.1, POINTS, dtype=np.float32)
    return Strands(
        points,
        radius.astype(np.float32),
        strand_colours(tone, len(chosen), 0.28, chance),
        np.broadcast_to(deep, (len(chosen), POINTS)).copy(),
        roots.triangle[chosen],
        roots.barycentric[chosen],
        "beard",
        cover.astype(np.float32),
        tone.astype(np.float32),
    )


def _thinned(roots: FacialRoots, chance: np.random.Generator) -> np.ndarray:
    """(n,) share of a full beard that this person has: his cheeks may be bare or patchy."""
    place = roots.place.astype(np.float64)
    patchy, ragged = (smooth_noise(place, size, chance, 12) for size in (20.0, 7.0))
    bare, thin = chance.random(2)
    edge = np.maximum(roots.beard, roots.chin) - 0.35 * bare * (1 - roots.chin)
    full = np.clip(1.4 * edge * (1 + 0.12 * ragged), 0, 1) ** 1.4
    return full * np.clip(1 - 0.25 * thin * (1 + patchy) * (1 - roots.chin), 0.15, 1)


def _grown(
    model: FaceModel,
    vertices: np.ndarray,
    roots: FacialRoots,
    chosen: np.ndarray,
    amount: float,
    zones: np.ndarray,
    chance: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, POINTS, 3) float32 mm and lengths (n,) mm."""
    corners = model.triangles[roots.triangle[chosen]]
    weights = roots.barycentric[chosen].astype(np.float64)
    root = np.einsum("nk,nkd->nd", weights, vertices[corners].astype(np.float64))
    normals = vertex_normals(vertices, model.triangles)
    normal = _unit(np.einsum("nk,nkd->nd", weights, normals[corners].astype(np.float64)))
    moustache, chin = (f[chosen].astype(np.float64) for f in (roots.moustache, roots.chin))
    place = roots.place[chosen].astype(np.float64)
    n = len(chosen)
    full = SHORTEST_MM + (LONGEST_MM - SHORTEST_MM) * max(amount - 0.05, 0) ** 1.5
    length = full * (0.55 + 0.45 * chin) * (0.7 + 0.3 * roots.beard[chosen])
    length = np.where(moustache > 0.3, np.minimum(length, 9.0), length)
    length = length * np.clip(1 + 0.22 * chance.standard_normal(n), 0.4, 1.6)
    x = place[:, 0]
    way = np.stack([0.25 * np.tanh(x / 25), -np.ones(n), 0.12 * np.ones(n)], axis=1)
    outwards = np.stack([np.tanh(x / 5), -0.75 * np.ones(n), np.zeros(n)], axis=1)
    way = way + moustache[:, None] * (outwards - way)
    noise = np.stack([smooth_noise(place, 15.0, chance, 10) for _ in range(3)], axis=1)
    way = way + 0.22 * noise + 0.22 * chance.standard_normal((n, 3))
    way = _unit(way - (way * normal).sum(axis=1, keepdims=True) * normal)
    rise = np.where(moustache > 0.3, 0.35, 0.75) * (0.7 + 0.6 * chance.random(n))
    way = _unit(way + rise[:, None] * normal)
    curl = 0.5 * chance.standard_normal((n, 3)) * min(1.0, full / 12)
    points = np.empty((n, POINTS, 3))
    points[:, 0] = root
    phase = chance.uniform(0, 2 * np.pi, n)
    for j in range(1, POINTS):
        t = j / (POINTS - 1)
        turn = np.sin(phase + 5 * t)[:, None] * curl
        down = np.array([0.0, -1.0, 0.0]) * (0.03 * length * t)[:, None]
        step = _unit(way + turn + down)
        inward = np.minimum((step * normal).sum(axis=1, keepdims=True), 0)
        step = _unit(step - inward * normal)
        points[:, j] = points[:, j - 1] + step * (length / (POINTS - 1))[:, None]
    return points.astype(np.float32), length


def _unit(way: np.ndarray) -> np.ndarray:
    return way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
