"""Relief of a rigged head in two parts: what stays at rest, and what expressions fold.

    height(uv) = resting(uv) + folds(uv) * sum_z zone_z(uv) * clip(sum_k gain_zk * weight_k, 0, 1.5)

With the weights of the fitted expression every zone's sum is 1, and the height is that of the
photo; a zone that nothing moves has no folds. A gain is how much an expression of weight 1
squeezes the skin across the head's own wrinkles in a zone, over what the fitted expression does;
what stretches them counts against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from lib.artefacts import FaceFit, Surface
from lib.facemodel import FaceModel
from lib.geometry.strain import RestingSkin
from lib.render import interpolate, uv_buffers
from lib.shading.wrinkles import TWICE, six_of, wrinkle_ways
from lib.uvspace.grid import Grid, outer_skin

MOST = 1.5  # times the folds of the photo
LEAST_SQUEEZE = 0.02  # of the fitted expression, below which a zone does not move
SIDE = 256  # texels a side at which gains are worked out, and of the zones' picture
ZONES: Mapping[str, tuple[int, ...]] = {  # name -> iBUG points about which it lies
    "forehead_right": (18, 19),
    "forehead_left": (24, 25),
    "between_brows": (21, 22, 27),
    "eye_right": (36, 37, 40, 41),
    "eye_left": (44, 45, 46, 47),
    "nose": (29, 30, 31, 35),
    "cheek_right": (3, 48, 31),
    "cheek_left": (13, 54, 35),
    "mouth_and_chin": (51, 57, 8),
}
RAISED_MM = {"forehead_right": 22.0, "forehead_left": 22.0}  # above their points
REACH_MM = 14.0
FORMULA = (
    "height_mm = resting + folds * sum over zones of zone * clip(sum over expressions of "
    f"gain * weight, 0, {MOST})"
)


@dataclass(frozen=True)
class Wrinkles:
    """The two parts of a head's relief and what drives the second.

    Args:
        resting_mm: (rows, cols) along the normal, outwards +.
        folds_mm: (rows, cols) of the fitted expression.
        zones: (rows, cols, n_zones) float32, sum 1 on the face.
        gains: (n_zones, n_expression).
    """

    resting_mm: np.ndarray
    folds_mm: np.ndarray
    zones: np.ndarray
    gains: np.ndarray

    def height_mm(self, expression: np.ndarray) -> np.ndarray:
        """(rows, cols) float32 relief with weights (n_expression,)."""
        amount = np.clip(self.gains @ expression, 0, MOST).astype(np.float32)
        share = self.zones @ amount
        if share.shape != self.folds_mm.shape:
            size = self.folds_mm.shape[::-1]
            share = cv2.resize(share, size, interpolation=cv2.INTER_LINEAR)
        return self.resting_mm + self.folds_mm * share


def head_wrinkles(model: FaceModel, fit: FaceFit, surface: Surface) -> Wrinkles:
    """The relief of a surface in two parts.

    Args:
        model: the fitted head model.
        fit: gives the resting face and the expression of the photo.
        surface: told by shading.
    """
    distance = surface.distance_mm.astype(np.float32)
    share = surface.expression_share.astype(np.float32)
    zones = zone_weights(model, SIDE)
    gains = np.zeros((len(ZONES), model.n_expression), np.float32)
    if share.any():
        gains = _gains(model, fit, surface, zones)
    moving = zones @ gains.any(axis=1).astype(np.float32)
    size = share.shape[::-1]
    share = share * cv2.resize(moving, size, interpolation=cv2.INTER_LINEAR)
    zones = zones * gains.any(axis=1) / np.maximum(moving, 1e-6)[..., None]
    return Wrinkles(distance * (1 - share), distance * share, zones, gains)


def zone_weights(model: FaceModel, side: int) -> np.ndarray:
    """(side, side, n_zones) float32 of the chart; they sum to 1 wherever a zone is near."""
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    near = []
    for name, points in ZONES.items():
        place = marks[list(points)] + [0, RAISED_MM.get(name, 0.0), 0]
        away = np.linalg.norm(model.mean[:, None] - place[None], axis=2).min(axis=1)
        near.append(np.exp(-0.5 * (away / REACH_MM) ** 2))
    weight = np.stack(near, axis=1) + 1e-6
    weight /= weight.sum(axis=1, keepdims=True)
    buffers = uv_buffers(model.uv, model.uv_triangles, (side, side))
    return interpolate(buffers, weight.astype(np.float32), model.triangles)


def _gains(model: FaceModel, fit: FaceFit, surface: Surface, zones: np.ndarray) -> np.ndarray:
    """(n_zones, n_expression) float32."""
    grid, relief, folds = _reduced(surface)
    weight = zones * np.where(grid.mask, np.abs(folds), 0)[..., None]
    weight /= np.maximum(weight.sum(axis=(0, 1)), 1e-9)
    vertex, counts = _at_vertices(model, weight, wrinkle_ways(grid, relief))
    in_face = np.zeros(model.n_vertices, bool)
    in_face[vertex] = True
    near = outer_skin(model) & in_face[model.triangles].any(axis=1)
    skin = RestingSkin(fit.vertices, model.triangles[near])

    def squeezed(offset: np.ndarray) -> np.ndarray:
        return counts @ six_of(skin.squeeze(fit.vertices + offset)[vertex]).ravel()

    each = np.stack([squeezed(offset) for offset in model.expression_basis], axis=1)
    whole = each @ fit.expression[fit.frontal_view]
    moving = whole > LEAST_SQUEEZE
    return np.where(moving[:, None], each / np.where(moving, whole, 1)[:, None], 0)


def _at_vertices(
    model: FaceModel, weight: np.ndarray, way: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What a tensor at vertices counts for the mean squeeze of each zone.

    Args:
        model: the head model.
        weight: (rows, cols, n_zones) of the texels.
        way: (rows, cols, 6) of `wrinkle_ways`.

    Returns:
        (n,) vertices that count; (n_zones, 6 n), to be multiplied with their tensors.
    """
    rows = outer_skin(model)
    buffers = uv_buffers(model.uv, model.uv_triangles[rows], weight.shape[:2])
    used = buffers.mask & weight.any(axis=2)
    corner = model.triangles[rows][buffers.triangle_id[used]]
    vertex, place = np.unique(corner, return_inverse=True)
    along = way[used] * TWICE
    result = np.zeros((weight.shape[2], len(vertex), 6))
    for zone, share in enumerate(weight[used].T):
        told = buffers.barycentric[used][..., None] * (share[:, None] * along)[:, None]
        np.add.at(result[zone], place.reshape(corner.shape), told)
    return vertex, result.reshape(len(result), -1)


def _reduced(surface: Surface) -> tuple[Grid, np.ndarray, np.ndarray]:
    """Grid, relief and its folds at `SIDE` texels a side."""
    step = max(1, len(surface.distance_mm) // SIDE)
    size = (SIDE, SIDE)
    known = np.isfinite(surface.position_mm[..., 0])
    rows = slice(step // 2, None, step)

    def cut(values: np.ndarray) -> np.ndarray:
        smooth = cv2.GaussianBlur(np.nan_to_num(values).astype(np.float32), (0, 0), step / 2)
        return cv2.resize(smooth[rows, rows], size, interpolation=cv2.INTER_LINEAR)

    mask = cv2.resize(known[rows, rows].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    position = cv2.resize(np.nan_to_num(surface.position_mm[rows, rows]), size)
    normal = cv2.resize(np.nan_to_num(surface.normal[rows, rows]), size)
    relief = surface.distance_mm.astype(np.float32)
    grid = Grid(position * mask[..., None], normal * mask[..., None], mask)
    return grid, cut(relief), cut(relief * surface.expression_share.astype(np.float32))
