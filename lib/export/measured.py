"""What is written of a head whose surface is known, beside what every head has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lib.artefacts import BaseMesh, Capture, Displacement, FaceFit, Rig, Surface
from lib.displacement import chart, write
from lib.export.ply import write_ply
from lib.facemodel.model import FaceModel
from lib.geometry import vertex_normals
from lib.uvspace.captures import posed
from lib.uvspace.grey import surface_tilt
from lib.uvspace.heads import resized
from lib.uvspace.mesh import grid_triangles
from lib.uvspace.seams import sewn

CONVENTION = "OpenCV: x_camera = R X + t, x right, y down, z forward; integers are pixel centres"
LARGEST_MM = 12.0  # of the displacement's coding; further off, the base mesh is wrong


@dataclass(frozen=True)
class Measured:
    """What is known of one capture's surface: measured by many views, or told by shading.

    Args:
        surface: of the capture.
        rig: of its batch's captures of many views; None = its batch has none, likewise the others.
        base: base mesh.
        displacement: fine relief over the surface.
    """

    surface: Surface
    rig: Rig | None = None
    base: BaseMesh | None = None
    displacement: Displacement | None = None

    @property
    def told(self) -> bool:
        """Whether anything is known; else the surface is the fitted head."""
        return self.surface.method != "none"

    @property
    def by_views(self) -> bool:
        """Whether calibrated views measured it, so that the head has the base mesh's shape."""
        return self.told and self.base is not None and not self.surface.from_shading

    @property
    def height_mm(self) -> np.ndarray:
        """(rows, cols) float32 over the base, fine relief included; at the finer of both sizes."""
        distance = np.nan_to_num(self.surface.distance_mm)
        if self.displacement is None:
            return distance
        fine = self.displacement.height_mm.astype(np.float32)
        size = max(len(distance), len(fine))
        return resized_map(distance, size) + resized_map(fine, size)

    @property
    def tilt(self) -> np.ndarray:
        """(rows, cols, 3) what the relief adds to unit normals, model frame, with expression."""
        return surface_tilt(self.surface) @ self.surface.head_to_world[:, :3].astype(np.float32)


def measured_fit(model: FaceModel, fit: FaceFit, base: BaseMesh) -> FaceFit:
    """The fit with the base mesh's shape, its expression taken off again.

    Args:
        model: the fitted head model.
        fit: of the capture.
        base: of the same capture.
    """
    turn, shift = base.head_to_world[:, :3], base.head_to_world[:, 3]
    in_head = (base.vertices_mm.astype(np.float64) - shift) @ turn
    expression = fit.expression[fit.frontal_view]
    neutral = in_head - np.tensordot(expression, model.expression_basis, 1)
    return fit.replace(vertices=neutral)


def write_measured(
    folder: Path, model: FaceModel, measured: Measured, size: int, mesh: bool = True
) -> None:
    """detail.ply, and maps of size x size texels where that is not 0.

    Args:
        folder: of the head.
        model: whose chart the surface is on.
        measured: what was measured; world frame of the cameras, mm.
        size: of displacement.png, displacement.exr and normal.png.
        mesh: whether detail.ply is wanted.
    """
    surface = measured.surface
    fine = np.zeros((1, 1), np.float32)
    if measured.displacement is not None:
        fine = measured.displacement.height_mm.astype(np.float32)
    if mesh:
        _write_detail(folder / "detail.ply", model, surface, fine)
    if not size:
        return
    height = resized_map(np.nan_to_num(surface.distance_mm), size) + resized_map(fine, size)
    height = np.clip(height, -LARGEST_MM, LARGEST_MM)
    reach = coded_range(height)
    write.save_height_png(folder / "displacement.png", height, size, reach)
    write.save_height_exr(folder / "displacement.exr", height, size)
    write.save_normal_png(folder / "normal.png", height, chart.surface_metric(surface), size)


def _write_detail(path: Path, model: FaceModel, surface: Surface, fine: np.ndarray) -> None:
    """The measured surface with its fine relief, sewn up, in the world frame of the cameras."""
    known = np.isfinite(surface.position_mm).all(axis=2)
    relief = resized_map(fine, len(known))
    points = surface.points_mm + surface.normal * relief[..., None]
    texel, triangles = grid_triangles(known)
    vertices = points.reshape(-1, 3)[texel]
    confidence = surface.confidence.astype(np.float32).ravel()[texel]
    comment = "measured surface; millimetres in the frame of the cameras"
    if surface.from_shading:
        comment = "fitted head with relief from shading; millimetres in the head's own frame"
    normals = vertex_normals(vertices, triangles)
    triangles = np.concatenate([triangles, sewn(texel, triangles, known.shape, model)])
    write_ply(path, vertices, normals, confidence, triangles, comment, "confidence")


def coded_range(height_mm: np.ndarray) -> float:
    """mm at the ends of a coded map: the next power of two."""
    return float(2.0 ** np.ceil(np.log2(max(float(np.abs(height_mm).max()), 0.25))))


def resized_map(plane: np.ndarray, size: int) -> np.ndarray:
    """A square map at another size; slopes stay as they are."""
    if len(plane) == size:
        return plane
    return resized(plane[..., None], np.ones(plane.shape, bool), size)[..., 0]


def rig_table(capture: Capture, rig: Rig, base: BaseMesh, surface: Surface) -> dict[str, Any]:
    """The cameras as used, where they and millimetres come from, and how well points agree.

    It is a `cameras.json` of the project's own format with more in it: cameras are those of the
    photos as they were given, turned upright, in the world of `detail.ply`.
    """
    error = np.where(rig.inlier.astype(bool), rig.reprojection_px, np.nan)
    views = []
    for view, path in enumerate(capture.path):
        own = error[view][np.isfinite(error[view])]
        views.append(
            {
                "photo": Path(path).name,
                "used": bool(rig.used[view]),
                "reason": rig.reason[view],
                "median_reprojection_px": round(float(np.median(own)), 3) if len(own) else None,
                "moved_px": round(float(rig.moved_px[view]), 3),
            }
        )
    return {
        "units": "mm",
        "convention": CONVENTION,
        "cameras": [_camera_entry(capture, rig, view) for view in np.flatnonzero(posed(rig))],
        "poses": rig.source,
        "method": rig.method,
        "millimetres": rig.scale_source,
        "millimetres_per_given_unit": float(rig.scale),
        "head_to_world": np.round(base.head_to_world, 9).tolist(),
        "implicit_function_and_surface": surface.method,
        "views": views,
    }


def _camera_entry(capture: Capture, rig: Rig, view: int) -> dict[str, Any]:
    """A posed view's camera for the photo as it was given."""
    height, width = capture.original_size[view]
    across, down = capture.working_to_original[view]
    focal, (x, y) = float(rig.focal_px[view]), rig.centre_px[view]
    pose = rig.world_to_camera[view]
    return {
        "name": Path(capture.path[view]).stem,
        "width": int(width),
        "height": int(height),
        "K": [
            [focal * across, 0.0, (x + 0.5) * across - 0.5],
            [0.0, focal * down, (y + 0.5) * down - 0.5],
            [0.0, 0.0, 1.0],
        ],
        "R": pose[:, :3].tolist(),
        "t": pose[:, 3].tolist(),
        "dist_coeffs": capture.distortion[view].tolist(),
    }
