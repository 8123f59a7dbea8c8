"""Pictures of a head over its photo, drawn as the published systems draw them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lib.facemodel import FaceModel
from lib.geometry import vertex_normals
from lib.geometry.crop_camera import TO_OPENCV
from lib.render import Camera, interpolate, render_buffers

GREY = 0.78
LAMPS = np.array([(-1, 1, 1), (1, 1, 1), (-1, -1, 1), (1, -1, 1), (0, 0, 1)], np.float64)
STRENGTH = 1.7
WHITE = 255
FACE_ALONE = 0.8  # share of its vertices in the face, of a model without neck and scalp
SQUARE = range(-2, 2)  # px about a landmark, as published


def shown_share(model: FaceModel) -> np.ndarray:
    """(V,) 0..1: how far a vertex is shown over a photo: the face of a head, all of a face alone.

    What is not skin is shown with it. Between two vertices the border lies half way.
    """
    result = np.ones(model.n_vertices, np.float32)
    if len(model.parts["face_mask"]) <= FACE_ALONE * model.n_vertices:
        result[model.triangles[model.region("skin")]] = 0
        result[model.parts["face_mask"]] = 1
    return result


def render_over(
    image: np.ndarray,
    vertices: np.ndarray,
    triangles: np.ndarray,
    camera: Camera,
    colours: np.ndarray,
    shown: np.ndarray,
) -> np.ndarray:
    """(h, w, 3) uint8: a mesh over an sRGB image, hard-edged.

    Args:
        image: (h, w, 3) uint8.
        vertices: (V, 3) mm, model frame.
        triangles: (T, 3), all of the mesh.
        camera: of the image.
        colours: (V, 3) sRGB-encoded 0..1.
        shown: (V,) as `shown_share` gives it.
    """
    buffers = render_buffers(vertices, triangles, *camera, image.shape[:2])
    layers = interpolate(buffers, np.column_stack([colours, shown]), triangles)
    painted = np.rint(255 * np.clip(layers[..., :3], 0, 1)).astype(np.uint8)
    return np.where(buffers.mask[..., None] & (layers[..., 3:] > 0.5), painted, image)


def grey_colours(vertices: np.ndarray, triangles: np.ndarray, camera: Camera) -> np.ndarray:
    """(V, 3) colours of a grey face under the published five lamps, which stand by the camera."""
    turn = TO_OPENCV @ np.asarray(camera.world_to_camera)[:, :3]
    normals = vertex_normals(vertices, triangles) @ turn.T  # x right, y up, z to the viewer
    lamps = LAMPS / np.linalg.norm(LAMPS, axis=1, keepdims=True)
    shading = STRENGTH * np.clip(normals @ lamps.T, 0, 1).mean(axis=1)
    return np.repeat(np.clip(GREY * shading, 0, 1)[:, None], 3, axis=1).astype(np.float32)


def draw_squares(
    image: np.ndarray, points_px: np.ndarray, colour: tuple[int, int, int]
) -> np.ndarray:
    """(h, w, 3) uint8: the image with squares of 4 x 4 px at points (n, 2); NaN ones are left out.

    Args:
        image: (h, w, 3) uint8.
        points_px: (n, 2), y down.
        colour: sRGB.
    """
    result = image.copy()
    height, width = image.shape[:2]
    for x, y in np.rint(points_px[np.isfinite(points_px).all(axis=1)]).astype(int):
        rows = [y + k for k in SQUARE if 0 <= y + k < height]
        columns = [x + k for k in SQUARE if 0 <= x + k < width]
        result[np.ix_(rows, columns)] = colour
    return result


def grid(pictures: Sequence[np.ndarray], columns: int = 4) -> np.ndarray:
    """Pictures of one size (h, w, 3) in rows, free places white; fewer than a row stay one."""
    columns = min(columns, len(pictures))
    free = [np.full_like(pictures[0], WHITE)] * (-len(pictures) % columns)
    cells = [*pictures, *free]
    rows = [np.hstack(cells[k : k + columns]) for k in range(0, len(cells), columns)]
    return np.vstack(rows)
