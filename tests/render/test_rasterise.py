"""Coverage, barycentrics and depth against hand-made cases and exact ray casting."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lib.errors import ShapeError
from lib.geometry import project
from lib.render import Camera, interpolate, rasterise, render_buffers, uv_buffers

TRIANGLE = np.array([[0, 1, 2]])


def frontal(focal_px: float, size: tuple[int, int], distance_mm: float = 600.0) -> Camera:
    """A camera on the +z axis that looks at the origin."""
    pose = np.column_stack([np.diag([1.0, -1.0, -1.0]), [0.0, 0.0, distance_mm]])
    return Camera(pose, focal_px, np.array([(size[1] - 1) / 2, (size[0] - 1) / 2]))


def flat(points_px: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Clip positions, w = 1, of points (x, y) px."""
    ndc = (2 * points_px + 1) / np.array(size[::-1]) - 1
    return np.column_stack([ndc, np.zeros(len(ndc)), np.ones(len(ndc))])


def cube_soup(rng: np.random.Generator, n: int, spread: float = 60.0) -> np.ndarray:
    """(3n, 3) mm corners of n random triangles around the origin."""
    middle = rng.uniform(-spread, spread, (n, 1, 3))
    return (middle + rng.uniform(-40, 40, (n, 3, 3))).reshape(-1, 3)


def cast_rays(vertices: np.ndarray, triangles: np.ndarray, camera: Camera, size: tuple[int, int]):
    """Nearest hit per pixel in float64: triangle, weights, depth (Moeller & Trumbore 1997)."""
    rotation, translation = camera.world_to_camera[:, :3], camera.world_to_camera[:, 3]
    corner = (vertices @ rotation.T + translation)[triangles]
    a, ab, ac = corner[:, 0], corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    rows, columns = np.mgrid[: size[0], : size[1]]
    ray = np.stack([columns, rows], axis=-1).reshape(-1, 1, 2) - camera.centre_px
    ray = np.concatenate([ray / camera.focal_px, np.ones((*ray.shape[:2], 1))], axis=2)
    across = np.cross(ray, ac)
    det = (across * ab).sum(-1)
    v = (across * -a).sum(-1) / det
    side = np.cross(-a, ab)
    w = (ray * side).sum(-1) / det
    depth = (ac * side).sum(-1) / det
    hit = (v >= 0) & (w >= 0) & (v + w <= 1) & (depth > 0)
    depth = np.where(hit, depth, np.inf)
    best = depth.argmin(axis=1)
    pick = np.arange(len(best)), best
    weights = np.stack([1 - v[pick] - w[pick], v[pick], w[pick]], axis=1)
    found = np.isfinite(depth[pick])
    return (
        np.where(found, best, -1).reshape(size),
        weights.reshape(*size, 3),
        depth[pick].reshape(size),
    )


def test_a_right_triangle_covers_its_top_and_left_edge_but_not_its_diagonal():
    size = (6, 6)
    corners = np.array([[1.0, 1.0], [4.0, 1.0], [1.0, 4.0]])
    covered = rasterise(flat(corners, size), TRIANGLE, size).mask
    expected = np.zeros(size, bool)
    expected[1, 1:4] = expected[2, 1:3] = expected[3, 1:2] = True
    np.testing.assert_array_equal(covered, expected)
    np.testing.assert_array_equal(
        rasterise(flat(corners, size), TRIANGLE[:, ::-1], size).mask, covered
    )


def test_a_triangulated_rectangle_covers_each_pixel_exactly_once():
    rng = np.random.default_rng(3)
    size = (40, 50)
    inner = rng.integers(2, 38, (60, 2)) + rng.choice([0, 0.25, 0.5], (60, 2))
    points = np.concatenate([[[0, 0], [49, 0], [49, 39], [0, 39]], inner]).astype(float)
    from scipy.spatial import Delaunay

    triangles = Delaunay(points).simplices
    count = np.zeros(size, int)
    for triangle in triangles:
        count += rasterise(flat(points, size), triangle[None], size).mask
    expected = np.zeros(size, int)
    expected[:39, :49] = 1  # right and bottom border are exclusive
    np.testing.assert_array_equal(count, expected)


def test_ids_weights_and_depth_equal_those_of_exact_ray_casting():
    rng = np.random.default_rng(7)
    size = (61, 83)
    vertices = cube_soup(rng, 120)
    triangles = np.arange(len(vertices)).reshape(-1, 3)
    camera = frontal(200.0, size, distance_mm=260.0)
    buffers = render_buffers(vertices, triangles, *camera, size=size, cull_back_faces=False)
    ids, weights, depth = cast_rays(vertices, triangles, camera, size)
    same = buffers.triangle_id == ids
    assert same.mean() > 0.998  # vertices are rounded to 1/256 px
    both = same & (ids >= 0)
    assert np.abs(buffers.depth_mm[both] / depth[both] - 1).max() < 2e-5
    position = interpolate(buffers, vertices, triangles)[both]
    exact = np.einsum("nkc,nk->nc", vertices[triangles[ids[both]]], weights[both])
    error = np.linalg.norm(position - exact, axis=1)
    assert np.quantile(error, 0.99) < 1e-3
    assert error.max() < 0.1  # mm; slivers


def test_interpolated_positions_project_back_to_their_pixel():
    rng = np.random.default_rng(1)
    size = (64, 64)
    vertices = cube_soup(rng, 30)
    triangles = np.arange(90).reshape(-1, 3)
    camera = frontal(300.0, size, 300.0)
    buffers = render_buffers(vertices, triangles, *camera, size=size, cull_back_faces=False)
    position = interpolate(buffers, vertices, triangles)[buffers.mask]
    rows, columns = np.nonzero(buffers.mask)
    back = project(
        position.astype(float), camera.world_to_camera, camera.focal_px, camera.centre_px
    )
    np.testing.assert_allclose(back, np.stack([columns, rows], axis=1), atol=0.02)


def test_the_nearer_triangle_wins_and_of_equals_the_higher_index():
    size = (9, 9)
    square = np.array([[-9.0, -9, 0], [9, -9, 0], [0, 9, 0]])
    vertices = np.concatenate([square, square + [0, 0, 5.0], square + [0, 0, 5.0]])
    triangles = np.arange(9).reshape(3, 3)
    camera = frontal(300.0, size)
    for order, expected in (([0, 1, 2], 2), ([1, 0, 2], 2), ([1, 2, 0], 1), ([1, 0], 0)):
        buffers = render_buffers(vertices, triangles[order], *camera, size=size)
        assert buffers.triangle_id[4, 4] == expected
        assert buffers.depth_mm[4, 4] == pytest.approx(595.0, abs=1e-3)


def test_back_faces_are_culled_only_when_asked():
    size = (9, 9)
    vertices = np.array([[-9.0, -9, 0], [9, -9, 0], [0, 9, 0]])
    camera = frontal(300.0, size)
    for triangles, cull, seen in (
        (TRIANGLE, True, True),
        (TRIANGLE[:, ::-1], True, False),
        (TRIANGLE[:, ::-1], False, True),
    ):
        buffers = render_buffers(vertices, triangles, *camera, size=size, cull_back_faces=cull)
        assert buffers.mask.any() == seen


def test_triangles_that_reach_behind_the_camera_are_left_out_and_the_others_stay():
    size = (16, 16)
    vertices = np.array(
        [
            [-40.0, -40, 0],
            [40, -40, 0],
            [0, 40, 0],
            [-40, -40, 900],
            [40, -40, 900],
            [0, 40, 599.99],
        ]
    )
    triangles = np.array([[0, 1, 2], [3, 4, 5], [0, 1, 5], [0, 4, 2]])
    buffers = render_buffers(vertices, triangles, *frontal(100.0, size), size=size)
    assert set(np.unique(buffers.triangle_id)) == {-1, 0}


def test_degenerate_triangles_and_nan_vertices_draw_nothing():
    size = (8, 8)
    vertices = np.array([[-9.0, -9, 0], [9, 9, 0], [0, 0, 0], [np.nan, 0, 0]])
    triangles = np.array([[0, 1, 2], [0, 0, 1], [2, 2, 2], [0, 1, 3]])
    buffers = render_buffers(
        vertices, triangles, *frontal(100.0, size), size=size, cull_back_faces=False
    )
    assert not buffers.mask.any()
    assert np.isinf(buffers.depth_mm).all()
    assert (buffers.barycentric == 0).all()


@pytest.mark.parametrize("scale", [1e-6, 1e3])
def test_a_triangle_far_smaller_or_larger_than_the_image_is_exact(scale):
    size = (33, 33)
    corners = np.array([[-1.0, -1], [1, -1], [0, 1]]) * scale
    vertices = np.column_stack([corners, np.zeros(3)])
    triangles = TRIANGLE
    buffers = render_buffers(vertices, triangles, *frontal(600.0, size), size=size)
    assert buffers.mask.sum() == (0 if scale < 1 else 33 * 33)
    if scale > 1:
        position = interpolate(buffers, vertices, triangles)
        np.testing.assert_allclose(position[16, :, 0], np.arange(33) - 16.0, atol=2e-3)


def test_a_viewport_equals_that_crop_of_the_whole_image():
    rng = np.random.default_rng(5)
    vertices = cube_soup(rng, 200)
    triangles = np.arange(len(vertices)).reshape(-1, 3)
    camera = frontal(400.0, (200, 240), 300.0)
    whole = render_buffers(vertices, triangles, *camera, size=(200, 240))
    part = render_buffers(vertices, triangles, *camera, size=(50, 70), origin=(81, 63))
    np.testing.assert_array_equal(part.triangle_id, whole.triangle_id[63:113, 81:151])
    np.testing.assert_array_equal(part.barycentric, whole.barycentric[63:113, 81:151])
    np.testing.assert_array_equal(part.depth_mm, whole.depth_mm[63:113, 81:151])
    far = camera._replace(focal_px=4e4, centre_px=np.array([30000.0, 20000.0]))
    assert render_buffers(
        vertices, triangles, *far, size=(20, 20), origin=(30000, 20000)
    ).mask.any()


def test_supersampled_buffers_average_to_the_area_of_the_triangle():
    size = (40, 40)
    corners = np.array([[3.3, 4.1], [33.7, 9.2], [17.9, 35.5]])
    vertices = np.column_stack([(corners - 19.5) * [2, -2], np.zeros(3)])
    camera = frontal(300.0, size)
    (ax, ay), (bx, by), (cx, cy) = corners
    area = 0.5 * abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
    buffers = render_buffers(
        vertices, TRIANGLE, *camera, size=size, cull_back_faces=False, supersample=8
    )
    assert buffers.mask.shape == (320, 320)
    assert buffers.mask.sum() / 64 == pytest.approx(area, rel=5e-3)
    rows, columns = np.nonzero(buffers.mask)
    middle = (np.stack([columns, rows], axis=1).mean(axis=0) + 0.5) / 8 - 0.5
    np.testing.assert_allclose(middle, corners.mean(axis=0), atol=0.05)


def test_images_are_the_same_bytes_alone_and_beside_another_thread():
    rng = np.random.default_rng(9)
    vertices = cube_soup(rng, 500)
    triangles = np.arange(len(vertices)).reshape(-1, 3)
    camera = frontal(500.0, (128, 128), 300.0)

    def digest(_: int) -> str:
        buffers = render_buffers(vertices, triangles, *camera, size=(128, 128))
        picture = interpolate(buffers, vertices, triangles)
        return hashlib.sha256(buffers.triangle_id.tobytes() + picture.tobytes()).hexdigest()

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(digest, range(8))) == {digest(0)}


def test_clip_space_follows_nvdiffrast_row_zero_is_y_minus_one():
    clip = np.array([[-1.0, -1, 0, 1], [1, -1, 0, 1], [-1, 1, 0, 1]])
    buffers = rasterise(clip, TRIANGLE, (4, 8))
    assert buffers.mask[0, 0] and not buffers.mask[3, 7]
    np.testing.assert_allclose(
        interpolate(buffers, clip, TRIANGLE)[0, :4, 0], (2 * np.arange(4) + 1) / 8 - 1, atol=1e-6
    )


def test_clip_space_and_camera_give_the_same_image():
    rng = np.random.default_rng(2)
    size = (48, 64)
    vertices = cube_soup(rng, 100)
    triangles = np.arange(300).reshape(-1, 3)
    camera = frontal(300.0, size, 300.0)
    inside = vertices @ camera.world_to_camera[:, :3].T + camera.world_to_camera[:, 3]
    w = inside[:, 2]
    scale = 2 / np.array(size[::-1])
    pixel = project(vertices, camera.world_to_camera, np.array(300.0), camera.centre_px)
    clip = np.column_stack([((pixel + 0.5) * scale - 1) * w[:, None], 1.01 * w - 20, w])
    by_clip = rasterise(clip, triangles, size)
    by_camera = render_buffers(vertices, triangles, *camera, size=size, cull_back_faces=False)
    assert (by_clip.triangle_id == by_camera.triangle_id).mean() > 0.999
    same = (by_clip.triangle_id == by_camera.triangle_id) & by_camera.mask
    np.testing.assert_allclose(by_clip.depth_mm[same], by_camera.depth_mm[same], rtol=1e-4)


def test_a_chart_is_laid_out_with_v_up():
    uv = np.array([[0.0, 0.5], [0.5, 0.5], [0.5, 1.0], [0.0, 1.0]])
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    buffers = uv_buffers(uv, triangles, (8, 16))
    expected = np.zeros((8, 16), bool)
    expected[:4, :8] = True
    np.testing.assert_array_equal(buffers.mask, expected)
    looked_up = interpolate(buffers, uv, triangles)
    np.testing.assert_allclose(looked_up[0, 0], [0.5 / 16, 1 - 0.5 / 8], atol=1e-6)


def test_wrong_shapes_and_indices_are_refused_by_name():
    camera = frontal(100.0, (8, 8))
    with pytest.raises(ShapeError, match=r"vertices has shape \(3, 2\)"):
        render_buffers(np.zeros((3, 2)), TRIANGLE, *camera, size=(8, 8))
    with pytest.raises(IndexError, match=r"values 0\.\.3, expected indices into 3 vertices"):
        render_buffers(np.zeros((3, 3)), np.array([[0, 1, 3]]), *camera, size=(8, 8))
