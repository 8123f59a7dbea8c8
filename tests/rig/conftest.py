"""A made-up head before a ring of cameras, with exact landmarks."""

from __future__ import annotations

import numpy as np
import pytest

from lib.artefacts import Capture, Landmarks
from lib.facemodel import FaceModel
from lib.rig.cameras import Cameras
from tests.synthetic_head import synthetic_model

SIZE = (600, 480)
FOCAL_PX = 1000.0
CENTRE = np.array([239.5, 299.5])


@pytest.fixture(scope="session")
def model() -> FaceModel:
    return synthetic_model()


def looking_at(position: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(3, 4) camera at a position that looks at a target, its y axis down."""
    ahead = (target - position) / np.linalg.norm(target - position)
    right = np.cross(ahead, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(ahead, right), ahead])
    return np.column_stack([rotation, -rotation @ position])


def ring(yaws_deg: tuple[float, ...] = (-45, -20, 0, 20, 45), distance: float = 900.0) -> Cameras:
    """Cameras on an arc, all looking at the world's origin."""
    yaw = np.radians(yaws_deg)
    height = 60.0 * np.cos(3 * np.arange(len(yaw)))
    positions = np.stack([distance * np.sin(yaw), height, distance * np.cos(yaw)], 1)
    poses = np.stack([looking_at(p, np.zeros(3)) for p in positions])
    return Cameras(poses, np.full(len(yaw), FOCAL_PX), np.tile(CENTRE, (len(yaw), 1)))


def head_points(model: FaceModel) -> np.ndarray:
    """(68, 3) mm: the model's iBUG points."""
    return model.landmarks["ibug68"].on(model.mean, model.triangles).astype(float)


def capture_of(cameras: Cameras, unit: str = "mm") -> Capture:
    """Pictures of stripes, with the cameras."""
    n_views = len(cameras)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    stripes = (128 + 80 * np.sin(rows / 9) * np.cos(columns / 11)).astype(np.uint8)
    image = np.repeat(stripes[..., None], 3, 2)
    return Capture(
        subject="anna",
        view=tuple(f"{view:02d}" for view in range(n_views)),
        path=("a.jpg",) * n_views,
        sha256=("",) * n_views,
        image=(image,) * n_views,
        original_size=np.tile(SIZE, (n_views, 1)),
        working_to_original=np.ones((n_views, 2)),
        focal_px=cameras.focal_px,
        focal_source=("camera",) * n_views,
        centre_px=cameras.centre_px,
        distortion=np.zeros((n_views, 8)),
        world_to_camera=cameras.world_to_camera,
        length_unit=unit,
        mask=(np.zeros((0, 0)),) * n_views,
    )


def landmarks_of(points_px: np.ndarray, sigma_px: float = 1.0) -> Landmarks:
    """Measured iBUG points (n_views, 68, 2)."""
    n_views, n_points = points_px.shape[:2]
    sigma = np.where(np.isfinite(points_px).all(2), sigma_px, np.nan)
    return Landmarks(
        scheme="ibug68",
        points_px=points_px,
        sigma_px=sigma,
        depth_px=np.full((n_views, n_points), np.nan),
        ibug68_px=points_px,
        ibug68_sigma_px=sigma,
        presence=np.ones(n_views),
    )
