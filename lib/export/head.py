"""The files of one finished head: meshes, texture, coefficients, camera, landmarks, pictures."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lib.artefacts import Capture, FaceFit, Landmarks, Texture
from lib.export import pictures, tables
from lib.export.appearance import (
    GLOSS_FILES,
    IOR,
    LARGEST_F0,
    Appearance,
    gloss_png,
    lighting_table,
    skin_tone,
    write_gloss,
    write_matte_photos,
)
from lib.export.glb import METRES_PER_MM, GlbHead, Material, glb_rig, write_glb
from lib.export.measured import Measured, measured_fit, rig_table, write_measured
from lib.export.obj import obj_rig, write_mtl, write_obj
from lib.export.options import ExportOptions
from lib.export.ply import write_ply
from lib.export.relief import ReliefFiles, relief_of, write_relief
from lib.export.relit import write_relit
from lib.facemodel import FaceModel, find_pouch
from lib.geometry import vertex_normals
from lib.imaging import encode_jpeg, save_png
from lib.imaging.colour import linear_to_srgb8

FILES = (
    "head.obj",
    "head.mtl",
    "head.glb",
    "head.ply",
    "albedo.png",
    "coefficients.json",
    "camera.json",
    "landmarks.json",
    "overlay.png",
    "turntable.png",
)

APPEARANCE_FILES = ("texture.png", *GLOSS_FILES, "lighting.json")
SURFACE_FILES = ("detail.ply", "displacement.png", "displacement.exr", "normal.png")
MEASURED_FILES = (*SURFACE_FILES, "rig.json")

# The first material whose words occur in a region's name; the skin otherwise.
SKIN = Material("skin", roughness=0.5, double_sided=True, has_relief=True)
MATERIALS = (
    (("eye",), Material("eyes", roughness=0.15)),
    (("teeth",), Material("teeth", roughness=0.3)),
    (("tongue", "mouth", "gum"), Material("mouth", roughness=0.4, double_sided=True)),
)


class HeadExporter:
    """Writes the files of heads that share one model.

    What all of them share is worked out once: chart, faces, materials and morph targets.

    Args:
        model: the fitted head model.
        options: sizes and qualities.
    """

    def __init__(self, model: FaceModel, options: ExportOptions | None = None):
        self.model = model
        self.options = options or ExportOptions()
        self._pouch = find_pouch(model)
        self._obj = obj_rig(
            model.triangles, model.uv, model.uv_triangles, model.triangle_region, model.region_names
        )
        materials, of_region = _materials(model.region_names)
        self._glb = glb_rig(
            model.triangles,
            model.uv,
            model.uv_triangles,
            of_region[model.triangle_region],
            materials,
            model.expression_names,
            model.expression_basis,
            self.options.smallest_delta_mm,
        )

    def write(
        self,
        folder: Path,
        name: str,
        capture: Capture,
        landmarks: Landmarks,
        fit: FaceFit,
        texture: Texture,
        measured: Measured | None = None,
        appearance: Appearance | None = None,
    ) -> None:
        """Write all files of one head into `folder`; the same inputs give the same bytes.

        Meshes hold the neutral face in millimetres, the GLB in metres, with the mouth's pouch
        behind the skin whatever the model's coefficients do to it; no file holds a path, a
        date or any metadata of the photo but its file name.

        Args:
            folder: made if it is not there.
            name: name of the capture.
            capture: the photos.
            landmarks: measured points.
            fit: the fitted face.
            texture: the head's colour.
            measured: the head's surface. Where many views measured it, the head has their shape,
                and the files of `MEASURED_FILES` are written, too; those of `SURFACE_FILES` and of
                `WRINKLE_FILES` where shading told it.
            appearance: skin and light. Where they were told apart, the head has the colour of the
                skin alone and its gloss, and the files of `APPEARANCE_FILES` are written; where
                highlights were looked for, also those of `PHOTO_FILES`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        relief = None
        if measured is not None and measured.told:
            relief = self._write_surface(folder, capture, fit, measured)
            if measured.by_views:
                fit = measured_fit(self.model, fit, measured.base)
        fit = replace(fit, vertices=self._pouch.tucked(fit.vertices))
        appearance = appearance or Appearance()
        if appearance.has_matte_photos and self.options.diffuse_photos:
            write_matte_photos(folder, capture, appearance.highlights)
        if appearance.is_known:
            self._write_appearance(folder, capture, fit, appearance, measured, relief)
            save_png(folder / "texture.png", srgb8_of_half(texture.rgb), "runs")
        colour = srgb8_of_half((appearance.albedo if appearance.is_known else texture).rgb)
        save_png(folder / "albedo.png", colour, "runs")
        self._write_meshes(folder, name, fit, colour, relief, appearance)
        self._write_tables(folder, capture, landmarks, fit, appearance)
        paint = pictures.texture_paint(self.model, texture)
        over = pictures.overlay(
            self.model, capture, fit, paint, self.options.overlay_side_px, fit.frontal_view
        )
        save_png(folder / "overlay.png", over, "fast")
        turned = pictures.turntable(self.model, fit, paint, self.options.turntable_px)
        save_png(folder / "turntable.png", turned, "runs")

    def _write_tables(
        self,
        folder: Path,
        capture: Capture,
        landmarks: Landmarks,
        fit: FaceFit,
        appearance: Appearance,
    ) -> None:
        """coefficients.json, camera.json and landmarks.json."""
        coefficients = tables.coefficient_table(self.model, capture, fit)
        if appearance.is_known:
            coefficients["skin_tone"] = skin_tone(appearance.albedo)
        for file, content in (
            ("coefficients.json", coefficients),
            ("camera.json", tables.camera_table(capture, fit)),
            ("landmarks.json", tables.landmark_table(capture, landmarks, fit)),
        ):
            tables.write_json(folder / file, content)

    def _write_surface(
        self, folder: Path, capture: Capture, fit: FaceFit, measured: Measured
    ) -> ReliefFiles:
        """The files of the surface; returns what of it goes into the GLB."""
        size = self.options.displacement_px
        if measured.by_views:
            table = rig_table(capture, measured.rig, measured.base, measured.surface)
            tables.write_json(folder / "rig.json", table)
        else:  # it holds no more than the photo: larger maps would say nothing more
            size = min(size, len(measured.surface.distance_mm))
        write_measured(folder, self.model, measured, size, self.options.detail_mesh)
        side = self.options.glb_texture_px
        relief = relief_of(self.model, fit, measured, side)
        if relief.wrinkles is None:
            return relief
        if size:
            write_relief(folder, self.model, relief.wrinkles, measured.surface, size)
        resting, side = relief.wrinkles.resting_mm, self.options.overlay_side_px // 4
        shown = pictures.relief_panels(self.model, capture, fit, measured.surface, resting, side)
        save_png(folder / "relief.png", shown, "fast")
        return relief

    def _write_appearance(
        self,
        folder: Path,
        capture: Capture,
        fit: FaceFit,
        appearance: Appearance,
        measured: Measured | None,
        relief: ReliefFiles | None,
    ) -> None:
        """Maps of gloss, lighting.json, and pictures of the head under other lights."""
        write_gloss(folder, appearance.albedo)
        tables.write_json(folder / "lighting.json", lighting_table(capture, fit, appearance))
        if not self.options.relight_px:
            return
        height = tilt = None
        if relief is not None:
            height, tilt = measured.height_mm, measured.tilt
            if relief.wrinkles is not None:
                height = relief.wrinkles.resting_mm
        given = capture, fit, appearance, height, tilt
        write_relit(folder / "relight", self.model, *given, self.options.relight_px)

    def _write_meshes(
        self,
        folder: Path,
        name: str,
        fit: FaceFit,
        albedo: np.ndarray,
        relief: ReliefFiles | None,
        appearance: Appearance,
    ) -> None:
        """head.obj, head.mtl, head.ply and head.glb; `albedo` is (h, w, 3) uint8 sRGB."""
        normals = vertex_normals(fit.vertices, self.model.triangles)
        sigma = fit.vertex_sigma_mm
        comment = f"head fitted to a photo with the model '{fit.model}'; millimetres"
        write_obj(folder / "head.obj", fit.vertices, normals, self._obj, comment)
        gloss = (*GLOSS_FILES, LARGEST_F0) if appearance.is_known else None
        write_mtl(folder / "head.mtl", "albedo.png", gloss)
        write_ply(folder / "head.ply", fit.vertices, normals, sigma, self.model.triangles, comment)
        side = self.options.glb_texture_px
        if side < max(albedo.shape):
            albedo = cv2.resize(albedo, (side, side), interpolation=cv2.INTER_AREA)
        image = encode_jpeg(albedo, self.options.glb_jpeg_quality)
        told = sigma if np.isfinite(sigma).all() else None  # a network tells none; glTF has no NaN
        head = GlbHead(name, fit.vertices, normals, image, told, _extras(self.model, fit))
        if relief is not None:
            head = replace(
                head,
                normal_image=relief.normal,
                more_images=relief.pictures,
                relief=relief.told,
            )
        if appearance.is_known:
            head = replace(head, gloss_image=gloss_png(appearance.albedo, side), ior=IOR)
        write_glb(folder / "head.glb", head, self._glb)


def srgb8_of_half(linear: np.ndarray) -> np.ndarray:
    """(...) uint8 sRGB of half-precision linear light, by table; not-a-number becomes 0."""
    return _half_table()[np.ascontiguousarray(linear, np.float16).view(np.uint16)]


@cache
def _half_table() -> np.ndarray:
    every = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
    return linear_to_srgb8(np.nan_to_num(every, nan=0.0))


def _extras(model: FaceModel, fit: FaceFit) -> dict[str, Any]:
    """What the GLB says about the head beside its geometry."""
    fitted = {
        key: round(float(weight), 4)
        for key, weight in zip(
            model.expression_names, fit.expression[fit.frontal_view], strict=True
        )
        if abs(weight) > 0
    }
    return {
        "faceModel": fit.model,
        "faceModelLicence": model.licence,
        "metresPerModelUnit": METRES_PER_MM,
        "fittedExpression": fitted,
    }


def _materials(region_names: tuple[str, ...]) -> tuple[tuple[Material, ...], np.ndarray]:
    """All materials, and the index of each region's material."""

    def choose(region: str) -> int:
        for index, (words, _) in enumerate(MATERIALS, start=1):
            if any(word in region for word in words):
                return index
        return 0

    of_region = np.array([choose(region) for region in region_names])
    return (SKIN, *(material for _, material in MATERIALS)), of_region
