"""The same places of skin on two charts: that of our head model, and that of another head.

The two heads have another topology and another shape. The other head is brought to ours by a
similarity and a smooth warp through their 68 points; then our surface is drawn onto it, offset by
offset, each smoothed over the skin; then each texel's place is the nearest point of the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from lib.displacement.template import Template
from lib.facemodel import FaceModel
from lib.facemodel.chart import border_loops
from lib.geometry import SurfaceTree, vertex_normals
from lib.render import interpolate, uv_buffers
from lib.uvspace.grid import outer_skin

INNER = slice(17, 68)  # points that are defined on the skin; those of the jaw slide
WARP_SMOOTHING = 1.0
ROUNDS_MM = (16.0, 8.0, 5.0, 3.0)  # smoothing of each round of offsets
NEIGHBOURS = 24
FAR_MM = 12.0  # nearest points farther than this say nothing
CLOSE_MM = 4.0  # after the rounds: farther places do not correspond
SAME_SIDE = 0.3  # cosine of the normals of places that correspond
MAP_SIZE = 1024  # texels at which nearest points are looked up; finer maps are interpolated


@dataclass(frozen=True)
class ChartMap:
    """Where each texel of one chart lies on the other; NaN = nowhere.

    Args:
        to_theirs: (rows, cols, 2) uv on their chart, for each texel of ours.
        to_ours: (rows, cols, 2) uv on our chart, for each texel of theirs.
    """

    to_theirs: np.ndarray
    to_ours: np.ndarray


@dataclass(frozen=True)
class _Charted:
    """A surface with its chart, both by triangle."""

    vertices: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    uv_triangles: np.ndarray


def build_chart_map(model: FaceModel, template: Template, size: int = MAP_SIZE) -> ChartMap:
    """Texels of the face on both charts, `size` texels a side.

    Args:
        model: our head; only its face takes part.
        template: the other head.
        size: rows and columns of both maps.
    """
    ours = _face(model)
    theirs = _Charted(
        _aligned(model, template), template.triangles, template.uv, template.uv_triangles
    )
    drawn = _Charted(_drawn_onto(ours, theirs), ours.triangles, ours.uv, ours.uv_triangles)
    return ChartMap(_places(drawn, theirs, size), _places(theirs, drawn, size))


def _face(model: FaceModel) -> _Charted:
    """The outer skin whose corners all belong to the face."""
    inside = np.zeros(model.n_vertices, bool)
    inside[model.parts["face_mask"]] = True
    rows = outer_skin(model) & inside[model.triangles].all(axis=1)
    used, triangles = np.unique(model.triangles[rows], return_inverse=True)
    return _Charted(
        model.mean[used].astype(np.float64),
        triangles.reshape(-1, 3),
        np.asarray(model.uv, np.float64),
        model.uv_triangles[rows],
    )


def _aligned(model: FaceModel, template: Template) -> np.ndarray:
    """(n, 3) mm the other head's vertices, its points on ours."""
    target = model.landmarks["ibug68"].on(model.mean, model.triangles).astype(np.float64)[INNER]
    source = template.landmarks[INNER]
    scale, rotation, shift = similarity(source, target)
    moved = scale * template.vertices @ rotation.T + shift
    source = scale * source @ rotation.T + shift
    warp = RBFInterpolator(source, target - source, smoothing=WARP_SMOOTHING)
    # Far from the points a thin plate runs away: the warp fades with distance.
    away = cKDTree(source).query(moved)[0]
    return moved + warp(moved) * np.exp(-0.5 * (away / 40.0) ** 2)[:, None]


def similarity(source: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation (3, 3) and shift (3,) with target = scale * source @ rotation.T + shift.

    Source: Umeyama 1991, Least-squares estimation of transformation parameters (PAMI 13(4)).
    """
    middle, goal = source.mean(axis=0), target.mean(axis=0)
    left, strength, right = np.linalg.svd((target - goal).T @ (source - middle))
    turn = np.diag([1, 1, np.sign(np.linalg.det(left @ right))])
    rotation = left @ turn @ right
    scale = float((strength * np.diag(turn)).sum() / ((source - middle) ** 2).sum())
    return scale, rotation, goal - scale * rotation @ middle


def _drawn_onto(ours: _Charted, theirs: _Charted) -> np.ndarray:
    """(n, 3) our vertices moved onto their surface, neighbours alike."""
    tree = SurfaceTree(theirs.vertices, theirs.triangles)
    vertices = ours.vertices.copy()
    distance, neighbour = cKDTree(ours.vertices).query(ours.vertices, NEIGHBOURS)
    for sigma in ROUNDS_MM:
        near = tree.nearest(vertices)
        offset = near.points - vertices
        trusted = (near.distance_mm < FAR_MM).astype(float)
        for _ in range(4):
            weight = np.exp(-0.5 * (distance / sigma) ** 2) * trusted[neighbour]
            total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
            offset = np.einsum("nk,nkd->nd", weight, offset[neighbour]) / total
        vertices = vertices + offset
    return vertices


def _places(source: _Charted, target: _Charted, size: int) -> np.ndarray:
    """(size, size, 2) the target's uv at the source's texels, NaN where nothing is near."""
    buffers = uv_buffers(source.uv, source.uv_triangles, (size, size))
    mask = buffers.mask
    normals = vertex_normals(source.vertices, source.triangles)
    values = interpolate(buffers, np.column_stack([source.vertices, normals]), source.triangles)
    points, normal = values[mask][:, :3], values[mask][:, 3:]
    near = SurfaceTree(target.vertices, target.triangles).nearest(points)
    their_normal = vertex_normals(target.vertices, target.triangles)
    their_normal = np.einsum(
        "nkd,nk->nd", their_normal[target.triangles[near.triangles]], near.barycentric
    )
    length = np.linalg.norm(normal, axis=1) * np.linalg.norm(their_normal, axis=1)
    cosine = (normal * their_normal).sum(axis=1) / np.maximum(length, 1e-9)
    uv = np.einsum("nkd,nk->nd", target.uv[target.uv_triangles[near.triangles]], near.barycentric)
    inner = ~_on_border(target)[target.triangles[near.triangles]]
    within = (near.barycentric * inner).sum(axis=1) > 1e-9  # else beyond the end of the surface
    good = (near.distance_mm < CLOSE_MM) & (cosine > SAME_SIDE) & within
    result = np.full((size, size, 2), np.nan, np.float32)
    result[mask] = np.where(good[:, None], uv, np.nan)
    return result


def _on_border(surface: _Charted) -> np.ndarray:
    """(n,) bool: vertices where the surface ends."""
    result = np.zeros(len(surface.vertices), bool)
    for loop in border_loops(surface.triangles):
        result[loop] = True
    return result


def finer(places: np.ndarray, size: int) -> np.ndarray:
    """(size, size, 2) float32 a map of places at another size; NaN as far as it was NaN around."""
    if len(places) == size:
        return places
    known = np.isfinite(places).all(axis=2)
    filled = np.where(known[..., None], places, 0).astype(np.float32)
    share = cv2.resize(known.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    value = cv2.resize(filled, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.where((share > 1 - 1e-4)[..., None], value, np.nan).astype(np.float32)
