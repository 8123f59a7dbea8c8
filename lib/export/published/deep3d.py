"""The files of Deep3DFaceRecon: three panels, a coloured mesh, and coefficients for MATLAB."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from scipy.io import savemat

from lib.artefacts import Capture, FaceFit, Landmarks
from lib.export.published.frames import PublishedView
from lib.export.published.meshes import write_coloured_obj
from lib.export.published.panels import draw_squares, render_over, shown_share
from lib.facemodel import FaceModel
from lib.geometry.aligned_crop import standard_five
from lib.imaging import save_png
from lib.networks.aligned import cut_aligned

BLUE, RED = (0, 0, 255), (255, 0, 0)
MAT_HEADER = b"MATLAB 5.0 MAT-file"  # the file has a place for a date, which would differ each time
MAT_HEADER_BYTES = 116


def write_deep3d(
    folder: Path,
    stem: str,
    model: FaceModel,
    capture: Capture,
    landmarks: Landmarks,
    fit: FaceFit,
    view: int,
    told: PublishedView,
) -> None:
    """Write `<stem>.png`, `.obj`, `_image.obj` and `.mat`.

    Args:
        folder: exists.
        stem: of the file names.
        model: the fitted head model.
        capture: the photos.
        landmarks: measured points; five of them are drawn in blue.
        fit: the fitted face.
        view: which one.
        told: the view in published terms.
    """
    crop = cut_aligned(capture.image[view], told.crop)
    mesh, shown = (told.vertices_mm, model.triangles), shown_share(model)
    face = render_over(crop, *mesh, told.fixed, told.colours, shown)
    five = told.crop.to_crop(standard_five(landmarks.ibug68_px[view]))
    marks = told.marks(model)
    points = draw_squares(draw_squares(face, five, BLUE), marks, RED)
    save_png(folder / f"{stem}.png", np.hstack([crop, face, points]), "fast")
    crop_frame = "decimetres; x right, y up, z to the viewer; the camera is at z = 10"
    image_frame = "millimetres from the photo's camera; x right, y up, z to the viewer"
    args = told.colours, model.triangles
    write_coloured_obj(folder / f"{stem}.obj", told.world, *args, crop_frame)
    write_coloured_obj(folder / f"{stem}_image.obj", told.in_camera, *args, image_frame)
    write_mat(folder / f"{stem}.mat", coefficients(fit, view, told) | {
        "lm68": marks[None].astype(np.float32),
        "crop": told.original_to_crop,
        "image_size": capture.original_size[view][None].astype(np.int32),
    })  # fmt: skip


def coefficients(fit: FaceFit, view: int, told: PublishedView) -> dict[str, np.ndarray]:
    """The code of a view by its published names, (1, n) float32 each, and as one array."""
    parts = {
        "id": fit.identity,
        "exp": fit.expression[view],
        "tex": fit.albedo,
        "angle": told.angles,
        "gamma": told.gamma,
        "trans": told.translation,
    }
    rows = {name: np.asarray(value, np.float32)[None] for name, value in parts.items()}
    return rows | {"coefficients": np.concatenate(list(rows.values()), axis=1)}


def write_mat(path: Path, content: dict[str, np.ndarray]) -> None:
    """Write a MATLAB 5 file; the same content gives the same bytes."""
    buffer = io.BytesIO()
    savemat(buffer, content, format="5")
    data = bytearray(buffer.getvalue())
    data[:MAT_HEADER_BYTES] = MAT_HEADER.ljust(MAT_HEADER_BYTES)
    path.write_bytes(bytes(data))
