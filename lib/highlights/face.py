"""What is known of a working image before its highlights are looked for."""

from __future__ import annotations

import numpy as np

from lib.artefacts import PART_LABELS, Capture, FaceFit, SkinMask
from lib.facemodel import FaceModel
from lib.facemodel.part_labels import part_of_triangles
from lib.geometry import to_camera, vertex_normals
from lib.highlights.separator import FacePhoto
from lib.imaging import srgb_to_linear
from lib.render import Camera, interpolate, render_buffers, shade
from lib.uvspace.shown import filled_skin, posed_vertices

BACKGROUND = PART_LABELS.index("background")
GREY = np.full(3, 1.0, np.float32)


def is_fitted(fit: FaceFit, view: int) -> bool:
    """Whether the head was fitted to a view."""
    pose = np.isfinite(fit.world_to_camera[view]).all() and np.isfinite(fit.focal_px[view])
    return bool(pose and np.isfinite(fit.expression[view]).all())


def face_photo(
    model: FaceModel, capture: Capture, fit: FaceFit, skin: SkinMask, view: int
) -> FacePhoto:
    """A fitted view's working image, with the light taken as grey.

    Args:
        model: the fitted head model.
        capture: working images.
        fit: pose, expression and camera.
        skin: where bare skin is.
        view: row of all three.
    """
    image = capture.image[view]
    vertices = posed_vertices(model, fit, view)
    camera = Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view])
    buffers = render_buffers(vertices, model.triangles, *camera, size=image.shape[:2])
    shown = buffers.triangle_id
    lit = shade(
        model.albedo(fit.albedo), vertex_normals(vertices, model.triangles), fit.light[view]
    ).mean(axis=1, keepdims=True)
    labels = np.append(part_of_triangles(model), np.uint8(BACKGROUND))  # of -1, the last
    depth = float(np.median(to_camera(vertices, camera.world_to_camera)[:, 2]))
    return FacePhoto(
        rgb=srgb_to_linear(image),
        skin=filled_skin(skin.probability[view], image),
        head=shown >= 0,
        illuminant=GREY,
        part=labels[shown],
        expected=interpolate(buffers, np.maximum(lit, 0), model.triangles)[..., 0],
        px_per_mm=camera.focal_px / max(depth, 1.0),
    )
