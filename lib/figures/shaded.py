"""A photo's head in grey under a light from the side: as it was fitted, and with its relief."""

from __future__ import annotations

import numpy as np

from lib.artefacts import Capture, FaceFit, Surface
from lib.facemodel.model import FaceModel
from lib.geometry import project, vertex_normals
from lib.imaging.colour import linear_to_srgb8
from lib.render import Buffers, Camera, interpolate, render_buffers, sample_texture
from lib.render.window import Window
from lib.uvspace.grid import grid_of, outer_skin
from lib.uvspace.shown import posed_vertices

SIZE = (320, 960)  # (h, w) px: photo, head as fitted, head with relief
MARGIN = 0.04
GREY, PAPER = 0.42, 0.92  # linear
# Towards each light in the camera frame (x right, y down, z forward), and its strength.
LIGHTS = (((-0.80, -0.40, -0.45), 0.85), ((0.6, -0.3, -0.75), 0.12))
AMBIENT = 0.07
SUPERSAMPLE = 2


def draw_shaded(
    model: FaceModel,
    capture: Capture,
    fit: FaceFit,
    surface: Surface,
    side: int = SIZE[0],
    gain: float = 1.0,
) -> np.ndarray:
    """(side, 3 * side, 3) uint8: the photo around the face, the grey head, and its relief over it.

    Args:
        model: the fitted head model.
        capture: the photo.
        fit: of the capture.
        surface: of the same capture, in the head's frame.
        side: of each of the three pictures.
        gain: factor on the relief.
    """
    view = fit.frontal_view
    vertices = posed_vertices(model, fit, view)
    camera = Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view])
    face = model.parts["face_mask"]
    image = capture.image[view]
    window = Window.around(project(vertices[face], *camera), image.shape[:2], side, MARGIN)
    panels = [window.cut(image)]
    for share in (0.0, gain):
        panels.append(shaded_head(model, vertices, window, camera, surface, share))
    return np.hstack([_square(panel, side) for panel in panels])


def shaded_head(
    model: FaceModel,
    vertices: np.ndarray,
    window: Window,
    camera: Camera,
    surface: Surface,
    gain: float,
) -> np.ndarray:
    """(h, w, 3) uint8 sRGB: the head in grey, `gain` times the surface's relief in its normals."""
    height, width = (SUPERSAMPLE * side for side in window.size)
    fine = Window(window.corner, window.extent, (height, width)).camera(camera)
    normals, mask = shown_normals(model, vertices, fine, (height, width), surface, gain)
    picture = shaded(normals, mask)
    small = picture.reshape(height // SUPERSAMPLE, SUPERSAMPLE, width // SUPERSAMPLE, SUPERSAMPLE)
    return np.repeat(linear_to_srgb8(small.mean(axis=(1, 3)))[..., None], 3, axis=2)


def shaded(normals: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(h, w) float32 linear: grey under the lights where the mask is, paper elsewhere.

    Args:
        normals: (h, w, 3) unit, camera frame.
        mask: (h, w) bool.
    """
    light = np.full(mask.shape, AMBIENT, np.float32)
    for direction, strength in LIGHTS:
        unit = np.array(direction, np.float32) / np.linalg.norm(direction)
        light += strength * np.maximum(normals @ unit, 0)
    return np.where(mask, GREY * light, PAPER).astype(np.float32)


def shown_normals(
    model: FaceModel,
    vertices: np.ndarray,
    camera: Camera,
    size: tuple[int, int],
    surface: Surface,
    gain: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """The unit normals that a camera sees of a head with its relief.

    Args:
        model: the head model.
        vertices: (n_vertices, 3) mm, posed.
        camera: where from.
        size: (h, w) px.
        surface: of the head, in its frame.
        gain: factor on the relief.

    Returns:
        (h, w, 3) float32, camera frame; (h, w) bool where the head is.
    """
    buffers = render_buffers(vertices, model.triangles, *camera, size)
    normals = interpolate(buffers, vertex_normals(vertices, model.triangles), model.triangles)
    if gain:
        normals += _tilt(model, surface, gain, buffers)
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-6)
    return normals @ camera.world_to_camera[:, :3].T.astype(np.float32), buffers.mask


def _tilt(model: FaceModel, surface: Surface, gain: float, buffers: Buffers) -> np.ndarray:
    """(h, w, 3) what the relief adds to the unit normals of the pixels; 0 off the outer skin."""
    mask = np.isfinite(surface.position_mm[..., 0])
    base = np.nan_to_num(surface.position_mm)
    moved = base + np.float32(gain) * surface.normal * surface.distance_mm[..., None]
    tilt = grid_of(moved, mask, 0).normal - grid_of(base, mask, 0).normal
    uv = interpolate(buffers, model.uv, model.uv_triangles)
    on_skin = buffers.mask & outer_skin(model)[np.maximum(buffers.triangle_id, 0)]
    return np.where(on_skin[..., None], sample_texture(tilt, uv), 0).astype(np.float32)


def _square(picture: np.ndarray, side: int) -> np.ndarray:
    """(side, side, 3): the picture in the middle of white."""
    height, width = picture.shape[:2]
    result = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    result[top : top + height, left : left + width] = picture
    return result
