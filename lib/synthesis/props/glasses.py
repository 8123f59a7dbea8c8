"""Glasses and sunglasses that sit on a head's nose and ears."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lib.facemodel import FaceModel
from lib.geometry import SurfaceTree
from lib.synthesis.chance import smooth_noise
from lib.synthesis.props.prop import Prop, joined, make_prop
from lib.synthesis.props.sites import HeadSites, head_sites
from lib.synthesis.props.tubes import arc_length, at_length, fan, grid_triangles, spline, swept

Shape = Literal["round", "oval", "rectangular", "square", "aviator", "cat_eye"]
Rim = Literal["full", "half", "none"]
# Width and height of a lens in mm, and the exponent of its superellipse.
SHAPES: dict[Shape, tuple[float, float, float]] = {
    "round": (47.0, 45.0, 2.0),
    "oval": (50.0, 36.0, 2.2),
    "rectangular": (53.0, 33.0, 4.2),
    "square": (52.0, 41.0, 3.4),
    "aviator": (56.0, 49.0, 2.3),
    "cat_eye": (54.0, 39.0, 2.8),
}
PLASTICS = (
    (0.012, 0.012, 0.013), (0.012, 0.012, 0.013), (0.06, 0.03, 0.015), (0.015, 0.02, 0.05),
    (0.18, 0.02, 0.025), (0.35, 0.35, 0.36), (0.30, 0.20, 0.12), (0.03, 0.05, 0.04),
)  # fmt: skip
METALS = ((0.25, 0.25, 0.26), (0.40, 0.28, 0.12), (0.03, 0.03, 0.03), (0.38, 0.24, 0.19))
TINTS = (
    (0.10, 0.10, 0.11), (0.17, 0.10, 0.055), (0.09, 0.12, 0.075), (0.055, 0.055, 0.06),
    (0.28, 0.26, 0.30), (0.10, 0.14, 0.24),
)  # fmt: skip
N_AROUND, N_RINGS = 64, 6
USUAL_MM = 61.0  # between the eyes
CORNEA_MM = (8.5, 12.5)  # from the cornea to the lens
CLEAR_MM, PRESSED_MM = 0.4, 0.1  # from the skin: the front, and the nose pads
NARROWEST_BRIDGE_MM = 15.0
PUSH_MM = 30.0  # the farthest that glasses move forward to clear a face
TEMPLE_MM = (2.2, 3.2, 1.4)  # clear of the head; half heights of plastic and metal temples


@dataclass(frozen=True)
class Style:
    """What a pair of glasses looks like.

    Args:
        shape: of the lenses.
        rim: around them.
        metal: thin metal, else plastic.
        width_mm, height_mm: of a lens.
        colour: (3,) linear RGB of the frame.
        tortoise: the frame is mottled.
        thick_mm: half width of the rim.
        wrap_mm: radius of the curve around the face.
        tilt: of the lower rim towards the cheeks, tangent.
        drop_mm: of the lens centre below the eye's.
    """

    shape: Shape
    rim: Rim
    metal: bool
    width_mm: float
    height_mm: float
    colour: np.ndarray
    tortoise: bool
    thick_mm: float
    wrap_mm: float
    tilt: float
    drop_mm: float


def draw_style(chance: np.random.Generator, sunglasses: bool, size: float = 1.0) -> Style:
    """Glasses as people wear them; `size` is that of the face, 1 = usual."""
    names: tuple[Shape, ...] = tuple(SHAPES)
    likely = (0.1, 0.1, 0.2, 0.25, 0.2, 0.15) if sunglasses else (0.2, 0.17, 0.25, 0.18, 0.08, 0.12)
    shape = names[chance.choice(len(names), p=likely)]
    metal = bool(chance.random() < (0.95 if shape == "aviator" else 0.4))
    rim: Rim = "full"
    if metal and not sunglasses:
        rim = ("full", "full", "half", "none")[chance.integers(4)]
    size *= chance.uniform(0.94, 1.06) * (1.08 if sunglasses else 1.0)
    width, height, _ = SHAPES[shape]
    palette = METALS if metal else PLASTICS
    return Style(
        shape,
        rim,
        metal,
        width * size,
        height * size * chance.uniform(0.93, 1.07),
        np.array(palette[chance.integers(len(palette))]),
        bool(not metal and chance.random() < 0.25),
        0.75 if metal else float(chance.uniform(1.3, 2.6)),
        float(chance.uniform(140, 220) if sunglasses else chance.uniform(220, 400)),
        float(np.tan(np.radians(chance.uniform(5, 11)))),
        float(chance.uniform(0.5, 4.5)),
    )


@dataclass(frozen=True)
class Seat:
    """Where glasses sit on a face.

    Args:
        middle: (3,) mm between the lens centres, on the lens surface.
        half_distance: of the lens centres, mm.
        style: of the glasses.
    """

    middle: np.ndarray
    half_distance: float
    style: Style

    def on(self, plane: np.ndarray, forward_mm: float | np.ndarray = 0.0) -> np.ndarray:
        """(..., 3) mm of points (..., 2) of the unrolled front, x from its middle."""
        x, y = plane[..., 0], plane[..., 1]
        style = self.style
        z = -(x**2) / (2 * style.wrap_mm) + y * style.tilt + forward_mm
        return self.middle + np.stack([x, y, z], axis=-1)


def draw_glasses(
    model: FaceModel,
    vertices: np.ndarray,
    chance: np.random.Generator,
    sunglasses: bool,
    sites: HeadSites | None = None,
) -> list[Prop]:
    """A frame with its temples, and the lenses: sheets of one side that face forward.

    Args:
        model: of the head.
        vertices: (n_vertices, 3) mm, posed.
        chance: source of random numbers.
        sunglasses: dark lenses.
        sites: of the model, where they are known already.
    """
    sites = sites or head_sites(model)
    vertices = vertices.astype(np.float64)
    marks = model.landmarks["ibug68"].on(vertices, model.triangles).astype(np.float64)
    apart = np.linalg.norm(marks[42:48].mean(axis=0) - marks[36:42].mean(axis=0))
    style = draw_style(chance, sunglasses, float(np.clip(apart / USUAL_MM, 0.88, 1.14)))
    seat = _seat(sites, vertices, marks, style, chance)
    front = _front(seat)
    face = _face(sites, vertices, marks)
    seat, front = _cleared(face, seat, front)
    if style.metal:
        front += _pads(seat, face)
    temples = [_temple(sites, vertices, seat, side) for side in (-1, 1)]
    frame = _painted([*front, *temples], style, chance)
    return [frame, _lenses(seat, _lens_colour(chance, sunglasses), sunglasses)]


def _seat(
    sites: HeadSites,
    vertices: np.ndarray,
    marks: np.ndarray,
    style: Style,
    chance: np.random.Generator,
) -> Seat:
    right, left = marks[36:42].mean(axis=0), marks[42:48].mean(axis=0)
    half = (left[0] - right[0]) / 2 + chance.uniform(-0.5, 2.0)
    half = max(half, (style.width_mm + NARROWEST_BRIDGE_MM) / 2)
    cornea = max(vertices[eye, 2].max() for eye in sites.eyes)
    middle = (right + left) / 2
    middle[0] = 0.5 * middle[0] + 0.5 * marks[27:31, 0].mean()
    middle[1] -= style.drop_mm
    bent = half**2 / (2 * style.wrap_mm)  # the lenses, not the bridge, keep the distance
    middle[2] = cornea + chance.uniform(*CORNEA_MM) + bent
    return Seat(middle, half, style)


def outline(style: Style, n: int = N_AROUND) -> np.ndarray:
    """(n, 2) mm around a lens centre; x away from the nose, from there counter-clockwise."""
    angle = 2 * np.pi * np.arange(n) / n
    exponent = SHAPES[style.shape][2]
    c, s = (np.sign(v) * np.abs(v) ** (2 / exponent) for v in (np.cos(angle), np.sin(angle)))
    x, y = style.width_mm / 2 * c, style.height_mm / 2 * s
    if style.shape == "aviator":
        x = x * (1 + 0.10 * s) - 0.05 * np.minimum(s, 0) * style.height_mm
        y = np.where(s > 0, 0.8 * y, 1.08 * y) + 0.05 * x * np.abs(s)
    elif style.shape == "cat_eye":
        y = y + 9.0 * np.clip(c, 0, 1) ** 2 * np.clip(s, 0, 1) + 1.5 * c
        x = x * (1 + 0.06 * s)
    elif style.shape in ("square", "rectangular"):
        x = x * (1 + 0.06 * s)
    return np.stack([x, y], axis=1)


def _front(seat: Seat) -> list[tuple[np.ndarray, np.ndarray]]:
    """Tubes of the rims, the bridge and the nose pads."""
    style, parts = seat.style, []
    line = outline(style)
    deep = style.thick_mm * (1.0 if style.metal else 0.9)
    for side in (-1, 1):
        plane = (line + [seat.half_distance, 0]) * [side, 1]
        radius, square = np.array([style.thick_mm, deep]), 2.0 if style.metal else 3.2
        if style.rim == "full":
            heavy = 1 + (
                0.35 * np.clip(line[:, 1] / style.height_mm, 0, 1) if not style.metal else 0
            )
            radius = radius * np.reshape(heavy * np.ones(len(line)), (-1, 1))
            path = seat.on(plane)
            parts.append(swept(path, radius, 10, np.array([0.0, 0, 1]), True, square))
        elif style.rim == "half":
            upper = np.roll(np.arange(len(line)), 2)[: len(line) // 2 + 4]
            parts.append(swept(seat.on(plane[upper]), radius, 8, np.array([0.0, 0, 1]), cap=3))
        parts.append(_end_piece(seat, side))
    parts.append(_bridge(seat))
    if style.shape == "aviator":
        parts.append(_bridge(seat, 0.36))
    return parts


def _bridge(seat: Seat, high: float = 0.14) -> tuple[np.ndarray, np.ndarray]:
    """The piece over the nose, between the inner edges of the lenses."""
    style = seat.style
    line = outline(style)
    inner = line[line[:, 0] < 0]
    edge = inner[np.argmin(np.abs(inner[:, 1] - high * style.height_mm))]
    reach = seat.half_distance + edge[0]
    x = np.linspace(-reach, reach, 17)
    arch = 1 - (x / reach) ** 2
    plane = np.stack([x, edge[1] + 2.2 * arch], axis=1)
    radius = np.array([style.thick_mm * (1 if style.metal else 1.25), style.thick_mm])
    return swept(seat.on(plane, 1.8 * arch), radius[::-1], 10, np.array([0.0, 1, 0]), cap=2)


def _end_piece(seat: Seat, side: int) -> tuple[np.ndarray, np.ndarray]:
    """From the outer edge of a lens to the hinge."""
    style = seat.style
    start, hinge = _hinge(seat, side)
    path = spline(np.stack([start, (start + hinge) / 2 + [side * 1.0, 0, 1.5], hinge]), 5)
    radius = np.array([style.thick_mm, 1.0 * _temple_height(style)])
    return swept(path, radius, 10, np.array([0.0, 1, 0]), squareness=3.0, cap=2)


def _hinge(seat: Seat, side: int) -> tuple[np.ndarray, np.ndarray]:
    """(3,) each: where the end piece leaves the rim, and where the temple begins."""
    line = outline(seat.style)
    outer = line[line[:, 0] > 0]
    high = 0.30 if seat.style.shape != "cat_eye" else 0.45
    edge = outer[np.argmin(np.abs(outer[:, 1] - high * seat.style.height_mm))]
    start = seat.on((edge + [seat.half_distance, 0]) * [side, 1])
    return start, start + [side * 4.0, 0, -7.0]


def _temple_height(style: Style) -> float:
    return TEMPLE_MM[2] if style.metal else TEMPLE_MM[1]


def _pads(seat: Seat, face: SurfaceTree) -> list[tuple[np.ndarray, np.ndarray]]:
    """Nose pads that rest on the nose, and the wires that hold them."""
    style, parts = seat.style, []
    inner = seat.half_distance - style.width_mm / 2
    for side in (-1, 1):
        y = np.linspace(-2.0, -8.0, 5) + 0.1 * style.height_mm
        x = side * np.linspace(inner - 1.5, inner - 0.2, 5)
        start = seat.on(np.stack([x, y], axis=1), 30.0)
        rest = face.along(start, np.broadcast_to([0.0, 0, -1], start.shape)).points
        if not np.isfinite(rest).all() or (rest[:, 2] < seat.middle[2] - 18).any():
            continue
        rest = rest + [side * 0.9, 0, 1.3]
        pad, triangles = swept(rest, np.array([0.9, 1.9]), 8, np.array([0.0, 0.3, 1.0]), cap=3)
        lacking = max(PRESSED_MM - face.nearest(pad, signed=True).distance_mm.min(), 0)
        rest, pad = (v + [side * 0.7 * lacking, 0, 1.2 * lacking] for v in (rest, pad))
        parts.append((pad, triangles))
        rim = seat.on(np.array([side * (inner + 0.4), 0.06 * style.height_mm]))
        wire = spline(np.stack([rim, (rim + rest[2]) / 2 + [side, 1.0, -1.0], rest[2]]), 4)
        parts.append(swept(wire, np.array([0.5, 0.5]), 6, cap=0))
    return parts


def _face(sites: HeadSites, vertices: np.ndarray, marks: np.ndarray) -> SurfaceTree:
    """The skin that the front of glasses could touch."""
    low, high = marks[33, 1] - 10, marks[17:27, 1].max() + 25
    near = (vertices[:, 1] > low) & (vertices[:, 1] < high) & (vertices[:, 2] > -45)
    return SurfaceTree(vertices, sites.skin[near[sites.skin].all(axis=1)])


def _cleared(
    face: SurfaceTree, seat: Seat, front: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[Seat, list[tuple[np.ndarray, np.ndarray]]]:
    """The seat and its parts, moved forward until nothing cuts into the face."""
    line = outline(seat.style, 32)
    lens = [
        seat.on((line * r + [seat.half_distance, 0]) * [s, 1]) for s in (-1, 1) for r in (0.6, 1)
    ]
    points = np.concatenate([*(part[0][::3] for part in front), *lens])
    moved = 0.0
    for _ in range(6):
        distance = face.nearest(points + [0, 0, moved], signed=True).distance_mm
        lacking = CLEAR_MM - distance.min()
        if lacking <= 0 or moved > PUSH_MM:
            break
        moved += 1.15 * lacking + 0.05
        points = points[distance < distance.min() + 12.0]
    shift = np.array([0, 0, moved])
    there = Seat(seat.middle + shift, seat.half_distance, seat.style)
    return there, [(part + shift, triangles) for part, triangles in front]


def _temple(
    sites: HeadSites, vertices: np.ndarray, seat: Seat, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """The piece along the side of the head, over the ear and down behind it."""
    hinge = _hinge(seat, side)[1]
    ear = vertices[sites.ears[(side + 1) // 2]]
    upper = ear[ear[:, 1] > ear[:, 1].max() - 10]
    top, behind = ear[:, 1].max() + 1.0, upper[:, 2].mean()
    z = np.concatenate([np.linspace(hinge[2], behind, 9), behind - np.array([8.0, 17, 24, 28])])
    y = np.concatenate([np.linspace(hinge[1], top, 9), top - np.array([1.5, 10, 24, 38])])
    ahead = z[1:]
    wall = _wall(sites, vertices, y[1:], ahead, side)
    known = np.isfinite(wall)
    wall = np.interp(-ahead, -ahead[known], wall[known]) if known.any() else np.abs(hinge[0])
    wall = np.broadcast_to(wall, ahead.shape) + TEMPLE_MM[0]
    straight = np.interp(ahead, [behind, hinge[2]], [wall[7], side * hinge[0]])
    x = np.concatenate([[side * hinge[0]], np.maximum(straight, wall)])
    x[9:] = wall[8:] + 1.4
    path = spline(np.stack([side * x, y, z], axis=1), 4)
    path = at_length(path, np.linspace(0, arc_length(path)[-1], 48))
    high = _temple_height(seat.style) * np.interp(
        np.arange(48), [0, 10, 30, 47], [1, 0.8, 0.75, 1.1]
    )
    thin = 0.7 if seat.style.metal else 1.3
    radius = np.stack([np.full(48, thin), high], axis=1)
    return swept(path, radius, 10, np.array([0.0, 1.0, 0.25]), squareness=3.0, cap=3)


def _wall(
    sites: HeadSites, vertices: np.ndarray, y: np.ndarray, z: np.ndarray, side: int
) -> np.ndarray:
    """(n,) |x| in mm of the side of the head, seen from inside so that the ear does not count."""
    near = (vertices[:, 1] > y.min() - 20) & (vertices[:, 1] < y.max() + 20)
    near &= side * vertices[:, 0] > 20
    tree = SurfaceTree(vertices, sites.skin[near[sites.skin].all(axis=1)])
    origin = np.stack([np.full(len(y), side * 25.0), y, z], axis=1)
    found = tree.along(origin, np.broadcast_to([float(side), 0, 0], origin.shape))
    return np.abs(found.points[:, 0])


def _painted(
    parts: list[tuple[np.ndarray, np.ndarray]], style: Style, chance: np.random.Generator
) -> Prop:
    reflectance, roughness = (0.5, 0.22) if style.metal else (0.045, 0.18)
    props = [make_prop(v, t, style.colour, "glasses", roughness, reflectance) for v, t in parts]
    frame = joined(props)
    if style.tortoise:
        share = np.clip(0.35 + 0.6 * smooth_noise(frame.vertices, 14.0, chance), 0, 1)[:, None]
        amber, brown = np.array([0.30, 0.12, 0.03]), np.array([0.018, 0.009, 0.006])
        frame.albedo[:] = amber * share + brown * (1 - share)
    return frame


def _lens_colour(chance: np.random.Generator, sunglasses: bool) -> np.ndarray:
    """(2, 3) transmission at the top and at the bottom of the lenses."""
    if not sunglasses:
        return np.tile(np.array([0.94, 0.955, 0.945]), (2, 1))
    tint = np.array(TINTS[chance.integers(len(TINTS))])
    lighter = chance.uniform(2.0, 4.0) if chance.random() < 0.3 else 1.0
    return np.stack([tint, np.minimum(tint * lighter, 0.6)])


def _lenses(seat: Seat, transmission: np.ndarray, sunglasses: bool) -> Prop:
    line = outline(seat.style)
    reach = np.linspace(0.15, 1.0, N_RINGS)
    grid = line[None] * reach[:, None, None]
    props = []
    for side in (-1, 1):
        plane = (grid + [seat.half_distance, 0]) * [side, 1]
        bulge = 1.2 * (1 - reach**2)[:, None]
        points = seat.on(plane, bulge).reshape(-1, 3)
        points = np.concatenate([points, points[: len(line)].mean(axis=0, keepdims=True)])
        middle = fan(np.arange(len(line)), len(points) - 1)
        triangles = np.concatenate([grid_triangles(N_RINGS, len(line), closed=True), middle])
        triangles = triangles[:, ::side]
        down = np.append(plane[..., 1], plane[0, :, 1].mean())[:, None] / seat.style.height_mm
        down = np.clip(0.5 - down, 0, 1)
        clear = transmission[0] * (1 - down) + transmission[1] * down
        props.append(make_prop(points, triangles, 0.02, "lens", 0.03, 0.04, clear))
    return joined(props)
