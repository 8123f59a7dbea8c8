"""A head model of a few hundred vertices with a nose, for tests of the landmark room."""

import numpy as np

from lib.facemodel import FaceModel, SurfacePoints

N_ROWS, N_COLUMNS = 25, 36


def small_head() -> FaceModel:
    """An ellipsoid of head size, symmetric, with 468 and 68 points spread over its front."""
    height = np.linspace(-0.97, 0.97, N_ROWS)
    turn = np.linspace(-np.pi, np.pi, N_COLUMNS, endpoint=False) + np.pi / N_COLUMNS
    y, a = (grid.ravel() for grid in np.meshgrid(height, turn, indexing="ij"))
    ring = np.sqrt(1 - y**2)
    mean = np.stack([75 * ring * np.sin(a), 110 * y, 90 * ring * np.cos(a)], 1)
    mean[:, 2] += 25 * np.exp(-(mean[:, 0] ** 2 + mean[:, 1] ** 2) / 300) * (mean[:, 2] > 0)
    row, column = np.divmod(np.arange(N_ROWS * N_COLUMNS), N_COLUMNS)
    right = row * N_COLUMNS + (column + 1) % N_COLUMNS
    inner = row < N_ROWS - 1
    up, up_right = np.arange(len(mean)) + N_COLUMNS, right + N_COLUMNS
    first = np.stack([np.arange(len(mean)), right, up_right], 1)[inner]
    second = np.stack([np.arange(len(mean)), up_right, up], 1)[inner]
    triangles = np.concatenate([first, second])
    front = np.flatnonzero(mean[triangles].mean(1)[:, 2] > 20)
    brow = (mean[:, 1] > 30) & (mean[:, 1] < 40) & (mean[:, 2] > 50)
    generator = np.random.default_rng(0)
    return FaceModel(
        name="small",
        mean=mean.astype(np.float32),
        identity_basis=np.zeros((1, len(mean), 3), np.float32),
        expression_basis=np.zeros((0, len(mean), 3), np.float32),
        expression_names=(),
        free_expressions=np.zeros(0, bool),
        triangles=triangles,
        triangle_region=np.zeros(len(triangles), int),
        region_names=("skin",),
        mirror=row * N_COLUMNS + (N_COLUMNS - 1 - column),
        uv=np.zeros((1, 2)),
        uv_triangles=np.zeros_like(triangles),
        albedo_mean=np.full((len(mean), 3), 0.4, np.float32),
        albedo_basis=np.zeros((0, len(mean), 3), np.float32),
        landmarks={
            "mesh468": _points(generator, front, 468),
            "ibug68": _points(generator, front, 68),
        },
        contour=(),
        parts={
            "face_mask": np.flatnonzero(mean[:, 2] > 0),
            "left_eyebrow": np.flatnonzero((mean[:, 0] > 0) & brow),
            "right_eyebrow": np.flatnonzero((mean[:, 0] < 0) & brow),
        },
        licence="test",
        source="test",
    )


def _points(generator: np.random.Generator, triangles: np.ndarray, count: int) -> SurfacePoints:
    weights = generator.dirichlet([1, 1, 1], count).astype(np.float32)
    return SurfacePoints(generator.choice(triangles, count), weights, np.full(count, 2.0))
