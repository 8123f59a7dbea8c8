"""A head model and synthetic views of it with known truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lib.artefacts import Capture, Landmarks
from lib.facemodel import FaceModel, load_face_model
from lib.fitting import Subject, average_identity
from lib.geometry import project

SIZE = (480, 640)
FOCAL = 900.0
CENTRE = np.array([319.5, 239.5])


@pytest.fixture(scope="session")
def model() -> FaceModel:
    return load_face_model("makehuman")


def pose(yaw_deg: float, distance_mm: float = 700.0) -> np.ndarray:
    """(3, 4) camera in front of a head turned by `yaw_deg`."""
    angle = np.radians(yaw_deg)
    turn = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    return np.column_stack([np.diag([1.0, -1, -1]) @ turn, [8.0, -5.0, distance_mm]])


def points_of(
    model: FaceModel, identity: np.ndarray, expression: np.ndarray, yaw_deg: float, scheme: str
) -> np.ndarray:
    """(p, 2) exact image points of a scheme."""
    vertices = model.vertices(identity, expression)
    points = model.landmarks[scheme].on(vertices, model.triangles)
    return project(points[None], pose(yaw_deg)[None], np.array([FOCAL]), CENTRE[None])[0]


def subject(
    name: str,
    scheme: str,
    points_px: np.ndarray,
    whose: str | None = None,
    image: np.ndarray | None = None,
    sigma_px: float = 1.0,
) -> Subject:
    """A capture of one view with measured points and no skin mask."""
    image = np.full((*SIZE, 3), 128, np.uint8) if image is None else image
    nothing = np.full((1, 68, 2), np.nan)
    capture = Capture(
        subject=whose or name,
        path=(name,),
        sha256=("",),
        image=(image,),
        original_size=np.array([SIZE]),
        working_to_original=np.ones((1, 2)),
        focal_px=np.array([np.nan]),
        focal_source=("none",),
        centre_px=CENTRE[None],
        world_to_camera=np.full((1, 3, 4), np.nan),
        length_unit="mm",
        distortion=np.zeros((1, 8)),
        mask=[np.zeros((0, 0))],
        view=["00"],
    )
    landmarks = Landmarks(
        scheme=scheme,
        points_px=points_px[None],
        sigma_px=np.full((1, len(points_px)), sigma_px),
        depth_px=np.full((1, len(points_px)), np.nan),
        ibug68_px=points_px[None] if scheme == "ibug68" else nothing,
        ibug68_sigma_px=np.full((1, 68), sigma_px),
        presence=np.ones(1),
    )
    return Subject(name, capture, None, landmarks, None)


def random_identity(model: FaceModel, seed: int, sigma: float = 0.8) -> np.ndarray:
    """Somebody as people are: spread about the average person."""
    apart = np.random.default_rng(seed).normal(0, sigma, model.n_identity).astype(np.float32)
    return average_identity(model) + apart


def face_error_mm(model: FaceModel, found: np.ndarray, truth: np.ndarray) -> float:
    """Mean vertex distance on the face after the best similarity, in mm of the truth."""
    face = model.parts["face_mask"]
    a, b = found[face].astype(float), truth[face].astype(float)
    a, b = a - a.mean(0), b - b.mean(0)
    u, s, v = np.linalg.svd(b.T @ a)
    scale = s.sum() / (a**2).sum()
    return float(np.linalg.norm(scale * a @ (u @ v).T - b, axis=1).mean())


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
