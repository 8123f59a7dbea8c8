"""Brows and lashes of a person as strands."""

from __future__ import annotations

import numpy as np

from lib.facemodel import FaceModel
from lib.facemodel.landmark_rules import BROW_HALF_HEIGHT, BROW_MARK
from lib.facemodel.parts import brow_cover
from lib.geometry import vertex_normals
from lib.synthesis.hair.colour import strand_colours, undyed
from lib.synthesis.hair.facial_roots import EYE_DEPTH, FacialRoots, Lid, drop_onto, facial_roots
from lib.synthesis.hair.strands import Strands

BROW_POINTS, LASH_POINTS = 6, 6
# along a brow from its inner end: half height, length and angle of the hairs over the brow's line
ALONG = (0.0, 0.08, 0.22, 0.4, 0.62, 0.82, 1.0)
HALF_HEIGHT = (0.7, 0.95, 1.05, 1.0, 0.82, 0.58, 0.25)
LENGTHS = (0.72, 0.85, 1.0, 1.0, 0.95, 0.85, 0.65)
ANGLES_DEG = (78.0, 64.0, 46.0, 26.0, 12.0, 3.0, -6.0)
TAIL = 0.95  # share of the brow's points where hair ends
CONVERGE_DEG = 26.0  # hairs of the upper edge point down to the line, those of the lower edge up
BROW_LAYERS = (1.0, 2.2)  # times that the hairs cover the brow
BROW_RADIUS = (0.03, 0.2)  # mm
BROW_DARK = 0.09  # brows of fair people are darker than their hair
LASH_RADIUS = 0.055
LASH_DARK = 0.03
UPPER_SHARE = 0.66  # of the lashes


def draw_brows(
    model: FaceModel,
    vertices: np.ndarray,
    chance: np.random.Generator,
    colour: np.ndarray,
    n_strands: int,
    roots: FacialRoots | None = None,
) -> Strands:
    """Both brows.

    Args:
        model: the head.
        vertices: (n_vertices, 3) mm, this person's neutral head.
        chance: source of random numbers.
        colour: (3,) linear, of the hair on the head.
        n_strands: of both brows; fewer ones are wider.
        roots: `facial_roots(model)`, to save its time when drawing many.
    """
    roots = roots or facial_roots(model)
    marks = model.landmarks["ibug68"].on(vertices, model.triangles)
    normals = vertex_normals(vertices, model.triangles)
    thick, dense, raised, long = chance.random(4)
    shape = (0.85 + 0.65 * thick, BROW_LAYERS[0] + dense * np.ptp(BROW_LAYERS), raised, long)
    parts = [
        _brow(
            model, vertices, normals, marks[first : first + 5], rows, shape, chance, n_strands // 2
        )
        for first, rows in zip((17, 22), roots.brows)
    ]
    points, radius, triangle, weights = (np.concatenate(values) for values in zip(*parts))
    # the sides take turns, so that any first part is even
    turn = np.argsort(np.concatenate([np.arange(len(part[0])) for part in parts]), kind="stable")
    points, radius, triangle, weights = (v[turn] for v in (points, radius, triangle, weights))
    colour = undyed(colour)
    tone = np.minimum(colour, BROW_DARK * colour / max(colour.max(), 1e-6))
    near = np.unique(model.triangles[np.concatenate(roots.brows)])
    cover = np.zeros(model.n_vertices, np.float32)
    cover[near] = np.maximum(
        brow_cover(vertices[near], marks[17:22]), brow_cover(vertices[near], marks[22:27])
    )
    return Strands(
        points,
        radius,
        strand_colours(tone, len(points), 0.25, chance),
        np.broadcast_to(
            np.linspace(0.9, 1.15, BROW_POINTS, dtype=np.float32), points.shape[:2]
        ).copy(),
        triangle,
        weights,
        "brow",
        (0.28 * dense * cover).astype(np.float32),
        tone.astype(np.float32),
    )


def _brow(
    model: FaceModel,
    vertices: np.ndarray,
    normals: np.ndarray,
    marks: np.ndarray,
    rows: np.ndarray,
    shape: tuple[float, float, float, float],
    chance: np.random.Generator,
    n: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points, radii, root triangles and weights of one brow."""
    thick, layers, raised, long = shape
    line = marks if abs(marks[0, 0]) < abs(marks[-1, 0]) else marks[::-1]
    line = line - [0, BROW_MARK, 0]
    share, across = _places_in_brow(n, chance)
    knots = np.linspace(0, 1, 5)
    smooth = np.stack([np.polyval(np.polyfit(knots, line[:, d], 3), share) for d in range(3)], 1)
    ahead = np.stack([np.polyval(np.polyfit(knots, line[:, d], 3), share + 0.05)
                      for d in range(3)], 1) - smooth  # fmt: skip
    half = thick * BROW_HALF_HEIGHT * np.interp(share, ALONG, HALF_HEIGHT)
    spot = smooth[:, :2] + across[:, None] * half[:, None] * [0.0, 1.0]
    found, weights = np.empty(n, np.int32), np.zeros((n, 3))
    drop_onto(spot, vertices.astype(np.float64), model.triangles, rows, found, weights)
    known = found >= 0
    share, across, ahead, weights, found = (
        v[known] for v in (share, across, ahead, weights, found)
    )
    corners = model.triangles[found]
    root = np.einsum("nk,nkd->nd", weights, vertices[corners].astype(np.float64))
    normal = _unit(np.einsum("nk,nkd->nd", weights, normals[corners].astype(np.float64)))
    outward = _unit(ahead - (ahead * normal).sum(axis=1, keepdims=True) * normal)
    upward = np.cross(normal, outward)
    upward *= np.sign(upward[:, 1:2])
    length = (5.4 + 2.4 * long) * np.interp(share, ALONG, LENGTHS)
    length = length * np.exp(0.16 * chance.standard_normal(len(share)))
    angle = np.interp(share, ALONG, ANGLES_DEG) + 14 * (raised - 0.5) * (1 - share)
    angle = angle - CONVERGE_DEG * across * np.clip(share * 4, 0, 1)
    angle = np.deg2rad(angle + 9 * chance.standard_normal(len(share)))
    bend = np.deg2rad(22 + 8 * chance.standard_normal(len(share))) * np.sign(angle)
    bend = np.where(np.abs(angle) < 0.2, 0.3 * bend, bend)
    points = np.empty((len(share), BROW_POINTS, 3))
    points[:, 0] = root
    lift = 0.32 + 0.1 * chance.random(len(share))
    for j in range(1, BROW_POINTS):
        t = (j - 0.5) / (BROW_POINTS - 1)
        turned = angle - bend * t
        way = np.cos(turned)[:, None] * outward + np.sin(turned)[:, None] * upward
        way = _unit(way + (lift * (1 - 1.15 * t))[:, None] * normal)
        points[:, j] = points[:, j - 1] + way * (length / (BROW_POINTS - 1))[:, None]
    area = 2 * thick * BROW_HALF_HEIGHT * 0.75 * np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    radius = np.clip(layers * area / (2 * length.sum()), *BROW_RADIUS)
    radius = radius * np.exp(0.15 * chance.standard_normal(len(share)))
    return points.astype(np.float32), radius.astype(np.float32), found, weights.astype(np.float32)


def _places_in_brow(n: int, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Share along a brow (n,) 0..1 and across it (n,) about -1..1, dense in its core."""
    start, second = chance.random(2)
    count = np.arange(n)
    share = (start + count * 0.7548776662466927) % 1.0
    area = np.cumsum(np.interp(np.linspace(0, 1, 101), ALONG, HALF_HEIGHT))
    share = TAIL * np.interp(share, area / area[-1], np.linspace(0, 1, 101))
    across = (second + count * 0.5698402909980532) % 1.0
    share = np.clip(share + 0.02 * chance.standard_normal(n), 0, TAIL)
    across = 2 * across - 1
    across = np.sign(across) * np.abs(across) ** 1.15 * (0.92 + 0.22 * chance.standard_normal(n))
    return share, np.clip(across, -1.5, 1.35)


def draw_lashes(
    model: FaceModel,
    vertices: np.ndarray,
    chance: np.random.Generator,
    colour: np.ndarray,
    n_strands: int,
    roots: FacialRoots | None = None,
) -> Strands:
    """The lashes of all four lids.

    Args:
        model: the head.
        vertices: (n_vertices, 3) mm, this person's neutral head.
        chance: source of random numbers.
        colour: (3,) linear, of the hair on the head.
        n_strands: of all lids.
        roots: `facial_roots(model)`, to save its time when drawing many.
    """
    roots = roots or facial_roots(model)
    long, curl = chance.random(2)
    both = n_strands // 2
    upper = round(UPPER_SHARE * both)
    parts = [
        _lashes(model, vertices, lid, (long, curl), chance, upper if lid.upper else both - upper)
        for lid in roots.lids
    ]
    points, triangle, weights = (np.concatenate(values) for values in zip(*parts))
    turn = np.argsort(
        np.concatenate([np.arange(len(part[0])) / max(len(part[0]), 1) for part in parts]),
        kind="stable",
    )
    points, triangle, weights = points[turn], triangle[turn], weights[turn]
    colour = undyed(colour)
    tone = np.minimum(0.6 * colour, LASH_DARK * colour / max(colour.max(), 1e-6))
    size = np.exp(0.15 * chance.standard_normal(len(points)))
    return Strands(
        points,
        (LASH_RADIUS * size).astype(np.float32),
        strand_colours(tone, len(points), 0.15, chance),
        np.ones(points.shape[:2], np.float32),
        triangle,
        weights,
        "lash",
        np.zeros(model.n_vertices, np.float32),
        tone.astype(np.float32),
    )


def _lashes(
    model: FaceModel,
    vertices: np.ndarray,
    lid: Lid,
    habit: tuple[float, float],
    chance: np.random.Generator,
    n: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, root triangles and weights of one lid."""
    long, curl = habit
    step = np.sort(chance.permutation(np.arange(n)) % max(n, 1))
    share = (step + chance.uniform(0.1, 0.9, n)) / max(n, 1)
    share = share[chance.permutation(n)]
    pick = np.minimum((share * len(lid.triangle)).astype(int), len(lid.triangle) - 1)
    triangle, weights = lid.triangle[pick], lid.barycentric[pick]
    corners = vertices[model.triangles[triangle]].astype(np.float64)
    root = np.einsum("nk,nkd->nd", weights, corners)
    line = np.einsum(
        "nk,nkd->nd", lid.barycentric, vertices[model.triangles[lid.triangle]].astype(np.float64)
    )
    eye = line.mean(axis=0) - [0, 0, EYE_DEPTH]
    forward = _unit((root - eye) * [1.0, 0.35, 1.0])
    outer = np.array([1.0 if lid.left else -1.0, 0.0, 0.0])
    fan = np.clip(1.5 * (share - 0.42), -0.5, 0.75) + 0.08 * chance.standard_normal(n)
    fan = fan + 0.12 * np.sin(share * 37 + long * 6)  # tips gather in small groups
    profile = np.interp(share, [0, 0.25, 0.7, 0.92, 1], [0.5, 0.8, 1.0, 0.95, 0.7])
    length = (6.8 + 2.2 * long if lid.upper else 3.9 + 0.9 * long) * profile
    length = length * np.exp(0.12 * chance.standard_normal(n))
    t = np.linspace(0, 1, LASH_POINTS)[None, :, None]
    if lid.upper:
        rise = -0.12 * t + (0.45 + 0.4 * curl) * t**2
        reach = t - 0.22 * t**2
    else:
        rise = -0.55 * t + 0.15 * t**2
        reach = 0.75 * t
    side = fan[:, None, None] * outer * (0.35 * t + 0.5 * t**2)
    curve = forward[:, None] * reach + np.array([0.0, 1.0, 0.0]) * rise + side
    points = root[:, None] + length[:, None, None] * curve
    return points.astype(np.float32), triangle, weights.astype(np.float32)


def _unit(way: np.ndarray) -> np.ndarray:
    return way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
