"""The exact truth of a view: depth, normals, chart coordinates, parts and landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.artefacts import PART_LABELS
from lib.geometry import project, vertex_normals
from lib.render import (
    Buffers,
    Camera,
    landmarks_seen,
    render_buffers,
    sample_texture,
    visible,
)
from lib.synthesis.hair.strands import ribbons
from lib.synthesis.rendering.materials import SKIN
from lib.synthesis.rendering.scene import Stage
from lib.synthesis.staging import CLEAR, Posed
from lib.synthesis.studio import Studio

SEEN_MM = 2.0  # how far behind the depth image a vertex still counts as seen
LANDMARK_SEEN_MM = 4.0  # landmarks lie on edges such as lids, before or behind which skin lies
HAIR_PX = 1.0  # hairs are drawn at least this wide


@dataclass(frozen=True)
class Layers:
    """What is exactly so in one view.

    Args:
        depth_mm: (h, w) of the head's surface; inf = something else is seen.
        normal: (h, w, 3) unit, camera frame.
        uv: (h, w, 2) of the head's chart; NaN elsewhere.
        part: (h, w) index into PART_LABELS.
        visible: (n_vertices,) bool, vertices of the model.
        landmarks_px: scheme -> (n, 2)
        landmarks_seen: scheme -> (n,) bool.
    """

    depth_mm: np.ndarray
    normal: np.ndarray
    uv: np.ndarray
    part: np.ndarray
    visible: np.ndarray
    landmarks_px: dict[str, np.ndarray]
    landmarks_seen: dict[str, np.ndarray]


def look_through(
    studio: Studio,
    stage: Stage,
    posed: Posed,
    landmarks: dict[str, np.ndarray],
    camera: Camera,
    size: tuple[int, int],
) -> Layers:
    """The truth of one view at the centres of its pixels.

    Brows, lashes, beards and clear lenses hide nothing: a face is still seen through them.

    Args:
        studio: the model.
        stage: all that stands there.
        posed: the head.
        landmarks: scheme -> (n, 3) mm.
        camera: of the view.
        size: (h, w) px.
    """
    vertices, triangles, label = _hiding(stage, camera)
    buffers = render_buffers(vertices, triangles, *camera, size, cull_back_faces=False)
    shown = np.where(buffers.mask, buffers.triangle_id, 0)
    part = np.where(buffers.mask, label[shown], 0).astype(np.uint8)
    head = buffers.mask & (shown < stage.n_head)
    depth = np.where(head, buffers.depth_mm, np.inf).astype(np.float32)
    uv, normal = _on_head(stage, buffers, head, camera)
    model = studio.model
    at_vertices = vertex_normals(posed.vertices, model.triangles)
    return Layers(
        depth,
        normal,
        uv,
        part,
        visible(posed.vertices, at_vertices, buffers, camera, SEEN_MM),
        {
            name: project(
                points, camera.world_to_camera, np.array(camera.focal_px), camera.centre_px
            )
            for name, points in landmarks.items()
        },
        {
            name: landmarks_seen(points, camera, buffers.depth_mm, LANDMARK_SEEN_MM)
            for name, points in landmarks.items()
        },
    )


def _hiding(stage: Stage, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, triangles and label per triangle of all that hides what lies behind it."""
    mesh = stage.mesh
    vertices, triangles, labels = [mesh.vertices], [mesh.triangles], [mesh.label]
    total = len(mesh.vertices)
    pose = camera.world_to_camera
    eye = -pose[:, :3].T @ pose[:, 3]
    for fibres in stage.fibres:
        if not fibres.occludes:
            continue
        distance = float(np.linalg.norm(fibres.points[:, 0].mean(axis=0) - eye))
        sides, strip, _ = ribbons(
            fibres.points, fibres.radius_mm, eye, HAIR_PX * distance / camera.focal_px
        )
        vertices.append(sides)
        triangles.append(strip + total)
        labels.append(np.full(len(strip), fibres.label, np.uint8))
        total += len(sides)
    for lens in stage.lenses:
        if lens.transmission.mean() < CLEAR:
            vertices.append(lens.vertices)
            triangles.append(lens.triangles + total)
            labels.append(np.full(len(lens.triangles), PART_LABELS.index("glasses"), np.uint8))
            total += len(lens.vertices)
    return np.concatenate(vertices), np.concatenate(triangles), np.concatenate(labels)


def _on_head(
    stage: Stage, buffers: Buffers, head: np.ndarray, camera: Camera
) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, 2) chart coordinates and (h, w, 3) normals in the camera frame, of the head."""
    skin = stage.skin
    corners = skin.uv[skin.uv_triangles[buffers.triangle_id[head]]]
    weights = buffers.barycentric[head]
    uv = np.full((*head.shape, 2), np.nan, np.float32)
    uv[head] = np.einsum("nkc,nk->nc", corners, weights)
    rows = stage.mesh.triangles[buffers.triangle_id[head]]
    smooth = np.einsum("nkc,nk->nc", stage.mesh.normals[rows], weights)
    on_skin = stage.mesh.kind[buffers.triangle_id[head]] == SKIN
    smooth[on_skin] = sample_texture(skin.normal, uv[head][on_skin])
    smooth /= np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), 1e-9)
    normal = np.zeros((*head.shape, 3), np.float32)
    normal[head] = smooth @ camera.world_to_camera[:, :3].T
    return uv, normal
