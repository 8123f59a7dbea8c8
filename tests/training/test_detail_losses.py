"""Every term of the detail layer's trainings against numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch

from lib.training.detail_layer import losses
from lib.training.detail_layer.losses import Outline, neighbours


def outline(points, facing, contour=None, known=None):
    """An outline of tensors."""
    contour = torch.zeros(len(points), 0, 2) if contour is None else contour
    known = torch.ones(contour.shape[:2], dtype=torch.bool) if known is None else known
    return Outline(points, facing, contour, known)


def test_86_points_count_once_or_by_their_weight():
    wanted = torch.zeros(1, 86, 2)
    moved = wanted.clone()
    moved[0, 0] = torch.tensor([3.0, 4.0])  # counts once
    moved[0, 1] = torch.tensor([3.0, 4.0])  # twice
    moved[0, 41] = torch.tensor([1.0, 0.0])  # fifteen times
    moved[0, 68] = torch.tensor([0.0, 2.0])  # ten times
    moved[0, 35] = torch.tensor([1.0, 1.0])  # five times
    expected = (25 + 2 * 25 + 15 * 1 + 10 * 4 + 5 * 2) / (86 * 2)
    assert losses.landmark3d_loss(moved, wanted).item() == pytest.approx(expected)


def test_outline_points_that_face_the_camera_belong_where_they_are():
    points, wanted = torch.zeros(1, 18, 2), torch.zeros(1, 68, 2)
    wanted[0, 3] = torch.tensor([6.0, 8.0])
    wanted[0, 17] = torch.tensor([100.0, 0.0])  # a point of the brow
    facing = torch.ones(1, 18)
    fixed = losses.landmark2d_loss(outline(points, facing), wanted, "fixed")
    assert fixed.item() == pytest.approx(50 / 17)
    published = losses.landmark2d_loss(outline(points, facing), wanted, "published")
    assert published.item() == pytest.approx((50 + 5000) / 18)


def test_turned_points_go_to_the_nearest_vertex_of_the_seen_outline():
    wanted, facing = torch.zeros(1, 68, 2), torch.ones(1, 18)
    facing[0, [2, 4, 6]] = -1
    wanted[0, 2], wanted[0, 4], wanted[0, 6] = (torch.tensor([x, 0.0]) for x in (10, 20, 60))
    contour = torch.tensor([[[11.0, 1], [20, 1], [30, 0], [60, 0]]])
    known = torch.tensor([[True, True, True, False]])  # so that the last is (30, 0) away
    found = outline(torch.zeros(1, 18, 2), facing, contour, known)
    total = (1 + 1) / 2 + 5 * (0 + 1) / 2 + losses.FARTHEST  # point 4 counts five times
    found = losses.landmark2d_loss(found, wanted, "fixed")
    assert found.item() == pytest.approx(total / 17)
    assert pytest.approx(9.375) == losses.FARTHEST


@pytest.mark.parametrize(("contour", "alive"), [("fixed", True), ("published", False)])
def test_the_published_outline_is_dead_and_ours_is_not(contour, alive):
    """As published, a turned point costs a constant, whatever the outline does."""
    places = torch.tensor([[[11.0, 1.0]]], requires_grad=True)
    wanted, facing = torch.zeros(1, 68, 2), -torch.ones(1, 18)
    wanted[0, :18] = torch.tensor([10.0, 0.0])
    found = losses.landmark2d_loss(outline(torch.zeros(1, 18, 2), facing, places), wanted, contour)
    if not alive:
        assert not found.requires_grad and found.item() == pytest.approx(9.375)
        return
    found.backward()
    assert places.grad.abs().min() > 0


def test_colour_counts_by_its_distance_and_mask_and_each_face_alike():
    photo = torch.zeros(2, 1, 3, 3)
    picture, mask = photo.clone(), torch.zeros(2, 1, 3)
    picture[0, 0, 0], picture[0, 0, 1] = torch.tensor([2.0, 3, 6]), torch.tensor([99.0, 0, 0])
    mask[0, 0, 0], mask[0, 0, 2] = 1, 1
    picture[1, 0, 1], mask[1, 0, 1] = torch.tensor([0.0, 30, 40]), 1
    epsilon = math.sqrt(1e-8)  # of pixels that agree or are masked out
    expected = ((7 + 2 * epsilon) / 2 + (50 + 2 * epsilon)) / 2
    found = losses.photo_loss(picture, photo, mask)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_a_face_without_any_pixel_gives_a_finite_gradient():
    picture = torch.zeros(1, 2, 2, 3, requires_grad=True)
    losses.photo_loss(picture, torch.zeros(1, 2, 2, 3), torch.zeros(1, 2, 2)).backward()
    assert torch.isfinite(picture.grad).all()


def test_sizes_are_means_of_squares():
    code = torch.tensor([[1.0, -3.0], [0.0, 2.0]])
    assert losses.size_loss(code).item() == pytest.approx(14 / 4)


def test_large_relief_costs_at_most_ten_and_pulls_nothing():
    relief = torch.tensor([[[1.0, 2.0, 9.0, 5.0]]])[..., None].requires_grad_(True)
    mask = torch.tensor([[[1.0, 0.5, 1.0, 0.0]]])
    found = losses.masked_square(relief, mask)
    assert found.item() == pytest.approx((1 + 0.5 * 4 + 10) / 2.5)
    found.backward()
    assert relief.grad.flatten().tolist() == pytest.approx([2 / 2.5, 0.5 * 4 / 2.5, 0, 0])


# A square of two triangles and a third beyond one side.
TRIANGLES = np.array([[0, 2, 1], [0, 3, 2], [1, 2, 4]])


def test_neighbours_are_joined_by_an_edge_each_once():
    beside = neighbours(TRIANGLES, 6)
    edges = sorted(zip(beside.first.tolist(), beside.second.tolist()))
    assert edges == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 4), (2, 3), (2, 4)]
    assert beside.count.tolist() == [3, 3, 4, 2, 2, 0]
    pairs = sorted(zip(beside.one.tolist(), beside.two.tolist()))
    assert pairs == [(0, 1), (0, 2)]


def test_a_vertex_off_its_neighbours_is_drawn_back_beyond_the_dead_zone():
    beside = neighbours(TRIANGLES, 5)
    points = torch.zeros(1, 5, 3)
    points[0, 3] = torch.tensor([0.0, 0, 3.0])
    points.requires_grad_(True)
    found = losses.smooth_loss(points, beside)
    # Vertex 3: 9; 0: mean of three is 1, so 1; 2: mean of four is 0.75, so 0.5625; others 0.2.
    z = 9 + 1 + 0.5625 + 2 * 0.2
    assert found.item() == pytest.approx((z + 10 * 0.2) / 15)
    found.backward()
    assert points.grad[0, 3, 2] > 0 and points.grad[..., :2].abs().max() == 0


def test_relief_below_the_dead_zone_is_left_alone():
    points = torch.zeros(1, 5, 3)
    points[0, 3, 2] = 0.4  # squared below 0.2
    points.requires_grad_(True)
    found = losses.smooth_loss(points, neighbours(TRIANGLES, 5))
    found.backward()
    assert found.item() == pytest.approx(0.2) and points.grad.abs().max() == 0


def test_normals_are_smoothed_over_neighbours_and_over_edges():
    beside = neighbours(TRIANGLES, 5)
    normals = torch.tensor([0.0, 0, 1]).repeat(1, 5, 1)
    normals[0, 3] = torch.tensor([0.6, 0, 0.8])
    flat = torch.tensor([[[0.0, 0, 2], [0, 0, 3], [0, 0.5, 2]]])
    limit = losses.NORMAL_ROUGHNESS
    # Vertex 3 differs by (-0.6, 0, 0.2); 0 by a third of it; 2 by a quarter.
    first = 0.36 + 0.04 + 0.04 + 0.04 / 9 + 0.0225 + 0.0025 + limit * (15 - 6)
    second = (1 + 0.25 + 4 * 1e-4) / 6  # edges between triangles 0, 1 and 0, 2; three axes
    found = losses.smooth_normal_loss(normals, flat, beside)
    assert found.item() == pytest.approx(first / 15 + second, rel=1e-5)


def test_differences_on_the_chart_count_in_four_directions():
    relief = torch.zeros(1, 3, 3)
    relief[0, 1, 1] = 2.0
    # Two of 6 pairs across, two of 6 down, two of 4 on each diagonal, each 4 mm2.
    expected = 8 / 6 + 8 / 6 + 8 / 4 + 8 / 4
    assert losses.smooth_uv_loss(relief).item() == pytest.approx(expected)
    assert losses.smooth_uv_loss(torch.ones(2, 4, 5)).item() == 0
