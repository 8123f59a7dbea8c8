"""The unrolled chart of 512 x 512 that the fine network looks at, for any head model.

Source: Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lib.facemodel import FaceModel
from lib.facemodel.cylinder import (
    BASEL_MM,
    SIDE,
    SMOOTHING,
    CylinderChart,
    smoothed_mask,
    smoothing_rounds,
    unrolled,
)
from lib.render import uv_buffers
from lib.render.differentiable import Raster, interpolate, rasterise
from lib.shading.detail_layer.geometry import DenseMesh, dense_mesh
from lib.uvspace.grid import outer_skin

EYES, BROWS = ("right_eye", "left_eye"), ("right_eyebrow", "left_eyebrow")


def cylinder_chart(model: FaceModel) -> CylinderChart:
    """The chart of a model: its own, or one by the published formula on its mean.

    The Basel Face Model brings it. Another head is put into the Basel frame by the middle of its
    eyes, which is the origin of every model here; its face, eyes, nose and brows are its parts.
    """
    if model.cylinder is not None:
        return model.cylinder
    points = model.mean.astype(np.float64) + BASEL_MM
    before = points[:, 2] > 0
    drawn = outer_skin(model) & before[model.triangles].all(axis=1)
    texel = unrolled(points).astype(np.float32)
    face = _in_parts(model, "face_mask")
    inside = face[model.triangles].all(axis=1) & drawn
    uv = texel[:, ::-1] / SIDE * [1, -1] + [0, 1]
    return CylinderChart(
        origin_mm=np.array(BASEL_MM),
        texel=texel,
        drawn=drawn,
        region=uv_buffers(uv, model.triangles[inside], (SIDE, SIDE)).mask,
        face=face,
        without_eyes=~_in_parts(model, *EYES),
        without_nose=~_in_parts(model, "nose"),
        without_brows=~_in_parts(model, *BROWS),
    )


def _in_parts(model: FaceModel, *names: str) -> np.ndarray:
    result = np.zeros(model.n_vertices, bool)
    for name in names:
        result[model.parts[name]] = True
    return result


@dataclass(frozen=True)
class DetailChart:
    """A model's unrolled chart ready to draw into, on one device.

    Args:
        size: texels along each side.
        origin_mm: (3,) tensor, see `CylinderChart`.
        drawn: (n_triangles,) bool: triangles of the model that are drawn.
        triangles: (T, 3) these, in camera pictures too.
        raster: the chart's triangles, one image.
        face: (V,) 0..1 mask of the face.
        without_eyes: (V,) 0..1.
        movable: (V,) 0..1: where the network may move the surface; 0 on eyes, nose and brows.
        dense: its mesh of texels.
        by_vertex: photos are looked up at vertices, as published, not at texels: for the mesh of
            the Basel Face Model, which is about as fine as its chart.
    """

    size: int
    origin_mm: torch.Tensor
    drawn: np.ndarray
    triangles: torch.Tensor
    raster: Raster
    face: torch.Tensor
    without_eyes: torch.Tensor
    movable: torch.Tensor
    dense: DenseMesh
    by_vertex: bool

    @classmethod
    def of_model(cls, model: FaceModel, device: torch.device, size: int = SIDE) -> DetailChart:
        """The chart of a model at a size; 512 as published."""
        chart = cylinder_chart(model)
        corners = model.triangles[chart.drawn]
        triangles = torch.tensor(np.ascontiguousarray(corners, np.int32), device=device)
        depth = (model.mean.astype(np.float64) + chart.origin_mm)[:, 2]
        low, high = float(depth.min()), float(depth.max())
        near = -0.9 * (2 * (depth - low) / max(high - low, 1e-6) - 1)  # what is in front wins
        place = 2 * chart.texel[:, ::-1].astype(np.float64) / SIDE - 1
        clip = np.column_stack([place, near, np.ones(len(near))])
        raster = rasterise(
            torch.tensor(clip[None], dtype=torch.float32, device=device), triangles, (size, size)
        )
        region = chart.region
        if size != SIDE:
            middle = ((np.arange(size) + 0.5) * SIDE / size).astype(int)
            region = region[np.ix_(middle, middle)]
        rounds = SMOOTHING
        if model.cylinder is None:
            rounds = smoothing_rounds(model.mean, model.triangles[chart.drawn])
        movable = (
            chart.without_eyes
            * smoothed_mask(chart.without_nose, model.triangles, rounds)
            * smoothed_mask(chart.without_brows, model.triangles, rounds)
        )

        def tensor(values: np.ndarray) -> torch.Tensor:
            return torch.tensor(np.asarray(values, np.float32), device=device)

        return cls(
            size=size,
            origin_mm=tensor(chart.origin_mm),
            drawn=chart.drawn,
            triangles=triangles,
            raster=raster,
            face=tensor(chart.face),
            without_eyes=tensor(chart.without_eyes),
            movable=tensor(movable),
            dense=dense_mesh(region & raster.mask[0].cpu().numpy()),
            by_vertex=model.cylinder is not None,
        )

    @property
    def mask(self) -> torch.Tensor:
        """(size, size) bool: texels that show the head."""
        return self.raster.mask[0]

    @property
    def masks(self) -> torch.Tensor:
        """(V, 2): face, and all but the eyes."""
        return torch.stack([self.face, self.without_eyes], -1)

    def unrolled(self, attributes: torch.Tensor) -> torch.Tensor:
        """(B, size, size, C) vertex attributes (B, V, C) drawn into the chart, 0 off it."""
        packed = self.raster.packed.expand(len(attributes), -1, -1, -1).contiguous()
        return interpolate(attributes, Raster(packed), self.triangles)[0]
