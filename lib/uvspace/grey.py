"""Heads in grey under a light from the side, with relief that lies in normals alone."""

from __future__ import annotations

import cv2
import numpy as np

from lib.artefacts import FaceFit, Surface
from lib.facemodel import FaceModel
from lib.geometry import project, vertex_normals
from lib.imaging.colour import linear_to_srgb8
from lib.render import Camera, interpolate, render_buffers, sample_texture
from lib.render.window import Window
from lib.uvspace.grid import Grid, chart_grid, grid_of, outer_skin

MARGIN = 0.04
GREY, PAPER = 0.85, 0.92  # linear
# Towards each light in the camera frame (x right, y down, z forward), and its strength.
LIGHTS = (((-0.85, -0.40, -0.40), 0.72), ((0.6, -0.3, -0.75), 0.08))
AMBIENT = 0.05
SUPERSAMPLE = 2


def view_camera(fit: FaceFit, view: int) -> Camera:
    """The fitted camera of a view's working image."""
    return Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view])


def face_window(
    model: FaceModel, vertices: np.ndarray, camera: Camera, size: tuple[int, int], side: int
) -> Window:
    """The square around the face on an image of (h, w) px, shown as `side` px."""
    face = vertices[model.parts["face_mask"]]
    return Window.around(project(face, *camera), size, side, MARGIN)


def surface_tilt(surface: Surface, gain: float = 1.0) -> np.ndarray:
    """`relief_tilt` of a surface's own distance, times `gain`."""
    mask = np.isfinite(surface.position_mm[..., 0])
    grid = Grid(np.nan_to_num(surface.position_mm), surface.normal, mask)
    return relief_tilt(grid, np.float32(gain) * surface.distance_mm)


def resting_tilt(model: FaceModel, vertices: np.ndarray, height_mm: np.ndarray) -> np.ndarray:
    """`relief_tilt` of heights (rows, rows) over a head's vertices (n_vertices, 3) mm."""
    return relief_tilt(chart_grid(model, vertices, len(height_mm)), height_mm)


def relief_tilt(grid: Grid, height_mm: np.ndarray) -> np.ndarray:
    """(rows, cols, 3) float32: what heights along the normals add to the unit normals."""
    moved = grid.position + grid.normal * height_mm[..., None]
    return grid_of(moved, grid.mask, 0).normal - grid_of(grid.position, grid.mask, 0).normal


def shown_normals(
    model: FaceModel,
    vertices: np.ndarray,
    camera: Camera,
    size: tuple[int, int],
    tilt: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The unit normals that a camera sees of a head with its relief.

    Args:
        model: the head model.
        vertices: (n_vertices, 3) mm.
        camera: where from.
        size: (h, w) px.
        tilt: (rows, cols, 3) of the chart, of `relief_tilt`; None = without relief.

    Returns:
        (h, w, 3) float32, camera frame; (h, w) bool where the head is.
    """
    buffers = render_buffers(vertices, model.triangles, *camera, size)
    normals = interpolate(buffers, vertex_normals(vertices, model.triangles), model.triangles)
    if tilt is not None:
        uv = interpolate(buffers, model.uv, model.uv_triangles)
        on_skin = buffers.mask & outer_skin(model)[np.maximum(buffers.triangle_id, 0)]
        normals += np.where(on_skin[..., None], sample_texture(tilt, uv), 0).astype(np.float32)
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-6)
    return normals @ camera.world_to_camera[:, :3].T.astype(np.float32), buffers.mask


def lit(normals: np.ndarray, mask: np.ndarray) -> np.ndarray:
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


def grey_head(
    model: FaceModel,
    vertices: np.ndarray,
    window: Window,
    camera: Camera,
    tilt: np.ndarray | None = None,
) -> np.ndarray:
    """(h, w, 3) uint8 sRGB: the head in grey; `window` cuts it out of the camera's image."""
    height, width = (SUPERSAMPLE * side for side in window.size)
    fine = Window(window.corner, window.extent, (height, width)).camera(camera)
    picture = lit(*shown_normals(model, vertices, fine, (height, width), tilt))
    small = cv2.resize(picture, window.size[::-1], interpolation=cv2.INTER_AREA)
    return np.repeat(linear_to_srgb8(small)[..., None], 3, axis=2)


def squared(picture: np.ndarray, side: int) -> np.ndarray:
    """(side, side, 3) uint8: the picture in the middle of white."""
    height, width = picture.shape[:2]
    result = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    result[top : top + height, left : left + width] = picture
    return result
