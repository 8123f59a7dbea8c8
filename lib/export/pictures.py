"""Pictures of an exported head: over its photo, and turned."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from lib.artefacts import Capture, FaceFit, Surface, Texture
from lib.facemodel.model import FaceModel
from lib.geometry import project
from lib.render import Camera, Paint, PreviewOptions, render_head, turntable_cameras
from lib.render.window import Window
from lib.uvspace.grey import (
    face_window,
    grey_head,
    resting_tilt,
    squared,
    surface_tilt,
    view_camera,
)
from lib.uvspace.shown import posed_vertices

AS_TAKEN = PreviewOptions(studio=0, supersample=2, background=None)  # the texture holds the light
SHAPE = PreviewOptions(supersample=2, background=None)
TURNED = PreviewOptions(studio=0.35, specular=0.5, supersample=2)


def overlay(
    model: FaceModel, capture: Capture, fit: FaceFit, paint: Paint, side_px: int, view: int = 0
) -> np.ndarray:
    """(h, w, 3) uint8: photo, textured face over the photo, and clay head over the photo.

    The textured panel shows the face alone, fading at its border, so that the photo's own hair
    and neck stand around it.

    Args:
        model: the fitted head model.
        capture: the photo.
        fit: pose, camera and shape in each view.
        paint: the head's colour, see `texture_paint`.
        side_px: width of the three panels together.
        view: which photo of the capture.
    """
    vertices = posed_vertices(model, fit, view)
    image = capture.image[view]
    camera = Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view])
    window = Window.around(project(vertices, *camera), image.shape[:2], side_px // 3, 0.12)
    photo, camera = window.cut(image), window.camera(camera)
    shown = face_triangles(model)
    paint = replace(paint, uv_triangles=model.uv_triangles[shown])
    face = render_head(vertices, model.triangles[shown], camera, window.size, paint, AS_TAKEN)
    clay = render_head(vertices, model.triangles, camera, window.size, options=SHAPE)
    return np.concatenate([photo, lay_over(faded(face), photo), lay_over(clay, photo)], axis=1)


def face_triangles(model: FaceModel) -> np.ndarray:
    """(n_triangles,) bool: the face mask's skin, and all that is not skin: eyes, teeth, mouth."""
    in_face = np.zeros(model.n_vertices, bool)
    in_face[model.parts["face_mask"]] = True
    return in_face[model.triangles].all(axis=1) | ~model.region("skin")


def faded(picture: np.ndarray) -> np.ndarray:
    """An RGBA picture whose alpha falls to zero towards its border, over a 40th of its side."""
    alpha = picture[..., 3].astype(np.float32)
    soft = cv2.GaussianBlur(alpha, (0, 0), max(picture.shape[:2]) / 80)
    result = picture.copy()
    result[..., 3] = np.rint(np.clip(2 * soft - 255, 0, alpha))
    return result


def turntable(model: FaceModel, fit: FaceFit, paint: Paint, side_px: int) -> np.ndarray:
    """(side, 5 side, 3) uint8: the neutral head from the right, the front and the left."""
    size = (side_px, side_px)
    cameras = turntable_cameras(fit.vertices, size)
    views = [
        render_head(fit.vertices, model.triangles, camera, size, paint, TURNED)[..., :3]
        for camera in cameras
    ]
    return np.concatenate(views, axis=1)


def relief_panels(
    model: FaceModel,
    capture: Capture,
    fit: FaceFit,
    surface: Surface,
    resting_mm: np.ndarray,
    side_px: int,
) -> np.ndarray:
    """(side, 4 side, 3) uint8: photo; grey head; with its relief; at rest with what stays of it.

    Args:
        model: the fitted head model.
        capture: the photo.
        fit: of the capture.
        surface: told by shading.
        resting_mm: (rows, rows) relief of the resting face.
        side_px: of each picture.
    """
    view = fit.frontal_view
    posed, camera = posed_vertices(model, fit, view), view_camera(fit, view)
    image = capture.image[view]
    window = face_window(model, posed, camera, image.shape[:2], side_px)
    resting = fit.vertices.astype(np.float32)
    panels = [
        window.cut(image),
        grey_head(model, posed, window, camera),
        grey_head(model, posed, window, camera, surface_tilt(surface)),
        grey_head(model, resting, window, camera, resting_tilt(model, resting, resting_mm)),
    ]
    return np.concatenate([squared(panel, side_px) for panel in panels], axis=1)


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
