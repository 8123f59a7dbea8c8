"""The files of one finished head: meshes, texture, coefficients, camera, landmarks, pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lib.artefacts import Capture, FaceFit, Landmarks, Texture
from lib.export import pictures, tables
from lib.export.glb import GlbHead, Material, write_glb
from lib.export.obj import write_mtl, write_obj
from lib.export.options import ExportOptions
from lib.export.ply import write_ply
from lib.facemodel.model import FaceModel
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

# The first material whose words occur in a region's name; the skin otherwise.
SKIN = Material("skin", roughness=0.5, double_sided=True)
MATERIALS = (
    (("eye",), Material("eyes", roughness=0.15)),
    (("teeth",), Material("teeth", roughness=0.3)),
    (("tongue", "mouth", "gum"), Material("mouth", roughness=0.4, double_sided=True)),
)


def export_head(
    folder: Path,
    name: str,
    model: FaceModel,
    capture: Capture,
    landmarks: Landmarks,
    fit: FaceFit,
    texture: Texture,
    options: ExportOptions,
) -> None:
    """Write all files of one head into `folder`; the same inputs give the same bytes.

    Meshes hold the neutral face in millimetres, the GLB in metres; no file holds a path, a date
    or any metadata of the photo but its file name.

    Args:
        folder: made if it is not there.
        name: name of the capture.
        model: the fitted head model.
        capture: the photos.
        landmarks: measured points.
        fit: the fitted face.
        texture: the head's colour.
        options: sizes and qualities.
    """
    folder.mkdir(parents=True, exist_ok=True)
    normals = vertex_normals(fit.vertices, model.triangles)
    albedo = linear_to_srgb8(texture.rgb.astype(np.float32))
    save_png(folder / "albedo.png", albedo)
    comment = f"head fitted to a photo with the model '{fit.model}'; millimetres"
    write_obj(
        folder / "head.obj",
        fit.vertices,
        normals,
        model.triangles,
        model.uv,
        model.uv_triangles,
        model.triangle_region,
        model.region_names,
        comment,
    )
    write_mtl(folder / "head.mtl", "albedo.png")
    sigma = fit.vertex_sigma_mm
    write_ply(folder / "head.ply", fit.vertices, normals, sigma, model.triangles, comment)
    write_glb(
        folder / "head.glb",
        glb_head(name, model, fit, normals, albedo, options),
        options.smallest_delta_mm,
    )
    for file, content in (
        ("coefficients.json", tables.coefficient_table(model, capture, fit)),
        ("camera.json", tables.camera_table(capture, fit)),
        ("landmarks.json", tables.landmark_table(capture, landmarks, fit)),
    ):
        tables.write_json(folder / file, content)
    side = options.overlay_side_px
    save_png(folder / "overlay.png", pictures.overlay(model, capture, fit, texture, side))
    turned = pictures.turntable(model, fit, texture, options.turntable_px)
    save_png(folder / "turntable.png", turned)


def glb_head(
    name: str,
    model: FaceModel,
    fit: FaceFit,
    normals: np.ndarray,
    albedo: np.ndarray,
    options: ExportOptions,
) -> GlbHead:
    """The head as `write_glb` wants it: neutral, with one morph target per expression.

    Args:
        name: name of the capture.
        model: the fitted head model.
        fit: the fitted face.
        normals: (n_vertices, 3) of the neutral face.
        albedo: (h, w, 3) uint8 sRGB.
        options: size and quality of the texture.
    """
    materials, of_region = _materials(model.region_names)
    side = options.glb_texture_px
    if side < max(albedo.shape):
        albedo = cv2.resize(albedo, (side, side), interpolation=cv2.INTER_AREA)
    fitted = {
        key: round(float(weight), 4)
        for key, weight in zip(model.expression_names, fit.expression[0], strict=True)
        if weight > 0
    }
    return GlbHead(
        name=name,
        vertices=fit.vertices,
        normals=normals,
        triangles=model.triangles,
        uv=model.uv,
        uv_triangles=model.uv_triangles,
        material_of_triangle=of_region[model.triangle_region],
        materials=materials,
        image=encode_jpeg(albedo, options.glb_jpeg_quality),
        target_names=model.expression_names,
        targets=model.expression_basis,
        vertex_sigma_mm=fit.vertex_sigma_mm,
        extras={
            "faceModel": fit.model,
            "faceModelLicence": model.licence,
            "metresPerModelUnit": 0.001,
            "fittedExpression": fitted,
        },
    )


def _materials(region_names: tuple[str, ...]) -> tuple[tuple[Material, ...], np.ndarray]:
    """All materials, and the index of each region's material."""

    def choose(region: str) -> int:
        for index, (words, _) in enumerate(MATERIALS, start=1):
            if any(word in region for word in words):
                return index
        return 0

    of_region = np.array([choose(region) for region in region_names])
    return (SKIN, *(material for _, material in MATERIALS)), of_region
