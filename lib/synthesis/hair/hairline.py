"""Where hair grows on a scalp: the hairline, evenly spread roots, and the head as a chart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from lib.facemodel import FaceModel
from lib.facemodel.parts import inside_polygon
from lib.geometry import SurfaceTree, vertex_normals
from lib.synthesis.hair.ears import Ears, find_ears
from lib.synthesis.hair.head_chart import HeadChart, head_chart
from lib.synthesis.hair.spread import spread_roots

ROOTS_SEED = 20
OUTSIDE_MM = 14.0  # roots are spread this far beyond the usual hairline, for low hairlines
CLUMPS = (90, 360, 1400)  # the first so many roots are the middles of locks
LINE_STEP = 1.0
RAY_FROM = 300.0
NEAR_EARS = 2.0  # mm about the ears without roots

# The hairline from the middle of the forehead to the nape, in three stretches:
# angle round the head, degrees, and height above the brows, mm;
FRONT = ((0, 56), (10, 56.5), (20, 58), (27, 57), (33, 50), (38, 40), (41, 29), (45, 15))
# mm before the ear and above its top, round the sideburn and over the ear;
SIDEBURN = ((16.0, 9.0), (16.5, -6.0), (13.0, -22.0), (1.0, -24.0), (0.5, -6.0), (0.0, 0.0))
# share of the ear's depth behind its front edge, and mm above its top;
BEHIND = ((0.3, 2.0), (0.7, 2.0), (0.95, -6.0), (1.04, -18.0), (1.08, -36.0), (1.12, -52.0))
# angle and height again.
NAPE = ((125, -88.0), (140, -99.0), (160, -104.0), (180, -101.0))


@dataclass(frozen=True)
class ScalpRoots:
    """Places on a model's head where hair may grow; any first part is spread evenly.

    Args:
        triangle: (n,) int32 of the model.
        barycentric: (n, 3) float32.
        place: (n, 3) float32 mm on the mean head.
        inside_mm: (n,) float32 distance inside the usual hairline, negative outside.
        luck: (n,) float32 0..1, one random number for each root.
        clump: (levels, n) int32 the root that is the middle of its lock, coarse to fine.
        vertex_inside_mm: (n_vertices,) float32 `inside_mm` of the model's vertices; -999 off the
            scalp.
        vertex_place: (n_vertices, 3) float32 mm, the mean head.
        chart: the head unrolled.
        brow_height: mm, y of the brows on the mean head.
        ears: where the ears are on the mean head.
        area_mm2: that the roots share.
    """

    triangle: np.ndarray
    barycentric: np.ndarray
    place: np.ndarray
    inside_mm: np.ndarray
    luck: np.ndarray
    clump: np.ndarray
    vertex_inside_mm: np.ndarray
    vertex_place: np.ndarray
    chart: HeadChart
    brow_height: float
    ears: Ears
    area_mm2: float

    def __len__(self) -> int:
        return len(self.triangle)


def scalp_roots(model: FaceModel, n: int = 40000, seed: int = ROOTS_SEED) -> ScalpRoots:
    """Roots on the scalp of a model, the same for the same arguments.

    Args:
        model: the head.
        n: roots to spread, also those that only low hairlines use.
        seed: of their places.
    """
    chance = np.random.default_rng([seed, n])
    mean = model.mean.astype(np.float64)
    marks = model.landmarks["ibug68"].on(mean, model.triangles)
    ears = find_ears(model)
    chart = head_chart(model, ears)
    skin = model.triangles[model.region("skin")]
    inside = np.full(model.n_vertices, -999.0)
    on_head = np.setdiff1d(np.unique(skin), np.flatnonzero(ears.near))
    line = _hairline(model, chart, ears, marks)
    inside[on_head] = line.inside(mean[on_head])
    rows = np.flatnonzero(model.region("skin"))
    rows = rows[(inside[model.triangles[rows]] > -OUTSIDE_MM).all(axis=1)]
    triangle, barycentric = spread_roots(mean[model.triangles[rows]], n, chance)
    place = np.einsum("nk,nkd->nd", barycentric, mean[model.triangles[rows[triangle]]])
    centres = [cKDTree(place[:count]).query(place)[1] for count in CLUMPS]
    corners = mean[model.triangles[rows]]
    area = 0.5 * np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    return ScalpRoots(
        rows[triangle].astype(np.int32),
        barycentric.astype(np.float32),
        place.astype(np.float32),
        line.inside(place).astype(np.float32),
        chance.random(len(place)).astype(np.float32),
        np.stack(centres).astype(np.int32),
        inside.astype(np.float32),
        model.mean.astype(np.float32),
        chart,
        float(marks[17:27, 1].max()),
        ears,
        float(area.sum()),
    )


@dataclass(frozen=True)
class _Hairline:
    """A closed line on the mean head: corners (angle in degrees, y) and dense points (m, 3)."""

    corners: np.ndarray
    points: cKDTree
    chart: HeadChart

    def inside(self, places: np.ndarray) -> np.ndarray:
        """(n,) mm of places (n, 3) inside the line, negative outside."""
        angle = np.rad2deg(np.abs(self.chart.angle_of(places)))
        within = inside_polygon(np.stack([angle, places[:, 1]], axis=1), self.corners)
        mirrored = np.stack([np.abs(places[:, 0]), places[:, 1], places[:, 2]], axis=1)
        return np.where(within, 1, -1) * self.points.query(mirrored)[0]


def _hairline(model: FaceModel, chart: HeadChart, ears: Ears, marks: np.ndarray) -> _Hairline:
    """The usual hairline of a model's mean head."""
    brow = marks[17:27, 1].max()
    depth = ears.front - ears.back
    side = ears.half_width

    def at(z: float, y: float) -> tuple[float, float]:
        return float(np.rad2deg(np.arctan2(side, z - chart.centre[2]))), y

    line = [(angle, brow + up) for angle, up in FRONT]
    line += [at(ears.front + before, ears.top + up) for before, up in SIDEBURN]
    line += [at(ears.front - share * depth, ears.top + up) for share, up in BEHIND]
    line += [(angle, brow + up) for angle, up in NAPE]
    line = np.array(line)
    steps = np.linalg.norm(np.diff(line * [1.3, 1.0], axis=0), axis=1)  # a degree is about 1.3 mm
    along = np.concatenate([[0.0], np.cumsum(steps)])
    dense = np.arange(0, along[-1], LINE_STEP)
    angle, height = (np.interp(dense, along, line[:, column]) for column in range(2))
    points = _on_head(model, chart, ears, np.deg2rad(angle), height)
    corners = np.concatenate([line, [(181.0, line[-1, 1]), (181.0, 999.0), (-1.0, 999.0)]])
    corners = np.concatenate([corners, [(-1.0, line[0, 1])]])
    return _Hairline(corners, cKDTree(points), chart)


def _on_head(
    model: FaceModel, chart: HeadChart, ears: Ears, angle: np.ndarray, height: np.ndarray
) -> np.ndarray:
    """(k, 3) mm: places on the left of the mean head, not on its ear, by angle and height."""
    skin = model.triangles[model.region("skin")]
    skin = skin[~ears.near[skin].any(axis=1)]
    outward = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=1)
    start = chart.centre + RAY_FROM * outward
    start[:, 1] = height
    hits = SurfaceTree(model.mean, skin, backend="numba").along(start, -outward)
    return hits.points[hits.distance_mm < RAY_FROM - 10]


def root_frames(
    roots: ScalpRoots, vertices: np.ndarray, triangles: np.ndarray, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places (m, 3) mm and unit normals (m, 3) of chosen roots on a head.

    Args:
        roots: of the model.
        vertices: (n_vertices, 3) mm.
        triangles: (t, 3) of the model.
        chosen: (m,) indices into the roots.
    """
    corners = triangles[roots.triangle[chosen]]
    weights = roots.barycentric[chosen].astype(np.float64)
    place = np.einsum("nk,nkd->nd", weights, vertices[corners])
    normal = np.einsum("nk,nkd->nd", weights, vertex_normals(vertices, triangles)[corners])
    return place, normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
