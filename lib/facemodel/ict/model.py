"""ICT-FaceKit as a head model: our frame, regions, atlas, landmarks, parts and pigment albedo."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from lib.facemodel.assemble import (
    BELOW_CHIN,
    LIDS_BEFORE_CENTRE,
    five_points,
    lip_red,
    mirror_with_eyeballs,
    pigment_albedo,
    vertex_points,
)
from lib.facemodel.contour import contour_lines
from lib.facemodel.eyeballs import Eyeballs, make_eyeballs
from lib.facemodel.ict.source import (
    MIRROR_TOLERANCE,
    NARROW_FACE,
    REGION_STARTS,
    REPOSITORY,
    IctSource,
)
from lib.facemodel.landmark_rules import ibug68_sigma
from lib.facemodel.model import FaceModel
from lib.facemodel.parts import face_parts

NOT_FREE = ("mouthClose", "tongueOut")
FACE_TILE_WIDTH = 0.74  # of the atlas; the other tiles share the rest
INSIDE_COLOURS = {
    "mouth": (0.30, 0.09, 0.08),
    "socket_left": (0.45, 0.20, 0.16),
    "socket_right": (0.45, 0.20, 0.16),
    "tongue": (0.40, 0.15, 0.14),
    "teeth": (0.70, 0.64, 0.52),
    "eye_left": (0.62, 0.58, 0.55),
    "eye_right": (0.62, 0.58, 0.55),
}


def ict_model(source: IctSource) -> FaceModel:
    """The head model of ICT-FaceKit; eyeballs are added where the source has none."""
    names, expression = _arkit(source)
    marks = source.mean[source.landmarks]
    centre = (marks[36:42].mean(axis=0) + marks[42:48].mean(axis=0)) / 2
    mean = source.mean - [0, centre[1], centre[2] - LIDS_BEFORE_CENTRE]
    marks = mean[source.landmarks]
    balls = None
    if len(mean) <= REGION_STARTS[4][0]:
        balls = make_eyeballs(marks)
    shape = _Shape.of(source, mean, expression, balls)
    region = _regions(shape.triangles, len(mean), balls)
    uv, uv_triangles = _atlas(source, balls)
    skin = np.zeros(len(shape.mean), bool)
    skin[shape.triangles[region == 0]] = True
    mirror = _mirror(shape.mean, len(mean), balls)
    lips = lip_red(shape.mean, skin, marks)
    albedo_mean, albedo_modes = _albedo(shape, region, skin, marks, lips)
    above_throat = shape.mean[:, 1] > marks[8, 1] - BELOW_CHIN
    face_mask = (np.arange(len(shape.mean)) < NARROW_FACE) & above_throat
    behind_ears = (shape.mean[:, 2] < marks[0, 2] - 2) & (shape.mean[:, 1] > marks[3, 1])
    eyes = tuple(_vertices_of(shape.triangles, region, name, len(shape.mean))
                 for name in ("eye_right", "eye_left"))  # fmt: skip
    ibug68 = vertex_points(source.landmarks, shape.triangles, region == 0, ibug68_sigma())
    balls_seen = np.isin(region, [_region_names().index(n) for n in ("eye_right", "eye_left")])
    five = five_points(shape.mean, shape.triangles, balls_seen, marks, ibug68)
    return FaceModel(
        name="ict",
        mean=shape.mean.astype(np.float32),
        identity_basis=shape.identity.astype(np.float32),
        expression_basis=shape.expression.astype(np.float32),
        expression_names=names,
        free_expressions=~np.isin(names, NOT_FREE),
        triangles=shape.triangles.astype(np.int32),
        triangle_region=region.astype(np.int32),
        region_names=_region_names(),
        mirror=mirror,
        uv=uv.astype(np.float32),
        uv_triangles=uv_triangles.astype(np.int32),
        albedo_mean=albedo_mean,
        albedo_basis=albedo_modes,
        landmarks={"ibug68": ibug68, "points5": five},
        contour=contour_lines(shape.mean, marks[:17], skin & ~behind_ears, mirror),
        parts=face_parts(shape.mean, shape.triangles, skin, marks, lips, face_mask, eyes),
        licence="MIT",
        source=f"ICT-FaceKit light, {REPOSITORY}, Copyright (c) 2020 USC Institute for Creative "
        "Technologies",
    )


class _Shape:
    """Mean, bases and triangles with the added eyeballs, which follow the lids."""

    def __init__(
        self,
        mean: np.ndarray,
        identity: np.ndarray,
        expression: np.ndarray,
        triangles: np.ndarray,
    ):
        self.mean = mean
        self.identity = identity
        self.expression = expression
        self.triangles = triangles

    @classmethod
    def of(
        cls, source: IctSource, mean: np.ndarray, expression: np.ndarray, balls: Eyeballs | None
    ) -> _Shape:
        if balls is None:
            return cls(mean, source.identity, expression, source.triangles)
        moved = [source.identity]
        for lids in (source.landmarks[36:42], source.landmarks[42:48]):
            follow = source.identity[:, lids].mean(axis=1, keepdims=True)
            moved.append(np.repeat(follow, balls.n_each, axis=1))
        still = np.zeros((len(expression), 2 * balls.n_each, 3), expression.dtype)
        return cls(
            np.concatenate([mean, balls.vertices]),
            np.concatenate(moved, axis=1),
            np.concatenate([expression, still], axis=1),
            np.concatenate([source.triangles, balls.triangles + len(mean)]),
        )


def _arkit(source: IctSource) -> tuple[tuple[str, ...], np.ndarray]:
    """ARKit names; the halves of browInnerUp and cheekPuff become the one that ARKit has."""
    shapes: dict[str, np.ndarray] = {}
    for name, shape in zip(source.expression_names, source.expression):
        stem = name.removesuffix("_L").removesuffix("_R")
        if stem in ("browInnerUp", "cheekPuff"):
            shapes[stem] = shapes.get(stem, 0) + shape
        else:
            shapes[name.replace("_L", "Left").replace("_R", "Right")] = shape
    return tuple(shapes), np.stack(list(shapes.values()))


def _region_names() -> tuple[str, ...]:
    return tuple(name for _, name in REGION_STARTS if name)


def _regions(triangles: np.ndarray, n_source: int, balls: Eyeballs | None) -> np.ndarray:
    starts = np.array([start for start, _ in REGION_STARTS])
    region = np.searchsorted(starts, triangles.max(axis=1), side="right") - 1
    if balls is not None:
        names = _region_names()
        added = triangles.max(axis=1) >= n_source
        left = triangles.max(axis=1) >= n_source + balls.n_each
        region[added & ~left] = names.index("eye_right")
        region[added & left] = names.index("eye_left")
    return region


def _atlas(source: IctSource, balls: Eyeballs | None) -> tuple[np.ndarray, np.ndarray]:
    """The face's tile on the left, every other tile in a cell of the column on the right."""
    corner_tile = np.floor(source.uv[source.uv_triangles].mean(axis=1)[:, 0]).astype(int)
    tile = np.zeros(len(source.uv), int)
    tile[source.uv_triangles] = corner_tile[:, None]
    uv = source.uv - np.stack([tile, np.zeros_like(tile)], axis=1)
    others = np.unique(tile[tile > 0])
    low, size = np.zeros((len(uv), 2)), np.ones((len(uv), 2))
    size[tile == 0, 0] = FACE_TILE_WIDTH
    rest = 1 - FACE_TILE_WIDTH
    n_small = len(others) - 1 + (2 if balls is not None else 0)
    cell = min(rest / 2, 0.45 / max((n_small + 1) // 2, 1))
    for rank, index in enumerate(others):
        here = tile == index
        if rank == 0:
            low[here], size[here] = (FACE_TILE_WIDTH, 0.45), (rest, 0.55)
        else:
            low[here], size[here] = _cell(rank - 1, cell), cell
    uv = low + (0.01 + 0.98 * uv) * size
    if balls is None:
        return uv, source.uv_triangles
    extra = [_cell(n_small - 2 + k, cell) + (0.02 + 0.96 * balls.uv) * cell for k in range(2)]
    shift = len(uv) + np.repeat([0, len(balls.uv)], len(balls.uv_triangles))
    return (
        np.concatenate([uv, *extra]),
        np.concatenate([source.uv_triangles, np.tile(balls.uv_triangles, (2, 1)) + shift[:, None]]),
    )


def _cell(index: int, size: float) -> np.ndarray:
    return np.array([FACE_TILE_WIDTH + (index % 2) * size, (index // 2) * size])


def _mirror(mean: np.ndarray, n_source: int, balls: Eyeballs | None) -> np.ndarray:
    distance, mirror = cKDTree(mean[:n_source]).query(mean[:n_source] * [-1, 1, 1])
    assert distance.max() < MIRROR_TOLERANCE, distance.max()
    if balls is not None:
        mirror = mirror_with_eyeballs(mirror, balls)
    return mirror.astype(np.int32)


def _albedo(
    shape: _Shape, region: np.ndarray, skin: np.ndarray, marks: np.ndarray, lips: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    mean, modes = pigment_albedo(shape.mean, skin, marks, lips)
    for name in _region_names():
        if name in INSIDE_COLOURS:
            owned = _vertices_of(shape.triangles, region, name, len(skin))
            mean[owned & ~skin] = INSIDE_COLOURS[name]
    return mean, modes


def _vertices_of(
    triangles: np.ndarray, region: np.ndarray, name: str, n_vertices: int
) -> np.ndarray:
    mask = np.zeros(n_vertices, bool)
    mask[triangles[region == _region_names().index(name)]] = True
    return mask
