"""Charts that a model brings: seams, turned triangles, and eyeballs beside it."""

import numpy as np
import pytest

from lib.errors import ConfigError
from lib.facemodel.atlas import WIDTH, head_atlas
from lib.facemodel.eyeballs import make_eyeballs
from lib.facemodel.raster import cover
from lib.geometry import triangle_areas


def strip(columns=12):
    """A ring of quads on the unit square; the last column of them wraps round."""
    u, v = np.meshgrid(np.arange(columns) / columns, np.linspace(0, 1, 6))
    index = np.arange(u.size).reshape(u.shape)
    here, beside = index, np.roll(index, -1, axis=1)
    lower, upper = slice(0, -1), slice(1, None)
    triangles = [
        np.stack([here[lower], beside[lower], beside[upper]], axis=-1).reshape(-1, 3),
        np.stack([here[lower], beside[upper], here[upper]], axis=-1).reshape(-1, 3),
    ]
    return np.stack([u.ravel(), v.ravel()], axis=1), np.concatenate(triangles)


def lids():
    angle = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    right = np.stack([-32 - 13 * np.cos(angle), 5 * np.sin(angle), 2 * np.sin(angle) ** 2], 1)
    return np.concatenate([np.zeros((36, 3)), right, right * [-1, 1, 1]])


@pytest.mark.parametrize("balls", [None, make_eyeballs(lids())])
def test_no_triangle_is_turned_over_and_none_overlap(balls):
    uv, triangles = strip()
    own, rows, moved = head_atlas(uv, triangles, balls)
    assert moved == 10  # five quads span the seam
    assert (triangle_areas(own, rows) > 0).all()
    assert own.min() >= 0
    assert own.max() <= 1
    size = 600
    seen, again = (cover(own * size, order, (size, size)).triangle for order in (rows, rows[::-1]))
    other = np.where(again >= 0, len(rows) - 1 - again, -1)
    shared = [bool(set(rows[a]) & set(rows[b])) for a, b in zip(seen[seen != other],
                                                               other[seen != other])]  # fmt: skip
    assert all(shared)


def test_triangles_within_the_chart_keep_their_shape():
    uv, triangles = strip()
    own, rows, _ = head_atlas(uv, triangles, None)
    inside = np.ptp(uv[triangles], axis=1).max(axis=1) < 0.5
    step = own[rows[: len(triangles)]][inside] - own[rows[: len(triangles)]][inside][:1, :1]
    wanted = uv[triangles][inside] - uv[triangles][inside][:1, :1]
    np.testing.assert_allclose(step, wanted * [WIDTH, 1] * (1 - 0.004), atol=1e-12)


def test_a_chart_that_is_upside_down_is_refused():
    uv, triangles = strip()
    with pytest.raises(ConfigError, match="100% of the triangles are turned over"):
        head_atlas(uv * [1, -1] + [0, 1], triangles, None)
