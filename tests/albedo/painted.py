"""Photos of a head whose albedo and light are known, with an exact fit."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.albedo import Source
from lib.artefacts import SkinMask, Texture, digest
from lib.facemodel import FaceModel
from lib.geometry import vertex_normals
from lib.imaging import linear_to_srgb, save_png
from lib.render import interpolate, irradiance, render_buffers
from tests.posed_head import SIZE, make_case

FROM_LEFT = np.array([1.6, 0.2, 0.5, 0.9, 0.1, 0.0, 0.1, 0.2, 0.1])


@dataclass(frozen=True)
class Painted:
    """A photo and what is true about it.

    Args:
        source: as the line would give it, but for what a method is to find out.
        albedo: (n_vertices, 3) linear.
        light: (9, 3).
    """

    source: Source
    albedo: np.ndarray
    light: np.ndarray


def paint(
    model: FaceModel,
    folder: Path,
    albedo: np.ndarray,
    name: str = "one",
    light: np.ndarray | None = None,
    shadow: np.ndarray | None = None,
    yaw_deg: float = 0.0,
) -> Painted:
    """The mean head with an albedo (n_vertices, 3) under a light, saved as a photo.

    Args:
        model: the head model.
        folder: of the photo.
        albedo: linear.
        name: of the photo.
        light: (9, 3); None = from its left.
        shadow: (n_vertices,) factor on the light; None = 1.
        yaw_deg: of the head.
    """
    made = make_case(model, yaw_deg=yaw_deg)
    light = np.outer(FROM_LEFT, np.ones(3)) if light is None else light
    normals = vertex_normals(model.mean, model.triangles)
    factor = np.ones(model.n_vertices) if shadow is None else shadow
    colour = np.column_stack([albedo, normals, factor])
    camera = made.fit.world_to_camera[0], float(made.fit.focal_px[0]), made.fit.centre_px[0]
    buffers = render_buffers(model.mean, model.triangles, *camera, size=SIZE)
    values = interpolate(buffers, colour.astype(np.float32), model.triangles)
    normal = values[..., 3:6] / np.maximum(
        np.linalg.norm(values[..., 3:6], axis=2)[..., None], 1e-6
    )
    shown = values[..., :3] * irradiance(normal, light) * values[..., 6:]
    image = np.rint(linear_to_srgb(np.clip(shown, 0, 1)) * 255).astype(np.uint8)
    path = str(folder / f"{name}.png")
    save_png(path, image)
    capture = made.capture.replace(path=[path], sha256=[digest(path)], image=[image])
    skin = SkinMask(probability=[np.where(buffers.mask, 255, 0).astype(np.uint8)])
    texture = Texture(rgb=np.full((64, 64, 3), 0.3), weight=np.zeros((64, 64)))
    fit = made.fit.replace(light=light[None])
    return Painted(Source(capture, fit, skin, texture), albedo, light)
