"""Surfaces and backends for the battery of `SurfaceTree`."""

import importlib

import numpy as np
import pytest

from lib.facemodel import load_face_model
from lib.geometry import SurfaceTree


def psbody_missing():
    try:
        importlib.import_module("psbody.mesh.search")
    except ImportError as error:
        return f"psbody-mesh cannot be imported: {error}"
    return ""


needs_psbody = pytest.mark.skipif(bool(psbody_missing()), reason=psbody_missing())


@pytest.fixture(
    params=[
        "numba",
        pytest.param("psbody", marks=needs_psbody),
    ]
)
def tree(request):
    """Makes a tree with the backend under test."""
    return lambda mesh: SurfaceTree(*mesh, backend=request.param)


@pytest.fixture(scope="session")
def head():
    model = load_face_model("makehuman")
    return model.mean.astype(np.float64), model.triangles.astype(np.int64)


@pytest.fixture(scope="session")
def around_head(head):
    """5,000 points: near, on and far from the head, and inside."""
    rng = np.random.default_rng(1)
    vertices = head[0]
    near = vertices[rng.integers(0, len(vertices), 4000)] + rng.normal(0, 5, (4000, 3))
    far = rng.uniform(vertices.min(0) - 300, vertices.max(0) + 300, (1000, 3))
    return np.concatenate([near, far])
