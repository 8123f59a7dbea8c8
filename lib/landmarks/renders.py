"""Pictures of random heads on which a landmark network can be asked where its points lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from lib.facemodel import FaceModel
from lib.render import (
    Buffers,
    Camera,
    Paint,
    PreviewOptions,
    ambient_light,
    distant_light,
    interpolate,
    render_buffers,
    render_head,
)

_DISTANCE_MM = 900.0
_SIZE = 320
_FOCAL = 1250.0  # the face fills about 60 % of the picture; a pixel is about 0.7 mm
_FILL_PX = 5.0


@dataclass(frozen=True)
class RenderedHead:
    """A picture of a random head, and what lies under each pixel.

    Args:
        image: (h, w, 3) uint8 sRGB.
        on_mean: (h, w, 3) mm: the place of the pixel's surface on the mean head, NaN = far
            from any skin.
        rotation: (3, 3) model frame to camera frame.
        box_px: (4,) about the face.
    """

    image: np.ndarray
    on_mean: np.ndarray
    rotation: np.ndarray
    box_px: np.ndarray


def render_heads(
    model: FaceModel, count: int, generator: np.random.Generator, shared_albedo: np.ndarray
) -> Iterator[RenderedHead]:
    """Heads of random identity, colour, light and pose, neutral, eyes open.

    Args:
        model: the head model.
        count: number of pictures.
        generator: where every random number comes from.
        shared_albedo: (n_vertices, 3) linear RGB with hair, brows and eyes, see `painted`.
    """
    for _ in range(count):
        identity = 0.8 * generator.standard_normal(model.n_identity)
        tone = 0.8 * generator.standard_normal(model.n_albedo)
        vertices = model.vertices(identity)
        skin = model.albedo(tone if model.n_albedo else None)
        paint = Paint(colours=np.where(np.isnan(shared_albedo), skin, shared_albedo))
        yield _render(model, vertices, paint, generator)


def painted(model: FaceModel) -> np.ndarray:
    """(n_vertices, 3) linear RGB of hair, brows and eyes; NaN where the skin shows."""
    colours = np.full((model.n_vertices, 3), np.nan)
    hair = (0.028, 0.02, 0.015)
    for part in ("right_eyebrow", "left_eyebrow"):
        colours[model.parts[part]] = hair
    colours[_under_hair(model)] = hair
    for name in ("eye_left", "eye_right"):
        if name in model.region_names:
            _paint_eye(model, name, colours)
    for name, colour in {"mouth": (0.12, 0.03, 0.03), "teeth": (0.6, 0.55, 0.45)}.items():
        found = [region for region in model.region_names if region.startswith(name)]
        colours[np.unique(model.triangles[model.region(*found)])] = colour
    return colours


def _under_hair(model: FaceModel) -> np.ndarray:
    """(n_vertices,) bool: skull above the hairline and behind the ears."""
    brows = model.mean[np.concatenate([model.parts["right_eyebrow"], model.parts["left_eyebrow"]])]
    top, front = brows[:, 1].max(), brows[:, 2].max()
    _, height, depth = model.mean.T
    hairline = top + 42 + 0.5 * (depth - front)
    return (height > np.maximum(hairline, top - 75)) & (depth < front - 10)


def _paint_eye(model: FaceModel, region: str, colours: np.ndarray) -> None:
    vertices = np.unique(model.triangles[model.region(region)])
    points = model.mean[vertices]
    centre = (points.min(0) + points.max(0)) / 2
    radius = np.linalg.norm(points - centre, axis=1).max()
    outwards = (points - centre) / radius
    from_axis = np.linalg.norm(outwards[:, :2], axis=1)
    front = outwards[:, 2] > 0
    colours[vertices] = (0.75, 0.70, 0.68)
    colours[vertices[front & (from_axis < 0.5)]] = (0.08, 0.045, 0.025)
    colours[vertices[front & (from_axis < 0.2)]] = (0.008, 0.008, 0.008)


def _render(
    model: FaceModel, vertices: np.ndarray, paint: Paint, generator: np.random.Generator
) -> RenderedHead:
    camera = _camera(vertices[model.parts["face_mask"]].mean(0), generator)
    size = (_SIZE, _SIZE)
    grey = tuple(int(v) for v in generator.integers(40, 220, 3))
    light = _light(generator) if generator.random() < 0.7 else None
    options = PreviewOptions(background=grey, supersample=2, cull_back_faces=False)
    image = render_head(vertices, model.triangles, camera, size, paint, options, light)[..., :3]
    noisy = image + generator.normal(0, 2.0, image.shape)
    buffers = render_buffers(vertices, model.triangles, *camera, size=size, cull_back_faces=False)
    rotation = camera.world_to_camera[:, :3]
    in_camera = vertices[model.parts["face_mask"]] @ rotation.T + camera.world_to_camera[:, 3]
    points = camera.focal_px * in_camera[:, :2] / in_camera[:, 2:] + camera.centre_px
    return RenderedHead(
        np.clip(np.rint(noisy), 0, 255).astype(np.uint8),
        _on_mean(model, buffers),
        rotation,
        np.concatenate([points.min(0), points.max(0)]),
    )


def _camera(middle: np.ndarray, generator: np.random.Generator) -> Camera:
    yaw, pitch, roll = np.deg2rad(generator.uniform(-1, 1, 3) * [30, 18, 6])
    turn_y = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    turn_x = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    turn_z = [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    rotation = np.diag([1.0, -1.0, -1.0]) @ np.array(turn_z) @ np.array(turn_x) @ np.array(turn_y)
    translation = np.array([0, 0, _DISTANCE_MM]) - rotation @ middle
    centre = np.full(2, (_SIZE - 1) / 2)
    return Camera(np.column_stack([rotation, translation]), _FOCAL, centre)


def _light(generator: np.random.Generator) -> np.ndarray:
    direction = generator.normal([0, 0.5, 1.5], 0.8)
    ambient, key = generator.uniform(0.35, 0.7), generator.uniform(0.3, 0.8)
    return ambient_light((ambient,) * 3) + distant_light(direction, (key,) * 3)


def _on_mean(model: FaceModel, buffers: Buffers) -> np.ndarray:
    """(h, w, 3) mm. A mark on the edge of a lid or lip may fall on either side: the eyes count as
    they are, and the gap between the lips takes the place of the nearest pixel of the skin.
    """
    wanted = [name for name in model.region_names if name.startswith(("skin", "eye", "socket"))]
    shown = buffers.mask & model.region(*wanted)[np.maximum(buffers.triangle_id, 0)]
    positions = interpolate(buffers, model.mean.astype(np.float32), model.triangles)
    distance, label = cv2.distanceTransformWithLabels(
        (~shown).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    rows, columns = np.nonzero(shown)
    pixel_of_label = np.zeros((label.max() + 1, 2), int)
    pixel_of_label[label[rows, columns]] = np.stack([rows, columns], 1)
    nearest = pixel_of_label[label]
    filled = positions[nearest[..., 0], nearest[..., 1]]
    return np.where((distance <= _FILL_PX)[..., None], filled, np.nan)
