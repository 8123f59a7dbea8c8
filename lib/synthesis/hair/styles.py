"""Hair of a person's head: a style drawn by chance, grown on this head."""

from __future__ import annotations

import numpy as np

from lib.facemodel import FaceModel
from lib.synthesis.hair.body import Body
from lib.synthesis.hair.catalogue import HairStyle, draw_style
from lib.synthesis.hair.colour import strand_colours
from lib.synthesis.hair.comb import Regions, combed, regions_of, swell
from lib.synthesis.hair.growth import Growth, grow
from lib.synthesis.hair.hairline import ScalpRoots, root_frames
from lib.synthesis.hair.head_chart import HeadReach
from lib.synthesis.hair.locks import Locks, depth_in_hair, gather
from lib.synthesis.hair.strands import Strands

SHOULDERS = (0.0, -295.0, -25.0, 205.0, 190.0, 105.0)  # ellipsoid, mm from the chin and the axis
THINNEST = 0.05  # mm, radius
WIDEST, USUAL = 0.55, 6000  # mm, radius of so many strands; more of fewer
LAYERS = 3.0  # times that the strands together cover the scalp
DARK_ROOTS_MM = 12.0
HANGS = 1.08  # length of hanging hair over the way down the head's chart
WAVES_FROM_MM = 35.0  # of length from which waves have their full height
BESIDE_FACE = 0.4  # radians over which hair beside the face is spread
FRINGE_WIDER = 1.5  # strands of a fringe, which has to hide the forehead
ROOT_TONE = 0.65  # colour of the scalp under hair over the hair's: it lies in its shadow
THIN_SHARE = 0.8  # of what a hairline went back, over which hair is thin behind it
SPARE = 2  # roots looked at for each strand wanted


def draw_scalp_hair(
    roots: ScalpRoots,
    model: FaceModel,
    vertices: np.ndarray,
    chance: np.random.Generator,
    colour: np.ndarray,
    age: float,
    n_strands: int,
    n_points: int = 8,
    style: HairStyle | None = None,
) -> Strands | None:
    """Hair on a head, or None for a bald one.

    Args:
        roots: of the model.
        model: the head.
        vertices: (n_vertices, 3) mm, this person's neutral head.
        chance: source of random numbers.
        colour: (3,) linear, see `draw_hair_colour`.
        age: years; the old have higher hairlines and balding crowns.
        n_strands: to draw at most; fewer ones are wider.
        n_points: of a strand; long and curly styles take more points on fewer strands.
        style: to use instead of a random one.
    """
    style = style or draw_style(chance, age)
    if style.name == "bald":
        return None
    more = int(style.points_factor * n_points)
    n_strands = n_strands * n_points // more
    density, inside = _density(roots, style, SPARE * n_strands, chance)
    chosen = np.flatnonzero(roots.luck[: len(density)] < density)[:n_strands]
    if len(chosen) == 0:
        return None
    place, normal = root_frames(roots, vertices, model.triangles, chosen)
    regions = regions_of(roots, roots.place[chosen].astype(np.float64), inside[chosen])
    body = _body(roots, model, vertices)
    lock = roots.clump[1, chosen]
    growth = _growth(style, regions, place, normal, lock, body, chance)
    points = grow(place, normal, growth, body, more)
    locks = _locks(style, roots, chosen, growth, place, chance)
    points = gather(points, locks, growth, body, chance)
    return Strands(
        points,
        _radius(style, roots, growth, regions),
        strand_colours(colour, len(chosen), style.colour_spread, chance),
        _shade(style, points, growth, body),
        roots.triangle[chosen],
        roots.barycentric[chosen],
        "hair",
        _cover(roots, style),
        (ROOT_TONE * colour).astype(np.float32),
    )


def _density(
    roots: ScalpRoots, style: HairStyle, n: int, chance: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """For the first n roots, the share of hairs that grow there and mm inside the hairline."""
    place = roots.place[:n].astype(np.float64)
    regions = regions_of(roots, place, roots.inside_mm[:n])
    lost = _receded(style, regions)
    soft = regions.soft_mm + THIN_SHARE * np.clip(lost, 0, None)
    inside = roots.inside_mm[:n] - lost
    inside = inside + 0.22 * regions.soft_mm * swell(place, 22.0, chance)[:, 0]
    edge = np.clip(inside / soft, 0, 1) ** 0.8
    return edge * (1 - style.balding * regions.crown), inside


def _receded(style: HairStyle, regions: Regions) -> np.ndarray:
    """(n,) mm that the hairline has gone back."""
    return style.hairline_up * regions.front + style.temples * regions.temple


def _cover(roots: ScalpRoots, style: HairStyle) -> np.ndarray:
    """(n_vertices,) 0..1, how dark the hair's roots make the scalp."""
    cover = np.zeros(len(roots.vertex_inside_mm), np.float32)
    known = roots.vertex_inside_mm > -900
    place = roots.vertex_place[known].astype(np.float64)
    regions = regions_of(roots, place, roots.vertex_inside_mm[known])
    lost = _receded(style, regions)
    soft = regions.soft_mm + THIN_SHARE * np.clip(lost, 0, None)
    inside = roots.vertex_inside_mm[known] - lost
    edge = np.clip((inside - 0.1 * soft) / (1.6 * soft), 0, 1)
    edge = edge * edge * (3 - 2 * edge)
    fade = 1 - style.fade * regions.fade
    cover[known] = style.cover * edge * (1 - style.balding * regions.crown) * fade
    return cover


def _body(roots: ScalpRoots, model: FaceModel, vertices: np.ndarray) -> Body:
    marks = model.landmarks["ibug68"].on(vertices, model.triangles)
    reach = roots.chart.reach(vertices, model.triangles)
    torso = np.array(SHOULDERS)
    torso[1] += marks[8, 1]
    torso[2] += reach.centre[2]
    return Body(reach, float(marks[17:27, 1].max()), float(marks[8, 1]), torso)


def _growth(
    style: HairStyle,
    regions: Regions,
    place: np.ndarray,
    normal: np.ndarray,
    lock: np.ndarray,
    body: Body,
    chance: np.random.Generator,
) -> Growth:
    n = len(place)
    comb, fringe = combed(style, regions, normal, chance)
    length = _length(style, regions, fringe, body)
    uneven = 1 + style.uneven * swell(place, 30.0, chance)[:, 0]
    ragged = 0.6 * chance.random(lock.max() + 1)[lock] + 0.4 * chance.random(n)
    length = length * np.clip(uneven * (1 - style.layers * ragged**2), 0.25, 1.6)
    soft = np.clip(regions.inside / regions.soft_mm, 0.25, 1)
    length = np.maximum(length * soft ** (0.8 if style.top_mm < 120 else 0.15), 0.8)
    layer = chance.random(n)
    puff = np.clip(1 + 0.25 * swell(place, 45.0, chance)[:, 0], 0.4, 1.6)
    height = np.where(length > 80, 2.0, 0.6) + style.volume_mm * puff * layer * np.clip(
        length / 40.0, 0.15, 1
    )
    height = height * np.clip(regions.inside / 25.0, 0.25, 1)
    height = np.where(fringe & (length > 40), 0.4 * height, height)
    if style.comb == "part":  # flat where it is parted
        height = height * np.clip(np.abs(regions.place[:, 0] - style.part_mm) / 18.0, 0.35, 1)
    rise = np.clip(style.rise + 0.12 * chance.standard_normal(n), 0.05, 0.95)
    rise = rise * np.where(regions.top > 0.5, 1.0, 0.75)
    stray = chance.random(n) < style.strays
    height = np.where(stray, height + 4.0 * chance.random(n), height)
    full = np.ones(n)
    falls = 90 if style.comb == "whorl" else 45  # mm; what is shorter may fall forwards
    guard = ~fringe & (length > falls) & (style.comb != "knot")
    return Growth(
        length,
        height,
        rise,
        comb,
        style.follow * full,
        np.where(stray, 0.7, 1.0) * style.weight,
        guard * (1 + BESIDE_FACE * chance.random(n)),
        style.over_ears * full,
        style.hold * full,
        _knot(style, body.reach),
    )


def _length(style: HairStyle, regions: Regions, fringe: np.ndarray, body: Body) -> np.ndarray:
    """(n,) mm of strands that nothing shortens by chance."""
    x, y, z = regions.place.T
    height = np.where(y > 0, regions.radius * np.arctan2(y, np.hypot(x, z)), y)
    base = body.reach.centre[1]
    if style.hem_mm is None:
        length = regions.top * style.top_mm + (1 - regions.top) * (
            regions.back * style.back_mm + (1 - regions.back) * style.side_mm
        )
        taper = style.edge_mm + style.edge_slope * np.clip(regions.from_edge, 0, None)
        length = np.minimum(length, taper)
    else:
        length = HANGS * (height - (body.chin + style.hem_mm - base))
    over_brows = HANGS * (height - (body.brow + style.fringe_up_mm - base))
    longest = np.minimum(over_brows, style.fringe_mm) if style.hem_mm is None else over_brows
    return np.maximum(np.where(fringe, longest, length), 1.0)


def _knot(style: HairStyle, reach: HeadReach) -> np.ndarray:
    """Of the style's knot the middle on this head, the size, the share that stays in it, and 1."""
    if style.comb != "knot":
        return np.zeros(6)
    way = np.array(style.knot) / np.linalg.norm(style.knot)
    up = (np.arcsin(way[1]) * reach.radius - reach.lowest) / (reach.highest - reach.lowest)
    row = round(up * (len(reach.plain) - 1))
    column = round((np.arctan2(way[0], way[2]) / (2 * np.pi) + 0.5) * reach.plain.shape[1] - 0.5)
    distance = reach.plain[row, column % reach.plain.shape[1]] + style.knot_mm
    return np.array([*(reach.centre + way * distance), style.knot_mm, style.wound, 1.0])


def _locks(
    style: HairStyle,
    roots: ScalpRoots,
    chosen: np.ndarray,
    growth: Growth,
    place: np.ndarray,
    chance: np.random.Generator,
) -> Locks:
    drawn = np.full(len(roots), -1)
    drawn[chosen] = np.arange(len(chosen))
    centre = drawn[roots.clump[:, chosen]]
    same = np.abs(growth.length[centre] - growth.length) < 0.5 * growth.length + 4
    same &= (growth.comb[centre] * growth.comb).sum(axis=2) > 0.3
    same &= (growth.guard[centre] > 0) == (growth.guard > 0)
    free = chance.random(len(chosen)) < 0.15
    loose = _long_fringe(style, growth)
    centre = np.where(same & ~free & ~loose, centre, -1)  # a fringe hangs straight
    number = roots.clump[1 if style.wavelength_mm < 40 else 0, chosen]
    phase = chance.uniform(0, 2 * np.pi, len(chosen) + number.max())[number]
    smooth = 1.2 * swell(place, 90.0, chance)[:, 0]
    lock = phase * style.locks_apart + smooth
    size = np.exp(0.2 * chance.standard_normal(number.max() + 1))[number]
    spread = style.own_phase * chance.standard_normal(len(chosen))
    uneven = np.exp(0.2 * chance.standard_normal(len(chosen)))
    return Locks(
        centre[[1, 2]],
        np.array([style.clump_coarse, style.clump_fine]),
        lock + spread,
        style.wave_mm * size * np.clip(growth.length / WAVES_FROM_MM, 0.2, 1) * uneven,
        np.maximum(style.wavelength_mm * size, 3.0),
        np.full(len(chosen), style.coil),
        style.frizz * np.clip(growth.length, 0, 120),
        roots.clump[1, chosen],
    )


def _long_fringe(style: HairStyle, growth: Growth) -> np.ndarray:
    """(n,) bool, strands of the fringe of a long style."""
    return (growth.guard == 0) & (growth.length > 40) & (style.hem_mm is not None)


def _radius(style: HairStyle, roots: ScalpRoots, growth: Growth, regions: Regions) -> np.ndarray:
    """(n,) mm, wide enough that the strands hide the scalp."""
    wanted = LAYERS * roots.area_mm2 * (1 + np.median(growth.length) / 90)
    covered = 2 * growth.length.sum()
    widest = WIDEST * np.clip(np.sqrt(USUAL / max(len(growth.length), 1)), 0.5, 2)
    radius = np.clip(wanted / covered, THINNEST, widest) * style.thickness
    fine = np.clip(0.55 + 0.45 * regions.inside / (1.5 * regions.soft_mm), 0.5, 1)
    short = np.clip(growth.length / 22.0, 0.3, 1) ** 0.7
    fringe = _long_fringe(style, growth)
    fine = np.where(fringe, FRINGE_WIDER, fine)
    fine = np.where(growth.length < 80, fine, np.maximum(fine, 0.85))
    return np.maximum(radius * fine * short, THINNEST).astype(np.float32)


def _shade(style: HairStyle, points: np.ndarray, growth: Growth, body: Body) -> np.ndarray:
    """(n, k) factor: dark inside the hair and at its roots, lighter at the tips of long hair."""
    depth = depth_in_hair(points, body)
    inner = np.exp(-depth / (3.0 + 0.5 * style.volume_mm))
    step = np.linalg.norm(np.diff(points, axis=1), axis=2)
    along = np.concatenate([np.zeros((len(points), 1)), np.cumsum(step, axis=1)], axis=1)
    root = 1 - 0.45 * np.exp(-along / DARK_ROOTS_MM) * min(style.top_mm / 30.0, 1.0)
    tip = 1 + 0.25 * np.clip(along / 250.0, 0, 1)
    return ((0.35 + 0.65 * inner) * root * tip).astype(np.float32)
