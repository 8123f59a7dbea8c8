"""What a head model's UV chart fixes for every capture: where texels lie and what they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from lib.facemodel import FaceModel, base_texture
from lib.render import Buffers, interpolate, uv_buffers
from lib.texture.zones import Zones, find_zones
from lib.uvspace.membrane import Membrane, membrane
from lib.uvspace.mirror import mirrored_uv
from lib.uvspace.regions import features, region

FRONT_TEETH_MM, MOUTH_DEPTH_MM = 14.0, 25.0  # behind the lips; light falls to 1/e over the depth


@dataclass(frozen=True)
class Chart:
    """The texels of a model's chart. `n` counts the texels that a triangle owns.

    Args:
        buffers: rasterised chart, (n_rows, n_cols).
        texel: (n,) flat index of each owned texel.
        weights: (n, V) sparse float32: barycentric weights of the vertices at each texel.
        skin: (n,) bool: part of the skin's surface; else eyes, teeth, inside of the mouth.
        eye: (n,) bool: part of an eyeball.
        feature: (n,) 0..1: eyes, brows and lips, whose colours are not those of skin.
        central: (n,) 0..1: inside of the face, where nothing but face is expected.
        lids, brows, above_brows: (n,) 0..1 those of `zones`, of both sides.
        zones: places where other colours than skin's are expected, per vertex.
        mirror: (V,) vertex on the other side of the head.
        mirror_uv: (n, 2) where on the chart the texel's mirror image lies.
        membrane: Laplacian of the surface of the skin, and of each eyeball for itself.
        inner_albedo: (n, 3) float32 linear albedo of eyes, teeth and mouth.
    """

    buffers: Buffers
    texel: np.ndarray
    weights: sp.csr_matrix
    skin: np.ndarray
    eye: np.ndarray
    feature: np.ndarray
    central: np.ndarray
    lids: np.ndarray
    brows: np.ndarray
    above_brows: np.ndarray
    zones: Zones
    mirror: np.ndarray
    mirror_uv: np.ndarray
    membrane: Membrane
    inner_albedo: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        return self.buffers.triangle_id.shape

    def spread(self, attributes: np.ndarray) -> np.ndarray:
        """(n, C) float32 values at the texels of (V, C) values at the vertices."""
        return self.weights @ np.ascontiguousarray(attributes, np.float32)

    def gather(self, values: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means (V, C) at the vertices of (n, C) values at the texels, and the share seen (V,)."""
        columns = np.column_stack([values * weight[:, None], weight, np.ones_like(weight)])
        total = self.weights.T @ np.ascontiguousarray(columns, np.float32)
        mean = total[:, :-2] / np.maximum(total[:, -2:-1], 1e-9)
        return mean, total[:, -2] / np.maximum(total[:, -1], 1e-9)

    def picture(self, values: np.ndarray) -> np.ndarray:
        """(n_rows, n_cols, C) float32 texture of (n, C) values; 0 between the charts."""
        result = np.zeros((self.size[0] * self.size[1], values.shape[1]), np.float32)
        result[self.texel] = values
        return result.reshape(*self.size, -1)


def prepare_chart(model: FaceModel, uv_size: int) -> Chart:
    """The chart of a head model at `uv_size` texels a side; one serves all captures."""
    buffers = uv_buffers(model.uv, model.uv_triangles, (uv_size, uv_size))
    mask = buffers.mask
    triangle = buffers.triangle_id[mask]
    skin_triangle = region(model, "skin")
    middle = _central(model)
    per_vertex = np.stack([features(model), middle], axis=1)
    feature, central = interpolate(buffers, per_vertex, model.triangles)[mask].T
    eye_triangle = region(model, "eye")
    weights = _weights(model.triangles[triangle], buffers.barycentric[mask], model.n_vertices)
    inner = base_texture(model, uv_size).reshape(-1, 3)[np.flatnonzero(mask)]
    deep = (region(model, "teeth") | region(model, "tongue"))[triangle]
    inner[deep] *= (weights @ _light_in_mouth(model))[deep, None]
    zones = find_zones(model, middle)
    places = [zones.lids, zones.brows, zones.above_brows]
    lids, brows, above = (weights @ np.column_stack([z.max(axis=1) for z in places])).T
    return Chart(
        buffers=buffers,
        texel=np.flatnonzero(mask),
        weights=weights,
        skin=skin_triangle[triangle],
        eye=eye_triangle[triangle],
        feature=np.ascontiguousarray(feature),
        central=np.ascontiguousarray(central),
        lids=np.ascontiguousarray(lids),
        brows=np.ascontiguousarray(brows),
        above_brows=np.ascontiguousarray(above),
        zones=zones,
        mirror=model.mirror,
        mirror_uv=interpolate(buffers, mirrored_uv(model), model.uv_triangles)[mask],
        membrane=membrane(
            model.mean.astype(np.float64), model.triangles[skin_triangle | eye_triangle]
        ),
        inner_albedo=inner,
    )


def _weights(corners: np.ndarray, barycentric: np.ndarray, n_vertices: int) -> sp.csr_matrix:
    start = np.arange(0, 3 * len(corners) + 1, 3, dtype=np.int32)
    shape = (len(corners), n_vertices)
    return sp.csr_matrix((barycentric.ravel(), corners.ravel().astype(np.int32), start), shape)


def _light_in_mouth(model: FaceModel) -> np.ndarray:
    """(V,) float32 share of light that reaches a point behind the lips: less towards the throat."""
    lips = np.concatenate([model.parts["upper_lip"], model.parts["lower_lip"]])
    if not len(lips):
        return np.ones(model.n_vertices, np.float32)
    behind = model.mean[lips, 2].max() - model.mean[:, 2]
    return np.exp(-np.clip(behind - FRONT_TEETH_MM, 0, 60) / MOUTH_DEPTH_MM).astype(np.float32)


def _central(model: FaceModel) -> np.ndarray:
    """(V,) 1 inside an ellipse over brows, cheeks and chin, falling to 0 towards its border."""
    points = model.landmarks["ibug68"].on(model.mean, model.triangles)
    brow, chin = points[17:27, 1].max(), points[8, 1]
    half_width = 0.5 * np.abs(points[14, 0] - points[2, 0])
    middle = 0.5 * (brow + chin)
    across = model.mean[:, 0] / (0.95 * half_width)
    along = (model.mean[:, 1] - middle) / (0.6 * (brow - chin))
    inside = np.clip(2.5 * (1 - np.hypot(across, along)), 0, 1)
    behind_eyes = points[[36, 45], 2].mean() - model.mean[:, 2]
    return inside * np.clip((45 - behind_eyes) / 15, 0, 1)
