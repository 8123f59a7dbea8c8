"""`antialias` of the four primitives: blends by hand, what is an outline, areas, arguments."""

import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull

from lib.errors import ShapeError
from lib.render.differentiable import Raster, interpolate, rasterise
from lib.render.differentiable.antialias import antialias
from lib.render.differentiable.outlines import find_pairs
from lib.render.differentiable.topology import edge_table
from tests.render.backends import ellipsoid, flat_clip, view_clip
from tests.render.outline_scenes import QUAD, RULES, head, mask_of, scene, square

# Blends by hand ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_a_square_between_pixels_blends_by_its_distance_from_their_border(rule, order):
    size = (9, 8)
    clip, triangles = square(2.3, 5.8, size), QUAD[:, order]
    raster = rasterise(clip, triangles, size)
    result = antialias(mask_of(raster), raster, clip, triangles, silhouette=rule)[0, ..., 0]
    # 2.3 lies 0.2 inside pixel 2, which is background; 5.8 lies 0.3 inside pixel 6.
    profile = torch.tensor([0, 0, 0.2, 1, 1, 1, 0.3, 0], dtype=torch.float64)
    torch.testing.assert_close(result[4], profile)
    torch.testing.assert_close(result[:8, 4], profile)
    assert result[8].abs().max() == 0


@pytest.mark.parametrize("rule", RULES)
def test_an_outline_that_eats_into_a_seen_pixel_brings_the_background_into_it(rule):
    size = (8, 8)
    clip = square(2.75, 5.25, size)
    raster = rasterise(clip, QUAD, size)
    colour = torch.where(raster.mask[..., None], torch.tensor([1.0, 0.5]), torch.tensor([0.0, 4.0]))
    result = antialias(colour.double(), raster, clip, QUAD, silhouette=rule)
    expected = torch.tensor([[0, 4.0], [0.75, 0.25 * 4 + 0.75 * 0.5], [1, 0.5]]).double()
    torch.testing.assert_close(result[0, 4, 2:5], expected)  # a quarter of pixel 3 is background
    torch.testing.assert_close(result[0, 2:5, 4], expected)


@pytest.mark.parametrize("rule", RULES)
def test_the_derivative_of_a_blend_by_hand(rule):
    size = (8, 8)
    clip = square(2.3, 5.8, size).requires_grad_()
    raster = rasterise(clip.detach(), QUAD, size)
    antialias(mask_of(raster), raster, clip, QUAD, silhouette=rule).sum().backward()
    # The left edge crosses rows 3, 4, 5, at 0.7 / 3.5 and so on of its length from its upper end;
    # a pixel is 1/4 of clip space, and moving an end to the left adds area. The pixel in row 3 lies
    # on the diagonal and shows the triangle without that edge: nvdiffrast's rule cannot see it.
    shares = (np.array([3, 4, 5] if rule == "edges" else [4, 5]) - 2.3) / 3.5
    expected = [-4 * (1 - shares).sum(), -4 * shares.sum()]
    np.testing.assert_allclose(clip.grad[0, [0, 3], 0], expected)
    assert clip.grad[..., 2].abs().max() == 0


# What is an outline, and what is not ------------------------------------------------------------


def sheet(n: int, size: tuple[int, int], tilt: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A flat sheet of n x n quads from 2.3 to 28.6 px, its depth rising along x."""
    x, y = np.meshgrid(np.linspace(2.3, 28.6, n + 1), np.linspace(2.3, 28.6, n + 1))
    clip = flat_clip(np.column_stack([x.ravel(), y.ravel()]), size)
    clip[..., 2] = tilt * clip[..., 0]
    quad = np.arange(n * n)
    a = quad // n * (n + 1) + quad % n
    lower, upper = np.stack([a, a + 1, a + n + 2], 1), np.stack([a, a + n + 2, a + n + 1], 1)
    return torch.tensor(clip), torch.tensor(np.concatenate([lower, upper]))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("flip", [False, True])
def test_the_inside_of_a_sheet_stays_as_it_is_and_only_its_border_blends(rule, flip):
    size = (32, 32)
    clip, triangles = sheet(12, size, 0.4)
    triangles = triangles.flip(1) if flip else triangles
    raster = rasterise(clip, triangles, size)
    colour = torch.rand(1, 32, 32, 3, dtype=torch.float64)
    changed = (antialias(colour, raster, clip, triangles, silhouette=rule) != colour).any(-1)[0]
    assert not changed[4:28, 4:28].any()
    border = torch.stack([changed[2, 4:28], changed[29, 4:28], changed[4:28, 2], changed[4:28, 29]])
    # nvdiffrast's rule loses the pixels whose triangle meets the border in a corner alone.
    assert border.all() if rule == "edges" else 0.3 < border.float().mean() < 0.9


def test_a_seam_whose_two_borders_coincide_is_no_outline():
    size = (32, 32)
    clip, triangles = sheet(12, size, 0.4)
    apart = torch.arange(3 * len(triangles)).reshape(-1, 3)  # no two triangles share a corner
    clip = clip[:, triangles.ravel()]
    raster = rasterise(clip, apart, size)
    colour = torch.rand(1, 32, 32, 3, dtype=torch.float64)
    changed = (antialias(colour, raster, clip, apart) != colour).any(-1)[0]
    assert not changed[4:28, 4:28].any()
    assert changed[2, 4:28].all() and changed[4:28, 29].all()


@pytest.mark.parametrize("rule", RULES)
def test_slivers_without_area_inside_a_sheet_are_no_outlines(rule):
    size = (32, 32)
    clip = square(2.3, 28.6, size)
    clip[..., 2] = 0.4 * clip[..., 0]
    middle = 0.5 * (clip[:, 0] + clip[:, 2])[:, None]  # on the diagonal: 0, 4, 2 is a line
    clip = torch.cat([clip, middle], 1)
    triangles = torch.tensor([[0, 1, 2], [0, 2, 4], [0, 4, 3], [4, 2, 3]])
    raster = rasterise(clip, triangles, size)
    colour = torch.rand(1, 32, 32, 3, dtype=torch.float64)
    changed = (antialias(colour, raster, clip, triangles, silhouette=rule) != colour).any(-1)[0]
    assert not changed[4:28, 4:28].any()


@pytest.mark.parametrize("rule", RULES)
def test_of_two_squares_the_near_ones_outline_shows_and_the_hidden_one_does_not(rule):
    size = (24, 24)
    clip = torch.cat([square(3.3, 12.7, size, 0.5), square(8.3, 19.7, size, -0.5)], 1)
    triangles = torch.cat([QUAD, QUAD + 4])
    raster = rasterise(clip, triangles, size)
    kind = torch.div(raster.triangle_id, 2, rounding_mode="floor") + 1  # 0 none, 1 far, 2 near
    colour = torch.tensor([0.0, 1.0, 10.0], dtype=torch.float64)[kind][..., None]
    result = antialias(colour, raster, clip, triangles, silhouette=rule)[0, ..., 0]
    expected = colour[0, 10, :, 0].clone()
    expected[3], expected[8], expected[20] = 0.2, 1 + 0.2 * 9, 0.2 * 10
    torch.testing.assert_close(result[10], expected)
    assert (result[10:12, 13] == 10).all()  # the far square ends here, behind the near one


@pytest.mark.parametrize("crowd, outline", [([0, 1], False), ([0, 0], True)])
def test_an_edge_of_three_triangles_is_an_outline_if_all_lie_on_one_side(crowd, outline):
    size = (16, 16)
    points = [[8.3, 1.0], [8.3, 14.0], [2.0, 7.0], [3.0, 8.0], [4.0, 9.0], [13.0, 8.0]]
    last = [4, 5][crowd[1]]
    triangles = torch.tensor([[0, 1, 2], [1, 0, 3], [0, 1, last]])
    clip = torch.tensor(flat_clip(points, size))
    table = edge_table(triangles)
    assert len(table.more) == 1
    raster = rasterise(clip, triangles, size)
    (pairs,) = find_pairs(clip.numpy(), raster.packed.numpy(), table, "edges")
    shared = np.flatnonzero((table.ends == [0, 1]).all(1))
    assert np.isin(pairs.edge, shared).any() == outline


def test_a_closed_surface_has_the_edges_that_euler_says():
    _, triangles = ellipsoid(12, 20)
    keep = (triangles != np.roll(triangles, 1, 1)).all(1)
    table = edge_table(torch.tensor(triangles[keep]))
    open_edges = (table.sides[:, 0] == table.sides[:, 1]).sum()
    assert open_edges == 2 * 20 and len(table.more) == 0  # the poles are rings of many vertices
    assert 2 * len(table.ends) == 3 * len(table.triangles) + open_edges
    for k in range(3):
        both = np.sort(table.triangles[:, [k, (k + 1) % 3]], 1)
        np.testing.assert_array_equal(table.ends[table.of_triangle[:, k]], both)


# Areas -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows, columns", [(10, 12), (40, 50), (180, 196)])
@pytest.mark.parametrize("pixels", [96, 224])
def test_the_blended_mask_has_the_area_of_the_outline_and_its_derivative(rows, columns, pixels):
    vertices, triangles = ellipsoid(rows, columns)
    triangles, size = torch.tensor(triangles), (pixels, pixels)
    clip = torch.tensor(view_clip(vertices, 20.0), dtype=torch.float32)
    scale = torch.ones((), requires_grad=True)
    scaled = torch.cat([clip[..., :2] * scale, clip[..., 2:]], -1)
    raster = rasterise(clip, triangles, size)
    area = antialias(mask_of(raster), raster, scaled, triangles).double().sum()
    area.backward()
    points = (clip[0, :, :2] / clip[0, :, 3:]).double().numpy() * (pixels / 2)
    truth = ConvexHull(points).volume
    assert abs(area.item() / truth - 1) < 2e-3
    assert abs(scale.grad.item() / (2 * truth) - 1) < 0.02


@pytest.mark.parametrize("seed", range(3))
def test_a_triangle_that_ends_inside_the_image_keeps_its_area(seed):
    points = np.random.default_rng(seed).uniform(2, 120, (3, 2))
    size, triangle = (123, 123), torch.tensor([[0, 1, 2]])
    clip = torch.tensor(flat_clip(points, size))
    raster = rasterise(clip, triangle, size)
    for rule in RULES:
        area = antialias(mask_of(raster), raster, clip, triangle, silhouette=rule).sum()
        assert abs(float(area) - ConvexHull(points).volume) < 2.0  # of some 1000 px; at the corners


def test_a_blended_head_is_close_to_one_averaged_over_many_samples():
    """Inner outlines too: ears, lids and nose over cheeks of another colour."""
    clip, triangles = head((96, 96), torch.float32)
    colour = clip[..., 3:] - 8  # by distance, and so smooth but for outlines

    def draw(pixels):
        raster = rasterise(clip, triangles, (pixels, pixels))
        return raster, interpolate(colour, raster, triangles)[0]

    (raster, plain), (_, large) = draw(96), draw(8 * 96)
    truth = large.reshape(1, 96, 8, 96, 8, 1).mean((2, 4))
    nvdiffrast, ours = (
        antialias(plain, raster, clip, triangles, silhouette=rule) for rule in ("pairs", "edges")
    )
    error = [float(((image - truth) ** 2).mean()) for image in (plain, nvdiffrast, ours)]
    assert error[2] < 0.1 * error[0] and error[2] < 0.2 * error[1]


def test_nvdiffrasts_rule_misses_most_of_a_dense_outline():
    """Why `edges` exists: triangles that own the outline are smaller than a pixel."""
    vertices, triangles = ellipsoid(180, 196)
    clip, size = torch.tensor(view_clip(vertices, 20.0), dtype=torch.float32), (224, 224)
    triangles = torch.tensor(triangles)
    raster, table = rasterise(clip, triangles, size), edge_table(triangles)
    found = {
        rule: len(find_pairs(clip.numpy(), raster.packed.numpy(), table, rule)[0].edge)
        for rule in RULES
    }
    assert found["pairs"] < 0.1 * found["edges"]


# Arguments ---------------------------------------------------------------------------------------


def test_arrays_that_are_not_contiguous_serve_as_well():
    clip, triangles, size = scene("ellipsoid")
    raster = rasterise(clip, triangles, size)
    colour = torch.rand(1, *size, 3, dtype=torch.float64)
    expected = antialias(colour, raster, clip, triangles)
    strange = [torch.empty(0)] * 3
    for k, tensor in enumerate((colour, clip, raster.packed)):
        strange[k] = tensor.transpose(1, 2).contiguous().transpose(1, 2)
        assert not strange[k].is_contiguous()
    colour, clip, packed = strange
    clip.requires_grad_()
    result = antialias(colour, Raster(packed), clip, triangles.T.contiguous().T)
    assert torch.equal(result, expected)
    result.sum().backward()
    assert clip.grad.abs().max() > 0


def test_a_window_is_that_part_of_the_whole():
    clip, triangles, size = scene("ellipsoid")
    clip.requires_grad_()
    whole, part = (
        rasterise(clip.detach(), triangles, size, window=window)
        for window in (None, (5, 9, 30, 40))
    )
    full = antialias(mask_of(whole), whole, clip, triangles)[:, 9:39, 5:45]
    crop = antialias(mask_of(part), part, clip, triangles)
    inside = (slice(None), slice(1, -1), slice(1, -1))  # the rim's pairs reach outside
    torch.testing.assert_close(crop[inside], full[inside])
    gradients = [torch.autograd.grad((v[inside] ** 2).sum(), clip)[0] for v in (full, crop)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("rule", RULES)
def test_an_empty_batch_and_a_mesh_without_triangles_give_the_colours_back(rule):
    clip = torch.zeros(0, 4, 4)
    raster = rasterise(clip, QUAD, (5, 6))
    assert antialias(torch.zeros(0, 5, 6, 3), raster, clip, QUAD, silhouette=rule).shape[0] == 0
    nothing, colour = torch.empty(0, 3, dtype=torch.long), torch.rand(1, 5, 6, 3)
    raster = Raster(torch.zeros(1, 5, 6, 4))
    clip = torch.ones(1, 4, 4, requires_grad=True)
    result = antialias(colour, raster, clip, nothing, silhouette=rule)
    assert torch.equal(result, colour)
    result.sum().backward()
    assert clip.grad.abs().max() == 0


@pytest.mark.parametrize("rule", RULES)
def test_positions_that_are_no_numbers_move_nothing(rule):
    size = (8, 8)
    clip = torch.cat([square(2.3, 5.8, size), torch.full((1, 3, 4), torch.nan)], 1)
    clip[0, 4, 3], clip[0, 5] = 1, torch.inf
    raster = rasterise(clip[:, :4], QUAD, size)
    good = antialias(mask_of(raster), raster, clip[:, :4], QUAD, silhouette=rule)
    both = torch.cat([QUAD, torch.tensor([[4, 5, 6], [0, 1, 4]])])
    clip.requires_grad_()
    result = antialias(mask_of(raster), raster, clip, both, silhouette=rule)
    result.sum().backward()
    assert torch.isfinite(result).all() and torch.isfinite(clip.grad).all()
    assert (result - good).abs().max() <= 0.5


def test_what_does_not_fit_is_refused_by_name():
    size = (8, 8)
    clip = square(2.3, 5.8, size)
    raster = rasterise(clip, QUAD, size)
    colour = mask_of(raster)
    with pytest.raises(ShapeError, match=r"colour has shape \(8, 8, 1\)"):
        antialias(colour[0], raster, clip, QUAD)
    with pytest.raises(ShapeError, match=r"raster\.packed has shape \(1, 8, 8, 4\)"):
        antialias(colour[:, 1:], raster, clip, QUAD)
    with pytest.raises(ShapeError, match=r"clip has shape \(4, 4\), expected \(1, V, 4\)"):
        antialias(colour, raster, clip[0], QUAD)
    with pytest.raises(ShapeError, match=r"triangles has shape \(6,\)"):
        antialias(colour, raster, clip, QUAD.ravel())
    with pytest.raises(ShapeError, match="that of the edge table"):
        antialias(colour, raster, clip, QUAD[:1], edge_table(QUAD))
    with pytest.raises(IndexError, match="index 3, expected indices into 3 vertices"):
        antialias(colour, raster, clip[:, :3], QUAD)
    with pytest.raises(IndexError, match="index -1"):
        edge_table(QUAD - 1)
    with pytest.raises(TypeError, match="integer"):
        edge_table(QUAD.float())
    with pytest.raises(TypeError, match=r"clip is torch\.float32"):
        antialias(colour, raster, clip.float(), QUAD)
    with pytest.raises(ValueError, match="silhouette is 'pixels'"):
        antialias(colour, raster, clip, QUAD, silhouette="pixels")
