"""Hoods and headscarves: cloth around the head that leaves an opening for the face."""

from __future__ import annotations

import numpy as np

from lib.synthesis.props.fabric import draw_colour
from lib.synthesis.props.prop import Prop, make_prop
from lib.synthesis.props.scalp import Dome, Shell, Wearer, about, eased, noise, smoothed
from lib.synthesis.props.tubes import fan, grid_triangles

VEIL_COLUMNS = 96
POLE_ROWS = 9  # at the back of a hood or scarf where all directions meet
CLOTH = (0.85, 0.028)  # roughness, reflectance


def _veil(wearer: Wearer, rim: np.ndarray, slender_mm: float, widen: int, rows: int) -> Shell:
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
    down = eased(-way[..., 1], 0.35, 0.75)
    found = place.radius(wearer.tree, turns, heights, True)
    found = np.where(np.isfinite(found), np.minimum(found, 185), drape)
    radius = found * (1 - down) + drape * down
    radius = smoothed(_widened(radius, widen), 2 + 4 * widen)
    at_pole = np.clip(np.arange(rows) / POLE_ROWS, 0, 1)[:, None]
    radius = radius * at_pole + radius[POLE_ROWS].mean() * (1 - at_pole)
    near = np.exp(-(((heights - rim_height) / 0.16) ** 2))
    radius = radius * (1 - near) + rim_radius * near
    return Shell(place, turns, heights, np.maximum(radius, found * (down < 0.02)))


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
    away = np.abs(about(turn))
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
    shell: Shell, points: np.ndarray, rgb: np.ndarray, thick_mm: float
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


def headscarf(wearer: Wearer, chance: np.random.Generator) -> tuple[list[Prop], np.ndarray]:
    """A scarf around the head and the neck that frames the face."""
    rim = _face_rim(wearer, chance.uniform(0.85, 1.0))
    shell = _veil(wearer, rim, 8.0, 2, 52)
    behind = shell.height - shell.height[-1]
    wavy = behind * chance.uniform(30, 45) + 2.2 * noise(shell, 110, chance)
    lower = eased(-np.cos(shell.turn), -0.2, 0.9)
    folds = (1 - 1.6 * np.abs(np.sin(wavy))) * np.exp(-behind / 0.5) * eased(behind, 0.02, 0.1)
    out = 3.0 + (1.0 + 1.8 * lower) * folds + (0.8 + 2.5 * lower) * noise(shell, 45, chance)
    out = np.maximum(out, 2.6) * (0.4 + 0.6 * eased(behind, 0, 0.06))
    points = shell.points(out)
    colour = draw_colour(chance)
    rgb = colour * (1 - 0.07 * folds)[..., None]
    mesh = _lined(shell, points, rgb, 2.2)
    return [make_prop(*mesh, "hat", 0.75, 0.03)], _veiled(wearer, shell)


def hood(wearer: Wearer, chance: np.random.Generator) -> tuple[list[Prop], np.ndarray]:
    """A hood that is worn."""
    shell = _veil(wearer, _face_rim(wearer, chance.uniform(0.0, 0.35)), 16.0, 4, 46)
    behind = shell.height - shell.height[-1]
    up = np.clip(np.cos(shell.turn), 0, 1)
    out = 9 + 9 * up * eased(behind, 0, 0.5) + 3.0 * noise(shell, 55, chance)
    seam = np.exp(-(((behind - 0.24) / 0.025) ** 2))
    points = shell.points(out + 1.5 * (behind < 0.24) - 1.0 * seam)
    rgb = draw_colour(chance) * (1 - 0.2 * seam)[..., None]
    mesh = _lined(shell, points, rgb, 4.0)
    return [make_prop(*mesh, "hat", *CLOTH)], _veiled(wearer, shell)


def _veiled(wearer: Wearer, shell: Shell) -> np.ndarray:
    """(n_vertices,) bool: skin behind the rim of the opening."""
    turn, height = shell.place.angles(wearer.vertices[wearer.skin])
    known = np.append(shell.turn[0], 2 * np.pi)
    rim = np.append(shell.height[-1], shell.height[-1, 0])
    covered = np.zeros(len(wearer.vertices), bool)
    covered[wearer.skin] = height > np.interp(turn % (2 * np.pi), known, rim) + 0.02
    return covered
