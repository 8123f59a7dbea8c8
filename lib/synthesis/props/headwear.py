"""Caps, beanies, hats, headbands, hoods and headscarves, built on a head's own shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np

from lib.facemodel import FaceModel
from lib.geometry import SurfaceTree
from lib.synthesis.chance import smooth_noise
from lib.synthesis.props.fabric import draw_colour
from lib.synthesis.props.prop import Prop, joined, make_prop
from lib.synthesis.props.scalp import (
    Dome,
    Shell,
    Wearer,
    about,
    coloured,
    eased,
    noise,
    smoothed,
    unit,
)
from lib.synthesis.props.sites import HeadSites, head_sites
from lib.synthesis.props.tubes import grid_triangles, swept
from lib.synthesis.props.veils import headscarf, hood

Kind = Literal["cap", "beanie", "brimmed", "headband", "hood", "headscarf"]
KINDS: tuple[Kind, ...] = ("cap", "beanie", "brimmed", "headband", "hood", "headscarf")
LIKELY = np.array([0.27, 0.2, 0.13, 0.1, 0.13, 0.17])
COLUMNS = 128
CLOTH = (0.85, 0.028)  # roughness, reflectance


def draw_hat(
    model: FaceModel,
    vertices: np.ndarray,
    chance: np.random.Generator,
    sites: HeadSites | None = None,
    kind: Kind | None = None,
) -> list[Prop]:
    """Headwear; `covers` of the first prop says which of the head's vertices it hides.

    Args:
        model: of the head.
        vertices: (n_vertices, 3) mm, posed.
        chance: source of random numbers.
        sites: of the model, where they are known already.
        kind: a given one instead of a random one.
    """
    sites = sites or head_sites(model)
    vertices = vertices.astype(np.float64)
    marks = model.landmarks["ibug68"].on(vertices, model.triangles).astype(np.float64)
    above = vertices[sites.skin_vertices, 1] > marks[8, 1]
    back = float(vertices[sites.skin_vertices][above, 2].min())
    wearer = Wearer(vertices, sites.skin_vertices, SurfaceTree(vertices, sites.skin), marks, back)
    drawn = KINDS[chance.choice(len(KINDS), p=LIKELY)]
    props, covers = MAKERS[kind or drawn](wearer, chance)
    return [replace(joined(props), covers=covers)]


def _grid(wearer: Wearer, place: Dome, rows: int, outermost: bool, smooth: int) -> Shell:
    """The head above a plane, from the pole down to it."""
    turn = 2 * np.pi * np.arange(COLUMNS) / COLUMNS
    height = np.linspace(0.5 * np.pi * 0.985, 0.0, rows)
    turns, heights = np.meshgrid(turn, height)
    radius = place.radius(wearer.tree, turns, heights, outermost)
    return Shell(place, turns, heights, smoothed(radius, smooth))


def _cap(wearer: Wearer, chance: np.random.Generator) -> tuple[list[Prop], np.ndarray]:
    """A baseball cap."""
    place = wearer.plane(chance.uniform(28, 42), wearer.marks[27, 1] + chance.uniform(-10, 15))
    backwards = chance.random() < 0.15
    shell = _grid(wearer, place, 40, False, 12)
    up = np.sin(shell.height)
    facing = np.cos(shell.turn) * (-1 if backwards else 1)
    out = 5.5 + 9 * up**2 + 9 * np.clip(facing, 0, 1) * np.sin(2 * shell.height)
    seam = np.abs((shell.turn / (np.pi / 3) + 0.5) % 1.0 - 0.5) * (np.pi / 3)
    groove = np.exp(-0.5 * (seam * np.cos(shell.height) * 95 / 1.4) ** 2)
    out = out - 0.9 * groove + 0.8 * noise(shell, 30, chance)
    points = shell.points(out)
    colour, second = draw_colour(chance), draw_colour(chance)
    rgb = np.broadcast_to(colour, (*points.shape[:2], 3)) * (1 - 0.25 * groove)[..., None]
    if chance.random() < 0.6:
        spot = np.exp(
            -(np.abs((shell.height - 0.5) / 0.16) ** 4) - np.abs(about(shell.turn) / 0.22) ** 4
        )
        rgb = rgb + (second - rgb) * np.clip(spot * 1.5 - 0.2, 0, 1)[..., None]
    crown = make_prop(*coloured(shell, points, rgb), "hat", *CLOTH)
    bill = second if chance.random() < 0.3 else colour
    props = [crown, _bill(shell, points[-1], bill, backwards, chance)]
    button = place.centre + place.axis * ((points[0] - place.centre) @ place.axis).mean()
    path = button + np.outer([-2.0, 1.0, 1.5], place.axis)
    props.append(make_prop(*swept(path, np.array([7.0, 7.0]), 16, cap=2), colour, "hat", *CLOTH))
    return props, wearer.above(place, 0.0)


def _bill(
    shell: Shell,
    edge: np.ndarray,
    colour: np.ndarray,
    backwards: bool,
    chance: np.random.Generator,
) -> Prop:
    """The stiff visor of a cap, a thick sheet that curves down to its sides."""
    place = shell.place
    half = 1.12
    turn = np.linspace(-half, half, 49) + (np.pi if backwards else 0)
    columns = turn / (2 * np.pi) * COLUMNS
    low = np.floor(columns).astype(int)
    share = (columns - low)[:, None]
    root = edge[low % COLUMNS] * (1 - share) + edge[(low + 1) % COLUMNS] * share
    ahead = place.front * (-1 if backwards else 1)
    ahead = unit(ahead * [1, 0, 1] + [0, -chance.uniform(0.08, 0.4), 0])  # nearly level
    away = np.linspace(-1, 1, 49)
    long = chance.uniform(62, 76) * np.sqrt(np.clip(1 - np.abs(away) ** 2.6, 0, 1))
    curve = chance.uniform(6, 20)
    q = np.linspace(0, 1, 14)[:, None]
    out = q * long
    top = root - 2.0 * ahead + out[..., None] * ahead
    top = top - (curve * away**2 * q * (0.4 + 0.6 * q))[..., None] * place.axis
    under = top - 2.2 * place.axis
    stitch = 1 - 0.12 * np.exp(-0.5 * (((q * 6 + 0.5) % 1.0 - 0.5) / 0.12) ** 2)
    section = np.concatenate([top, under[::-1]])
    rgb = np.concatenate([stitch, 0.8 * np.ones_like(stitch)]) * np.ones((1, 49))
    vertices = section.reshape(-1, 3)
    triangles = grid_triangles(len(section) + 1, 49) % len(vertices)
    return make_prop(vertices, triangles, rgb.reshape(-1, 1) * colour, "hat", 0.8, 0.03)


def _beanie(wearer: Wearer, chance: np.random.Generator) -> tuple[list[Prop], np.ndarray]:
    """A knitted cap, with or without a fold and a bobble."""
    place = wearer.plane(chance.uniform(18, 38), wearer.marks[30, 1] + chance.uniform(-25, 0))
    shell = _grid(wearer, place, 52, True, 10)
    folded = chance.random() < 0.6
    from_edge = shell.height * 100.0
    band = 1 - eased(from_edge, 44, 50) if folded else np.zeros_like(from_edge)
    slouch = chance.uniform(2, 24)
    up = np.sin(shell.height)
    out = 5.0 + slouch * up**3 + 3.5 * band
    out = out + 1.6 * up * noise(shell, 34, chance) * (1 - band)
    ribs = np.sin(shell.turn * chance.integers(28, 42))
    out = out + 0.7 * ribs * np.cos(shell.height)
    edge = 1 - np.exp(-from_edge / 3)
    points = shell.points(out * (0.6 + 0.4 * edge))
    colour = draw_colour(chance)
    rgb = colour * (0.92 + 0.1 * ribs)[..., None] * (1 - 0.12 * band)[..., None]
    props = [make_prop(*coloured(shell, points, rgb), "hat", 0.9, 0.025)]
    if chance.random() < 0.25:
        props.append(_bobble(points[0].mean(axis=0) + 16 * place.axis, draw_colour(chance), chance))
    return props, wearer.above(place, 0.0)


def _bobble(middle: np.ndarray, colour: np.ndarray, chance: np.random.Generator) -> Prop:
    q = np.linspace(-1, 1, 26)
    wide = 24 * np.sqrt(np.clip(1 - q**2, 1e-4, 1))
    path = middle + np.outer(24 * q, [0.0, 1.0, 0.0])
    vertices, triangles = swept(path, np.stack([wide, wide], 1), 40, np.array([0, 0, 1.0]), cap=0)
    vertices += (vertices - middle) * 0.06 * smooth_noise(vertices, 7.0, chance)[:, None]
    return make_prop(vertices, triangles, colour, "hat", 0.95, 0.02)


def _brimmed(wearer: Wearer, chance: np.random.Generator) -> tuple[list[Prop], np.ndarray]:
    """A hat with a brim all around."""
    place = wearer.plane(chance.uniform(30, 44), wearer.marks[27, 1] + chance.uniform(5, 30))
    shell = _grid(wearer, place, 40, False, 16)
    tall = chance.uniform(100, 125)
    way = place.direction(shell.turn, shell.height)
    rise = np.abs(way @ place.axis)
    level = np.sqrt(np.clip(1 - rise**2, 1e-9, 1))
    base = (shell.radius[-1] + 5.0) * (1 - 0.06 * eased(shell.height, 0.2, 1.0))
    radius = ((level / base) ** 3.6 + (rise / tall) ** 3.6) ** (-1 / 3.6)
    pinch = np.clip(np.cos(shell.turn), 0, 1) * np.exp(-(((shell.height - 0.95) / 0.3) ** 2))
    radius = np.maximum(radius - chance.uniform(0, 10) * pinch, shell.radius + 4.0)
    points = shell.points(radius - shell.radius)
    straw = chance.random() < 0.35
    colour = np.array([0.5, 0.38, 0.2]) if straw else draw_colour(chance)
    ribbon = 1 - eased(radius * rise, 24, 28)
    rgb = colour + (draw_colour(chance) - colour) * ribbon[..., None]
    weave = 1 + 0.1 * np.sin(shell.turn * 120) * np.sin(radius * rise * 1.2) * straw
    props = [make_prop(*coloured(shell, points, rgb * weave[..., None]), "hat", *CLOTH)]
    props.append(_brim(place, points[-1], colour, chance))
    return props, wearer.above(place, 0.0)


def _brim(place: Dome, edge: np.ndarray, colour: np.ndarray, chance: np.random.Generator) -> Prop:
    wide = chance.uniform(45, 95)
    turn = 2 * np.pi * np.arange(COLUMNS) / COLUMNS
    level = edge - place.centre
    level = unit(level - (level @ place.axis)[:, None] * place.axis)
    q = np.linspace(0, 1, 14)[:, None]
    lift = (
        chance.uniform(-0.25, 0.15) * wide * q**1.5
        + chance.uniform(0, 14) * q * np.cos(2 * turn) * -1
    )
    lift = lift + 2.5 * q * np.sin(3 * turn + chance.uniform(0, 6))
    top = edge - 3 * level + (q * wide)[..., None] * level + lift[..., None] * place.axis
    section = np.concatenate([top, (top - 2.0 * place.axis)[::-1]])
    vertices = section.reshape(-1, 3)
    triangles = grid_triangles(len(section) + 1, COLUMNS, closed=True) % len(vertices)
    return make_prop(vertices, triangles, colour, "hat", 0.8, 0.03)


def _headband(wearer: Wearer, chance: np.random.Generator) -> tuple[list[Prop], np.ndarray]:
    """A band around the forehead, or over the crown."""
    wide = chance.uniform(14, 45)
    if chance.random() < 0.35:  # over the crown
        place = wearer.plane(75, wearer.marks[30, 1] - 20)
    else:
        place = wearer.plane(chance.uniform(22, 40), wearer.marks[27, 1] - 10)
    turn = 2 * np.pi * np.arange(COLUMNS) / COLUMNS
    section = np.linspace(0, 2 * np.pi, 21)[:-1]
    along = np.sign(np.sin(section)) * np.abs(np.sin(section)) ** 0.5 * wide / 2 + wide / 2
    turns, along = np.meshgrid(turn, along)
    heights = np.arctan2(along, 95.0)
    radius = place.radius(wearer.tree, turns, heights, True)
    shell = Shell(place, turns, heights, smoothed(radius, 0))
    out = 1.6 + 1.8 * np.cos(section)[:, None] + 0.4 * noise(shell, 20, chance)
    points = shell.points(np.where(np.cos(section)[:, None] > -0.2, out + 1.2, -2.0))
    triangles = grid_triangles(21, COLUMNS, closed=True) % (20 * COLUMNS)
    colour = draw_colour(chance)
    band = make_prop(points.reshape(-1, 3), triangles[:, ::-1], colour, "hat", *CLOTH)
    return [band], wearer.above(place, 0.0, 0.9 * wide)


MAKERS: dict[Kind, Callable[[Wearer, np.random.Generator], tuple[list[Prop], np.ndarray]]] = {
    "cap": _cap,
    "beanie": _beanie,
    "brimmed": _brimmed,
    "headband": _headband,
    "hood": hood,
    "headscarf": headscarf,
}
