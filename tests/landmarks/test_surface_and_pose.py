import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lib.facemodel import SurfacePoints
from lib.landmarks.pose import rough_pose
from lib.landmarks.surface import geodesic_distances, nearest_on_surface, normals_at
from tests.landmarks.heads import small_head

HEAD = small_head()
ALL = np.ones(len(HEAD.triangles), bool)


def test_points_lifted_off_the_surface_come_back_to_their_place():
    points = HEAD.landmarks["mesh468"]
    on_surface = points.on(HEAD.mean, HEAD.triangles)
    normals = normals_at(points, HEAD.mean, HEAD.triangles)
    triangle, weights = nearest_on_surface(on_surface + normals, HEAD.mean, HEAD.triangles, ALL)
    found = SurfacePoints(triangle, weights, points.sigma_mm).on(HEAD.mean, HEAD.triangles)
    assert (weights >= -1e-9).all()
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-9)
    assert np.median(np.linalg.norm(found - on_surface, axis=1)) < 0.3


def test_no_point_of_the_surface_is_nearer_than_the_one_found():
    generator = np.random.default_rng(1)
    queries = HEAD.landmarks["mesh468"].on(HEAD.mean, HEAD.triangles)[:40]
    queries = queries + generator.normal(0, 4, queries.shape)
    triangle, weights = nearest_on_surface(queries, HEAD.mean, HEAD.triangles, ALL)
    found = np.einsum("nkc,nk->nc", HEAD.mean[HEAD.triangles[triangle]], weights)
    samples = generator.dirichlet([1, 1, 1], 40)
    cloud = np.einsum("tkc,sk->tsc", HEAD.mean[HEAD.triangles], samples).reshape(-1, 3)
    best = np.linalg.norm(queries[:, None] - cloud, axis=2).min(1)
    assert (np.linalg.norm(queries - found, axis=1) <= best + 1e-4).all()


def test_normals_point_out_of_the_head():
    points = HEAD.landmarks["mesh468"]
    normals = normals_at(points, HEAD.mean, HEAD.triangles)
    assert ((points.on(HEAD.mean, HEAD.triangles) * normals).sum(1) > 0).all()


def _at_vertices(*vertices):
    triangle = np.array([np.flatnonzero((HEAD.triangles == v).any(1))[0] for v in vertices])
    weights = (HEAD.triangles[triangle] == np.array(vertices)[:, None]).astype(float)
    return SurfacePoints(triangle, weights, np.zeros(len(vertices)))


def test_distances_run_along_the_surface_and_not_through_it():
    front, back = np.argmax(HEAD.mean[:, 2] - abs(HEAD.mean[:, 1])), np.argmin(HEAD.mean[:, 2])
    points = _at_vertices(front, back)
    around = geodesic_distances(points, points, HEAD.mean, HEAD.triangles, ALL)
    np.testing.assert_allclose(around, [[0, around[0, 1]], [around[0, 1], 0]], atol=1e-6)
    assert around[0, 1] > 1.25 * np.linalg.norm(HEAD.mean[front] - HEAD.mean[back])


@pytest.mark.parametrize("yaw", [-60, 5, 35])
def test_the_pose_of_projected_points_comes_back(yaw):
    generator = np.random.default_rng(0)
    turn = Rotation.from_euler("yx", [yaw, 12], degrees=True).as_matrix()
    rotation = np.diag([1.0, -1.0, -1.0]) @ turn
    points = generator.normal(0, 50, (60, 3))
    seen = 1.7 * points @ rotation.T + [300, 200, 0]
    pose = rough_pose(points, seen[:, :2], seen[:, 2], np.ones(60))
    np.testing.assert_allclose(pose.rotation, rotation, atol=1e-9)
    np.testing.assert_allclose(pose.project(points), seen[:, :2], atol=1e-6)
    assert np.sign(pose.yaw_rad) == np.sign(yaw)
