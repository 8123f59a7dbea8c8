"""Texel grids of heads: on the mesh, outwards, whole over the eyes."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial import ConvexHull

import lib.uvspace.grid as grid_module
from lib.errors import ShapeError
from lib.facemodel.model import FaceModel, SurfacePoints
from lib.geometry import SurfaceTree
from lib.uvspace.grid import Grid, chart_grid, grid_of, outer_skin
from lib.uvspace.heads import at_vertices, resized
from lib.uvspace.mesh import grid_triangles
from tests.texture.conftest import ellipsoid_head

EYES = np.array([[-32.0, 2.0, -3.0], [32.0, 2.0, -3.0]])
BALL_MM, OPENING_MM = 12.0, 14.0


@pytest.fixture(scope="module")
def model():
    return ellipsoid_head()


@pytest.fixture(scope="module")
def grid(model):
    return chart_grid(model, model.mean, 128)


@pytest.fixture(scope="module")
def open_eyed(model):
    return with_eyes(model)


def with_eyes(model: FaceModel) -> FaceModel:
    """The egg with two round openings, an eyeball behind each, and the lids' landmarks."""
    off = np.linalg.norm(model.mean[:, None, :2] - EYES[:, :2], axis=2)
    inside = (off < OPENING_MM) & (model.mean[:, 2:] > -40)
    skin = model.triangles[~inside.any(axis=1)[model.triangles].any(axis=1)]
    uv_skin = model.uv_triangles[~inside.any(axis=1)[model.triangles].any(axis=1)]
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 25)[:-1], np.linspace(-1.5, 1.5, 13))
    ball = BALL_MM * np.stack(
        [np.cos(rise) * np.cos(turn), np.sin(rise), np.cos(rise) * np.sin(turn)], -1
    ).reshape(-1, 3)
    hull = ConvexHull(ball).simplices
    first = len(model.mean)
    balls = [hull + first + index * len(ball) for index in range(2)]
    triangles = np.concatenate([skin, *balls]).astype(np.int32)
    marks = model.landmarks["ibug68"]
    where, corner = marks.triangle.copy(), np.zeros((68, 3))
    where[:], corner[:, 0] = 0, 1
    for eye in range(2):
        for mark, angle in enumerate(np.arange(6) * np.pi / 3):
            lid = EYES[eye, :2] + (OPENING_MM + 4) * np.array([np.cos(angle), np.sin(angle)])
            far = np.linalg.norm(model.mean[skin][..., :2] - lid, axis=2)
            far = np.where(model.mean[skin][..., 2] > -40, far, np.inf)
            triangle, at = np.unravel_index(far.argmin(), far.shape)
            where[36 + 6 * eye + mark] = triangle
            corner[36 + 6 * eye + mark] = np.eye(3)[at]
    n = first + 2 * len(ball)
    return replace(
        model,
        mean=np.concatenate([model.mean, *(ball + eye for eye in EYES)]).astype(np.float32),
        identity_basis=np.zeros((1, n, 3), np.float32),
        expression_basis=np.zeros((1, n, 3), np.float32),
        albedo_mean=np.full((n, 3), 0.4, np.float32),
        albedo_basis=np.zeros((1, n, 3), np.float32),
        mirror=np.arange(n),
        triangles=triangles,
        uv_triangles=np.concatenate([uv_skin, np.zeros((2 * len(hull), 3))]).astype(np.int32),
        triangle_region=np.repeat([0, 1, 2], [len(skin), len(hull), len(hull)]),
        region_names=("skin", "eye_right", "eye_left"),
        landmarks={"ibug68": SurfacePoints(where, corner, np.ones(68))},
    )


@pytest.mark.parametrize("size", [64, 101, 128])
def test_points_lie_at_their_own_place(model, size):
    grid = chart_grid(model, model.mean, size)
    found = SurfaceTree(model.mean, model.triangles).nearest(grid.position[grid.mask])
    assert found.distance_mm.max() < 1.0  # rounded off between the vertices
    rows, cols = np.nonzero(grid.mask)
    uv = (model.uv[model.uv_triangles[found.triangles]] * found.barycentric[..., None]).sum(axis=1)
    across = np.abs(uv[:, 0] - (cols + 0.5) / size)
    assert np.minimum(across, 1 - across).max() < 0.01  # the seam is both 0 and 1
    assert np.abs(uv[:, 1] - (1 - (rows + 0.5) / size)).max() < 0.01


def test_facets_are_rounded_off(model, monkeypatch):
    round_grid = chart_grid(model, model.mean, 256)
    monkeypatch.setattr(grid_module, "ROUNDING", 0.0)
    flat_grid = chart_grid(model, model.mean, 256)
    flat = SurfaceTree(model.mean, model.triangles).nearest(flat_grid.position[flat_grid.mask])
    assert flat.distance_mm.max() < 1e-3

    def kinks(grid):  # how much of the bending sits on a few texels
        inside = cv2.erode(grid.mask.astype(np.uint8), np.ones((5, 5))).astype(bool)[:, 1:-1]
        bend = np.linalg.norm(np.diff(grid.position, 2, axis=1), axis=2)[inside]
        return np.quantile(bend, 0.98) / np.median(bend)

    assert kinks(round_grid) < 0.8 * kinks(flat_grid)


def test_normals_are_unit_and_point_outwards(grid):
    normal, point = grid.normal[grid.mask], grid.position[grid.mask]
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-5)
    egg = (point - [0, -20, -80]) / np.square([80.0, 110.0, 95.0])
    assert ((egg * normal).sum(axis=1) > 0).all()


def test_off_the_chart_there_is_nothing(grid):
    assert not grid.position[~grid.mask].any() and not grid.normal[~grid.mask].any()
    assert 0 < (~grid.mask).sum() < 0.1 * grid.mask.size


def test_normals_of_a_sphere_are_its_radii():
    grid = sphere(96)
    again = grid_of(grid.position, grid.mask)
    cosine = (again.normal * grid.normal).sum(axis=2)
    assert cosine[1:-1, 1:-1].min() > np.cos(np.radians(0.6))
    assert cosine.min() > np.cos(np.radians(3))


def test_moving_a_sphere_outwards_makes_it_larger():
    grid = sphere(96)
    moved = grid.moved(np.full((96, 96), 7.0, np.float32))
    np.testing.assert_allclose(np.linalg.norm(moved.position, axis=2), 57, atol=1e-3)
    assert moved.spacing_mm == pytest.approx(grid.spacing_mm * 57 / 50, rel=1e-3)


def test_moving_by_nothing_moves_nothing(grid):
    moved = grid.moved(np.zeros(grid.mask.shape, np.float32))
    assert (moved.position == grid.position).all() and (moved.mask == grid.mask).all()


def test_texels_off_the_mask_do_not_bend_normals():
    grid = sphere(96)
    mask = grid.mask.copy()
    mask[:, 40:] = False
    dirty = np.where(mask[..., None], grid.position, np.float32(1e6))
    cosine = (grid_of(dirty, mask).normal * grid.normal).sum(axis=2)[mask]
    assert cosine.min() > np.cos(np.radians(3))


def test_spacing_is_the_median_of_neighbours(model, grid):
    step = np.linalg.norm(np.diff(grid.position, axis=1), axis=2)
    assert grid.spacing_mm == pytest.approx(np.median(step[grid.mask[:, 1:] & grid.mask[:, :-1]]))
    assert Grid(np.zeros((3, 3, 3)), np.zeros((3, 3, 3)), np.eye(3) > 0).spacing_mm == 0


def test_eyes_are_not_outer_skin(open_eyed):
    assert (outer_skin(open_eyed) == (open_eyed.triangle_region == 0)).all()


def test_an_opening_between_lids_is_filled_over_its_eyeball(model, open_eyed):
    whole, grid = (chart_grid(m, m.mean, 256) for m in (model, open_eyed))
    assert (grid.mask == whole.mask).all()
    skin = SurfaceTree(open_eyed.mean, open_eyed.triangles[outer_skin(open_eyed)])
    off = np.full(grid.mask.shape, 0.0)
    off[grid.mask] = skin.nearest(grid.position[grid.mask]).distance_mm
    for eye in EYES:
        far = np.linalg.norm(grid.position - eye, axis=2)
        opening = (off > 0.5) & (far < 30)
        assert opening.sum() > 100
        assert far[opening].min() > BALL_MM - 1e-3
        on_ball = opening & (far < BALL_MM + 1e-3)
        assert on_ball.sum() > 0.2 * opening.sum()
        out = (eye - [0, 0, -80]) / np.linalg.norm(eye - [0, 0, -80])
        assert ((grid.position[on_ball] - eye) @ out).min() > 0  # before the ball, not behind it
        assert (grid.normal[opening] @ out > 0.5).all()
    steps = np.linalg.norm(np.diff(grid.position, axis=0), axis=2)[:, 60:196]
    assert steps[40:200].max() < 8  # nowhere torn


def test_vertices_of_another_model_are_refused(model):
    with pytest.raises(ShapeError, match="vertices"):
        chart_grid(model, model.mean[:-1], 32)


def test_a_grid_whose_parts_differ_in_size_is_refused():
    with pytest.raises(ShapeError, match="normal"):
        Grid(np.zeros((4, 5, 3)), np.zeros((4, 4, 3)), np.ones((4, 5), bool))


def test_a_full_grid_has_two_triangles_per_square_all_seen_from_outside():
    grid = sphere(24)
    texel, triangles = grid_triangles(grid.mask)
    assert len(triangles) == 2 * 23 * 23 and (texel == np.arange(24 * 24)).all()
    a, b, c = grid.position.reshape(-1, 3)[texel][triangles].transpose(1, 0, 2)
    assert ((np.cross(b - a, c - a) * (a + b + c)).sum(axis=1) > 0).all()
    edges = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert np.unique(edges, axis=0, return_counts=True)[1].max() == 2


def test_squares_with_a_missing_corner_have_no_triangle():
    mask = np.ones((5, 6), bool)
    mask[2, 3] = False
    texel, triangles = grid_triangles(mask)
    assert len(triangles) == 2 * (4 * 5 - 4)
    assert 2 * 6 + 3 not in texel
    assert set(triangles.ravel()) == set(range(len(texel)))


def test_a_mask_without_a_square_has_no_triangle():
    texel, triangles = grid_triangles(np.eye(5) > 0)
    assert len(texel) == 0 and triangles.shape == (0, 3)


@pytest.mark.parametrize("name", ["model", "open_eyed"])
def test_positions_come_back_to_their_vertices(name, request):
    model = request.getfixturevalue(name)
    grid = chart_grid(model, model.mean, 256)
    found, known = at_vertices(model, grid.position, grid.mask)
    skin = np.zeros(model.n_vertices, bool)
    skin[model.triangles[outer_skin(model)]] = True
    assert (known == skin).all() and not found[~skin].any()
    off = np.linalg.norm(found - model.mean, axis=1)[skin]
    inner = np.abs(model.mean[skin, 1] + 20) < 95  # the caps end in open rims
    assert np.median(off) < 0.05 and off[inner].max() < 1.5


def test_both_sides_of_a_seam_give_their_vertices_the_mean(model):
    values = np.zeros((64, 64, 1), np.float32)
    values[:, :32], values[:, 32:] = -1, 3
    found, _ = at_vertices(model, values, np.ones((64, 64), bool))
    behind = (np.abs(model.mean[:, 0]) < 1e-3) & (model.mean[:, 2] < -90)
    assert behind.sum() > 50
    np.testing.assert_allclose(found[behind], 1, atol=1e-6)


@pytest.mark.parametrize("other", [128, 97, 65, 64, 32, 21])
def test_a_ramp_stays_a_ramp_at_its_place_at_any_size(other):
    def plane(size):
        step = (np.arange(size, dtype=np.float32) + 0.5) / size
        return np.stack([*np.meshgrid(step, step), step[:, None] * 3 - step], axis=2)

    found = resized(plane(64), np.ones((64, 64), bool), other)
    inner = (slice(other // 8, -other // 8),) * 2
    assert found.dtype == np.float32 and found.shape == (other, other, 3)
    exact = 64 % other == 0 or other > 64
    np.testing.assert_allclose(found[inner], plane(other)[inner], atol=2e-6 if exact else 1e-3)


@pytest.mark.parametrize(("size", "other"), [(64, 128), (64, 97), (128, 64)])
def test_resized_heads_stay_at_their_place(model, size, other):
    first, second = chart_grid(model, model.mean, size), chart_grid(model, model.mean, other)
    off = np.linalg.norm(resized(first.position, first.mask, other) - second.position, axis=2)
    inner = second.mask.copy()
    border = other // 8
    inner[:border] = inner[-border:] = inner[:, :border] = inner[:, -border:] = False
    assert np.median(off[inner]) < 0.15


def sphere(size: int) -> Grid:
    """A piece of a sphere of 50 mm whose columns run to the subject's left and rows down."""
    turn, rise = np.meshgrid(np.linspace(-0.9, 0.9, size), np.linspace(0.8, -0.8, size))
    normal = np.stack(
        [np.cos(rise) * np.sin(turn), np.sin(rise), np.cos(rise) * np.cos(turn)], -1
    ).astype(np.float32)
    return Grid(50 * normal, normal, np.ones((size, size), bool))
