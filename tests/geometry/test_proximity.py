"""One battery for every backend of `SurfaceTree`: by hand, beside brute force, and invariances."""

import importlib

import numpy as np
import pytest

from lib.errors import ConfigError, ShapeError
from lib.geometry import SurfaceError, SurfaceTree
from tests.geometry.proximity_oracle import (
    TRIANGLE,
    ball,
    box,
    nearest_distance,
    rotation,
)

# Nearest points


@pytest.mark.parametrize(
    ("point", "expected", "part"),
    [
        ((1, 1, 2), (1, 1, 0), 0),
        ((1, 1, -2), (1, 1, 0), 0),
        ((2, -3, 1), (2, 0, 0), 1),
        ((2 + 3, 1.5 + 4, 7), (2, 1.5, 0), 2),
        ((-5, 2, 0), (0, 2, 0), 3),
        ((-1, -1, 1), (0, 0, 0), 4),
        ((9, -1, 0), (4, 0, 0), 5),
        ((-1, 8, 3), (0, 3, 0), 6),
        ((0, 3, 0), (0, 3, 0), 6),
        ((2, 0, 0), (2, 0, 0), 1),
    ],
)
def test_each_region_of_a_triangle_has_its_nearest_point(tree, point, expected, part):
    found = tree(TRIANGLE).nearest(np.array([point], float))
    np.testing.assert_allclose(found.points, [expected], atol=1e-14)
    np.testing.assert_allclose(found.distance_mm, np.linalg.norm(np.subtract(point, expected)))
    np.testing.assert_allclose(found.barycentric @ TRIANGLE[0], [expected], atol=1e-14)
    assert found.part == part and found.triangles == 0


def test_an_obtuse_triangle_has_its_nearest_point_on_the_right_edge(tree):
    obtuse = np.array([[0.0, 0, 0], [10, 0, 0], [-9, 1, 0]]), np.array([[0, 1, 2]])
    points = np.random.default_rng(0).uniform(-20, 20, (2000, 3)) * [1, 1, 0.1]
    found = tree(obtuse).nearest(points)
    expected = nearest_distance(points, obtuse[0][obtuse[1]])
    np.testing.assert_allclose(found.distance_mm, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.slow
def test_nearest_points_of_a_head_are_those_of_brute_force(tree, head, around_head):
    found = tree(head).nearest(around_head)
    expected = nearest_distance(around_head, head[0][head[1]])
    np.testing.assert_allclose(found.distance_mm, expected, rtol=1e-12, atol=1e-12)
    reached = np.linalg.norm(found.points - around_head, axis=1)
    np.testing.assert_allclose(reached, found.distance_mm, atol=1e-10)
    np.testing.assert_allclose(
        found.points,
        np.einsum("nk,nkd->nd", found.barycentric, head[0][head[1][found.triangles]]),
        atol=1e-12,
    )
    assert found.barycentric.min() >= 0
    np.testing.assert_allclose(found.barycentric.sum(axis=1), 1, atol=1e-14)
    np.testing.assert_array_equal(
        (found.barycentric > 0).sum(axis=1), np.array([3, 2, 2, 2, 1, 1, 1])[found.part]
    )


def test_points_on_the_surface_are_their_own_nearest_points(tree, head):
    rng = np.random.default_rng(2)
    weights, chosen = rng.dirichlet(np.ones(3), 500), rng.integers(0, len(head[1]), 500)
    points = np.einsum("nk,nkd->nd", weights, head[0][head[1][chosen]])
    found = tree(head).nearest(np.concatenate([points, head[0][head[1][:500, 1]]]))
    assert found.distance_mm.max() < 1e-12
    assert (found.part[500:] >= 4).all()


def test_of_triangles_that_share_the_point_the_lowest_is_named(tree):
    vertices, triangles = box()
    found = tree((vertices, triangles)).nearest(2 * vertices)
    lowest = [np.flatnonzero((triangles == vertex).any(axis=1))[0] for vertex in range(8)]
    np.testing.assert_array_equal(found.triangles, lowest)
    assert (found.part >= 4).all()
    middles = (vertices[[0, 1, 4]] + vertices[[1, 3, 6]]) / 2
    found = tree((vertices, triangles)).nearest(3 * middles)
    lowest = [
        np.flatnonzero((triangles == one).any(axis=1) & (triangles == two).any(axis=1))[0]
        for one, two in ((0, 1), (1, 3), (4, 6))
    ]
    np.testing.assert_array_equal(found.triangles, lowest)


def test_a_point_as_near_to_several_parts_gets_one_of_them(tree):
    found = tree(box()).nearest(np.zeros((1, 3)))
    np.testing.assert_allclose(found.distance_mm, 1)
    np.testing.assert_allclose(np.abs(found.points).max(axis=1), 1)


def test_of_equally_near_places_numba_names_the_lowest_whatever_was_asked_before():
    plates = np.array([[x, y, z] for z in (-1.0, 1) for x, y in ((-5, -5), (5, -5), (0, 5))])
    for triangles in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]):
        surface = SurfaceTree(plates, np.array(triangles), backend="numba")
        for before in (-3.0, 3.0):
            found = surface.nearest(np.array([[0, 0, before], [0, 0, 0]]))
            assert found.triangles[1] == 0


def test_triangles_without_area_are_segments_and_points(tree):
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [3, 0, 0], [0, 5, 0], [9, 9, 9]])
    triangles = np.array([[0, 1, 2], [3, 3, 3], [0, 2, 1]])
    points = np.array([[2.0, 1, 0], [-1, 0, 0], [0, 6, 0], [4, 0, 1]])
    found = tree((vertices, triangles)).nearest(points, signed=True)
    np.testing.assert_allclose(np.abs(found.distance_mm), [1, 1, 1, np.sqrt(2)])
    np.testing.assert_allclose(found.points, [[2, 0, 0], [0, 0, 0], [0, 5, 0], [3, 0, 0]])


@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_tiny_huge_and_shifted_surfaces_keep_relative_accuracy(tree, scale, shift):
    vertices, triangles = ball()
    vertices = scale * (vertices + shift)
    points = scale * (np.random.default_rng(3).uniform(-2, 2, (300, 3)) + shift)
    found = tree((vertices, triangles)).nearest(points)
    expected = nearest_distance(points, vertices[triangles])
    np.testing.assert_allclose(found.distance_mm, expected, rtol=1e-9, atol=1e-12 * scale)


def test_slivers_are_as_far_as_their_longest_edge(tree):
    rng = np.random.default_rng(4)
    start, way = 100 * np.arange(300.0)[:, None] * [1, 0, 0], rng.normal(size=(300, 3))
    thin = 10.0 ** rng.uniform(-15, -9.5, (300, 1)) * rng.normal(size=(300, 3))
    corners = np.stack([start, start + way, start + 0.4 * way + thin], axis=1)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)  # as good as it is
    above, beside = 2 * normal, rng.normal(size=(300, 3))
    points = np.concatenate([corners.mean(axis=1) + above, corners.mean(axis=1) + beside])
    found = tree((corners.reshape(-1, 3), np.arange(900).reshape(-1, 3))).nearest(points)
    edges = corners[:, [0, 1, 1]]  # the longest edge, as a triangle without area
    np.testing.assert_allclose(
        found.distance_mm, nearest_distance(points, edges), rtol=1e-8, atol=1e-8
    )


def test_far_points_get_the_distance(tree):
    vertices, triangles = ball()
    directions = np.random.default_rng(5).normal(size=(100, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    found = tree((vertices, triangles)).nearest(1e7 * directions)
    expected = 1e7 - (directions @ vertices.T).max(axis=1)  # the vertex farthest out
    np.testing.assert_allclose(found.distance_mm, expected, rtol=1e-14)


def test_no_points_get_no_answers(tree):
    none = np.empty((0, 3))
    surface = tree(TRIANGLE)
    found, hits = surface.nearest(none), surface.along(none, none, both_ways=True)
    assert found.points.shape == found.barycentric.shape == hits.points.shape == (0, 3)
    assert found.distance_mm.shape == found.triangles.shape == hits.distance_mm.shape == (0,)
    assert surface.visible_from(none).visible.shape == (0, 3)


def test_the_sign_is_right_beside_sharp_edges_and_corners_of_many_triangles(tree):
    apex, base = [0.0, 0, 0], np.array([[9.0, -2, -0.4], [9, 2, -0.4], [9, 0, 0.6]])
    share = np.linspace(0, 1, 60)[:, None]
    rim = np.concatenate([(1 - share) * base[0] + share * base[1], base[2:]])  # one side in strips
    strips = [[0, k + 2, k + 1] for k in range(59)]
    bottom = [[k + 1, k + 2, 61] for k in range(59)]
    triangles = np.array([*strips, *bottom, [0, 1, 61], [0, 61, 60]])
    vertices = np.concatenate([[apex], rim])
    corners = vertices[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    rng = np.random.default_rng(14)
    points = np.concatenate(
        [rng.uniform(-2, 11, (3000, 3)) * [1, 0.4, 0.2], rng.normal(0, 1, (3000, 3))]
    )
    height = np.einsum("nd,td->nt", points, normal) - (corners[:, 0] * normal).sum(axis=1)
    found = tree((vertices, triangles)).nearest(points, signed=True)
    np.testing.assert_array_equal(found.distance_mm < 0, (height < 0).all(axis=1))
    assert set(range(7)) <= set(found.part) and (found.distance_mm < 0).sum() > 20


def test_the_sign_is_negative_inside_also_beside_edges_and_corners(tree):
    for mesh, inside in ((box(), lambda p: np.abs(p).max(axis=1) < 1), (ball(), None)):
        points = np.random.default_rng(6).uniform(-1.6, 1.6, (3000, 3))
        if inside is None:
            points = points[np.abs(np.linalg.norm(points, axis=1) - 1) > 0.1]
            expected = np.linalg.norm(points, axis=1) < 1
        else:
            expected = inside(points)
        surface = tree(mesh)
        found = surface.nearest(points, signed=True)
        np.testing.assert_array_equal(found.distance_mm < 0, expected)
        plain = surface.nearest(points)
        np.testing.assert_array_equal(np.abs(found.distance_mm), plain.distance_mm)
        assert {0, 1, 4} <= {min(part, 4) if part != 2 else 1 for part in found.part}


# Invariances


def test_a_rigid_motion_changes_nothing_but_the_frame(tree, head, around_head):
    rng = np.random.default_rng(10)
    turn, shift = rotation(rng), np.array([200.0, -50, 1000])
    points, directions = around_head[::5], rng.normal(size=(1000, 3))
    still, moved = tree(head), tree((head[0] @ turn.T + shift, head[1]))
    one, two = still.nearest(points, True), moved.nearest(points @ turn.T + shift, True)
    np.testing.assert_allclose(one.distance_mm, two.distance_mm, atol=1e-9)
    sure = (one.triangles == two.triangles).mean()
    assert sure > 0.99
    one = still.along(points, directions)
    two = moved.along(points @ turn.T + shift, directions @ turn.T)
    np.testing.assert_allclose(one.distance_mm, two.distance_mm, atol=1e-8)
    cameras = np.array([[3.0, 5, 600]])
    one, two = still.visible_from(cameras), moved.visible_from(cameras @ turn.T + shift)
    assert (one.visible == two.visible).mean() > 0.9995
    np.testing.assert_allclose(one.cosine, two.cosine, atol=1e-9)


def test_the_order_of_triangles_changes_nothing_but_their_numbers(tree, head, around_head):
    order = np.random.default_rng(11).permutation(len(head[1]))
    one, two = tree(head), tree((head[0], head[1][order]))
    points = around_head[::5]
    a, b = one.nearest(points), two.nearest(points)
    np.testing.assert_allclose(a.distance_mm, b.distance_mm, atol=1e-12)
    inside = a.part == 0
    np.testing.assert_array_equal(a.triangles[inside], order[b.triangles[inside]])
    camera = np.array([[3.0, 5, 600]])
    np.testing.assert_array_equal(
        one.visible_from(camera).visible, two.visible_from(camera).visible
    )


def test_float32_gives_what_the_same_numbers_give_in_float64(tree, head, around_head):
    small = head[0].astype(np.float32), head[1].astype(np.uint32)
    points = around_head[::10].astype(np.float32)
    one = tree(small).nearest(points)
    two = tree((small[0].astype(np.float64), head[1])).nearest(points.astype(np.float64))
    for field in ("points", "triangles", "barycentric", "distance_mm", "part"):
        np.testing.assert_array_equal(getattr(one, field), getattr(two, field))
    assert one.points.dtype == one.distance_mm.dtype == np.float64


def test_asking_again_gives_the_same_bytes_in_whatever_order(tree, head, around_head):
    one, two = tree(head), tree(head)
    first, again = one.nearest(around_head), two.nearest(around_head[::-1])
    np.testing.assert_array_equal(first.triangles, again.triangles[::-1])
    np.testing.assert_array_equal(first.points, again.points[::-1])
    directions = np.random.default_rng(12).normal(size=around_head.shape)
    first = one.along(around_head, directions)
    again = two.along(around_head[::-1], directions[::-1])
    np.testing.assert_array_equal(first.distance_mm, again.distance_mm[::-1])


def test_backends_name_the_same_triangles(head, around_head):
    pytest.importorskip("psbody.mesh.search", reason="psbody-mesh is not installed")
    one, two = SurfaceTree(*head, backend="numba"), SurfaceTree(*head, backend="psbody")
    assert SurfaceTree(*head).backend == "psbody"
    a, b = one.nearest(around_head, True), two.nearest(around_head, True)
    for field in ("triangles", "points", "barycentric", "distance_mm", "part"):
        np.testing.assert_array_equal(getattr(a, field), getattr(b, field))
    normals = np.random.default_rng(13).normal(size=around_head.shape)
    a, b = (surface.along(around_head, normals, both_ways=True) for surface in (one, two))
    np.testing.assert_array_equal(a.triangles, b.triangles)
    np.testing.assert_array_equal(a.distance_mm, b.distance_mm)
    cameras = np.array([[10.0, 5, 600], [400, 50, 200], [0, 0, 0]])
    a, b = one.visible_from(cameras), two.visible_from(cameras)
    np.testing.assert_array_equal(a.visible, b.visible)


# Errors


def test_wrong_surfaces_are_refused_by_name():
    vertices, triangles = TRIANGLE
    with pytest.raises(ShapeError, match=r"vertices has shape \(3, 2\), expected \(n, 3\)"):
        SurfaceTree(vertices[:, :2], triangles)
    with pytest.raises(ShapeError, match=r"triangles has shape \(0, 3\), expected .*at least one"):
        SurfaceTree(vertices, triangles[:0])
    with pytest.raises(SurfaceError, match="name vertices 0 to 3, expected 0 to 2"):
        SurfaceTree(vertices, triangles + [0, 0, 1])
    with pytest.raises(SurfaceError, match="name vertices -1 to"):
        SurfaceTree(vertices, triangles - 1)
    with pytest.raises(SurfaceError, match="triangles are float64, expected vertex indices"):
        SurfaceTree(vertices, triangles.astype(float))
    with pytest.raises(SurfaceError, match=r"vertices has 1 rows that are not finite.* first is 1"):
        SurfaceTree(np.array([[0, 0, 0], [0, np.nan, 0], [1, 0, 0]]), triangles)


def test_wrong_questions_are_refused_by_name(tree):
    surface, point = tree(TRIANGLE), np.ones((2, 3))
    with pytest.raises(ShapeError, match=r"points has shape \(3,\)"):
        surface.nearest(point[0])
    with pytest.raises(SurfaceError, match="points has 1 rows that are not finite"):
        surface.nearest(np.array([[1, 2, np.inf]]))
    with pytest.raises(ShapeError, match=r"directions has shape \(1, 3\), expected \(2, 3\)"):
        surface.along(point, point[:1])
    with pytest.raises(SurfaceError, match="directions has 1 rows of length 0, the first is 1"):
        surface.along(point, point * [[1], [0]])
    with pytest.raises(SurfaceError, match="start_mm is -1, expected"):
        surface.along(point, point, start_mm=-1)
    with pytest.raises(ShapeError, match=r"normals has shape \(2, 3\), expected \(3, 3\)"):
        surface.visible_from(point, point)


def test_a_missing_backend_says_what_to_install_and_under_which_licence(monkeypatch):
    def refuse(name):
        raise ImportError(f"No module named '{name}'")

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(ConfigError, match=r"psbody.*(?s:.)*Set backend: numba.*non-commercial"):
        SurfaceTree(*TRIANGLE, backend="psbody")
    assert SurfaceTree(*TRIANGLE).backend == "numba"
    with pytest.raises(ConfigError, match="backend is 'cgal', expected one of auto, numba, psbody"):
        SurfaceTree(*TRIANGLE, backend="cgal")
