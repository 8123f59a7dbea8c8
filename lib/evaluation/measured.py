"""The surface that many views measured, as a mesh that is compared like a head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.artefacts import Surface
from lib.facemodel import FaceModel
from lib.metrics import Mesh
from lib.uvspace.heads import at_vertices
from lib.uvspace.mesh import grid_triangles

NOTHING = "none"  # method of a surface that is the fitted head
MOST_TEXELS = 512  # along a side of the grid that a heat map shows


@dataclass(frozen=True)
class MeasuredSurface:
    """All texels of a measured surface, well measured or not: what is missing counts.

    Args:
        in_head: (rows, cols, 3) float64 mm, model frame; NaN off the chart.
        vertices: (n_vertices, 3) float64 mm, model frame: the head model drawn onto it.
        head_to_world: (3, 4) rigid [R|t].
    """

    in_head: np.ndarray
    vertices: np.ndarray
    head_to_world: np.ndarray

    @classmethod
    def of(cls, model: FaceModel, surface: Surface, posed: np.ndarray) -> MeasuredSurface:
        """Of a surface.

        Args:
            model: whose chart it is on.
            surface: of a capture of many views.
            posed: (n_vertices, 3) mm of the fitted head with expression: where no chart is.
        """
        turn, shift = surface.head_to_world[:, :3], surface.head_to_world[:, 3]
        in_head = (surface.points_mm.astype(np.float64) - shift) @ turn
        mask = np.isfinite(in_head).all(axis=2)
        found, on_skin = at_vertices(model, in_head, mask)
        vertices = np.where(on_skin[:, None], found, posed)
        return cls(in_head, vertices, surface.head_to_world)

    def mesh(self, model: FaceModel, in_world: bool, thinned: bool = False) -> Mesh:
        """Two triangles per square of four texels, and the head model's iBUG points.

        Args:
            model: whose chart it is on.
            in_world: in the frame of the cameras, else in that of the head model.
            thinned: of every few texels alone.
        """
        grid = self.thinned if thinned else self.in_head
        texel, triangles = grid_triangles(np.isfinite(grid).all(axis=2))
        vertices = grid.reshape(-1, 3)[texel]
        landmarks = model.landmarks["ibug68"].on(self.vertices, model.triangles)
        if in_world:
            turn, shift = self.head_to_world[:, :3], self.head_to_world[:, 3]
            vertices, landmarks = vertices @ turn.T + shift, landmarks @ turn.T + shift
        return Mesh(vertices, triangles, landmarks)

    @property
    def thinned(self) -> np.ndarray:
        """(r, c, 3) mm, model frame: every few texels, at most `MOST_TEXELS` along a side."""
        step = -(-max(self.in_head.shape[:2]) // MOST_TEXELS)
        return self.in_head[::step, ::step]

    def placed(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) points of the model frame in the frame of the cameras."""
        return points @ self.head_to_world[:, :3].T + self.head_to_world[:, 3]
