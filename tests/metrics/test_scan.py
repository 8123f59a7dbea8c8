"""Scores of made-up faces whose errors are known."""

import numpy as np
import pytest
import trimesh

from lib.errors import ShapeError
from lib.geometry.pose import rotation_from_vector
from lib.metrics import (
    Similarity,
    Surface,
    coverage,
    normalised_mean_error,
    sample_scan,
    scan_coverage,
    score_mesh,
    similarity_of_points,
)

TRANSFORM = Similarity(
    0.83, rotation_from_vector(np.array([0.2, -0.3, 0.1])), np.array([5.0, 9, 2])
)


def face(side: int = 61) -> tuple[np.ndarray, np.ndarray]:
    """A bumpy sheet of 120 x 140 mm with a nose, and its triangles."""
    x, y = np.meshgrid(np.linspace(-60, 60, side), np.linspace(-70, 70, side))
    z = 40 - (x**2 + 0.6 * y**2) / 90 + 22 * np.exp(-(x**2 + (y + 10) ** 2) / 250)
    z = z + 3 * np.sin(x / 9) * np.cos(y / 11)
    row, column = np.divmod(np.arange((side - 1) ** 2), side - 1)
    a = row * side + column
    quads = np.stack([a, a + 1, a + side + 1, a + side], axis=1)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return np.stack([x, y, z], axis=2).reshape(-1, 3), triangles


def marks(vertices: np.ndarray) -> np.ndarray:
    return vertices[np.linspace(300, len(vertices) - 300, 68).astype(int)]


@pytest.fixture(scope="module")
def truth():
    vertices, triangles = face()
    inner = (np.abs(vertices[:, :2]) < [45, 55]).all(axis=1)
    return sample_scan(vertices, triangles, marks(vertices), inner, count=2000)


def test_a_moved_turned_and_scaled_copy_has_no_error(truth):
    vertices, triangles = face()
    score = score_mesh(
        TRANSFORM.apply(vertices), triangles, TRANSFORM.apply(marks(vertices)), truth
    )
    assert score.mean_mm < 1e-3
    assert np.quantile(score.distance_mm, 0.999) < 1e-3
    np.testing.assert_allclose(score.alignment.scale, 1 / TRANSFORM.scale, rtol=1e-5)


def test_wrong_landmarks_are_repaired_by_the_surface(truth):
    vertices, triangles = face()
    wrong = marks(vertices) + np.random.default_rng(0).normal(0, 3, (68, 3))
    assert score_mesh(vertices, triangles, wrong, truth).p90_mm < 0.05


def test_a_region_pushed_out_shows_its_offset_and_the_rest_does_not(truth):
    vertices, triangles = face()
    bump = 4.0 * ((vertices[:, 0] > 15) & (vertices[:, 1] > 15))
    moved = vertices + bump[:, None] * [0, 0, 1.0]
    score = score_mesh(moved, triangles, marks(vertices), truth, with_scale=False)
    inside = (truth.points[:, 0] > 18) & (truth.points[:, 1] > 18)
    assert 1.8 < np.median(score.distance_mm[inside]) < 3.2  # the surface is slanted there
    assert np.median(score.distance_mm[~inside]) < 0.6


def test_scan_points_lie_in_their_region_and_spread_by_area():
    vertices, triangles = face()
    right = np.flatnonzero(vertices[:, 0] <= 0)
    scan = sample_scan(vertices, triangles, marks(vertices), right, count=4000)
    assert scan.points[:, 0].max() <= 0
    again = sample_scan(vertices, triangles, marks(vertices), right, count=4000)
    np.testing.assert_array_equal(scan.points, again.points)


def test_an_empty_region_says_what_is_expected():
    vertices, triangles = face()
    with pytest.raises(ShapeError, match="at least one triangle"):
        sample_scan(vertices, triangles, marks(vertices), np.array([], int))


def test_the_nearest_point_is_exact_beside_brute_force():
    vertices, triangles = face(21)
    points = np.random.default_rng(1).uniform(-50, 50, (200, 3))
    points[:, 2] = points[:, 2] * 0.1 + 40
    surface = Surface.of(vertices, triangles)
    _, distance, _ = surface.nearest(points)
    exact = trimesh.Trimesh(vertices, triangles, process=False)
    _, expected, _ = trimesh.proximity.closest_point_naive(exact, points)
    np.testing.assert_allclose(distance, expected, atol=1e-9)


def test_similarity_of_points_recovers_the_transform():
    points = np.random.default_rng(2).normal(0, 40, (7, 3))
    found = similarity_of_points(points, TRANSFORM.apply(points))
    np.testing.assert_allclose(found.apply(points), TRANSFORM.apply(points), atol=1e-9)
    np.testing.assert_allclose(found.inverse().apply(found.apply(points)), points, atol=1e-9)
    np.testing.assert_allclose(found.inverse().after(found).apply(points), points, atol=1e-9)


def test_landmark_error_is_a_share_of_the_outer_eye_corners():
    true = np.random.default_rng(3).uniform(0, 100, (68, 2))
    true[36], true[45] = (0, 0), (50, 0)
    assert normalised_mean_error(true + [3, 4], true) == pytest.approx(10)
    jaw_off = true.copy()
    jaw_off[:17] += 100
    assert normalised_mean_error(jaw_off, true, inner=True) == 0
    with pytest.raises(ShapeError, match=r"expected \(68, 2\)"):
        normalised_mean_error(true[:5], true)


def test_coverage_of_honest_sigmas_is_the_level():
    generator = np.random.default_rng(4)
    sigma = generator.uniform(0.5, 3, 40000)
    found = coverage(sigma * generator.standard_normal(40000), sigma)
    np.testing.assert_allclose(found, [0.5, 0.8, 0.95], atol=0.01)
    assert coverage(2 * sigma * generator.standard_normal(40000), sigma)[2] < 0.75


def test_scan_coverage_of_noise_on_a_plane_is_the_level():
    x, y = np.meshgrid(np.arange(-60.0, 61, 2), np.arange(-60.0, 61, 2))
    plane = np.stack([x, y, 0 * x], axis=2).reshape(-1, 3)
    _, triangles = face()
    noise = 0.1 * np.random.default_rng(5).standard_normal(len(plane))  # hardly tilts normals
    inner = np.flatnonzero((np.abs(plane) < 50).all(axis=1))
    sigma = np.full(len(plane), 0.1 * np.sqrt(3))
    unmoved = Similarity(1.0, np.eye(3), np.zeros(3))
    found = scan_coverage(
        plane + noise[:, None] * [0, 0, 1], triangles, sigma, inner, unmoved,
        Surface.of(plane, triangles),
    )  # fmt: skip
    np.testing.assert_allclose(found, [0.5, 0.8, 0.95], atol=0.04)
