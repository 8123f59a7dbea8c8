"""Part labels at the centre of every pixel: what is seen, and each part as if it stood alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.geometry import project
from lib.render import Buffers, Camera, render_buffers
from lib.segmentation.surfaces import PartSurfaces


@dataclass(frozen=True)
class Seen:
    """A posed head in one view.

    Args:
        vertices: (n_vertices, 3) float32 mm, model frame.
        camera: of the picture.
        size: (h, w) of the picture.
    """

    vertices: np.ndarray
    camera: Camera
    size: tuple[int, int]


def seen_parts(surfaces: PartSurfaces, head: Seen) -> np.ndarray:
    """(h, w) uint8 label of the nearest surface of the whole head; 0 = no part of the face."""
    result = np.zeros(head.size, np.uint8)
    label = surfaces.label
    drawn = draw(head, surfaces.model.triangles)
    if drawn is not None:
        window, buffers = drawn
        result[window] = np.where(buffers.mask, label[np.maximum(buffers.triangle_id, 0)], 0)
    return result


def full_parts(surfaces: PartSurfaces, head: Seen, cull: bool = True) -> np.ndarray:
    """(h, w) uint8: bit k = part k covers the pixel when nothing else is there.

    Args:
        surfaces: of the head model.
        head: in its view.
        cull: leave out surfaces that are turned away from the camera.
    """
    result = np.zeros(head.size, np.uint8)
    triangles = surfaces.model.triangles
    for index, (alone, lids) in enumerate(zip(surfaces.alone, surfaces.lids, strict=True)):
        drawn = draw(head, triangles[np.concatenate([alone, lids])], cull)
        if drawn is not None:
            window, buffers = drawn
            shown = buffers.mask & (buffers.triangle_id < len(alone))
            result[window] |= shown.astype(np.uint8) << np.uint8(index)
    return result


def draw(
    head: Seen, triangles: np.ndarray, cull: bool = True
) -> tuple[tuple[slice, slice], Buffers] | None:
    """The part of the picture that holds triangles, and its buffers; None = it holds none."""
    if not len(triangles):
        return None
    position = project(head.vertices[np.unique(triangles)], *head.camera)
    position = position[np.isfinite(position).all(axis=1)]
    if not len(position):
        return None
    limit = np.array(head.size[::-1])
    low = np.clip(np.floor(position.min(axis=0)), 0, limit).astype(int)
    high = np.clip(np.ceil(position.max(axis=0)) + 1, 0, limit).astype(int)
    if not (high > low).all():
        return None
    buffers = render_buffers(
        head.vertices,
        triangles,
        *head.camera,
        size=(int(high[1] - low[1]), int(high[0] - low[0])),
        cull_back_faces=cull,
        origin=(int(low[0]), int(low[1])),
    )
    return (slice(low[1], high[1]), slice(low[0], high[0])), buffers
