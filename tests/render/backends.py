"""The backends that one battery of tests runs on."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch

TRIANGLE = torch.tensor([[0, 1, 2]])


def usable(name: str) -> bool:
    """Whether a backend can run here."""
    return name == "cpu" or (
        torch.cuda.is_available() and importlib.util.find_spec("nvdiffrast") is not None
    )


DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not usable("cuda"), reason="no CUDA device with nvdiffrast"),
        ],
    ),
]


def to_device(values: np.ndarray, device: str, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """An array as a tensor of the battery's type."""
    return torch.as_tensor(values, dtype=dtype, device=device)


def flat_clip(points_px: np.ndarray, size: tuple[int, int], depth: float = 0.0) -> np.ndarray:
    """(1, V, 4) clip positions with w = 1 of points (x, y) px; integers are pixel centres."""
    points_px = np.asarray(points_px, np.float64)
    ndc = (2 * points_px + 1) / np.array(size[::-1]) - 1
    rest = np.broadcast_to([depth, 1.0], ndc.shape)
    return np.concatenate([ndc, rest], axis=1)[None]


def triangle_soup(rng: np.random.Generator, n: int, spread: float = 1.0) -> np.ndarray:
    """(1, 3n, 4) clip positions of triangles at all depths in front of the near plane."""
    middle = rng.uniform(-spread, spread, (n, 1, 2))
    xy = (middle + rng.uniform(-0.5, 0.5, (n, 3, 2))).reshape(-1, 2)
    w = rng.uniform(0.5, 2.0, (3 * n, 1))
    z = rng.uniform(-0.9, 0.9, (3 * n, 1))
    return np.concatenate([xy * w, z * w, w], axis=1)[None]


def ellipsoid(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) vertices and (T, 3) triangles of a closed, head-shaped surface of about unit size."""
    polar = np.linspace(0, np.pi, rows + 1)
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    polar, around = np.meshgrid(polar, around, indexing="ij")
    vertices = np.stack(
        [
            0.78 * np.sin(polar) * np.cos(around),
            np.cos(polar),
            0.9 * np.sin(polar) * np.sin(around),
        ],
        axis=-1,
    ).reshape(-1, 3)
    row, column = np.divmod(np.arange(rows * columns), columns)
    a, b = row * columns + column, row * columns + (column + 1) % columns
    c, d = a + columns, b + columns
    triangles = np.stack([np.stack([a, b, c], 1), np.stack([b, d, c], 1)], 1).reshape(-1, 3)
    return vertices, triangles


def view_clip(vertices: np.ndarray, turn_deg: float, focal: float = 9.0) -> np.ndarray:
    """(1, V, 4) clip positions of points about the origin, seen from ten units away."""
    turn = np.radians(turn_deg)
    x = np.cos(turn) * vertices[:, 0] + np.sin(turn) * vertices[:, 2]
    z = 10 - (np.cos(turn) * vertices[:, 2] - np.sin(turn) * vertices[:, 0])
    return np.stack([focal * x, -focal * vertices[:, 1], (z - 10) / 3 * z, z], axis=1)[None]
