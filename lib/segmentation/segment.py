"""Parts of the face and dense landmarks on every view of a capture."""

from __future__ import annotations

from typing import Literal

import numpy as np

from lib.artefacts import Capture, FaceFit, Parts
from lib.errors import ShapeError
from lib.facemodel import landmarks106, visible_contour
from lib.geometry import project
from lib.render import Camera, landmarks_seen, render_buffers
from lib.segmentation.masks import Seen, full_parts, seen_parts
from lib.segmentation.options import SegmentationOptions
from lib.segmentation.published import published_parts
from lib.segmentation.surfaces import PartSurfaces
from lib.uvspace.shown import posed_vertices

SCHEMES = {"ibug68": 68, "ldm106": 106, "ldm106_2d": 106, "ldm134": 134}
UPRIGHT: dict[str, Literal["up", "side"]] = {"raster": "up", "3ddfa_v3": "side"}
SEEN_MM = 4.0  # landmarks lie on edges such as lids, before or behind which skin lies


def segment_parts(
    surfaces: PartSurfaces,
    capture: Capture,
    fit: FaceFit,
    options: SegmentationOptions | None = None,
) -> Parts:
    """The parts that each view shows, each part whole, and dense landmarks.

    Args:
        surfaces: of the fitted head model.
        capture: gives the sizes of the working images.
        fit: shape, expression and cameras.
        options: settings.

    Raises:
        ShapeError: `fit` belongs to another model.
    """
    options = options or SegmentationOptions()
    model = surfaces.model
    if fit.vertices.shape != model.mean.shape:
        raise ShapeError("fit.vertices", fit.vertices.shape, f"{model.mean.shape} of {model.name}")
    visible, full, points, seen = [], [], [], []
    for view, image in enumerate(capture.image):
        size = image.shape[:2]
        if not np.isfinite(fit.world_to_camera[view]).all():
            visible.append(np.zeros(size, np.uint8))
            full.append(np.zeros(size, np.uint8))
            points.append({name: np.full((n, 2), np.nan) for name, n in SCHEMES.items()})
            seen.append({name: np.zeros(n, bool) for name, n in SCHEMES.items()})
            continue
        head = Seen(
            posed_vertices(model, fit, view),
            Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view]),
            size,
        )
        if options.method == "raster":
            label = seen_parts(surfaces, head)
            masks = full_parts(surfaces, head) | bits(label)
        else:
            label, masks = published_parts(surfaces, head, fit.landmarks_px[view])
        visible.append(label)
        full.append(masks)
        places = landmark_places(surfaces, head, options)
        points.append({name: project(place, *head.camera) for name, place in places.items()})
        seen.append(_seen(surfaces, head, places))
    columns = {f"{name}_px": [of_view[name] for of_view in points] for name in SCHEMES}
    columns |= {f"{name}_seen": [of_view[name] for of_view in seen] for name in SCHEMES}
    return Parts(fit.model, options.method, tuple(visible), tuple(full), **columns)


def bits(label: np.ndarray) -> np.ndarray:
    """The bit of each part in an image of labels: 1 -> 1, 2 -> 2, 3 -> 4, ...; 0 -> 0."""
    table = np.zeros(256, np.uint8)
    table[1:9] = 1 << np.arange(8)
    return table[label]


def landmark_places(
    surfaces: PartSurfaces, head: Seen, options: SegmentationOptions
) -> dict[str, np.ndarray]:
    """Points (n, 3) mm of each scheme on the posed head; NaN where the model lacks the scheme."""
    model, vertices = surfaces.model, head.vertices
    places = {name: np.full((n, 3), np.nan) for name, n in SCHEMES.items()}
    for name in ("ibug68", "ldm134"):
        if name in model.landmarks:
            places[name] = model.landmarks[name].on(vertices, model.triangles)
    if "ldm106" in model.landmarks:
        places["ldm106"] = landmarks106(model, vertices)
    if surfaces.contour is not None:
        pose, upright = head.camera.world_to_camera, UPRIGHT[options.method]
        shown = visible_contour(model, vertices, pose, surfaces.contour, upright)
        places["ldm106_2d"] = np.concatenate([vertices[shown], places["ldm106"][len(shown) :]])
    return places


def _seen(
    surfaces: PartSurfaces, head: Seen, places: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """(n,) bool of each scheme: no part of the head is before the point."""
    buffers = render_buffers(head.vertices, surfaces.model.triangles, *head.camera, head.size)
    return {
        name: landmarks_seen(np.nan_to_num(place), head.camera, buffers.depth_mm, SEEN_MM)
        & np.isfinite(place).all(axis=1)
        for name, place in places.items()
    }
