"""From the arrays of somebody's head model to ours: frame, eyes, atlas, landmarks, parts, albedo.

A converter reads its source into a `HeadSource`; what a source does not have is made by rule here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from scipy.spatial import cKDTree

from lib.errors import ConfigError
from lib.facemodel.atlas import bordered_chart, head_atlas
from lib.facemodel.contour import contour_lines
from lib.facemodel.eyeballs import RADIUS, Eyeballs, eyeball_points, make_eyeballs
from lib.facemodel.frontal import FrontalView
from lib.facemodel.model import FaceModel, SurfacePoints
from lib.facemodel.parts import face_parts, inside_polygon
from lib.facemodel.skin_fields import albedo_basis, skin_fields

logger = logging.getLogger(__name__)

N_ALBEDO = 32
BELOW_CHIN = 3.0  # mm
LIDS_BEFORE_CENTRE = 10.5  # mm from the eyeball's centre to the middle of the lid rim
FILLED_WITHIN = 8.0  # mm behind the lids; skin deeper than that is the far side of the head
OUTER_CORNERS = (70.0, 110.0)  # mm between the outer corners of the eyes of any head
FOREHEAD = 48.0  # mm of face above the brows
LID_REACH, LID_THICKNESS = 1.2, 0.3  # of the opening; mm
MIRROR_ROUNDS = 3
MOST_SET_BACK = 4.0  # mm
EYE_COLOUR = (0.62, 0.58, 0.55)
REGIONS = ("skin", "eye_right", "eye_left")


@dataclass(frozen=True)
class SourceAlbedo:
    """Colours that a source brings itself: mean (n, 3) and basis (n_albedo, n, 3), 0..1."""

    mean: np.ndarray
    basis: np.ndarray
    encoding: Literal["linear", "srgb"]


@dataclass(frozen=True)
class HeadSource:
    """A head model as it comes, in mm; x to the subject's left, y up, z to the front.

    Args:
        name: of the model.
        mean: (n, 3), anywhere.
        identity: (n_identity, n, 3) mm per sigma.
        expression: (n_expression, n, 3) mm at weight 1.
        expression_names: ARKit names where the expression is one of the 52.
        not_free: names that fitting leaves at 0.
        triangles: (t, 3), counter-clockwise from outside.
        uv: (n_uv, 2) 0..1, origin bottom-left; None = a chart is made.
        uv_triangles: (t, 3); None likewise.
        ibug68: the 68 points.
        mirror: (n,) vertex on the other side; None = the nearest to the mirrored place.
        face: (n,) bool, the face without ears and neck; None = by rule.
        licence: of the data.
        origin: what it is and where it is from.
        region: (t,) index into `REGIONS` of each triangle; None = by rule, which may add eyeballs.
        albedo: colours of the source; None = human skin colours by rule.
        expression_prior: see `FaceModel`.
        landmarks: further schemes of the source.
        parts: parts of the source; those of the same name by rule give way.
        contour33: see `FaceModel`.
    """

    name: str
    mean: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    expression_names: tuple[str, ...]
    not_free: tuple[str, ...]
    triangles: np.ndarray
    uv: np.ndarray | None
    uv_triangles: np.ndarray | None
    ibug68: SurfacePoints
    mirror: np.ndarray | None
    face: np.ndarray | None
    licence: str
    origin: str
    region: np.ndarray | None = None
    albedo: SourceAlbedo | None = None
    expression_prior: Literal["weight", "normal"] = "weight"
    landmarks: Mapping[str, SurfacePoints] = field(default_factory=dict)
    parts: Mapping[str, np.ndarray] = field(default_factory=dict)
    contour33: tuple[np.ndarray, ...] = ()


def assemble_head(source: HeadSource) -> FaceModel:
    """The head model of a source.

    Open lids get plain eyeballs behind them; where the mesh closes them, its triangles between the
    lids are the eyes. What is placed by rule is placed on the symmetric part of the mean, which
    itself stays.

    Raises:
        ConfigError: the head is not in mm, not upright or inside out, or its chart is no chart.
    """
    source, marks = _in_our_frame(source)
    n, symmetric = len(source.mean), source.mean.copy()
    mirror = _mirror(source)
    symmetric = (symmetric + symmetric[mirror] * [-1, 1, 1]) / 2
    region, balls = _eyes(source, symmetric, marks)
    uv, uv_triangles = _atlas(source, balls)
    if balls is not None:
        source, mirror = _with_eyeballs(source, balls), mirror_with_eyeballs(mirror, balls)
        symmetric = np.concatenate([symmetric, balls.vertices])
    n_all = len(source.mean)
    eyes = tuple(_vertices_of(source.triangles, region == side, n_all) for side in (1, 2))
    skin = _vertices_of(source.triangles, region == 0, n_all)
    lips = lip_red(symmetric, skin, marks)
    albedo = source.albedo or _pigments(symmetric, skin, marks, lips, (eyes[0] | eyes[1]) & ~skin)
    face = _face(symmetric, marks) if source.face is None else source.face
    face = np.concatenate([face[:n], np.zeros(n_all - n, bool)])
    face &= symmetric[:, 1] > marks[8, 1] - BELOW_CHIN
    face[source.parts.get("skin", [])] = True
    behind_ears = (symmetric[:, 2] < marks[0, 2] - 2) & (symmetric[:, 1] > marks[3, 1])
    five = five_points(symmetric, source.triangles, region > 0, marks, source.ibug68)
    return FaceModel(
        name=source.name,
        mean=source.mean.astype(np.float32),
        identity_basis=source.identity.astype(np.float32),
        expression_basis=source.expression.astype(np.float32),
        expression_names=source.expression_names,
        free_expressions=~np.isin(source.expression_names, source.not_free),
        triangles=source.triangles.astype(np.int32),
        triangle_region=region.astype(np.int32),
        region_names=REGIONS,
        mirror=mirror.astype(np.int32),
        uv=uv.astype(np.float32),
        uv_triangles=uv_triangles.astype(np.int32),
        albedo_mean=albedo.mean.astype(np.float32),
        albedo_basis=albedo.basis.astype(np.float32),
        landmarks={"ibug68": source.ibug68, "points5": five} | dict(source.landmarks),
        contour=contour_lines(symmetric, marks[:17], skin & ~behind_ears, mirror),
        parts=face_parts(symmetric, source.triangles, skin, marks, lips, face, eyes)
        | dict(source.parts),
        licence=source.licence,
        source=source.origin,
        expression_prior=source.expression_prior,
        albedo_encoding=albedo.encoding,
        contour33=source.contour33,
    )


def _atlas(source: HeadSource, balls: Eyeballs | None) -> tuple[np.ndarray, np.ndarray]:
    """Chart coordinates and triangles of the head and of eyeballs that come with it."""
    if source.uv is None or source.uv_triangles is None:
        return bordered_chart(source.mean, source.triangles)
    uv, uv_triangles, n_moved = head_atlas(source.uv, source.uv_triangles, balls)
    if n_moved:
        logger.info("%d triangles across seams of the chart have a place of their own", n_moved)
    return uv, uv_triangles


def _in_our_frame(source: HeadSource) -> tuple[HeadSource, np.ndarray]:
    """The source with its origin between the eyes, and (68, 3) mm of its symmetric landmarks."""
    marks = source.ibug68.on(source.mean.astype(np.float64), source.triangles)
    wide = float(np.linalg.norm(marks[45] - marks[36]))
    if not OUTER_CORNERS[0] < wide < OUTER_CORNERS[1]:
        raise ConfigError(
            f"The outer corners of the eyes of {source.name}'s mean are {wide:.4g} apart, expected "
            f"{OUTER_CORNERS[0]:.0f} to {OUTER_CORNERS[1]:.0f} mm. Either these are not the "
            "published coefficients of the mean, or the unit is not mm; get the file again."
        )
    if not (marks[45, 0] > marks[36, 0] and marks[27, 1] > marks[8, 1] and
            marks[30, 2] > marks[[0, 16], 2].max()):  # fmt: skip
        raise ConfigError(
            f"The mean of {source.name} does not look along +z with the subject's left at +x and "
            "up at +y. Expected the published file; get it again."
        )
    centre = (marks[36:42].mean(axis=0) + marks[42:48].mean(axis=0)) / 2
    origin = centre - [0, 0, LIDS_BEFORE_CENTRE]
    mean = source.mean - origin
    corners = mean[source.triangles]
    if np.einsum("ti,ti->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) < 0:
        raise ConfigError(
            f"The triangles of {source.name} show their inside, expected counter-clockwise "
            "corners seen from outside. Get the published file again."
        )
    return replace(source, mean=mean), marks - origin


def _mirror(source: HeadSource) -> np.ndarray:
    """(n,) the vertex on the other side of each."""
    if source.mirror is not None:
        there = source.mirror
        whole = np.array_equal(np.sort(there), np.arange(len(source.mean)))
        if whole and np.array_equal(there[there], np.arange(len(there))):
            return there
        logger.warning("%s: its table of symmetric vertices is none; not used", source.name)
    tree, middle = cKDTree(source.mean), 0.0
    for _ in range(MIRROR_ROUNDS):  # the middle of the eyes is not quite that of the head
        distance, there = tree.query((source.mean - [2 * middle, 0, 0]) * [-1, 1, 1])
        middle = float(np.median(source.mean[:, 0] + source.mean[there, 0])) / 2
    logger.info(
        "%s: vertices find their mirror image within %.2f mm (median), %.2f mm (95 %%)",
        source.name, np.median(distance), np.quantile(distance, 0.95),
    )  # fmt: skip
    return there


def _eyes(
    source: HeadSource, symmetric: np.ndarray, marks: np.ndarray
) -> tuple[np.ndarray, Eyeballs | None]:
    """(t,) region of each triangle, with those of eyeballs that are to be added, and these."""
    if source.region is not None:
        return source.region, None
    lids = (marks[36:42], marks[42:48])
    between = np.stack([lid.mean(axis=0) for lid in lids])
    view = FrontalView(symmetric, source.triangles, np.ones(len(source.triangles), bool))
    depth = np.nan_to_num(view.depth(between[:, :2]), nan=-np.inf)
    if (depth > between[:, 2] - FILLED_WITHIN).all():
        return between_lids(source.mean, source.triangles, marks), None
    region = np.zeros(len(source.triangles), np.int64)
    balls = make_eyeballs((marks + _other_side(marks)) / 2)
    balls = _behind_lids(balls, source, lids)
    return np.concatenate([region, np.repeat([1, 2], len(balls.uv_triangles))]), balls


def between_lids(mean: np.ndarray, triangles: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """(t,) 1 and 2 for triangles between the lids of the right and left eye, else 0.

    Args:
        mean: (n, 3) mm.
        triangles: (t, 3).
        marks: (68, 3) mm, in the frame of `mean`.
    """
    region = np.zeros(len(triangles), np.int64)
    middle = mean[triangles].mean(axis=1)
    for side, lid in enumerate((marks[36:42], marks[42:48])):
        near = middle[:, 2] > lid[:, 2].mean() - FILLED_WITHIN
        region[inside_polygon(middle[:, :2], lid[:, :2]) & near] = side + 1
    return region


def _behind_lids(
    balls: Eyeballs, source: HeadSource, lids: tuple[np.ndarray, np.ndarray]
) -> Eyeballs:
    """Eyeballs set back so that they show through neither open lids nor shut ones."""
    blinks = [k for k, name in enumerate(source.expression_names) if name.startswith("eyeBlink")]
    shut = source.mean + source.expression[blinks].sum(axis=0)
    back, every = 0.0, np.ones(len(source.triangles), bool)
    for vertices in (source.mean, shut):
        for side, lid in enumerate(lids):
            middle = lid.mean(axis=0)
            outline = (middle + LID_REACH * (lid - middle))[:, :2]
            low, high = outline.min(axis=0), outline.max(axis=0)
            grid = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high))), axis=-1)
            places = grid.reshape(-1, 2)[inside_polygon(grid.reshape(-1, 2), outline)]
            window = (*(low - 1), *(high + 1))
            front = FrontalView(vertices, source.triangles, every, window).depth(places)
            ball = balls.vertices[side * balls.n_each : (side + 1) * balls.n_each]
            centre = (ball.min(axis=0) + ball.max(axis=0)) / 2
            inside = RADIUS**2 - ((places - centre[:2]) ** 2).sum(axis=1)
            skin = (inside > 0) & (front > middle[2] - FILLED_WITHIN)
            depth = centre[2] + np.sqrt(inside[skin]) + LID_THICKNESS - front[skin]
            back = max(back, float(np.quantile(depth, 0.98)) if len(depth) else 0.0)
    logger.info("eyeballs set back by %.2f mm behind the lids", min(back, MOST_SET_BACK))
    return replace(balls, vertices=balls.vertices - [0, 0, min(back, MOST_SET_BACK)])


def _other_side(marks: np.ndarray) -> np.ndarray:
    """(68, 3) marks of the lids, seen in a mirror; the others as they are."""
    result = marks.copy()
    pairs = dict(zip((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46)))
    for right, left in pairs.items():
        result[right], result[left] = marks[left] * [-1, 1, 1], marks[right] * [-1, 1, 1]
    return result


def _with_eyeballs(source: HeadSource, balls: Eyeballs) -> HeadSource:
    still = np.zeros((len(source.expression), len(balls.vertices), 3), source.expression.dtype)
    return replace(
        source,
        mean=np.concatenate([source.mean, balls.vertices]),
        identity=np.concatenate([source.identity, follow_lids(source.identity, source, balls)], 1),
        expression=np.concatenate([source.expression, still], axis=1),
        triangles=np.concatenate([source.triangles, balls.triangles + len(source.mean)]),
    )


def follow_lids(field: np.ndarray, source: HeadSource, balls: Eyeballs) -> np.ndarray:
    """(k, 2 n_each, 3): eyeballs that move as the mean of their lid points does in (k, n, 3)."""
    points = source.ibug68.on(field, source.triangles)
    lids = [points[:, lid].mean(axis=1, keepdims=True) for lid in (range(36, 42), range(42, 48))]
    return np.repeat(np.concatenate(lids, axis=1), balls.n_each, axis=1)


def mirror_with_eyeballs(mirror: np.ndarray, balls: Eyeballs) -> np.ndarray:
    """The table of mirrored vertices continued over eyeballs that come after them."""
    right = len(mirror) + balls.mirror_of_each
    return np.concatenate([mirror, right + balls.n_each, right])


def _face(symmetric: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """(n,) bool: before the ears and below the hairline."""
    before_ears = symmetric[:, 2] > marks[[0, 16], 2].mean() + 2
    return before_ears & (symmetric[:, 1] < marks[[19, 24], 1].mean() + FOREHEAD)


def lip_red(mean: np.ndarray, skin: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """(n,) 1 within the outer lip line; what lies behind it belongs to the mouth."""
    inside = inside_polygon(mean[:, :2], marks[48:60, :2])
    return (inside & skin & (mean[:, 2] > marks[48, 2] - 2)).astype(float)


def _pigments(
    mean: np.ndarray, skin: np.ndarray, marks: np.ndarray, lips: np.ndarray, eyes: np.ndarray
) -> SourceAlbedo:
    """Skin colours by rule, and plain eyes."""
    albedo_mean, modes = pigment_albedo(mean, skin, marks, lips)
    albedo_mean[eyes] = EYE_COLOUR
    return SourceAlbedo(albedo_mean, modes, "linear")


def pigment_albedo(
    mean: np.ndarray, skin: np.ndarray, marks: np.ndarray, lips: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean (n, 3) and modes (32, n, 3) of human skin colours; modes only where `skin` is set."""
    fields = skin_fields(mean, marks, lips, np.zeros(len(mean)))
    albedo_mean, modes, _ = albedo_basis(fields, N_ALBEDO)
    modes[:, ~skin] = 0
    return albedo_mean.astype(np.float32), modes.astype(np.float32)


def vertex_points(
    vertices: np.ndarray, triangles: np.ndarray, allowed: np.ndarray, sigma: np.ndarray
) -> SurfacePoints:
    """Vertices as surface points: the first allowed triangle at each, all weight on its corner.

    Raises:
        ConfigError: a vertex is in none of these triangles.
    """
    rows = np.flatnonzero(allowed)
    triangle, weights = np.zeros(len(vertices), np.int32), np.zeros((len(vertices), 3), np.float32)
    for index, vertex in enumerate(vertices):
        at = triangles[rows] == vertex
        if not at.any():
            raise ConfigError(
                f"Landmark {index} is vertex {vertex}, which is in no triangle of the mesh; "
                "expected landmarks and mesh of one model. Get both from the same release."
            )
        triangle[index] = rows[at.any(axis=1).argmax()]
        weights[index, at[at.any(axis=1).argmax()].argmax()] = 1
    return SurfacePoints(triangle, weights, sigma.astype(np.float32))


def five_points(
    mean: np.ndarray,
    triangles: np.ndarray,
    eyes: np.ndarray,
    marks: np.ndarray,
    ibug68: SurfacePoints,
) -> SurfacePoints:
    """Front of each eyeball at the middle of the lids, nose tip, mouth corners."""
    wanted = np.stack([marks[36:42].mean(axis=0), marks[42:48].mean(axis=0)])
    triangle, weights = eyeball_points(wanted, mean, triangles, eyes)
    rest = [30, 48, 54]
    return SurfacePoints(
        np.concatenate([triangle, ibug68.triangle[rest]]).astype(np.int32),
        np.concatenate([weights, ibug68.barycentric[rest]]).astype(np.float32),
        np.array([2.0, 2.0, *ibug68.sigma_mm[rest]], np.float32),
    )


def _vertices_of(triangles: np.ndarray, chosen: np.ndarray, n_vertices: int) -> np.ndarray:
    mask = np.zeros(n_vertices, bool)
    mask[triangles[chosen]] = True
    return mask
