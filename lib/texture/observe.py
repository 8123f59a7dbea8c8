"""What one view shows of each texel, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.artefacts import Capture, FaceFit, SkinMask
from lib.facemodel.model import FaceModel
from lib.geometry import project, vertex_normals
from lib.render import Buffers, Camera, facing, render_buffers, sample_image, visible
from lib.texture.chart import Chart
from lib.texture.options import TextureOptions
from lib.texture.source import crop_face, open_photo

BUFFER_SIDE_PX = 600  # small faces are rasterised finer than their pixels
JUMP_MM = 6.0  # a step in depth between neighbouring pixels that is an edge inside the face


@dataclass(frozen=True)
class Observation:
    """One view of all texels.

    Args:
        rgb: (n, 3) float32 linear RGB; 0 where the weight is 0.
        weight: (n,) float32 0..1: how far the pixel is known to show this texel.
        expected_skin: (n,) float32 0..1 skin mask there; 1 without a mask.
        normals: (n, 3) float32, model frame, with the view's expression.
    """

    rgb: np.ndarray
    weight: np.ndarray
    expected_skin: np.ndarray
    normals: np.ndarray


def observe(
    model: FaceModel,
    chart: Chart,
    capture: Capture,
    fit: FaceFit,
    skin: SkinMask | None,
    view: int,
    options: TextureOptions,
) -> Observation:
    """Sample the original photo of a view at every texel.

    Raises:
        CaptureFailure: `original_missing`, or `no_face` when the fitted head lies outside.
    """
    vertices = fit.vertices + np.tensordot(fit.expression[view], model.expression_basis, 1)
    camera = Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view])
    points = chart.spread(vertices)
    normals = chart.spread(vertex_normals(vertices, model.triangles))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    buffers = _depth_buffer(vertices, model.triangles, camera)
    cosine = facing(points, normals, camera).astype(np.float32)
    front = np.flatnonzero(cosine > np.cos(np.radians(options.grazing_deg)))
    front = front[visible(points[front], normals[front], buffers, camera)]
    position = project(points[front], *camera)
    height, width = capture.image[view].shape[:2]
    inside = ((position > -0.5) & (position < np.array([width, height]) - 0.5)).all(axis=1)
    front, position = front[inside], position[inside]
    rgb, weight, is_skin = (np.zeros((len(points), k), np.float32) for k in (3, 1, 1))
    is_skin[:] = 1
    if len(front):
        photo = open_photo(capture, view)
        scale = capture.working_to_original[view]
        density = _texels_per_px(chart, points, front, camera) / float(scale.mean())
        rgb[front] = crop_face(photo, scale, position, density).sample(position)
        near_edge = sample_image(_distance_to_edges(buffers, camera), buffers.to_buffer(position))
        ramp = _ramp(near_edge / (options.silhouette_mm, options.occlusion_mm), 1, 3).prod(axis=1)
        angle = _ramp(
            cosine[front], *np.cos(np.radians([options.grazing_deg, options.frontal_deg]))
        )
        weight[front, 0] = ramp * angle
        if skin is not None:
            is_skin[front] = sample_image(skin.probability[view][..., None], position) / 255
    return Observation(rgb, weight[:, 0], is_skin[:, 0], normals)


def _depth_buffer(vertices: np.ndarray, triangles: np.ndarray, camera: Camera) -> Buffers:
    """Buffers of the viewport around the head, at least BUFFER_SIDE_PX along its longer side."""
    position = project(vertices, *camera)
    position = position[np.isfinite(position).all(axis=1)]
    low = np.floor(position.min(axis=0)).astype(int) - 2
    extent = np.ceil(position.max(axis=0)).astype(int) + 3 - low
    fine = int(np.clip(np.ceil(BUFFER_SIDE_PX / extent.max()), 1, 16))
    return render_buffers(
        vertices,
        triangles,
        *camera,
        size=(int(extent[1]), int(extent[0])),
        origin=(int(low[0]), int(low[1])),
        supersample=fine,
    )


def _distance_to_edges(buffers: Buffers, camera: Camera) -> np.ndarray:
    """(h, w, 2) float32 mm: distance on the image to the outline, and to edges inside."""
    mask = buffers.mask
    depth = np.where(mask, buffers.depth_mm, 0)
    mean_depth = float(depth[mask].mean()) if mask.any() else 1.0
    _, label = cv2.connectedComponents(np.pad(~mask, 1).astype(np.uint8), connectivity=4)
    within = (label != label[0, 0])[1:-1, 1:-1]  # with holes, such as a gap between the lips
    nearest = cv2.erode(np.where(mask, depth, np.float32(1e9)), np.ones((3, 3)))
    furthest = cv2.dilate(np.where(mask | ~within, depth, np.float32(1e9)), np.ones((3, 3)))
    smooth = ~(mask & (furthest - nearest > JUMP_MM))
    layers = [
        cv2.distanceTransform(np.pad(free.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
        for free in (within, smooth)
    ]
    mm_per_px = mean_depth / (camera.focal_px * buffers.supersample)
    return np.stack(layers, axis=2) * np.float32(mm_per_px)


def _texels_per_px(chart: Chart, points: np.ndarray, front: np.ndarray, camera: Camera) -> float:
    """Texels per pixel of the working image along a line, where texels are densest (90 %)."""
    follows = front[:-1][np.diff(chart.texel[front]) == 1]  # the next texel is in view, too
    if not len(follows):
        return 1.0
    first = project(points[follows], *camera)
    second = project(points[follows + 1], *camera)
    step = np.linalg.norm(second - first, axis=1)
    return 1 / max(float(np.quantile(step, 0.5)), 1e-3)


def _ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
