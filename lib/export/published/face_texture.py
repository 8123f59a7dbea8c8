"""The files of 3DFaceTexture: a posed head with lit colours, and the two charts of its face."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lib.albedo.face_chart import FaceChart
from lib.artefacts import Albedo
from lib.export.published.frames import PublishedView
from lib.export.published.meshes import write_coloured_obj
from lib.geometry import vertex_normals
from lib.imaging import linear_to_srgb, save_jpeg, srgb_to_linear
from lib.render import SH_COSINE, fill_margins, sample_texture, sh_basis

GREY = 180 / 255  # published albedo of the light alone
FRAME = "decimetres; x right, y up, z to the viewer; the camera is at z = 10"


def write_face_texture(
    folder: Path,
    stem: str,
    chart: FaceChart,
    albedo: Albedo,
    view: int,
    told: PublishedView,
) -> None:
    """Write `<stem>.obj`, `<stem>_uv_detail_map.jpg` and `<stem>_uv_light_map.jpg`.

    Args:
        folder: exists.
        stem: of the file names.
        chart: of the face, on the head's own chart.
        albedo: of the capture.
        view: which one, fitted.
        told: the view in published terms.
    """
    skin, received = face_light(chart, albedo, view, told.vertices_mm)
    for name, linear in (("detail", skin), ("light", srgb_to_linear(np.float32(GREY)) * received)):
        encoded = linear_to_srgb(np.clip(linear, 0, 1)) * chart.mask[..., None]
        picture = np.rint(255 * encoded).astype(np.uint8)
        save_jpeg(folder / f"{stem}_uv_{name}_map.jpg", picture)
    lit = linear_to_srgb(np.clip(skin * received, 0, 1))
    corners = chart.model.triangles[chart.rows]
    colours = told.colours.copy()
    place = np.zeros((len(colours), 2), np.float32)
    place[corners] = chart.uv[chart.uv_triangles[chart.rows]]
    face = np.unique(corners)
    colours[face] = sample_texture(fill_margins(lit, chart.mask), place[face])
    write_coloured_obj(folder / f"{stem}.obj", told.world, colours, chart.model.triangles, FRAME)


def face_light(
    chart: FaceChart, albedo: Albedo, view: int, vertices: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Albedo on the face's chart, and the light that it receives, (s, s, 3) linear each.

    Args:
        chart: of the face.
        albedo: of the capture.
        view: which one.
        vertices: (V, 3) mm, posed head.
    """
    model = chart.model
    side = min(2 * chart.side, len(albedo.rgb))  # the face is nearly as wide as the head's chart
    small = cv2.resize(albedo.rgb.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    local = albedo.local_light[view].astype(np.float32)
    lights = chart.from_head(local.reshape(*local.shape[:2], -1))
    lights = lights.reshape(*chart.mask.shape, 9, 3) + np.nan_to_num(albedo.light[view])
    normals = chart.drawn(vertex_normals(vertices, model.triangles))
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    received = np.einsum("rck,rckx->rcx", sh_basis(normals) * SH_COSINE, lights)
    return chart.from_head(small), np.maximum(received, 0).astype(np.float32)
