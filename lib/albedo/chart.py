"""What a head model's chart fixes for the albedo of every head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.facemodel import FaceModel, base_texture, model_skin_fields
from lib.geometry import vertex_normals
from lib.render import Buffers, interpolate, sample_texture, uv_buffers
from lib.render.shadows import light_transfer
from lib.uvspace.grid import outer_skin
from lib.uvspace.membrane import Membrane, membrane
from lib.uvspace.mirror import mirrored_uv
from lib.uvspace.regions import features, region
from lib.uvspace.unwrap import ChartFields, chart_fields

FITTED_SHARE = 0.4  # on 32 photos of seed 500, 0.25 and 0.5 are 0.1 dB nearer to the truth than 0
BARE = 0.5
DARKEST = 0.004  # linear


@dataclass(frozen=True)
class HeadChart:
    """Texels of a head model's chart; row 0 is v = 1.

    Args:
        model: the head model.
        buffers: rasterised chart, (rows, cols).
        outer: (rows, cols) bool: skin that is seen from outside.
        skin: (rows, cols) bool: all skin; the rest are eyes, teeth and the inside of the mouth.
        fields: bare skin, beard and lips.
        feature: (rows, cols) float32 0..1: eyes, brows and lips, whose colours are not skin's.
        hair: (rows, cols) float32 0..1: where brows grow.
        normal: (rows, cols, 3) float32 unit: of the mean head.
        transfer: (rows, cols, 9) float32: how light reaches the mean head, see `light_transfer`.
        mirror_uv: (rows, cols, 2) where on the chart the texel's mirror image lies.
        surface: Laplacian of the skin, of which fields are carried on to what nobody saw.
        inner_albedo: (rows, cols, 3) float32 linear: usual colours of eyes, teeth and mouth.
        log_typical: (rows, cols, 3) float32: log albedo of the mean head.
    """

    model: FaceModel
    buffers: Buffers
    outer: np.ndarray
    skin: np.ndarray
    fields: ChartFields
    feature: np.ndarray
    hair: np.ndarray
    normal: np.ndarray
    transfer: np.ndarray
    mirror_uv: np.ndarray
    surface: Membrane
    inner_albedo: np.ndarray
    log_typical: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.buffers.mask.shape

    @property
    def mask(self) -> np.ndarray:
        """(rows, cols) bool: texels that some triangle owns."""
        return self.buffers.mask

    def spread(self, attributes: np.ndarray) -> np.ndarray:
        """(rows, cols, C) float32 of values (n_vertices, C); 0 between the charts."""
        return interpolate(self.buffers, attributes, self.model.triangles)

    def tempered(self, albedo: np.ndarray) -> np.ndarray:
        """(rows, cols, 3) float32 a fitted albedo (rows, cols, 3), nearer to the typical pattern.

        Its tone stays. Of what a fit makes of shadows, dark eye sockets and cheeks, little is left.
        """
        off = np.log(np.maximum(albedo, DARKEST)) - self.log_typical
        bare = self.fields.bare > BARE
        tone = off[bare].mean(axis=0) if bare.any() else np.zeros(3, np.float32)
        return np.exp(self.log_typical + tone + FITTED_SHARE * (off - tone)).astype(np.float32)

    def mirrored(self, values: np.ndarray) -> np.ndarray:
        """(rows, cols, C) float32 values (rows, cols, C) of the other side of the head."""
        other = np.zeros((*self.size, values.shape[2]), np.float32)
        other[self.mask] = sample_texture(values, self.mirror_uv[self.mask])
        return other


def head_chart(model: FaceModel, uv_size: int) -> HeadChart:
    """The chart of a head model at `uv_size` texels a side; one serves all captures."""
    buffers = uv_buffers(model.uv, model.uv_triangles, (uv_size, uv_size))
    triangle = np.maximum(buffers.triangle_id, 0)
    skin = region(model, "skin")
    fields = [features(model), model_skin_fields(model).brows]
    per_vertex = np.column_stack([*fields, vertex_normals(model.mean, model.triangles)])
    values = interpolate(buffers, per_vertex.astype(np.float32), model.triangles)
    normal = values[..., 2:] / np.maximum(np.linalg.norm(values[..., 2:], axis=2)[..., None], 1e-6)
    return HeadChart(
        model=model,
        buffers=buffers,
        outer=outer_skin(model)[triangle] & buffers.mask,
        skin=skin[triangle] & buffers.mask,
        fields=chart_fields(model, uv_size),
        feature=values[..., 0],
        hair=np.clip(values[..., 1], 0, 1),
        normal=normal,
        transfer=interpolate(buffers, light_transfer(model.mean, model.triangles), model.triangles),
        mirror_uv=interpolate(buffers, mirrored_uv(model), model.uv_triangles),
        surface=membrane(model.mean.astype(np.float64), model.triangles[skin]),
        inner_albedo=base_texture(model, uv_size),
        log_typical=np.log(
            np.maximum(interpolate(buffers, model.albedo(), model.triangles), DARKEST)
        ),
    )
