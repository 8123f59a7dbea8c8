"""Meshes and images that the tests of `antialias` share."""

from __future__ import annotations

import numpy as np
import torch

from lib.facemodel import load_face_model
from lib.render.differentiable import Raster
from tests.render.backends import ellipsoid, flat_clip, triangle_soup, view_clip

RULES = ("edges", "pairs")
QUAD = torch.tensor([[0, 1, 2], [0, 2, 3]])
SCENES = ["one triangle", "corner behind the camera", "two triangles", "soup", "ellipsoid", "head"]


def square(low: float, high: float, size: tuple[int, int], depth: float = 0.0) -> torch.Tensor:
    """(1, 4, 4) clip positions, float64, of a square from `low` to `high` px along x and y."""
    corners = [[low, low], [high, low], [high, high], [low, high]]
    return torch.tensor(flat_clip(corners, size, depth))


def mask_of(raster: Raster, channels: int = 1) -> torch.Tensor:
    """1 where a surface is seen, in the raster's type."""
    return raster.mask[..., None].to(raster.packed.dtype).repeat(1, 1, 1, channels)


def head(size: tuple[int, int], dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """(1, V, 4) clip positions and (T, 3) triangles of the default head, turned a little."""
    model = load_face_model("makehuman")
    vertices = (model.mean - [0, -30, -60]) / 145.0
    return torch.tensor(view_clip(vertices, 25.0), dtype=dtype), torch.tensor(model.triangles)


def scene(name: str) -> tuple[torch.Tensor, torch.Tensor, tuple[int, int]]:
    """Clip positions (1, V, 4) in float64, triangles and image size."""
    rng = np.random.default_rng(5)
    if name == "one triangle":
        clip = np.array([[-0.7, -0.81, 0.1, 1.1], [0.83, -0.3, 0.3, 0.8], [-0.1, 1.4, 0.2, 1.9]])
        return torch.tensor(clip[None]), torch.tensor([[0, 1, 2]]), (29, 37)
    if name == "corner behind the camera":
        clip = np.array([[-0.7, 0.31, 0.1, 1.1], [0.83, 0.4, 0.3, 0.8], [0.1, 0.9, -0.6, -0.5]])
        return torch.tensor(clip[None]), torch.tensor([[0, 1, 2]]), (40, 33)
    if name == "two triangles":
        near = [[-0.7, -0.8, -0.5, 1], [0.8, -0.3, -0.4, 1], [-0.1, 0.7, -0.3, 1.2]]
        far = [[-0.2, -0.9, 0.5, 1], [0.9, 0.8, 0.4, 1], [-0.8, 0.6, 0.3, 1.1]]
        clip = np.array([far + near]) + rng.uniform(-0.02, 0.02, (1, 6, 4))  # no edge at 45 degrees
        return torch.tensor(clip), torch.tensor([[0, 1, 2], [3, 4, 5]]), (31, 31)
    if name == "soup":
        return torch.tensor(triangle_soup(rng, 12)), torch.arange(36).reshape(-1, 3), (48, 40)
    if name == "head":
        return *head((80, 72), torch.float64), (80, 72)
    vertices, triangles = ellipsoid(11, 13)
    poles, same = np.unique(vertices.round(9), axis=0, return_inverse=True)
    return torch.tensor(view_clip(poles, 31.0)), torch.tensor(same.ravel()[triangles]), (56, 64)
