"""The folders `deep3d`, `3ddfa_v3`, `detail_layer` and `face_texture` of an exported head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.albedo.face_chart import face_chart
from lib.artefacts import (
    Albedo,
    Capture,
    FaceFit,
    Landmarks,
    Parts,
    Regression,
    Surface,
    Texture,
)
from lib.export import tables
from lib.export.obj import obj_rig
from lib.export.published.deep3d import coefficients, write_deep3d
from lib.export.published.dense import write_arrays, write_meshes, write_panels
from lib.export.published.detail_layer import DenseChart, write_detail_layer
from lib.export.published.face_texture import write_face_texture
from lib.export.published.frames import PublishedView, inner_colours, published_view
from lib.facemodel import FaceModel
from lib.facemodel.object_frame import object_origin
from lib.geometry.coded_camera import DETAIL_LAYER

DEEP3D, DENSE, FACE_TEXTURE = "deep3d", "3ddfa_v3", "face_texture"
FRAMES = {
    "crop_mesh": "decimetres; x right, y up, z to the viewer. A point is seen at the crop's pixel "
    "(1015 x / (10 - z) + 111.5, 111.5 - 1015 y / (10 - z)); published points are drawn half a "
    "pixel off it, at (... + 112, 111 - ...)",
    "image_mesh": "millimetres, origin at the photo's camera; x right, y up, z to the viewer. A "
    "point is seen at the original's pixel (K00 x / -z + K02, K12 - K11 y / -z)",
    "original_to_crop": "pixel of the upright original to pixel of the crop; integers are centres",
    "object": "object frame . R(angle) + trans, row vectors, R = (Rz Ry Rx)^T; the object frame "
    "counts decimetres from object_origin_mm of the head model",
}


@dataclass(frozen=True)
class PublishedInputs:
    """All that is known of a head.

    Args:
        capture: the photos.
        landmarks: measured points.
        fit: the fitted face.
        parts: of the capture.
        texture: extracted from the most frontal photo.
        regression: what a network read, if one was asked.
        surface: relief of the frontal photo, if there is one.
        albedo: skin and light apart, if they were told.
    """

    capture: Capture
    landmarks: Landmarks
    fit: FaceFit
    parts: Parts
    texture: Texture
    regression: Regression | None = None
    surface: Surface | None = None
    albedo: Albedo | None = None


class PublishedExporter:
    """Writes published files of heads that share one model.

    Args:
        model: the fitted head model.
        systems: of `deep3d`, `3ddfa_v3`, `detail_layer` and `face_texture`.
    """

    def __init__(self, model: FaceModel, systems: Sequence[str]):
        self.model = model
        self.systems = tuple(systems)
        self._inner = inner_colours(model)
        self._dense = DenseChart.of_model(model) if DETAIL_LAYER in self.systems else None
        self._face = face_chart(model) if FACE_TEXTURE in self.systems else None
        self._rig = obj_rig(
            model.triangles, model.uv, model.uv_triangles, model.triangle_region, model.region_names
        )

    def write(self, folder: Path, name: str, found: PublishedInputs) -> None:
        """Write the files of every fitted view; the same inputs give the same bytes.

        Args:
            folder: of the head; each system gets a folder in it.
            name: of the capture; with several views, the view's name is added to it.
            found: the head.
        """
        fit = found.fit
        for view in np.flatnonzero(np.isfinite(fit.world_to_camera).all(axis=(1, 2))):
            stem = name if len(fit.focal_px) == 1 else f"{name}_{found.capture.view[view]}"
            told = None
            if set(self.systems) - {DETAIL_LAYER}:
                told = published_view(
                    self.model, found.capture, fit, int(view), found.regression, self._inner
                )
            for system in self.systems:
                place = folder / system
                place.mkdir(parents=True, exist_ok=True)
                if system == DETAIL_LAYER:
                    self._write_detail_layer(place, stem, found, int(view))
                else:
                    self._write_view(system, place, stem, found, int(view), told)

    def _write_detail_layer(
        self, place: Path, stem: str, found: PublishedInputs, view: int
    ) -> None:
        seen = found.capture, found.fit, view, found.surface, found.regression
        write_detail_layer(place, stem, self.model, self._dense, *seen)

    def _write_view(
        self,
        system: str,
        place: Path,
        stem: str,
        found: PublishedInputs,
        view: int,
        told: PublishedView,
    ) -> None:
        model, capture = self.model, found.capture
        if system == FACE_TEXTURE:
            if found.albedo is not None:  # else its stage failed, and says so
                write_face_texture(place, stem, self._face, found.albedo, view, told)
        elif system == DEEP3D:
            write_deep3d(place, stem, model, capture, found.landmarks, found.fit, view, told)
        else:
            write_panels(place / f"{stem}.png", model, capture.image[view], found.parts, view, told)
            write_arrays(place / f"{stem}.npy", capture, found.parts, view)
            write_meshes(place, stem, model, self._rig, found.texture, told)
        frames = self._frames(found, view, told)
        tables.write_json(place / f"{stem}_frames.json", frames)

    def _frames(self, found: PublishedInputs, view: int, told: PublishedView) -> tables.Json:
        """How crop, photo and meshes belong together, and how the code is divided."""
        camera = tables.camera_table(found.capture, found.fit)["views"][view]
        code = coefficients(found.fit, view, told)
        return {
            "frames": FRAMES,
            "photo": camera["photo"],
            "width": camera["width"],
            "height": camera["height"],
            "K": camera["K"],
            "original_to_crop": tables.plain(told.original_to_crop, 9),
            "crop_side": told.crop.side,
            "object_origin_mm": tables.plain(object_origin(self.model), 4),
            "coefficients": {key: value.shape[1] for key, value in code.items()},
        }
