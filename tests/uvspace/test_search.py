"""Searching along normals: the best distance, whatever the memory, and none where none is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.uvspace.grid import chart_grid
from lib.uvspace.search import (
    Comparison,
    best_offset,
    evenly,
    respond,
    search_level,
    settle,
    view_weights,
)
from lib.uvspace.views import cast_rays, views_at
from tests.studio import studio


@pytest.fixture(scope="module")
def room():
    return studio()


@pytest.fixture(scope="module")
def grid(room):
    return chart_grid(room.model, room.model.mean, 128)


def respond_all(grid, views, comparison, offsets=(-1.0, 0.0, 2.0)):
    sized = views_at(views, grid)
    weight = view_weights(sized, grid, comparison)
    nowhere = torch.zeros(grid.mask.shape)
    return respond(cast_rays(sized, grid), weight, nowhere, offsets, comparison)


@pytest.mark.parametrize("window", [1.0, 2.5])
def test_strips_change_nothing(room, grid, window):
    whole = respond_all(grid, room.views, Comparison(window=window, max_samples=10**9))
    strips = respond_all(grid, room.views, Comparison(window=window, max_samples=1))
    assert whole.max() > 0.9
    assert torch.equal(whole, strips)


def test_distances_are_evenly_spaced_about_0():
    assert evenly(1.0, 0.25) == [-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0]
    assert evenly(0.3, 0.1) == pytest.approx([-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3])
    assert evenly(1.1, 1.0) == [-2.0, -1.0, 0.0, 1.0, 2.0]
    assert evenly(0.1, 1.0) == [-1.0, 0.0, 1.0]


def test_the_least_of_a_parabola_is_found_between_offsets():
    offsets = [0.5 * step for step in range(-6, 7)]
    least = torch.linspace(-2.6, 2.6, 40).reshape(5, 8)
    cost = (torch.tensor(offsets)[:, None, None] - least).square() * 0.3 + 0.2
    found, inside = best_offset(cost, offsets)
    assert inside.all()
    np.testing.assert_allclose(found, least, atol=1e-5)


def test_a_least_at_either_end_is_told():
    offsets = [-1.0, 0.0, 1.0]
    cost = torch.tensor([[[1.0, 3.0, 2.0]], [[2.0, 2.0, 1.0]], [[3.0, 1.0, 2.0]]])
    found, inside = best_offset(cost, offsets)
    assert inside.tolist() == [[False, False, True]]
    assert found.tolist() == [[-1.0, 1.0, 0.0]]


def peaks(centre: torch.Tensor, offsets, height=0.9) -> torch.Tensor:
    off = torch.tensor(offsets)[:, None, None] - centre
    return height * torch.exp(-0.5 * (off / 0.35).square())


def smooth_truth() -> torch.Tensor:
    y, x = np.mgrid[:80, :80]
    return torch.tensor(0.8 * np.sin(x / 14) * np.cos(y / 17), dtype=torch.float32)


EVERYWHERE = torch.ones(80, 80, dtype=torch.bool)


def test_wrong_maxima_give_way_to_what_is_around_them():
    offsets, truth = evenly(3.0, 0.25), smooth_truth()
    response = peaks(truth, offsets)
    wrong = torch.rand(80, 80, generator=torch.Generator().manual_seed(0)) < 0.2
    response = torch.where(wrong, response.maximum(peaks(truth + 2, offsets, 0.98)), response)
    own, _ = best_offset(1 - response, offsets)
    assert ((own - truth).abs() > 1).float().mean() > 0.15
    found = settle(response, offsets, EVERYWHERE, torch.full((80, 80), 3), (4, 3, 2, 1.2))
    assert (found.distance_mm - truth).abs().max() < 0.2
    assert found.confidence[~wrong].median() > 0.8


def test_what_fewer_than_two_views_saw_measures_nothing():
    offsets, truth = evenly(3.0, 0.25), smooth_truth()
    compared = torch.full((80, 80), 2)
    compared[:, 40:] = 1
    found = settle(peaks(truth, offsets), offsets, EVERYWHERE, compared, (4, 3, 2, 1.2))
    assert not found.confidence[:, 40:].any() and found.confidence[:, :40].min() > 0.2
    nothing = settle(peaks(truth, offsets), offsets, EVERYWHERE, compared * 0, (4, 3, 2, 1.2))
    assert not nothing.distance_mm.any() and not nothing.confidence.any()


def test_a_flat_response_is_not_believed():
    offsets = evenly(3.0, 0.25)
    flat = torch.full((len(offsets), 80, 80), 0.8)
    found = settle(flat, offsets, EVERYWHERE, torch.full((80, 80), 5), (4, 2))
    assert not found.confidence.any() and found.distance_mm.abs().max() < 1e-6


def test_nothing_is_found_off_the_mask():
    offsets, mask = evenly(2.0, 0.25), EVERYWHERE.clone()
    mask[:, 50:] = False
    found = settle(peaks(smooth_truth(), offsets), offsets, mask, torch.full((80, 80), 5), (2, 1))
    assert not found.distance_mm[~mask].any() and not found.confidence[~mask].any()


def test_views_seen_head_on_and_sharper_views_count_more(room, grid):
    coarse = [room.views[2], room.views[2].reduced(2)]
    sharp, blurred = view_weights(coarse, grid, Comparison())
    both = (sharp > 0.05) & (blurred > 0.05)
    np.testing.assert_allclose((blurred / sharp)[both], 0.5, rtol=0.02)
    middle, side = sharp[64, 64], sharp[64, 80]
    assert middle > side > 0 and sharp[64, 0] == 0


def test_views_that_look_away_count_nothing(room, grid):
    pose = room.views[0].camera.world_to_camera * np.array([[-1], [1], [-1]])
    away = replace(room.views[0], camera=room.views[0].camera._replace(world_to_camera=pose))
    weight = view_weights([*room.views[:2], away], grid, Comparison())
    assert not weight[2].any() and weight[0].max() > 0.5
    assert not view_weights([away, away], grid, Comparison()).any()


def test_a_search_finds_the_waves_of_the_head(room, grid):
    before = room.distance_mm(front(room, grid))
    found = search_level(grid, room.views, 8.0, 1.0, (4, 3, 2, 1.5), Comparison(window=1.5))
    after = room.distance_mm(front(room, grid.moved(found.distance_mm.numpy())))
    assert np.median(before) > 1.5
    assert np.median(after) < 0.4
    assert not found.distance_mm.numpy()[~grid.mask].any()


def test_views_whose_masks_leave_nothing_find_nothing(room, grid):
    blind = [replace(view, mask=np.zeros(view.size, np.float32)) for view in room.views]
    found = search_level(grid, blind, 4.0, 2.0, (3, 2), Comparison())
    assert not found.distance_mm.any() and not found.confidence.any()


def front(room, grid):
    points = grid.position[grid.mask]
    return points[room.in_front(points)]
