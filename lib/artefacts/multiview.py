"""What the stages of many calibrated views make: rig, base mesh, volume, surface, displacement.

World frame: that of the capture's cameras, in millimetres. Texel grids are the head model's UV
chart at some size: row 0 is v = 1, the centre of texel (row, column) lies at u = (column + 0.5) /
n_cols. Captures of one view have these artefacts, too, once their batch holds one of many views:
a surface that nothing was measured of, with confidence 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lib.artefacts.base import Artefact, array, text

FROM_SHADING = "shading:"  # what the method of such a surface begins with


@dataclass(frozen=True)
class Rig(Artefact):
    """The cameras of a capture in one metric frame, and the landmarks triangulated with them.

    A capture of one view, or whose cameras nothing tells, has the source `none` and no points that
    are finite; its world is the head's own frame.
    """

    version: ClassVar[int] = 2

    source: str = text("of the poses: file, structure_from_motion, landmarks or none")
    method: str = text("how poses were found or corrected, and what was tried in vain")
    moved_px: np.ndarray = array(
        "n_views", "f4", "px", "median movement of the head by corrected cameras; 0 = as given"
    )
    scale_source: str = text("where millimetres come from: file, marker, distance, model or none")
    scale: np.ndarray = array("", "f8", "mm", "per unit of length of the cameras as given")
    used: np.ndarray = array("n_views", "u1", "bool", "the view takes part in what follows")
    reason: tuple[str, ...] = text("why a view is left out, or has no camera", "n_views")
    world_to_camera: np.ndarray = array("n_views 3 4", "f8", "mm", "[R|t]; NaN where unknown")
    focal_px: np.ndarray = array("n_views", "f8", "px", "focal length of the working image")
    centre_px: np.ndarray = array("n_views 2", "f8", "px", "principal point (x, y)")
    scheme: str = text("landmark scheme of the points")
    points_mm: np.ndarray = array("n_points 3", "f8", "mm", "triangulated landmarks, NaN = none")
    covariance_mm2: np.ndarray = array("n_points 3 3", "f8", "mm^2", "their covariance")
    inlier: np.ndarray = array("n_views n_points", "u1", "bool", "the measurement was believed")
    reprojection_px: np.ndarray = array(
        "n_views n_points", "f4", "px", "distance of point and measurement; NaN = not measured"
    )


@dataclass(frozen=True)
class BaseMesh(Artefact):
    """A head in the topology of the face model that lies within millimetres of the surface."""

    version: ClassVar[int] = 2

    model: str = text("face model")
    source: str = text("views = fitted to calibrated views; fit = the fit of single photos")
    vertices_mm: np.ndarray = array("n_vertices 3", "f4", "mm", "world frame, with expression")
    head_to_world: np.ndarray = array("3 4", "f8", "mm", "model frame to world, rigid [R|t]")
    free_form_mm: np.ndarray = array(
        "n_vertices", "f4", "mm", "how far the free-form layer moved each vertex off the model"
    )
    observed: np.ndarray = array("n_vertices", "f4", "0..1", "how much images said about it")


@dataclass(frozen=True)
class Volume(Artefact):
    """How likely the surface passes at signed distances from the base, per texel.

    Hypothesis k of a texel lies at `position_mm + normal * (centre_mm + (k - n // 2) *
    interval_mm)` with n the number of hypotheses; the distance is positive out of the head.
    """

    version: ClassVar[int] = 2

    method: str = text("implicit.method that made it")
    position_mm: np.ndarray = array("n_rows n_cols 3", "f4", "mm", "base, world frame; NaN = none")
    normal: np.ndarray = array("n_rows n_cols 3", "f4", "1", "smoothed unit normal of the base")
    centre_mm: np.ndarray = array("n_rows n_cols", "f4", "mm", "distance of the middle hypothesis")
    interval_mm: np.ndarray = array("", "f8", "mm", "between neighbouring hypotheses")
    response: np.ndarray = array(
        "n_hypotheses n_rows n_cols", "u1", "1/255", "0 = not here, 255 = all views agree"
    )
    n_compared: np.ndarray = array("n_rows n_cols", "u1", "1", "views that were compared")


@dataclass(frozen=True)
class Surface(Artefact):
    """The measured surface over the UV chart, denser than the head model.

    A point lies at `position_mm + normal * distance_mm`. Where nothing was measured the distance
    is carried over from around it, and the confidence is 0. Of a single photo it is what shading
    tells over the fitted head, in the head's own frame, with the expression of the photo; without
    the expression, `distance_mm * (1 - expression_share)` is left of it.
    """

    version: ClassVar[int] = 3

    method: str = text("regularise.method, or shading: and shading.method, that made it")
    head_to_world: np.ndarray = array("3 4", "f8", "mm", "model frame to world, rigid [R|t]")
    position_mm: np.ndarray = array("n_rows n_cols 3", "f4", "mm", "base, world frame; NaN = none")
    normal: np.ndarray = array("n_rows n_cols 3", "f4", "1", "unit normal of the base")
    distance_mm: np.ndarray = array("n_rows n_cols", "f4", "mm", "along the normal, outwards +")
    confidence: np.ndarray = array("n_rows n_cols", "f2", "0..1", "how well it was measured")
    expression_share: np.ndarray = array(
        "n_rows n_cols", "f2", "0..1", "of the distance, what goes when the expression does"
    )

    @property
    def from_shading(self) -> bool:
        """Whether it is a single photo's, and tells relief alone."""
        return self.method.startswith(FROM_SHADING)

    @property
    def points_mm(self) -> np.ndarray:
        """(n_rows, n_cols, 3) float32 mm, world frame; NaN off the chart."""
        return self.position_mm + self.normal * self.distance_mm[..., None]


@dataclass(frozen=True)
class Displacement(Artefact):
    """Pores and fine wrinkles that the surface does not hold: height along its normal."""

    version: ClassVar[int] = 2

    method: str = text("displacement.method that made it")
    height_mm: np.ndarray = array("n_rows n_cols", "f2", "mm", "over the surface, outwards +")
    confidence: np.ndarray = array("n_rows n_cols", "f2", "0..1", "how much images said about it")
