"""Captures as training sees them: views, a base that is a little off, and how far the truth is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from lib.artefacts import Truth
from lib.errors import ConfigError
from lib.facemodel import FaceModel
from lib.geometry import SurfaceTree, to_camera
from lib.render import Camera
from lib.training.options import TrainingOptions
from lib.uvspace.grid import Grid, chart_grid
from lib.uvspace.views import CalibratedView, visibility

LEAST_VIEWS = 2
SHOWN_MM = 2.0  # a photo whose depth differs by less shows the point
WAVES = 24
WAVELENGTH_MM = (60.0, 200.0)  # of the base's error: a fit follows what is wider, misses some
CAMERA_FIELDS = ("world_to_camera", "focal_px", "centre_px")


@dataclass(frozen=True)
class Scene:
    """One capture, ready to draw queries from.

    Args:
        name: of the capture.
        subject: whose face.
        images: of each view (h, w, 3) uint8 RGB, sRGB encoded.
        cameras: of each view.
        position: (rows, cols, 3) float32 mm, the base.
        normal: (rows, cols, 3) float32 unit.
        mask: (rows, cols) bool: on the chart and seen by two views.
        distance_mm: (rows, cols) float32 from the base to the true surface along the normal; NaN
            where it is not met within the range or photos do not show it: another thing than 0.
        seen: (n_views, rows, cols) float32 cosine between normal and view, 0 = not seen.
    """

    name: str
    subject: str
    images: tuple[np.ndarray, ...]
    cameras: tuple[Camera, ...]
    position: np.ndarray
    normal: np.ndarray
    mask: np.ndarray
    distance_mm: np.ndarray
    seen: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """(rows, cols) bool: texels whose true distance is known."""
        return self.mask & np.isfinite(self.distance_mm)


def scene_of_truth(
    truth: Truth, name: str, model: FaceModel, options: TrainingOptions, chance: np.random.Generator
) -> Scene:
    """A synthetic capture; its base is the true head without relief, moved smoothly.

    Raises:
        ConfigError: it has one view alone.
    """
    n_views = len(truth.image)
    cameras = [
        Camera(truth.world_to_camera[k], float(truth.focal_px[k]), truth.centre_px[k])
        for k in range(n_views)
    ]
    base = moved_smoothly(truth.vertices_mm, chance, options.base_error_mm)
    grid = chart_grid(model, base, options.uv_size)
    surface = SurfaceTree(truth.detail_mm, truth.detail_triangles)
    scene = make_scene(name, truth.subject, truth.image, cameras, grid, surface, options)
    shown = where_shown(truth, grid.position, grid.normal, scene.distance_mm)
    return replace(scene, distance_mm=np.where(shown, scene.distance_mm, np.nan))


def make_scene(
    name: str,
    subject: str,
    images: Sequence[np.ndarray],
    cameras: Sequence[Camera],
    grid: Grid,
    surface: SurfaceTree,
    options: TrainingOptions,
) -> Scene:
    """A scene of views, a base on its chart and the true surface.

    Raises:
        ConfigError: fewer than two views.
    """
    if len(images) < LEAST_VIEWS:
        raise ConfigError(
            f"training.data: capture {name} has {len(images)} view, expected at least "
            f"{LEAST_VIEWS}. Draw a rig: synthesis.kind: octet"
        )
    pairs = [reduced(*pair, options.long_side_px) for pair in zip(images, cameras, strict=True)]
    images, cameras = tuple(image for image, _ in pairs), tuple(camera for _, camera in pairs)
    views = [CalibratedView(str(k), *pair) for k, pair in enumerate(pairs)]
    seen = visibility(views, grid, np.zeros(grid.mask.shape, np.float32))
    mask = grid.mask & ((seen > 0).sum(axis=0) >= LEAST_VIEWS)
    distance = true_distance(grid.position, grid.normal, mask, surface, options.range_mm)
    return Scene(name, subject, images, cameras, grid.position, grid.normal, mask, distance, seen)


def reduced(image: np.ndarray, camera: Camera, long_side_px: int) -> tuple[np.ndarray, Camera]:
    """A picture and its camera, no larger than asked for."""
    size = np.array(image.shape[:2])
    if not long_side_px or size.max() <= long_side_px:
        return np.ascontiguousarray(image), camera
    target = np.maximum(np.rint(size * long_side_px / size.max()).astype(int), 1)
    small = cv2.resize(image, tuple(map(int, target[::-1])), interpolation=cv2.INTER_AREA)
    factor = (target / size)[::-1]
    centre = (np.asarray(camera.centre_px) + 0.5) * factor - 0.5
    return small, Camera(camera.world_to_camera, camera.focal_px * float(factor.mean()), centre)


def true_distance(
    position: np.ndarray,
    normal: np.ndarray,
    mask: np.ndarray,
    surface: SurfaceTree,
    range_mm: float,
) -> np.ndarray:
    """(rows, cols) float32 mm along the normal to the surface's outer side; NaN = not met in range.

    Args:
        position: (rows, cols, 3) mm.
        normal: (rows, cols, 3).
        mask: (rows, cols) bool: texels to measure.
        surface: the truth.
        range_mm: farther meetings do not count.
    """
    origin, direction = position[mask].astype(np.float64), normal[mask].astype(np.float64)
    hits = surface.along(origin, direction, both_ways=True)
    found = hits.triangles >= 0
    corners = surface.vertices[surface.triangles[hits.triangles[found]]]
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outer = np.zeros(len(found), bool)
    outer[found] = (facing * direction[found]).sum(axis=1) > 0
    distance = np.where(outer & (np.abs(hits.distance_mm) <= range_mm), hits.distance_mm, np.nan)
    result = np.full(mask.shape, np.nan, np.float32)
    result[mask] = distance
    return result


def where_shown(
    truth: Truth, position: np.ndarray, normal: np.ndarray, distance_mm: np.ndarray
) -> np.ndarray:
    """(rows, cols) bool: two photos show the true surface there, and not hair or cloth before it.

    Args:
        truth: with the depth of the head in each photo.
        position: (rows, cols, 3) mm.
        normal: (rows, cols, 3).
        distance_mm: (rows, cols) true distance along the normal; NaN = unknown.
    """
    known = np.isfinite(distance_mm)
    points = (position[known] + normal[known] * distance_mm[known][:, None]).astype(np.float64)
    count = np.zeros(len(points), int)
    for pose, focal, centre, depth in zip(
        truth.world_to_camera, truth.focal_px, truth.centre_px, truth.depth_mm
    ):
        in_camera = to_camera(points, pose)
        before = in_camera[:, 2] > 1.0
        place = focal * in_camera[:, :2] / np.where(before, in_camera[:, 2], 1.0)[:, None] + centre
        column, row = np.rint(place).astype(int).T
        inside = before & (row >= 0) & (column >= 0)
        inside &= (row < depth.shape[0]) & (column < depth.shape[1])
        seen = np.full(len(points), np.inf)
        seen[inside] = depth[row[inside], column[inside]]
        count += np.abs(seen - in_camera[:, 2]) < SHOWN_MM
    result = known.copy()
    result[known] = count >= LEAST_VIEWS
    return result


def moved_smoothly(vertices: np.ndarray, chance: np.random.Generator, rms_mm: float) -> np.ndarray:
    """(n, 3) vertices moved by a smooth random field of a given root mean square length."""
    direction = chance.normal(size=(WAVES, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    length = np.exp(chance.uniform(*np.log(WAVELENGTH_MM), WAVES))
    phase = chance.uniform(0, 2 * np.pi, WAVES)
    amplitude = chance.normal(size=(WAVES, 3)) * (length / WAVELENGTH_MM[1])[:, None]
    waves = np.cos(vertices @ (2 * np.pi * direction / length[:, None]).T + phase)
    shift = waves @ amplitude
    shift *= rms_mm / max(np.sqrt((shift**2).sum(axis=1).mean()), 1e-9)
    return (vertices + shift).astype(np.float32)


def save_scene(path: Path, scene: Scene) -> None:
    """Write a scene to one file."""
    views = {f"image_{k:03d}": image for k, image in enumerate(scene.images)}
    cameras = {
        name: np.stack([np.asarray(getattr(camera, name)) for camera in scene.cameras])
        for name in CAMERA_FIELDS
    }
    np.savez(
        path,
        name=scene.name,
        subject=scene.subject,
        position=scene.position,
        normal=scene.normal,
        mask=scene.mask,
        distance_mm=scene.distance_mm,
        seen=scene.seen,
        **views,
        **cameras,
    )


def load_scene(path: Path) -> Scene:
    """A scene that `save_scene` wrote."""
    with np.load(path, allow_pickle=False) as file:
        count = len(file["focal_px"])
        cameras = zip(*(file[name] for name in CAMERA_FIELDS))
        return Scene(
            name=str(file["name"]),
            subject=str(file["subject"]),
            images=tuple(file[f"image_{k:03d}"] for k in range(count)),
            cameras=tuple(Camera(pose, float(focal), centre) for pose, focal, centre in cameras),
            **{key: file[key] for key in ("position", "normal", "mask", "distance_mm", "seen")},
        )
