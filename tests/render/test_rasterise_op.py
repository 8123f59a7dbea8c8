"""`rasterise` of the four primitives, on every backend: coverage, weights, depth and gradients."""

import numpy as np
import pytest
import torch
from scipy.spatial import Delaunay

from lib.errors import ShapeError
from lib.render.differentiable import interpolate, rasterise
from tests.render.backends import (
    DEVICES,
    TRIANGLE,
    ellipsoid,
    flat_clip,
    to_device,
    triangle_soup,
    view_clip,
)


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


def drawn(points_px, triangles, size, device, **options):
    """A raster of points given in pixels, w = 1."""
    clip = to_device(flat_clip(points_px, size), device)
    return rasterise(clip, torch.as_tensor(triangles), size, **options)


def cast(clip, triangles, size):
    """Nearest hit of each pixel in float64 by solving for homogeneous weights, no rounding."""
    corner = clip[0][triangles]
    x = (2 * np.arange(size[1]) + 1) / size[1] - 1
    y = (2 * np.arange(size[0]) + 1) / size[0] - 1
    x, y = (grid.reshape(-1, 1, 1) for grid in np.meshgrid(x, y))
    p = corner[None, ..., 0] - x * corner[None, ..., 3]
    q = corner[None, ..., 1] - y * corner[None, ..., 3]
    weight = np.stack(
        [p[..., (k + 1) % 3] * q[..., (k + 2) % 3] - q[..., (k + 1) % 3] * p[..., (k + 2) % 3]
         for k in range(3)], -1
    )  # fmt: skip
    weight = weight / weight.sum(-1, keepdims=True)
    w = (weight * corner[None, ..., 3]).sum(-1)
    depth = (weight * corner[None, ..., 2]).sum(-1) / w
    depth = np.where((weight >= 0).all(-1) & (w > 0) & (abs(depth) <= 1), depth, np.inf)
    best = depth.argmin(1)
    pick = np.arange(len(best)), best
    ids = np.where(np.isfinite(depth[pick]), best, -1)
    return ids.reshape(size), weight[pick].reshape(*size, 3), depth[pick].reshape(size)


def test_a_right_triangle_covers_its_top_and_left_edge_but_not_its_diagonal(device):
    corners = [[1.0, 1.0], [4.0, 1.0], [1.0, 4.0]]
    expected = np.zeros((6, 6), bool)
    expected[1, 1:4] = expected[2, 1:3] = expected[3, 1:2] = True
    for triangle in (TRIANGLE, TRIANGLE.flip(1), TRIANGLE.roll(1, 1)):
        mask = drawn(corners, triangle, (6, 6), device).mask[0].cpu().numpy()
        np.testing.assert_array_equal(mask, expected)


def test_weights_depth_and_id_of_a_triangle_by_hand(device):
    clip = np.array([[-1, -1, 0.0, 1], [3, -1, 0.5, 1], [-1, 3, 0.25, 1]])[None]
    raster = rasterise(to_device(clip, device), TRIANGLE, (2, 2))
    expected = np.array(  # u and v fall by 1/4 per pixel; z is linear, w being 1
        [
            [[0.75, 0.125, 0.09375, 1], [0.5, 0.375, 0.21875, 1]],
            [[0.5, 0.125, 0.15625, 1], [0.25, 0.375, 0.28125, 1]],
        ]
    )
    np.testing.assert_allclose(raster.packed[0].cpu().numpy(), expected, atol=1e-6)
    assert raster.triangle_id.unique().tolist() == [0]


@pytest.mark.parametrize("seed", range(4))
def test_a_triangulated_rectangle_covers_each_pixel_exactly_once(device, seed):
    rng = np.random.default_rng(seed)
    size = (40, 48)
    inner = rng.integers(2, 38, (60, 2)) + rng.choice([0, 0.25, 0.5, 0.0625], (60, 2))
    points = np.concatenate([[[0, 0], [46, 0], [46, 39], [0, 39]], inner])
    count = np.zeros(size, int)
    for triangle in Delaunay(points).simplices:
        count += drawn(points, triangle[None], size, device).mask[0].cpu().numpy()
    assert count.max() == 1
    assert (count[1:39, 1:46] == 1).all()  # which border is exclusive is tested elsewhere


def test_slivers_between_the_samples_draw_nothing_and_tear_no_hole(device):
    size = (16, 16)
    rng = np.random.default_rng(1)
    middle = 5 + rng.uniform(0.01, 0.02, (30, 2))
    points = np.concatenate([[[-1, -1], [17, -1], [17, 17], [-1, 17]], middle])
    triangles = Delaunay(points).simplices
    assert drawn(points, triangles, size, device).mask.all()
    slivers = np.array([[5.3, 0.1], [5.3001, 15.0], [5.3002, 7.0]])
    assert not drawn(slivers, TRIANGLE, size, device).mask.any()


@pytest.mark.parametrize("seed", range(3))
def test_ids_weights_and_depth_equal_those_of_exact_ray_casting(device, seed):
    size = (64, 80)
    clip = triangle_soup(np.random.default_rng(seed), 60)
    triangles = np.arange(180).reshape(-1, 3)
    raster = rasterise(to_device(clip, device), torch.as_tensor(triangles), size)
    ids, weight, depth = cast(clip, triangles, size)
    same = raster.triangle_id[0].cpu().numpy() == ids
    assert same.mean() > 0.985  # vertices are rounded to 1/16 px
    same &= ids >= 0
    u, v, z = raster.packed[0, ..., :3].cpu().numpy()[same].T
    error = np.abs(np.stack([u, v, z]) - np.stack([*weight[same].T[:2], depth[same]]))
    assert np.quantile(error, 0.99) < 1e-4
    assert np.median(error) < 2e-6


def test_triangles_wholly_behind_the_camera_or_beyond_far_draw_nothing(device):
    whole = np.array([[-1, -1, 0.0, 1], [3, -1, 0, 1], [-1, 3, 0, 1]])
    for factor, shift in ((-1, 0), (1, 1.5), (1, -1.5)):
        clip = whole * factor + [0, 0, shift, 0]
        assert not rasterise(to_device(clip[None], device), TRIANGLE, (8, 8)).mask.any()


def test_a_floor_that_runs_under_the_camera_is_cut_at_the_near_plane(device):
    # Plane y = 1 below a camera that looks along z; near 0.1, far 50; w = z.
    floor = np.array([[-30.0, 1, -20], [30, 1, -20], [30, 1, 40], [-30, 1, 40]])
    near, far = 0.1, 50.0
    z, w = (floor[:, 2] * (far + near) - 2 * far * near) / (far - near), floor[:, 2]
    clip = np.stack([floor[:, 0], floor[:, 1], z, w], 1)[None]
    size = (64, 64)
    quad = torch.tensor([[0, 1, 2], [0, 2, 3]])
    raster = rasterise(to_device(clip, device), quad, size)
    rows = (2 * np.arange(64) + 1) / 64 - 1
    seen = rows > 1 / 40.0
    np.testing.assert_array_equal(raster.mask[0].cpu().numpy().all(1), seen)
    np.testing.assert_array_equal(raster.mask[0].cpu().numpy().any(1), seen)
    position, _ = interpolate(to_device(floor[None], device), raster, quad)
    hit = position[0].cpu().numpy()[seen]
    np.testing.assert_allclose(hit[..., 2], np.repeat(1 / rows[seen, None], 64, 1), rtol=2e-3)
    np.testing.assert_allclose(hit[..., 1], 1.0, atol=1e-4)
    np.testing.assert_allclose(hit[..., 0], rows * hit[..., 2], atol=0.05)


def test_a_triangle_with_one_corner_behind_shows_only_its_front(device):
    clip = np.array([[-0.5, 0.0, 0.5, 1], [0.5, 0.0, 0.5, 1], [0.0, 1.0, 0.0, -1]])[None]
    raster = rasterise(to_device(clip, device), TRIANGLE, (32, 32))
    mask = raster.mask[0].cpu().numpy()
    assert mask[16:].any() and not mask[:16].any()  # it leaves the image towards y = 1
    weight = raster.barycentric[0][raster.mask[0]].cpu().numpy()
    assert (weight.sum(1) > 0.5).all()  # the corner behind is never near


def test_degenerate_triangles_and_broken_vertices_draw_nothing(device):
    points = np.array([[1.0, 1], [6, 6], [3, 3], [1, 6]])
    triangles = [[0, 1, 2], [0, 0, 1], [2, 2, 2]]
    assert not drawn(points, triangles, (8, 8), device).mask.any()
    if device == "cpu":  # of nvdiffrast nothing is known about these
        clip = flat_clip(points, (8, 8))
        clip[0, 3] = np.nan
        assert not rasterise(to_device(clip, device), TRIANGLE + 1, (8, 8)).mask.any()
        clip[0, 3] = np.inf
        assert not rasterise(to_device(clip, device), TRIANGLE + 1, (8, 8)).mask.any()


@pytest.mark.parametrize("scale", [1e-6, 1e3, 1e6, 1e12])
def test_triangles_far_smaller_or_larger_than_the_image(device, scale):
    clip = np.array([[-1, -1, 0, 1], [1, -1, 0, 1], [0, 1, 0, 1.0]])[None] * [scale, scale, 1, 1]
    raster = rasterise(to_device(clip, device), TRIANGLE, (33, 33))
    assert raster.mask.sum() == (0 if scale < 1 else 33 * 33)


def test_the_nearer_triangle_wins_and_of_equals_the_higher_index(device):
    square = flat_clip([[-9.0, -9], [18, -9], [4, 18]], (9, 9))[0]
    near, far = square - [0, 0, 0.2, 0], square
    clip = to_device(np.concatenate([far, near, near])[None], device)
    triangles = torch.arange(9).reshape(3, 3)
    for order, expected in (([0, 1, 2], 2), ([1, 0, 2], 2), ([1, 2, 0], 1), ([1, 0], 0)):
        seen = rasterise(clip, triangles[order], (9, 9)).triangle_id
        assert seen.unique().tolist() == [expected]


@pytest.mark.parametrize("batch", [0, 1, 8])
def test_each_image_of_a_batch_equals_that_image_alone(device, batch):
    vertices, triangles = ellipsoid(12, 16)
    clip = np.concatenate([view_clip(vertices, 15.0 * b) for b in range(8)])[:batch]
    triangles = torch.as_tensor(triangles)
    raster = rasterise(to_device(clip, device), triangles, (24, 32), derivatives=True)
    assert raster.packed.shape == (batch, 24, 32, 4)
    for b in range(batch):
        alone = rasterise(to_device(clip[b : b + 1], device), triangles, (24, 32), derivatives=True)
        assert torch.equal(raster.packed[b], alone.packed[0])
        assert torch.equal(raster.derivatives[b], alone.derivatives[0])


def test_ranges_draw_a_different_mesh_in_each_image(device):
    clip = triangle_soup(np.random.default_rng(2), 20)
    triangles = torch.arange(60).reshape(-1, 3)
    ranges = torch.tensor([[0, 20], [5, 3], [12, 0], [19, 1]])
    raster = rasterise(to_device(clip[0], device), triangles, (24, 24), ranges=ranges)
    for b, (first, count) in enumerate(ranges.tolist()):
        if count:
            part = triangles[first : first + count]
            alone = rasterise(to_device(clip, device), part, (24, 24))
            expected = torch.where(alone.mask, alone.triangle_id + first, -1)[0]
            assert torch.equal(raster.triangle_id[b], expected)
            assert torch.equal(raster.packed[b, ..., :3], alone.packed[0, ..., :3])
        else:
            assert not raster.mask[b].any()


def test_a_window_equals_that_crop_of_the_whole_image(device):
    clip = to_device(triangle_soup(np.random.default_rng(5), 80), device)
    triangles = torch.arange(240).reshape(-1, 3)
    whole = rasterise(clip, triangles, (96, 128), derivatives=True)
    part = rasterise(clip, triangles, (96, 128), window=(24, 40, 30, 50), derivatives=True)
    crop = whole.packed[:, 40:70, 24:74]
    if device == "cpu":
        assert torch.equal(part.packed, crop)
        assert torch.equal(part.derivatives, whole.derivatives[:, 40:70, 24:74])
    else:  # positions are rounded after they were moved
        assert (part.packed[..., 3] == crop[..., 3]).float().mean() > 0.99


def test_a_window_may_reach_beyond_the_image(device):
    clip = np.array([[-5, -5, 0.0, 1], [15, -5, 0, 1], [-5, 15, 0, 1]])[None]
    raster = rasterise(to_device(clip, device), TRIANGLE, (8, 8), window=(-8, -8, 24, 24))
    assert raster.mask.all()


def test_derivatives_tell_the_weights_of_the_next_pixel(device):
    clip = np.array([[-8, -7, 0.0, 1.5], [9, -6, 0.5, 1.1], [-1, 9, 0.25, 2.0]])[None]
    size = (128, 128)
    raster = rasterise(to_device(clip, device), TRIANGLE, size, derivatives=True)
    assert raster.mask.all()
    weights, by_pixel = raster.barycentric[0], raster.derivatives[0]
    along_x = (weights[:, 2:] - weights[:, :-2]) / 2
    along_y = (weights[2:] - weights[:-2]) / 2
    inside = by_pixel[1:-1, 1:-1]
    torch.testing.assert_close(along_x[1:-1], inside[..., 0::2], atol=2e-6, rtol=2e-3)
    torch.testing.assert_close(along_y[:, 1:-1], inside[..., 1::2], atol=2e-6, rtol=2e-3)


@pytest.mark.parametrize("derivatives", [False, True])
def test_gradients_equal_finite_differences_in_float64(derivatives):
    clip = torch.tensor(triangle_soup(np.random.default_rng(0), 12), requires_grad=True)
    triangles = torch.arange(36).reshape(-1, 3)

    def weights(clip):
        raster = rasterise(clip, triangles, (9, 11), derivatives=derivatives)
        u, v = raster.barycentric.detach().unbind(-1)
        inner = (u > 1e-3) & (v > 1e-3) & (u + v < 0.999)  # elsewhere weights may be clamped
        seen = raster.barycentric * inner[..., None]
        return (seen, raster.derivatives * inner[..., None]) if derivatives else seen

    assert torch.autograd.gradcheck(weights, clip, eps=1e-7, atol=1e-5, rtol=1e-5)


def test_gradients_reach_a_triangle_that_crosses_the_near_plane():
    clip = [[-0.5, 0.1, 0.5, 1.0], [0.5, 0.0, 0.4, 1.2], [0.1, 1.0, 0.1, -1]]
    clip = torch.tensor([clip], dtype=torch.float64, requires_grad=True)

    def weights(clip):
        raster = rasterise(clip, TRIANGLE, (9, 9))
        u, v = raster.barycentric.detach().unbind(-1)
        inner = (u > 1e-3) & (v > 1e-3) & (u + v < 0.999)
        assert inner.sum() > 5
        return raster.barycentric * inner[..., None]

    assert torch.autograd.gradcheck(weights, clip, eps=1e-7, atol=1e-5, rtol=1e-5)


def test_gradients_of_ranges_are_summed_over_the_images():
    clip = torch.tensor(triangle_soup(np.random.default_rng(3), 6)[0], requires_grad=True)
    triangles = torch.arange(18).reshape(-1, 3)
    ranges = torch.tensor([[0, 6], [2, 3], [0, 0]])
    picture = rasterise(clip, triangles, (16, 16), ranges=ranges).barycentric
    torch.manual_seed(0)
    back = torch.rand_like(picture)
    (gradient,) = torch.autograd.grad(picture, clip, back)
    expected = torch.zeros_like(clip)
    for b, (first, count) in enumerate(ranges.tolist()):
        part = triangles[first : first + count]
        alone = rasterise(clip[None], part, (16, 16)).barycentric
        expected += torch.autograd.grad(alone, clip, back[b : b + 1])[0]
    torch.testing.assert_close(gradient, expected)


def test_depth_and_ids_carry_no_gradient(device):
    clip = to_device(triangle_soup(np.random.default_rng(3), 6), device).requires_grad_()
    raster = rasterise(clip, torch.arange(18).reshape(-1, 3), (16, 16))
    (gradient,) = torch.autograd.grad(raster.depth.sum(), clip, retain_graph=True)
    assert not gradient.any()
    (gradient,) = torch.autograd.grad(raster.packed[..., :2].square().sum(), clip)
    assert gradient[..., :2].any() and not gradient[..., 2].any() and gradient[..., 3].any()


@pytest.mark.parametrize("size", [(64, 64), (600, 700)])
def test_equal_bytes_for_any_number_of_threads(size):
    vertices, triangles = ellipsoid(40, 60)
    clip = np.concatenate([view_clip(vertices, 0), view_clip(vertices, 40)])
    triangles = torch.as_tensor(triangles)
    before, results = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3, 7):
            torch.set_num_threads(count)
            moved = to_device(clip, "cpu").requires_grad_()
            raster = rasterise(moved, triangles, size, derivatives=True)
            loss = raster.barycentric.square().sum() + raster.derivatives.square().sum()
            (gradient,) = torch.autograd.grad(loss, moved)
            parts = raster.packed, raster.derivatives, gradient
            results.append([part.detach().numpy().tobytes() for part in parts])
    finally:
        torch.set_num_threads(before)
    assert all(result == results[0] for result in results)


def test_dense_slivers_keep_gradients_finite():
    vertices, triangles = ellipsoid(120, 160)
    clip = to_device(view_clip(vertices, 20), "cpu").requires_grad_()
    raster = rasterise(clip, torch.as_tensor(triangles), (32, 32), derivatives=True)
    (gradient,) = torch.autograd.grad(raster.barycentric.sum(), clip)
    assert torch.isfinite(gradient).all() and gradient.any()


def test_wrong_arguments_are_refused_by_name():
    clip = torch.zeros(1, 3, 4)
    with pytest.raises(ShapeError, match=r"clip has shape \(3, 4\), expected \(B, V, 4\)"):
        rasterise(clip[0], TRIANGLE, (8, 8))
    with pytest.raises(ShapeError, match=r"clip has shape \(1, 3, 4\), expected \(V, 4\)"):
        rasterise(clip, TRIANGLE, (8, 8), ranges=torch.tensor([[0, 1]]))
    with pytest.raises(IndexError, match=r"values 0\.\.2, expected indices into 2 vertices"):
        rasterise(clip[:, :2], TRIANGLE, (8, 8))
    with pytest.raises(IndexError, match="within 1 triangles"):
        rasterise(clip[0], TRIANGLE, (8, 8), ranges=torch.tensor([[1, 1]]))
    with pytest.raises(TypeError, match="float16, expected float32 or float64"):
        rasterise(clip.half(), TRIANGLE, (8, 8))
    with pytest.raises(TypeError, match=r"triangles is torch\.float32, expected integers"):
        rasterise(clip, TRIANGLE.float(), (8, 8))
    with pytest.raises(ValueError, match=r"size is \(0, 8\).*at least one pixel"):
        rasterise(clip, TRIANGLE, (0, 8))
