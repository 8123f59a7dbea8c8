"""The battery of `SurfaceTree`, part two: rays and visibility, for every backend."""

import numpy as np
import pytest

from lib.geometry import vertex_normals
from tests.geometry.proximity_oracle import (
    TRIANGLE,
    ball,
    box,
    first_distance,
    rotation,
    seen,
)

# Rays


def test_a_ray_meets_front_and_back_faces_first_along_its_direction(tree):
    surface = tree(box())
    origins = np.array([[0.3, 0.2, 5.0], [0.3, 0.2, 0.0], [0.3, 0.2, 5.0], [3, 3, 5.0]])
    directions = np.array([[0, 0, -7.0], [0, 0, 0.01], [0, 0, 1.0], [0, 0, -1]])
    hits = surface.along(origins, directions)
    np.testing.assert_allclose(hits.distance_mm, [4, 1, np.inf, np.inf])
    np.testing.assert_allclose(hits.points[:2], [[0.3, 0.2, 1]] * 2)
    assert np.isnan(hits.points[2:]).all() and np.isnan(hits.barycentric[2:]).all()
    np.testing.assert_array_equal(hits.triangles[2:], [-1, -1])


def test_both_ways_the_nearer_hit_counts_with_its_sign(tree):
    origins = np.array([[0.3, 0.2, 0.4], [0.3, 0.2, -0.4], [0.3, 0.2, 5]])
    hits = tree(box()).along(origins, np.array([[0, 0, 2.0]] * 3), both_ways=True)
    np.testing.assert_allclose(hits.distance_mm, [0.6, -0.6, -4])
    np.testing.assert_allclose(hits.points[:, 2], [1, -1, 1])


def test_hits_before_the_start_do_not_count(tree):
    vertices, triangles = ball()
    normals = vertex_normals(vertices, triangles)
    surface = tree((vertices, triangles))
    at_once = surface.along(vertices, -normals)
    assert np.abs(at_once.distance_mm).max() < 1e-12
    across = surface.along(vertices, -vertices, start_mm=1e-6)
    assert (across.distance_mm > 1.8).all() and (across.distance_mm < 2 + 1e-9).all()


@pytest.mark.parametrize("both_ways", [False, True])
def test_hits_on_a_head_are_those_of_brute_force(tree, head, around_head, both_ways):
    rng = np.random.default_rng(7)
    origins = around_head[rng.permutation(len(around_head))[:120]]
    directions = rng.normal(size=origins.shape)
    hits = tree(head).along(origins, directions, both_ways=both_ways)
    expected = first_distance(origins, directions, head[0][head[1]], both_ways)
    np.testing.assert_array_equal(hits.triangles >= 0, np.isfinite(expected))
    np.testing.assert_allclose(hits.distance_mm, expected, rtol=1e-9)
    assert np.isfinite(expected).sum() > 60
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    met = hits.triangles >= 0
    np.testing.assert_allclose(
        hits.points[met], (origins + hits.distance_mm[:, None] * unit)[met], atol=1e-9
    )


def test_no_ray_slips_through_between_neighbours(tree):
    rng = np.random.default_rng(8)
    vertices, triangles = ball()
    vertices = vertices @ rotation(rng).T
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]]])
    share = rng.choice([0.0, 0.25, 0.5, 1 / 3, 1.0], len(edges))[:, None]
    targets = share * vertices[edges[:, 0]] + (1 - share) * vertices[edges[:, 1]]
    hits = tree((vertices, triangles)).along(np.zeros_like(targets), targets)
    np.testing.assert_allclose(hits.points, targets, atol=1e-12)
    outside = 3 * rotation(rng)[0]
    facing = targets[targets @ outside > 1.5]  # those on the outline may be missed
    hits = tree((vertices, triangles)).along(np.tile(outside, (len(facing), 1)), facing - outside)
    assert len(facing) > 50
    np.testing.assert_allclose(hits.points, facing, atol=1e-12)


def test_a_ray_in_the_plane_of_a_face_meets_its_neighbours(tree):
    surface = tree(box())
    starts = [[5, 0.3, 1], [5, 1, 1], [0.5, 5, 1], [-1, 0.3, 5], [-1, -1, 5], [5, 0.3, -1]]
    ways = [[-1, 0, 0], [-1, 0, 0], [0, -1, 0], [0, 0, -1], [0, 0, -1], [-1, 0, 0]]
    origins, directions = np.array(starts), np.array(ways)
    for both_ways in (False, True):
        hits = surface.along(origins, directions, both_ways=both_ways)
        np.testing.assert_allclose(hits.distance_mm, 4)
    alone = tree(TRIANGLE).along(np.array([[-1.0, 1, 0]]), np.array([[1.0, 0, 0]]), both_ways=True)
    assert alone.triangles == -1 and np.isinf(alone.distance_mm)


def test_grazing_rays_meet_what_they_touch_and_no_more(tree):
    surface = tree(box())
    for height, hit in ((1 - 1e-9, True), (1 + 1e-9, False)):
        hits = surface.along(np.array([[5.0, 0.3, height]]), np.array([[-1.0, 0, 0]]))
        assert (hits.triangles[0] >= 0) == hit


# Visibility


def test_a_box_shows_the_side_that_faces_the_camera(tree):
    vertices, triangles = box()
    cameras = np.array([[9.0, 0.1, 0.2], [0.1, -9, 0.2], [0.0, 0.1, 0.2]])
    found = tree((vertices, triangles)).visible_from(cameras)
    np.testing.assert_array_equal(found.visible[0], vertices[:, 0] > 0)
    np.testing.assert_array_equal(found.visible[1], vertices[:, 1] < 0)
    assert found.visible[2].all()  # from inside
    way = cameras[:, None] - vertices
    way /= np.linalg.norm(way, axis=2, keepdims=True)
    np.testing.assert_allclose(
        found.cosine, (way * vertex_normals(vertices, triangles)).sum(axis=2), atol=1e-14
    )


def test_given_normals_make_the_cosine(tree):
    normals = np.tile([0.0, 0, 1], (3, 1))
    found = tree(TRIANGLE).visible_from(np.array([[1.0, 1, 500], [1, 1, -500]]), normals)
    np.testing.assert_allclose(found.cosine, [[1] * 3, [-1] * 3], atol=1e-4)
    assert found.visible.all()  # an open surface is seen from behind as well


def test_a_plate_hides_what_lies_behind_it_and_nothing_else(tree):
    plate = np.array([[-1.0, -1, 5], [1, -1, 5], [1, 1, 5], [-1, 1, 5]])
    lattice = np.stack(np.meshgrid(np.arange(-4.0, 5), np.arange(-4.0, 5), [0.0]), -1)
    points = lattice.reshape(-1, 3) + [0.11, 0.07, 0]
    wall = np.arange(len(points)).reshape(-1, 3) + 4  # who is a triangle with whom does not matter
    mesh = np.concatenate([plate, points]), np.concatenate([[[0, 1, 2], [0, 2, 3]], wall])
    camera = np.array([[0.0, 0, 10.0], [0, 0, 4.0]])  # before the plate, and between
    found = tree(mesh).visible_from(camera).visible[:, 4:]
    np.testing.assert_array_equal(found[0], np.abs(points[:, :2]).max(axis=1) > 2)
    assert found[1].all()  # what is behind the camera hides nothing


def test_a_concave_shape_hides_a_part_of_itself(tree):
    vertices, triangles = ball(24, 31)
    dented = vertices * np.where(vertices[:, 2:] > 0.3, [1, 1, -0.6], 1.0)
    camera = np.array([[3.0, 0.4, 2.1]])
    found = tree((dented, triangles)).visible_from(camera)
    expected = seen(dented, np.arange(len(dented)), camera[0], dented[triangles])
    np.testing.assert_array_equal(found.visible[0], expected)
    in_dent, facing = vertices[:, 2] > 0.3, found.cosine[0] > 0
    assert (found.visible[0] & in_dent).any() and (~found.visible[0] & in_dent & facing).any()


@pytest.mark.slow
def test_the_head_is_seen_as_brute_force_says(tree, head):
    vertices, triangles = head
    chosen = np.random.default_rng(9).integers(0, len(vertices), 100)
    cameras = np.array([[10.0, 5, 600], [400, 50, 200]])
    found = tree(head).visible_from(cameras).visible
    for row, camera in zip(found, cameras):
        expected = seen(vertices, chosen, camera, vertices[triangles])
        np.testing.assert_array_equal(row[chosen], expected)
        assert 10 < expected.sum() < 90
