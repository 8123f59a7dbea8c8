"""A synthetic head with a synthetic photo of it: everything about it is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lib.artefacts import Capture, FaceFit, Faces, digest
from lib.facemodel.model import PARTS, FaceModel, SurfacePoints
from lib.imaging import linear_to_srgb, save_png
from lib.render import (
    Camera,
    ambient_light,
    distant_light,
    interpolate,
    irradiance,
    render_buffers,
    sample_texture,
    shade,
)

N_ROUND, N_HIGH = 96, 60
GREEN = (0.0, 1.0, 0.0)
LIGHT = 0.5 * ambient_light((1.0, 0.95, 0.9)) + 0.45 * distant_light(np.array([-0.5, 0.4, 1.0]))


def ellipsoid_head() -> FaceModel:
    """An egg of 160 x 220 x 190 mm with a nose, whose chart has its seam at the back."""
    turn = np.linspace(-np.pi, np.pi, N_ROUND + 1)  # 0 = front, the seam at +-pi
    rise = np.linspace(-1.45, 1.45, N_HIGH + 1)
    columns, rows = np.meshgrid(np.arange(N_ROUND + 1), np.arange(N_HIGH + 1))
    longitude, latitude = turn[columns], rise[rows]
    nose = 18 * np.exp(-((longitude / 0.12) ** 2) - ((latitude + 0.15) / 0.2) ** 2)
    x = 80 * np.cos(latitude) * np.sin(longitude)
    z = (95 + nose) * np.cos(latitude) * np.cos(longitude) - 80
    points = np.stack([x, 110 * np.sin(latitude) - 20, z], axis=-1)
    uv = np.stack([columns / N_ROUND, (rows + 1) / (N_HIGH + 2)], axis=-1).reshape(-1, 2)
    index = rows * N_ROUND + columns % N_ROUND
    corner = rows * (N_ROUND + 1) + columns
    triangles, uv_triangles = _grid(index), _grid(corner)
    vertices = np.zeros((N_ROUND * (N_HIGH + 1), 3))
    vertices[index.ravel()] = points.reshape(-1, 3)
    mirror = np.zeros(len(vertices), np.int64)
    mirror[index.ravel()] = (rows * N_ROUND + (N_ROUND - columns) % N_ROUND).ravel()
    landmarks = SurfacePoints(
        _nearest_triangle(vertices, triangles, _ibug()),
        np.tile([1.0, 0.0, 0.0], (68, 1)),
        np.ones(68),
    )
    return FaceModel(
        name="egg",
        mean=vertices.astype(np.float32),
        identity_basis=np.zeros((1, len(vertices), 3), np.float32),
        expression_basis=np.zeros((1, len(vertices), 3), np.float32),
        expression_names=("none",),
        free_expressions=np.zeros(1, bool),
        triangles=triangles,
        triangle_region=np.zeros(len(triangles), np.int64),
        region_names=("skin",),
        mirror=mirror,
        uv=uv.astype(np.float32),
        uv_triangles=uv_triangles,
        albedo_mean=np.tile(np.float32([0.45, 0.28, 0.2]), (len(vertices), 1)),
        albedo_basis=np.zeros((1, len(vertices), 3), np.float32),
        landmarks={"ibug68": landmarks},
        contour=(),
        parts={part: np.zeros(0, np.int64) for part in (*PARTS, "face_mask")},
        licence="CC0-1.0",
        source="made here",
    )


def _grid(index: np.ndarray) -> np.ndarray:
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    both = np.stack([np.stack([a, b, c], axis=-1), np.stack([a, c, d], axis=-1)])
    return both.reshape(-1, 3).astype(np.int32)


def _ibug() -> np.ndarray:
    points = np.zeros((68, 3))
    points[:, 2] = 10
    points[17:27] = [0, 25, 10]
    points[8] = [0, -100, 0]
    points[[2, 3]], points[[13, 14]] = [-75, -40, -40], [75, -40, -40]
    points[36], points[45] = [-45, 0, 0], [45, 0, 0]
    return points


def _nearest_triangle(vertices: np.ndarray, triangles: np.ndarray, points: np.ndarray):
    first = vertices[triangles[:, 0]]
    return np.array([np.linalg.norm(first - p, axis=1).argmin() for p in points])


def true_albedo(size: int = 512) -> np.ndarray:
    """(size, size, 3) linear: skin with a tone, freckles of several sizes and a red cheek."""
    rng = np.random.default_rng(4)
    v, u = np.mgrid[:size, :size] / size
    result = np.float32([0.5, 0.3, 0.22]) * np.ones((size, size, 1), np.float32)
    for k in (3, 9, 31):
        wave = np.sin(2 * np.pi * (k * u + rng.random())) * np.sin(2 * np.pi * (k * v + 0.3))
        result *= np.exp(0.06 * wave)[..., None]
    cheek = np.exp(-(((u - 0.42) / 0.03) ** 2 + ((v - 0.55) / 0.05) ** 2))
    return (result * np.exp(cheek[..., None] * np.array([0.1, -0.25, -0.2]))).astype(np.float32)


def camera(yaw_deg: float = 0.0, size: tuple[int, int] = (480, 400)) -> Camera:
    """A camera at 800 mm; positive yaw shows the head turned to its left."""
    yaw = np.radians(yaw_deg)
    turn = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    rotation = np.diag([1.0, -1.0, -1.0]) @ np.array(turn)
    middle = np.array([0.0, -20.0, -80.0])
    pose = np.column_stack([rotation, [0, 0, 800.0] - rotation @ middle])
    return Camera(pose, 1300.0, np.array([(size[1] - 1) / 2, (size[0] - 1) / 2]))


def photograph(
    model: FaceModel, albedo: np.ndarray, view: Camera, gain: float = 1.0, background=GREEN
) -> np.ndarray:
    """(480, 400, 3) uint8 sRGB photo of the head before a plain background."""
    fine = 3
    buffers = render_buffers(model.mean, model.triangles, *view, size=(480, 400), supersample=fine)
    colour = sample_texture(albedo, interpolate(buffers, model.uv, model.uv_triangles))
    colour = shade(colour, normals_of(model, buffers), LIGHT) * gain
    colour = np.where(buffers.mask[..., None], colour, background)
    mean = colour.reshape(480, fine, 400, fine, 3).mean(axis=(1, 3))
    return np.rint(linear_to_srgb(np.clip(mean, 0, 1)) * 255).astype(np.uint8)


def normals_of(model: FaceModel, buffers) -> np.ndarray:
    """(h, w, 3) unit normals of the visible surface."""
    from lib.geometry import vertex_normals

    normals = interpolate(buffers, vertex_normals(model.mean, model.triangles), model.triangles)
    return normals / np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)


@dataclass(frozen=True)
class Scene:
    """A head, its photos on disk, and a fit that is exact.

    Args:
        truth: (512, 512, 3) linear colour on the chart, light included.
    """

    model: FaceModel
    capture: Capture
    faces: Faces
    fit: FaceFit
    truth: np.ndarray


def make_scene(
    folder: Path,
    yaws_deg=(0.0,),
    gains=(1.0,),
    background=GREEN,
    paint=None,
    model: FaceModel | None = None,
    albedo: np.ndarray | None = None,
) -> Scene:
    """Photograph a head from some directions. `paint(photo)` may change the first photo."""
    model = ellipsoid_head() if model is None else model
    albedo = true_albedo() if albedo is None else albedo
    views = [camera(yaw) for yaw in yaws_deg]
    photos = [photograph(model, albedo, view, gain, background) for view, gain in zip(views, gains)]
    if paint is not None:
        photos[0] = paint(photos[0])
    paths = [str(folder / f"view{index}.png") for index in range(len(photos))]
    for path, photo in zip(paths, photos):
        save_png(path, photo)
    return Scene(
        model,
        _capture(paths, photos, views),
        _faces(len(views)),
        _fit(model, views),
        _truth(model, albedo),
    )


def _capture(paths: list[str], photos: list[np.ndarray], views: list[Camera]) -> Capture:
    n = len(views)
    return Capture(
        subject="egg",
        path=tuple(paths),
        sha256=tuple(digest(path) for path in paths),
        image=tuple(photos),
        original_size=np.tile([480, 400], (n, 1)),
        working_to_original=np.ones((n, 2)),
        focal_px=[view.focal_px for view in views],
        focal_source=("camera",) * n,
        centre_px=[view.centre_px for view in views],
        world_to_camera=[view.world_to_camera for view in views],
        length_unit="mm",
        distortion=np.zeros((n, 8)),
        mask=[np.zeros((0, 0))] * n,
        view=[f"{i:02d}" for i in range(n)],
    )


def _faces(n: int) -> Faces:
    return Faces(
        photo="egg",
        subject="egg",
        box_px=np.tile([100, 100, 300, 400], (n, 1)),
        score=np.ones(n),
        points_px=np.zeros((n, 5, 2)),
        roll_rad=np.zeros(n),
    )


def _fit(model: FaceModel, views: list[Camera]) -> FaceFit:
    n, n_vertices = len(views), model.n_vertices
    return FaceFit(
        model="egg",
        method="truth",
        identity=np.zeros(model.n_identity),
        identity_covariance=np.eye(model.n_identity),
        albedo=np.zeros(model.n_albedo),
        expression=np.zeros((n, model.n_expression)),
        expression_sigma=np.zeros((n, model.n_expression)),
        world_to_camera=[view.world_to_camera for view in views],
        focal_px=[view.focal_px for view in views],
        focal_sigma=np.zeros(n),
        centre_px=[view.centre_px for view in views],
        light=np.tile(LIGHT, (n, 1, 1)),
        vertices=model.mean,
        vertex_sigma_mm=np.zeros(n_vertices),
        landmarks_px=np.zeros((n, 68, 2)),
        landmarks_mm=np.zeros((n, 68, 3)),
        reprojection_px=np.zeros(n),
        interocular_px=np.full(n, 100.0),
    )


def _truth(model: FaceModel, albedo: np.ndarray) -> np.ndarray:
    from lib.render import uv_buffers

    buffers = uv_buffers(model.uv, model.uv_triangles, albedo.shape[:2])
    return albedo * irradiance(normals_of(model, buffers), LIGHT).astype(np.float32)


@pytest.fixture(scope="session")
def frontal(tmp_path_factory) -> Scene:
    """The head seen from the front, before vivid green."""
    return make_scene(tmp_path_factory.mktemp("frontal"))


@pytest.fixture(scope="session")
def turned(tmp_path_factory) -> Scene:
    """The head turned by 30 degrees, before vivid green."""
    return make_scene(tmp_path_factory.mktemp("turned"), yaws_deg=(30.0,))
