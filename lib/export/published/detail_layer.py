"""The files of the detail layer: the crop that it saw, and its coarse and dense meshes.

Source: Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lib.artefacts import Capture, FaceFit, Regression, Surface
from lib.artefacts.multiview import FROM_SHADING
from lib.export import tables
from lib.export.obj import format_rows
from lib.facemodel import FaceModel
from lib.geometry.coded_camera import DETAIL_LAYER
from lib.imaging import save_png
from lib.render import sample_texture
from lib.render.differentiable import interpolate
from lib.shading.detail_layer.chart import DetailChart
from lib.shading.detail_layer.relief import CoarseView, coarse_view
from lib.uvspace.coded import is_code
from lib.uvspace.shown import posed_vertices

MOST_MM = 1.0  # that the published layer moves
STEEPEST = 0.2  # z of a normal below which a move along it tells ever less of one along z
FRAME = (
    "meshes: mm, x to the subject's left, y up, z out of the face, origin of the Basel Face Model, "
    "without pose; with R the rotation and s, x, y of the code, a point p is seen at the crop's "
    "pixel (150 + s (R p)_x + x, 150 - s (R p)_y - y), pixel k reaching from k to k + 1"
)
PLY_POINT = "property float x\nproperty float y\nproperty float z\n"
PLY_COLOUR = "property uchar red\nproperty uchar green\nproperty uchar blue\n"


@dataclass(frozen=True)
class DenseChart:
    """What a head model fixes of its dense mesh.

    Args:
        chart: unrolled chart of the model.
        uv: (n, 2) place of each dense vertex on the head's own chart.
    """

    chart: DetailChart
    uv: np.ndarray

    @classmethod
    def of_model(cls, model: FaceModel) -> DenseChart:
        """The chart of a model, and where its texels lie on the model's own."""
        chart = DetailChart.of_model(model, torch.device("cpu"))
        corners = torch.tensor(np.ascontiguousarray(model.uv_triangles[chart.drawn], np.int32))
        uv, _ = interpolate(torch.tensor(model.uv), chart.raster, corners)
        return cls(chart, uv[0].numpy()[tuple(chart.dense.texel.T)])

    def at_texels(self, attributes: np.ndarray) -> np.ndarray:
        """(n, C) vertex attributes (V, C) at the dense vertices."""
        drawn = self.chart.unrolled(torch.tensor(np.asarray(attributes, np.float32)[None]))
        return drawn[0].numpy()[tuple(self.chart.dense.texel.T)]


def write_detail_layer(
    folder: Path,
    stem: str,
    model: FaceModel,
    dense: DenseChart,
    capture: Capture,
    fit: FaceFit,
    view: int,
    surface: Surface | None,
    code: Regression | None,
) -> None:
    """Write `<stem>.png`, `.ply`, `_frames.json` and, of a photo with relief, `_fine.ply`.

    Args:
        folder: exists.
        stem: of the file names.
        model: the fitted head model.
        dense: of the model.
        capture: the photos.
        fit: the fitted face.
        view: which one.
        surface: relief of the frontal view, from shading; None = none.
        code: what a network read, if one was asked.
    """
    seen = coarse_view(model, capture, fit, view, code)
    save_png(folder / f"{stem}.png", seen.photo, "fast")
    origin = dense.chart.origin_mm.numpy().astype(np.float64)
    points = posed_vertices(model, fit, view) + origin
    write_ply_text(folder / f"{stem}.ply", points, seen.albedo, model.triangles)
    if surface is not None and surface.from_shading and view == fit.frontal_view:
        texels = dense.at_texels(np.concatenate([points, seen.albedo], axis=1))
        moved = texels[:, :3] + displacement(surface, dense.uv)
        write_ply_text(
            folder / f"{stem}_fine.ply", moved, texels[:, 3:], dense.chart.dense.triangles
        )
    told = _frames(model, fit, view, seen, code, origin)
    tables.write_json(folder / f"{stem}_frames.json", told)


def displacement(surface: Surface, uv: np.ndarray) -> np.ndarray:
    """(n, 3) mm by which a surface lies off its base at places (n, 2) of the head's chart.

    Along z where the published layer told it, as there; along the normal where another method did.
    """
    maps = np.concatenate([surface.normal, surface.distance_mm[..., None]], axis=2)
    told = sample_texture(maps.astype(np.float32), uv)
    normal, distance = told[:, :3], told[:, 3]
    if surface.method != FROM_SHADING + DETAIL_LAYER:
        return normal * distance[:, None]
    along_z = distance * normal[:, 2] / np.maximum(normal[:, 2] ** 2, STEEPEST**2)
    return np.clip(along_z, -MOST_MM, MOST_MM)[:, None] * [0.0, 0.0, 1.0]


def write_ply_text(
    path: Path, vertices: np.ndarray, colours: np.ndarray, triangles: np.ndarray
) -> None:
    """Write an ASCII PLY with a colour per vertex.

    Args:
        path: of the file.
        vertices: (V, 3).
        colours: (V, 3) 0..255.
        triangles: (T, 3).
    """
    whole = np.clip(np.rint(colours), 0, 255)
    lines = [
        f"ply\nformat ascii 1.0\nelement vertex {len(vertices)}\n{PLY_POINT}{PLY_COLOUR}",
        f"element face {len(triangles)}\nproperty list uchar int vertex_indices\nend_header\n",
        format_rows("%.5f %.5f %.5f %d %d %d\n", np.concatenate([vertices, whole], axis=1)),
        format_rows("3 %d %d %d\n", triangles),
    ]
    path.write_text("".join(lines), encoding="ascii", newline="\n")


def _frames(
    model: FaceModel,
    fit: FaceFit,
    view: int,
    seen: CoarseView,
    code: Regression | None,
    origin: np.ndarray,
) -> tables.Json:
    """The square and the coefficients of a view; pose and light where the network told them."""
    square = {
        "corner": np.rint(np.array(seen.crop.corner) / seen.crop.scale).astype(int).tolist(),
        "side": round(seen.crop.side / seen.crop.scale),
        "of": "working image; its scale to the original is in cameras.json",
    }
    told = {
        "frame": FRAME,
        "origin_mm": tables.plain(origin, 4),
        "square": square,
        "shape": tables.plain(fit.identity, 6),
        "exp": tables.plain(fit.expression[view], 6),
        "tex": tables.plain(fit.albedo, 6),
        "illum": tables.plain(seen.light, 6),
    }
    if is_code(model, fit, code, view, DETAIL_LAYER):
        pose = np.concatenate([code.angles[view], code.translation[view]])
        told["pose"] = tables.plain(pose, 6)
    return told
