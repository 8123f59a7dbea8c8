"""Pictures of an exported head: over its photo, and turned."""

from __future__ import annotations

import numpy as np

from lib.artefacts import Capture, FaceFit, Texture
from lib.facemodel.model import FaceModel
from lib.geometry import project
from lib.render import Camera, Paint, PreviewOptions, render_head, turntable_cameras
from lib.render.window import Window

AS_TAKEN = PreviewOptions(studio=0, supersample=2, background=None)  # the texture holds the light
SHAPE = PreviewOptions(supersample=2, background=None)
TURNED = PreviewOptions(studio=0.35, specular=0.5, supersample=2)


def overlay(
    model: FaceModel, capture: Capture, fit: FaceFit, texture: Texture, side_px: int, view: int = 0
) -> np.ndarray:
    """(h, w, 3) uint8: photo, textured head over the photo, and clay shape over the photo.

    Args:
        model: the fitted head model.
        capture: the photo.
        fit: pose, camera and shape in each view.
        texture: the head's colour.
        side_px: width of the three panels together.
        view: which photo of the capture.
    """
    vertices = posed_vertices(model, fit, view)
    image = capture.image[view]
    camera = Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view])
    window = Window.around(project(vertices, *camera), image.shape[:2], side_px // 3, 0.12)
    photo = window.cut(image)
    panels = [photo]
    for paint, options in ((texture_paint(model, texture), AS_TAKEN), (None, SHAPE)):
        picture = render_head(
            vertices, model.triangles, window.camera(camera), window.size, paint, options
        )
        panels.append(lay_over(picture, photo))
    return np.concatenate(panels, axis=1)


def turntable(model: FaceModel, fit: FaceFit, texture: Texture, side_px: int) -> np.ndarray:
    """(side, 5 side, 3) uint8: the neutral head from the right, the front and the left."""
    paint = texture_paint(model, texture)
    size = (side_px, side_px)
    cameras = turntable_cameras(fit.vertices, size)
    views = [
        render_head(fit.vertices, model.triangles, camera, size, paint, TURNED)[..., :3]
        for camera in cameras
    ]
    return np.concatenate(views, axis=1)


def posed_vertices(model: FaceModel, fit: FaceFit, view: int) -> np.ndarray:
    """(n_vertices, 3) mm, model frame: the fitted head with its expression in one view."""
    moved = np.tensordot(fit.expression[view], model.expression_basis, 1)
    return (fit.vertices + moved).astype(np.float32)


def texture_paint(model: FaceModel, texture: Texture) -> Paint:
    """The capture's texture on the model's chart."""
    return Paint(
        texture=texture.rgb.astype(np.float32), uv=model.uv, uv_triangles=model.uv_triangles
    )


def lay_over(picture: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8: an RGBA picture over a photo of the same size."""
    alpha = picture[..., 3:].astype(np.float32) / 255
    mixed = photo + alpha * (picture[..., :3].astype(np.float32) - photo)
    return np.rint(mixed).astype(np.uint8)
