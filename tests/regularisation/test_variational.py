"""The weight-free surface: found in the volume, refined on the images, true to a known head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.implicit import ImplicitOptions, respond_capture
from lib.regularisation import RegulariseOptions, regularise_capture
from lib.regularisation.refine import refine
from lib.regularisation.surface import refined_sizes
from lib.uvspace.grid import chart_grid
from lib.uvspace.search import Comparison
from tests.studio import YAWS, camera, median_mm, near_base, rig_of, studio, with_image

SIZE = 256
OPTIONS = RegulariseOptions(uv_size=SIZE)


@pytest.fixture(scope="module")
def room():
    return studio()


@pytest.fixture(scope="module")
def base(room):
    return near_base(room.model)


@pytest.fixture(scope="module")
def volume(room, base):
    options = ImplicitOptions(uv_size=160, d_size=13, interval_mm=0.3)
    return respond_capture(room.model, room.capture, room.rig, base, options)


def surface_of(room, base, volume, options=OPTIONS, capture=None):
    return regularise_capture(room.model, capture or room.capture, room.rig, base, volume, options)


@pytest.fixture(scope="module")
def surface(room, base, volume):
    return surface_of(room, base, volume)


@pytest.fixture(scope="module")
def unrefined(room, base, volume):
    return surface_of(room, base, volume, replace(OPTIONS, refine_iterations=0))


def test_every_stage_comes_nearer_to_the_truth(room, surface, unrefined):
    base, found, refined = (
        median_mm(room, points)
        for points in (surface.position_mm, unrefined.points_mm, surface.points_mm)
    )
    assert base > 0.4
    assert found < 0.25
    assert refined < 0.045


def test_confidence_tells_what_was_measured(room, surface):
    mask = np.isfinite(surface.position_mm[..., 0])
    front = mask.copy()
    front[front] = room.in_front(surface.position_mm[front])
    confidence = surface.confidence.astype(np.float32)
    assert np.median(confidence[front]) > 0.15
    behind = mask & (np.nan_to_num(surface.position_mm[..., 2]) < -115)
    assert confidence[behind].max() < 0.02 and not confidence[~mask].any()
    off = np.full(mask.shape, np.nan)
    off[front] = room.distance_mm(surface.points_mm[front])
    sure = confidence >= np.median(confidence[front])
    assert np.median(off[front & sure]) < np.median(off[front & ~sure])


def test_it_stands_on_the_base_and_tells_its_method(room, base, surface):
    grid = chart_grid(room.model, base.vertices_mm, SIZE)
    np.testing.assert_array_equal(surface.position_mm[grid.mask], grid.position[grid.mask])
    assert (np.isfinite(surface.position_mm[..., 0]) == grid.mask).all()
    assert not surface.distance_mm[~grid.mask].any()
    assert surface.method == "variational"
    assert (surface.head_to_world == base.head_to_world).all()


def test_one_black_view_hardly_matters(room, base, volume, surface):
    black = with_image(room.capture, 1, np.zeros_like(room.capture.image[1]))
    found = surface_of(room, base, volume, capture=black)
    assert median_mm(room, found.points_mm) < median_mm(room, surface.points_mm) + 0.02


def test_a_highlight_that_wanders_hardly_matters(room, base, volume, surface):
    y, x = np.mgrid[:280, :240]
    images = []
    for view, image in enumerate(room.capture.image):
        spot = np.exp(-((x - 90 - 15 * view) ** 2 + (y - 140) ** 2) / 400)[..., None]
        images.append(np.clip(image + 70 * spot, 0, 255).astype(np.uint8))
    found = surface_of(room, base, volume, capture=room.capture.replace(image=images))
    assert median_mm(room, found.points_mm) < median_mm(room, surface.points_mm) + 0.03


def test_memory_changes_no_byte(room, base, volume, surface):
    again = surface_of(room, base, volume, replace(OPTIONS, num_sample=2_000_000))
    assert again.distance_mm.tobytes() == surface.distance_mm.tobytes()
    assert again.confidence.tobytes() == surface.confidence.tobytes()


@pytest.mark.slow
def test_any_number_of_threads_gives_the_same_bytes(room, base, volume, surface):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if before == 1 else 1)
        again = surface_of(room, base, volume)
    finally:
        torch.set_num_threads(before)
    assert again.distance_mm.tobytes() == surface.distance_mm.tobytes()


def test_less_relief_is_smoother(room, base, volume, surface):
    flat = surface_of(room, base, volume, replace(OPTIONS, relief=0.001))
    ripple = [
        np.abs(np.diff(found.distance_mm, 2, axis=1))[64:192, 96:160].mean()
        for found in (flat, surface)
    ]
    assert ripple[0] < 0.6 * ripple[1]


def test_refinement_stays_at_the_truth(room):
    """Rendered pictures agree best on the surface they were rendered of."""
    vertices = near_base(room.model, 5.0).vertices_mm
    grid = chart_grid(room.model, vertices, SIZE)
    start = torch.zeros(grid.mask.shape)
    found = refine(grid, room.views, start, 4, 1.0, 0.04, Comparison())
    moved = grid.moved(found.distance_mm.numpy())
    before = median_mm(room, grid.position[grid.mask])
    assert median_mm(room, moved.position[grid.mask]) < 0.4 * before  # relief, found anew
    assert (found.information >= 0).all()
    assert not found.distance_mm.numpy()[~grid.mask].any()


@pytest.mark.parametrize(
    ("first", "last", "sizes"),
    [(512, 1024, [512, 1024]), (512, 4096, [512, 1024, 2048, 4096]), (512, 512, [512])]
    + [(512, 256, [256]), (512, 1000, [1000]), (256, 1000, [500, 1000])],
)
def test_refinement_goes_from_coarse_to_fine(first, last, sizes):
    assert refined_sizes(first, last) == sizes


def test_where_no_two_views_see_nothing_moves(room, base):
    masks = [np.zeros((280, 240), np.uint8)] * 5
    blind = room.capture.replace(mask=masks)
    options = ImplicitOptions(uv_size=64, d_size=5)
    volume = respond_capture(room.model, blind, room.rig, base, options)
    found = surface_of(room, base, volume, replace(OPTIONS, uv_size=128), blind)
    assert not found.distance_mm.any() and not found.confidence.any()


def test_without_hypotheses_the_surface_is_the_base(room, base):
    rig = rig_of([camera(yaw) for yaw in YAWS], calibrated=False)
    volume = respond_capture(room.model, room.capture, rig, base, ImplicitOptions(uv_size=64))
    found = regularise_capture(
        room.model, room.capture, rig, base, volume, replace(OPTIONS, uv_size=101)
    )
    assert found.method == "none" and found.confidence.shape == (101, 101)
    assert not found.confidence.any() and not found.distance_mm.any()
    grid = chart_grid(room.model, base.vertices_mm, 101)
    np.testing.assert_array_equal(found.points_mm[grid.mask], grid.position[grid.mask])


def test_numbers_have_not_changed(surface):
    """Raise `Surface.version` when they do."""
    confidence = surface.confidence.astype(np.float32)
    sure = confidence > 0.1
    found = [
        sure.sum(),
        confidence.mean(),
        surface.distance_mm[sure].mean(),
        surface.distance_mm[sure].std(),
        np.abs(np.diff(surface.distance_mm, axis=1)[:, 1:][sure[:, 2:]]).mean(),
    ]
    np.testing.assert_allclose(found, GOLDEN, rtol=5e-3)


GOLDEN = [17818, 0.05646801, 0.4398594, 0.4603479, 0.05070625]
