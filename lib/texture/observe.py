"""What one view shows of each texel, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.artefacts import Capture, FaceFit, SkinMask
from lib.facemodel.model import FaceModel
from lib.geometry import project, vertex_normals
from lib.render import Buffers, Camera, facing, sample_image, visible
from lib.texture.chart import Chart
from lib.texture.options import TextureOptions
from lib.uvspace.photos import crop_face, open_photo
from lib.uvspace.shown import depth_buffer, distance_to_edges, posed_vertices, ramp, sample_skin

EYE_CLEAR_MM, MOUTH_CLEAR_MM = 0.15, 0.7  # from the nearest skin on the image


@dataclass(frozen=True)
class Observation:
    """One view of all texels.

    Args:
        rgb: (n, 3) float32 linear RGB; 0 where the weight is 0.
        weight: (n,) float32 0..1: how far the pixel is known to show this texel.
        expected_skin: (n,) float32 0..1 skin mask there; 1 without a mask.
    """

    rgb: np.ndarray
    weight: np.ndarray
    expected_skin: np.ndarray


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
        CaptureFailure: `original_missing`.
    """
    vertices = posed_vertices(model, fit, view)
    camera = Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view])
    buffers = depth_buffer(vertices, model.triangles, camera)
    of, position, cosine = texels_in_view(chart, vertices, model.triangles, buffers, camera)
    height, width = capture.image[view].shape[:2]
    inside = ((position > -0.5) & (position < np.array([width, height]) - 0.5)).all(axis=1)
    inside &= cosine > np.cos(np.radians(options.grazing_deg))
    of, position, cosine = of[inside], position[inside], cosine[inside]
    n = len(chart.texel)
    rgb, weight, is_skin = np.zeros((n, 3), np.float32), np.zeros(n, np.float32), np.ones(n)
    if len(of):
        photo = open_photo(capture, view)
        scale = capture.working_to_original[view]
        density = texels_per_px(chart, of, position) / float(scale.mean())
        rgb[of] = crop_face(photo, scale, position, density).sample(position)
        edges = distance_to_edges(buffers, camera, model)
        distance = sample_image(edges, buffers.to_buffer(position))
        weight[of] = _trust(cosine, distance, chart, of, options)
        if skin is not None:
            is_skin[of] = sample_skin(skin.probability[view], capture.image[view], position)
    return Observation(rgb, weight, is_skin.astype(np.float32))


def texels_in_view(
    chart: Chart, vertices: np.ndarray, triangles: np.ndarray, buffers: Buffers, camera: Camera
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Texels (k,) that the camera sees, their places (k, 2) px and cosines to the view (k,)."""
    normal = vertex_normals(vertices, triangles)
    faces_camera = (facing(vertices, normal, camera) > 0).astype(np.float32)
    of = np.flatnonzero(chart.spread(faces_camera[:, None])[:, 0] > 0)
    weights = chart.weights[of]
    points, normals = weights @ vertices, weights @ normal
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    seen = visible(points, normals, buffers, camera)
    of, points, normals = of[seen], points[seen], normals[seen]
    cosine = facing(points, normals, camera).astype(np.float32)
    return of, project(points, *camera), cosine


def _trust(
    cosine: np.ndarray, distance: np.ndarray, chart: Chart, of: np.ndarray, options: TextureOptions
) -> np.ndarray:
    """(k,) 0..1 for texels `of` (k,): cosines to the view (k,), distances (k, 3) to edges in mm.

    Eyes and the inside of the mouth count only where skin is not near: a fit that is slightly off
    would put lids on the eyes and lips on the teeth.
    """
    edge = ramp(distance[:, :2] / (options.silhouette_mm, options.occlusion_mm), 1, 3)
    limits = np.cos(np.radians([options.grazing_deg, options.frontal_deg]))
    free = free_of_skin(distance[:, 2], chart, of)
    return edge.prod(axis=1) * free * ramp(cosine, *limits)


def free_of_skin(distance_mm: np.ndarray, chart: Chart, of: np.ndarray) -> np.ndarray:
    """(k,) 0..1: texels `of` (k,) of eyes and mouth that lie (k,) mm clear of skin on the image."""
    clear = np.where(chart.eye[of], EYE_CLEAR_MM, MOUTH_CLEAR_MM)
    return np.where(chart.skin[of], 1, ramp(distance_mm / clear, 1, 3))


def texels_per_px(chart: Chart, of: np.ndarray, position: np.ndarray) -> float:
    """Texels per pixel of the working image along a row of texels, in the median."""
    next_to = np.diff(chart.texel[of]) == 1
    if not next_to.any():
        return 1.0
    step = np.linalg.norm(np.diff(position, axis=0)[next_to], axis=1)
    return 1 / max(float(np.median(step)), 1e-3)
