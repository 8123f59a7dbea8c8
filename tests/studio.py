"""A made-up head before calibrated cameras, whose true surface is known to the micrometre."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter

from lib.artefacts import BaseMesh, Capture, FaceFit, Rig
from lib.facemodel.model import FaceModel
from lib.geometry import SurfaceTree, vertex_normals
from lib.imaging.colour import linear_to_srgb8
from lib.render import Camera, interpolate, render_buffers, sample_texture
from lib.uvspace.channels import matching_channels
from lib.uvspace.grid import Grid, chart_grid
from lib.uvspace.mesh import grid_triangles
from lib.uvspace.views import CalibratedView
from tests.texture.conftest import ellipsoid_head

SIZE = (280, 240)
FOCAL_PX, DISTANCE_MM = 1200.0, 800.0
MIDDLE = np.array([0.0, -20.0, -80.0])
YAWS = (-44.0, -20.0, 0.0, 22.0, 46.0)
TRUTH_TEXELS = 320


@dataclass(frozen=True)
class Studio:
    """A head and its pictures.

    Args:
        model: an egg with a nose; its mean is the head that a fit would give.
        truth: the true surface, millimetres off the mean.
        views: what the cameras see, as channels for matching.
        capture: the same as an artefact, with its rig, and the fit that says the mean.
    """

    model: FaceModel
    truth: Grid
    views: tuple[CalibratedView, ...]
    capture: Capture
    rig: Rig
    fit: FaceFit

    def distance_mm(self, points: np.ndarray) -> np.ndarray:
        """(n,) from points (n, 3) to the true surface."""
        return tree_of(self.truth).nearest(points).distance_mm

    def in_front(self, points: np.ndarray) -> np.ndarray:
        """(n,) bool: the part of the face that three cameras or more see well."""
        off = points - MIDDLE
        turn = np.degrees(np.arctan2(off[:, 0], off[:, 2]))
        return (np.abs(turn) < 45) & (np.abs(off[:, 1]) < 62)


def tree_of(grid: Grid) -> SurfaceTree:
    """A grid's surface for questions of distance."""
    texel, triangles = grid_triangles(grid.mask)
    return SurfaceTree(grid.position.reshape(-1, 3)[texel], triangles)


def camera(yaw_deg: float, size: tuple[int, int] = SIZE, focal_px: float = FOCAL_PX) -> Camera:
    """A camera on a circle about the head's middle; 0 looks straight into the face."""
    yaw = np.radians(yaw_deg)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    rotation = np.diag([1.0, -1.0, -1.0]) @ turn
    pose = np.column_stack([rotation, [0, 0, DISTANCE_MM] - rotation @ MIDDLE])
    return Camera(pose, focal_px, np.array([(size[1] - 1) / 2 + 3.0, (size[0] - 1) / 2 - 2.0]))


def skin(seed: int = 0, side: int = 768) -> np.ndarray:
    """(side, side, 3) linear albedo with spots of all sizes from one to thirty millimetres."""
    chance = np.random.default_rng(seed)
    result = np.log(np.float32([0.42, 0.27, 0.2])) * np.ones((side, side, 1), np.float32)
    for sigma, spread in ((1.2, 0.10), (3.0, 0.12), (9.0, 0.12)):
        for channel, share in enumerate((0.7, 1.0, 1.1)):
            field = gaussian_filter(chance.standard_normal((side, side)), sigma, mode="wrap")
            result[..., channel] += share * spread * (field / field.std()).astype(np.float32)
    return np.exp(result).astype(np.float32)


def moved_mean(model: FaceModel, amplitude_mm: float) -> np.ndarray:
    """(n_vertices, 3) the mean moved along its normals by a smooth wave of about 110 mm."""
    wave = 0.35 + 0.65 * np.sin(model.mean[:, 0] / 19 + 0.4) * np.cos(model.mean[:, 1] / 21)
    normal = vertex_normals(model.mean, model.triangles)
    return (model.mean + amplitude_mm * wave[:, None] * normal).astype(np.float32)


def median_mm(room: Studio, points: np.ndarray) -> float:
    """Median distance to the truth of points (..., 3), of those that three cameras see well."""
    points = points.reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1)]
    return float(np.median(room.distance_mm(points[room.in_front(points)])))


def photograph(truth: Grid, albedo: np.ndarray, view: Camera, size=SIZE) -> np.ndarray:
    """(h, w, 3) uint8 sRGB picture in even light, before black."""
    texel, triangles = grid_triangles(truth.mask)
    vertices = truth.position.reshape(-1, 3)[texel]
    rows, cols = truth.mask.shape
    row, col = np.divmod(texel, cols)
    uv = np.column_stack([(col + 0.5) / cols, 1 - (row + 0.5) / rows])
    buffers = render_buffers(vertices, triangles, *view, size=size, supersample=2)
    linear = sample_texture(albedo, interpolate(buffers, uv, triangles))
    linear = np.where(buffers.mask[..., None], linear, 0)
    return linear_to_srgb8(linear.reshape(size[0], 2, size[1], 2, 3).mean(axis=(1, 3)))


@cache
def studio(amplitude_mm: float = 5.0, relief_mm: float = 0.25) -> Studio:
    """The head before five cameras; the truth leaves the model's mean by up to the amplitude."""
    model = ellipsoid_head()
    smooth = chart_grid(model, moved_mean(model, amplitude_mm), TRUTH_TEXELS)
    relief = gaussian_filter(np.random.default_rng(5).standard_normal(smooth.mask.shape), 3.0)
    truth = smooth.moved((relief_mm * relief / relief.std()).astype(np.float32))
    cameras = [camera(yaw) for yaw in YAWS]
    albedo = skin()
    images = [photograph(truth, albedo, view) for view in cameras]
    capture = capture_of(images, cameras)
    views = tuple(
        CalibratedView(name, matching_channels(image), view)
        for name, image, view in zip(capture.view, images, cameras, strict=True)
    )
    return Studio(model, truth, views, capture, rig_of(cameras), fit_of(model, cameras))


def capture_of(images: list[np.ndarray], cameras: list[Camera]) -> Capture:
    """The pictures as a capture whose cameras are known."""
    n = len(images)
    return Capture(
        subject="egg",
        view=[f"{i:02d}" for i in range(n)],
        path=[f"egg/{i:02d}.png" for i in range(n)],
        sha256=["0" * 64] * n,
        image=images,
        original_size=[image.shape[:2] for image in images],
        working_to_original=np.ones((n, 2)),
        focal_px=[view.focal_px for view in cameras],
        focal_source=["camera"] * n,
        centre_px=[view.centre_px for view in cameras],
        distortion=np.zeros((n, 8)),
        world_to_camera=[view.world_to_camera for view in cameras],
        length_unit="mm",
        mask=[np.zeros((0, 0), np.uint8)] * n,
    )


def with_image(capture: Capture, view: int, image: np.ndarray) -> Capture:
    """The capture with another picture in one view."""
    images = [image if i == view else own for i, own in enumerate(capture.image)]
    return capture.replace(image=images)


def rig_of(cameras: list[Camera], calibrated: bool = True) -> Rig:
    """The true cameras, or those of a capture whose cameras nothing tells."""
    n = len(cameras)
    nothing = np.nan
    return Rig(
        source="file" if calibrated else "none",
        method="",
        moved_px=np.zeros(n),
        scale_source="file" if calibrated else "none",
        scale=1.0,
        used=np.full(n, calibrated),
        reason=["" if calibrated else "no camera"] * n,
        world_to_camera=[v.world_to_camera if calibrated else v[0] * nothing for v in cameras],
        focal_px=[v.focal_px if calibrated else nothing for v in cameras],
        centre_px=[v.centre_px for v in cameras],
        scheme="ibug68",
        points_mm=np.full((68, 3), nothing),
        covariance_mm2=np.full((68, 3, 3), nothing),
        inlier=np.zeros((n, 68)),
        reprojection_px=np.full((n, 68), nothing),
    )


def fit_of(model: FaceModel, cameras: list[Camera]) -> FaceFit:
    """The model's mean, in the frame of the world."""
    n = len(cameras)
    return FaceFit(
        model=model.name,
        method="made",
        identity=np.zeros(model.n_identity),
        identity_covariance=np.eye(model.n_identity),
        albedo=np.zeros(model.n_albedo),
        expression=np.zeros((n, model.n_expression)),
        expression_sigma=np.zeros((n, model.n_expression)),
        world_to_camera=[view.world_to_camera for view in cameras],
        focal_px=[view.focal_px for view in cameras],
        focal_sigma=np.zeros(n),
        centre_px=[view.centre_px for view in cameras],
        light=np.zeros((n, 9, 3)),
        vertices=model.mean,
        vertex_sigma_mm=np.ones(model.n_vertices),
        landmarks_px=np.zeros((n, 68, 2)),
        landmarks_mm=np.zeros((n, 68, 3)),
        reprojection_px=np.zeros(n),
        interocular_px=np.ones(n),
    )


def near_base(model: FaceModel, amplitude_mm: float = 3.6) -> BaseMesh:
    """A base mesh that leaves the truth by up to 1.4 mm, and by its relief."""
    return BaseMesh(
        model=model.name,
        source="views",
        vertices_mm=moved_mean(model, amplitude_mm),
        head_to_world=np.eye(4)[:3],
        free_form_mm=np.zeros(model.n_vertices),
        observed=np.zeros(model.n_vertices),
    )
