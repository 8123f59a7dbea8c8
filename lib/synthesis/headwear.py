"""Caps, beanies, hats, headbands, hoods and headscarves, built on a head's own shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from lib.facemodel import FaceModel
from lib.geometry import SurfaceTree
from lib.synthesis.chance import smooth_noise
from lib.synthesis.fabric import draw_colour
from lib.synthesis.prop import Prop, joined, make_prop
from lib.synthesis.scalp import Dome, dome, smoothed
from lib.synthesis.sites import HeadSites, head_sites
from lib.synthesis.tubes import fan, grid_triangles, swept

Kind = Literal["cap", "beanie", "brimmed", "headband", "hood", "headscarf"]
KINDS: tuple[Kind, ...] = ("cap", "beanie", "brimmed", "headband", "hood", "headscarf")
LIKELY = np.array([0.27, 0.2, 0.13, 0.1, 0.13, 0.17])
COLUMNS, VEIL_COLUMNS = 128, 96
POLE_ROWS = 9  # at the back of a hood or scarf where all directions meet
CLOTH = (0.85, 0.028)  # roughness, reflectance


@dataclass(frozen=True)
class Wearer:
    """A head that gets a hat.

    Args:
        vertices: (n_vertices, 3) mm.
        skin: (n,) vertices of its skin.
        tree: its skin.
        marks: (68, 3) iBUG points.
        back_mm: z of the back of the head.
    """

    vertices: np.ndarray
    skin: np.ndarray
    tree: SurfaceTree
    marks: np.ndarray
    back_mm: float

    def plane(self, above_brows_mm: float, back_y_mm: float) -> Dome:
        """The dome over a plane through the forehead and the back of the head."""
        brow = self.marks[17:27]
        x = brow[:, 0].mean()
        front = np.array([x, brow[:, 1].max() + above_brows_mm, brow[:, 2].max() - 8.0])
        return dome(front, np.array([x, back_y_mm, self.back_mm]))

    def above(self, place: Dome, low_mm: float, high_mm: float = np.inf) -> np.ndarray:
        """(n_vertices,) bool: skin between heights over the base plane."""
        height = (self.vertices - place.centre) @ place.axis
        covered = np.zeros(len(self.vertices), bool)
        covered[self.skin] = (height[self.skin] > low_mm) & (height[self.skin] < high_mm)
        return covered


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


def _grid(wearer: Wearer, place: Dome, rows: int, outermost: bool, smooth: int) -> _Shell:
    """The head above a plane, from the pole down to it."""
    turn = 2 * np.pi * np.arange(COLUMNS) / COLUMNS
    height = np.linspace(0.5 * np.pi * 0.985, 0.0, rows)
    turns, heights = np.meshgrid(turn, height)
    radius = place.radius(wearer.tree, turns, heights, outermost)
    return _Shell(place, turns, heights, smoothed(radius, smooth))


@dataclass(frozen=True)
class _Shell:
    """Directions (r, c) about a dome, and radii (r, c) in mm."""

    place: Dome
    turn: np.ndarray
    height: np.ndarray
    radius: np.ndarray

    def points(self, out: np.ndarray | float) -> np.ndarray:
        """(r, c, 3) mm at `out` mm over the radii."""
        way = self.place.direction(self.turn, self.height)
        return self.place.centre + (self.radius + out)[..., None] * way

    def mesh(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices and triangles of rows that run from the pole to a turned-in edge."""
        inside = self.points(-1.5)[-1] + 1.5 * self.place.axis  # the edge is turned in
        grid = np.concatenate([points, inside[None]])
        rows, columns = grid.shape[:2]
        flat = np.concatenate([grid.reshape(-1, 3), points[0].mean(axis=0, keepdims=True)])
        triangles = grid_triangles(rows, columns, closed=True)
        return flat, np.concatenate([triangles, fan(np.arange(columns), len(flat) - 1)])


def _cap(wearer: Wearer, chance: np.random.Generator) -> tuple[list[Prop], np.ndarray]:
    """A baseball cap."""
    place = wearer.plane(chance.uniform(30, 44), wearer.marks[27, 1] + chance.uniform(-20, 0))
    backwards = chance.random() < 0.15
    shell = _grid(wearer, place, 40, False, 12)
    up = np.sin(shell.height)
    facing = np.cos(shell.turn) * (-1 if backwards else 1)
    out = 5.5 + 9 * up**2 + 9 * np.clip(facing, 0, 1) * np.sin(2 * shell.height)
    seam = np.abs((shell.turn / (np.pi / 3) + 0.5) % 1.0 - 0.5) * (np.pi / 3)
    groove = np.exp(-0.5 * (seam * np.cos(shell.height) * 95 / 1.4) ** 2)
    out = out - 0.9 * groove + 0.8 * _noise(shell, 30, chance)
    points = shell.points(out)
    colour, second = draw_colour(chance), draw_colour(chance)
    rgb = np.broadcast_to(colour, (*points.shape[:2], 3)) * (1 - 0.25 * groove)[..., None]
    if chance.random() < 0.6:
        spot = np.exp(
            -(np.abs((shell.height - 0.5) / 0.16) ** 4) - np.abs(_about(shell.turn) / 0.22) ** 4
        )
        rgb = rgb + (second - rgb) * np.clip(spot * 1.5 - 0.2, 0, 1)[..., None]
    crown = make_prop(*_coloured(shell, points, rgb), "hat", *CLOTH)
    bill = second if chance.random() < 0.3 else colour
    props = [crown, _bill(shell, points[-1], bill, backwards, chance)]
    button = place.centre + place.axis * ((points[0] - place.centre) @ place.axis).mean()
    path = button + np.outer([-2.0, 1.0, 1.5], place.axis)
    props.append(make_prop(*swept(path, np.array([7.0, 7.0]), 16, cap=2), colour, "hat", *CLOTH))
    return props, wearer.above(place, 0.0)


def _bill(
    shell: _Shell,
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
    away = np.linspace(-1, 1, 49)
    long = chance.uniform(62, 76) * np.sqrt(np.clip(1 - np.abs(away) ** 2.6, 0, 1))
    curve = chance.uniform(6, 20)
    q = np.linspace(0, 1, 14)[:, None]
    drop = -chance.uniform(0.12, 0.35)
    out = q * long
    top = root - 2.0 * ahead + out[..., None] * (ahead + drop * place.axis)
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
    band = 1 - _eased(from_edge, 44, 50) if folded else np.zeros_like(from_edge)
    slouch = chance.uniform(2, 24)
    up = np.sin(shell.height)
    out = 5.0 + slouch * up**3 + 3.5 * band
    out = out + 1.6 * up * _noise(shell, 34, chance) * (1 - band)
    ribs = np.sin(shell.turn * chance.integers(28, 42))
    out = out + 0.7 * ribs * np.cos(shell.height)
    edge = 1 - np.exp(-from_edge / 3)
    points = shell.points(out * (0.6 + 0.4 * edge))
    colour = draw_colour(chance)
    rgb = colour * (0.92 + 0.1 * ribs)[..., None] * (1 - 0.12 * band)[..., None]
    props = [make_prop(*_coloured(shell, points, rgb), "hat", 0.9, 0.025)]
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
    place = wearer.plane(chance.uniform(32, 46), wearer.marks[27, 1] + chance.uniform(-15, 10))
    shell = _grid(wearer, place, 40, False, 16)
    tall = chance.uniform(100, 125)
    way = place.direction(shell.turn, shell.height)
    rise = np.abs(way @ place.axis)
    level = np.sqrt(np.clip(1 - rise**2, 1e-9, 1))
    base = (shell.radius[-1] + 5.0) * (1 - 0.06 * _eased(shell.height, 0.2, 1.0))
    radius = ((level / base) ** 3.6 + (rise / tall) ** 3.6) ** (-1 / 3.6)
    pinch = np.clip(np.cos(shell.turn), 0, 1) * np.exp(-(((shell.height - 0.95) / 0.3) ** 2))
    radius = np.maximum(radius - chance.uniform(0, 10) * pinch, shell.radius + 4.0)
    points = shell.points(radius - shell.radius)
    straw = chance.random() < 0.35
    colour = np.array([0.5, 0.38, 0.2]) if straw else draw_colour(chance)
    ribbon = 1 - _eased(radius * rise, 24, 28)
    rgb = colour + (draw_colour(chance) - colour) * ribbon[..., None]
    weave = 1 + 0.1 * np.sin(shell.turn * 120) * np.sin(radius * rise * 1.2) * straw
    props = [make_prop(*_coloured(shell, points, rgb * weave[..., None]), "hat", *CLOTH)]
    props.append(_brim(place, points[-1], colour, chance))
    return props, wearer.above(place, 0.0)


def _brim(place: Dome, edge: np.ndarray, colour: np.ndarray, chance: np.random.Generator) -> Prop:
    wide = chance.uniform(45, 95)
    turn = 2 * np.pi * np.arange(COLUMNS) / COLUMNS
    level = edge - place.centre
    level = _unit(level - (level @ place.axis)[:, None] * place.axis)
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
    shell = _Shell(place, turns, heights, smoothed(radius, 0))
    out = 1.6 + 1.8 * np.cos(section)[:, None] + 0.4 * _noise(shell, 20, chance)
    points = shell.points(np.where(np.cos(section)[:, None] > -0.2, out + 1.2, -2.0))
    triangles = grid_triangles(21, COLUMNS, closed=True) % (20 * COLUMNS)
    colour = draw_colour(chance)
    band = make_prop(points.reshape(-1, 3), triangles[:, ::-1], colour, "hat", *CLOTH)
    return [band], wearer.above(place, 0.0, 0.9 * wide)


def _about(turn: np.ndarray) -> np.ndarray:
    return (turn + np.pi) % (2 * np.pi) - np.pi


def _veil(wearer: Wearer, rim: np.ndarray, slender_mm: float, widen: int, rows: int) -> _Shell:
    """The head and the neck behind an opening for the face, from the back to its rim.

    Args:
        wearer: of it.
        rim: (k, 3) mm points of the opening's left half, from the top to under the chin.
        slender_mm: how far the lower part stands off a slender neck.
        widen: rounds in which ears and neck are smoothed away.
        rows: of vertices.
    """
    middle = wearer.marks[[0, 16]].mean(axis=0) + [0, -8.0, -8.0]
    place = Dome(middle, np.array([0, 1.0, 0]), np.array([1.0, 0, 0]), np.array([0, 0, -1.0]))
    turn = 2 * np.pi * np.arange(VEIL_COLUMNS) / VEIL_COLUMNS
    rim_height, rim_radius = _around(place, rim, turn)
    share = np.linspace(0, 1, rows)[:, None]
    heights = np.pi / 2 * 0.985 * (1 - share) + rim_height * share
    turns = np.broadcast_to(turn, heights.shape)
    way = place.direction(turns, heights)
    half = np.empty_like(way)
    half[:] = np.array([78.0, 178.0, 92.0]) + slender_mm
    half[way[..., 2] < 0, 2] += 60.0  # the neck leans back
    drape = 1 / np.sqrt(((way / half) ** 2).sum(axis=-1))
    down = _eased(-way[..., 1], 0.35, 0.75)
    found = place.radius(wearer.tree, turns, heights, True)
    found = np.where(np.isfinite(found), np.minimum(found, 185), drape)
    radius = found * (1 - down) + drape * down
    radius = smoothed(_widened(radius, widen), 2 + 4 * widen)
    at_pole = np.clip(np.arange(rows) / POLE_ROWS, 0, 1)[:, None]
    radius = radius * at_pole + radius[POLE_ROWS].mean() * (1 - at_pole)
    near = np.exp(-(((heights - rim_height) / 0.16) ** 2))
    radius = radius * (1 - near) + rim_radius * near
    return _Shell(place, turns, heights, np.maximum(radius, found * (down < 0.02)))


def _widened(radius: np.ndarray, rounds: int) -> np.ndarray:
    """(r, c) largest radius of the directions around each, so that ears do not show."""
    for _ in range(rounds):
        sides = np.maximum(np.roll(radius, 1, axis=1), np.roll(radius, -1, axis=1))
        radius = np.maximum(radius, sides)
        padded = np.concatenate([radius[:1], radius, radius[-1:]])
        radius = np.maximum(np.maximum(padded[:-2], padded[2:]), radius)
    return radius


def _around(place: Dome, rim: np.ndarray, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(c,) heights and radii of a symmetric line at turns, from points of its left half."""
    at, height = place.angles(rim)
    radius = np.linalg.norm(rim - place.centre, axis=1)
    order = np.argsort(np.abs(at))
    away = np.abs(_about(turn))
    height, radius = (np.interp(away, np.abs(at)[order], v[order]) for v in (height, radius))
    for _ in range(6):
        height = (np.roll(height, 1) + 2 * height + np.roll(height, -1)) / 4
        radius = (np.roll(radius, 1) + 2 * radius + np.roll(radius, -1)) / 4
    return height, radius


def _face_rim(wearer: Wearer, tight: float) -> np.ndarray:
    """(7, 3) mm around the left half of a face: 0 = behind the ears, 1 = close to the cheeks."""
    m = wearer.marks
    top = np.array([m[27, 0], m[17:27, 1].max() + 34, m[17:27, 2].max() - 8])
    close = np.stack([
        top, m[26] + [9, 24, -14], m[16] + [0, 8, 10], m[14] + [1, 0, 6], m[12] + [1, -2, 4],
        m[10] + [0, -6, -2], m[8] + [0, -7, -6],
    ])  # fmt: skip
    wide = np.stack([
        top + [0, 34, -30], m[26] + [26, 52, -55], m[16] + [18, 8, -22], m[16] + [18, -40, -18],
        m[12] + [26, -12, -22], m[10] + [30, -36, -18], m[8] + [0, -50, -22],
    ])  # fmt: skip
    return tight * close + (1 - tight) * wide


def _lined(
    shell: _Shell, points: np.ndarray, rgb: np.ndarray, thick_mm: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, triangles and colours of cloth with an inner side."""
    inner = points - thick_mm * shell.place.direction(shell.turn, shell.height)
    grid = np.concatenate([points, inner[::-1]])
    rows, columns = grid.shape[:2]
    poles = np.stack([points[0].mean(axis=0), inner[0].mean(axis=0)])
    flat = np.concatenate([grid.reshape(-1, 3), poles])
    n = rows * columns
    ring = np.arange(columns)
    triangles = [grid_triangles(rows, columns, closed=True), fan(ring, n)]
    triangles.append(fan((n - columns + ring)[::-1], n + 1))
    colours = np.concatenate([rgb, 0.7 * rgb[::-1]]).reshape(-1, 3)
    return flat, np.concatenate(triangles), np.concatenate([colours, rgb[0, :1], rgb[0, :1]])


def _headscarf(wearer: Wearer, chance: np.random.Generator) -> tuple[list[Prop], np.ndarray]:
    """A scarf around the head and the neck that frames the face."""
    rim = _face_rim(wearer, chance.uniform(0.85, 1.0))
    shell = _veil(wearer, rim, 8.0, 2, 52)
    behind = shell.height - shell.height[-1]
    wavy = behind * chance.uniform(30, 45) + 2.2 * _noise(shell, 110, chance)
    lower = _eased(-np.cos(shell.turn), -0.2, 0.9)
    folds = (1 - 1.6 * np.abs(np.sin(wavy))) * np.exp(-behind / 0.5) * _eased(behind, 0.02, 0.1)
    out = 3.0 + (1.0 + 1.8 * lower) * folds + (0.8 + 2.5 * lower) * _noise(shell, 45, chance)
    out = np.maximum(out, 2.6) * (0.4 + 0.6 * _eased(behind, 0, 0.06))
    points = shell.points(out)
    colour = draw_colour(chance)
    rgb = colour * (1 - 0.07 * folds)[..., None]
    mesh = _lined(shell, points, rgb, 2.2)
    return [make_prop(*mesh, "hat", 0.75, 0.03)], _veiled(wearer, shell)


def _hood(wearer: Wearer, chance: np.random.Generator) -> tuple[list[Prop], np.ndarray]:
    """A hood that is worn."""
    shell = _veil(wearer, _face_rim(wearer, chance.uniform(0.0, 0.35)), 16.0, 4, 46)
    behind = shell.height - shell.height[-1]
    up = np.clip(np.cos(shell.turn), 0, 1)
    out = 9 + 9 * up * _eased(behind, 0, 0.5) + 3.0 * _noise(shell, 55, chance)
    seam = np.exp(-(((behind - 0.24) / 0.025) ** 2))
    points = shell.points(out + 1.5 * (behind < 0.24) - 1.0 * seam)
    rgb = draw_colour(chance) * (1 - 0.2 * seam)[..., None]
    mesh = _lined(shell, points, rgb, 4.0)
    return [make_prop(*mesh, "hat", *CLOTH)], _veiled(wearer, shell)


def _veiled(wearer: Wearer, shell: _Shell) -> np.ndarray:
    """(n_vertices,) bool: skin behind the rim of the opening."""
    turn, height = shell.place.angles(wearer.vertices[wearer.skin])
    known = np.append(shell.turn[0], 2 * np.pi)
    rim = np.append(shell.height[-1], shell.height[-1, 0])
    covered = np.zeros(len(wearer.vertices), bool)
    covered[wearer.skin] = height > np.interp(turn % (2 * np.pi), known, rim) + 0.02
    return covered


MAKERS: dict[Kind, Callable[[Wearer, np.random.Generator], tuple[list[Prop], np.ndarray]]] = {
    "cap": _cap,
    "beanie": _beanie,
    "brimmed": _brimmed,
    "headband": _headband,
    "hood": _hood,
    "headscarf": _headscarf,
}


def _eased(value: np.ndarray, low: float, high: float) -> np.ndarray:
    share = np.clip((value - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def _noise(shell: _Shell, wavelength: float, chance: np.random.Generator) -> np.ndarray:
    """(r, c) smooth random numbers over the shell."""
    way = shell.place.direction(shell.turn, shell.height).reshape(-1, 3) * 95
    return smooth_noise(way, wavelength, chance, 12).reshape(shell.turn.shape)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _coloured(
    shell: _Shell, points: np.ndarray, rgb: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    vertices, triangles = shell.mesh(points)
    flat = np.concatenate([rgb, 0.6 * rgb[-1:]]).reshape(-1, 3)
    return vertices, triangles, np.concatenate([flat, rgb[0].mean(axis=0, keepdims=True)])
