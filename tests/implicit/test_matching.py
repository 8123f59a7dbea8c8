"""The weight-free implicit function: highest at a known surface, silent where nothing is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.implicit import ImplicitOptions, respond_capture
from lib.implicit.matching import hypotheses
from lib.uvspace.grid import chart_grid
from tests.studio import YAWS, camera, near_base, rig_of, studio, tree_of, with_image

SIZE = 160
OPTIONS = ImplicitOptions(uv_size=SIZE, d_size=13, interval_mm=0.3)


@pytest.fixture(scope="module")
def room():
    return studio()


@pytest.fixture(scope="module")
def base(room):
    return near_base(room.model)


@pytest.fixture(scope="module")
def volume(room, base):
    return respond_capture(room.model, room.capture, room.rig, base, OPTIONS)


def true_distance(room, volume) -> tuple[np.ndarray, np.ndarray]:
    """(n,) mm along each normal from the base to the truth; (rows, cols) bool: of which texels."""
    front = np.isfinite(volume.position_mm[..., 0])
    front[front] = room.in_front(volume.position_mm[front])
    origin, way = volume.position_mm[front], volume.normal[front]
    hit = tree_of(room.truth).along(origin, way, both_ways=True).distance_mm
    return np.clip(hit, -5, 5), front


def best(volume, front) -> np.ndarray:
    """(n,) mm of the highest response."""
    offset = np.array(hypotheses(OPTIONS))[volume.response.argmax(axis=0)]
    return (volume.centre_mm + offset)[front]


def test_views_agree_best_at_the_surface(room, volume):
    truth, front = true_distance(room, volume)
    assert np.median(np.abs(truth)) > 0.4
    off = np.abs(best(volume, front) - truth)
    assert np.median(off) < 0.25
    peak = volume.response.max(axis=0)[front]
    assert np.median(peak) > 0.8 * 255
    assert np.median(volume.response.min(axis=0)[front]) < 0.85 * np.median(peak)


def test_hypotheses_lie_about_what_a_coarse_search_found(room):
    far = near_base(room.model, 2.0)
    found = respond_capture(room.model, room.capture, room.rig, far, OPTIONS)
    truth, front = true_distance(room, found)
    assert np.median(np.abs(truth)) > 1.0
    assert np.median(np.abs(found.centre_mm[front] - truth)) < 0.85 * np.median(np.abs(truth))
    assert np.median(np.abs(best(found, front) - truth)) < 0.5


def test_without_a_coarse_search_they_lie_about_the_base(room, base):
    options = ImplicitOptions(uv_size=64, d_size=3, interval_mm=0.5, coarse_mm=0)
    found = respond_capture(room.model, room.capture, room.rig, base, options)
    assert not found.centre_mm.any() and len(found.response) == 3


def test_hypotheses_count_from_the_middle_one():
    assert hypotheses(ImplicitOptions(d_size=5, interval_mm=0.5)) == [-1, -0.5, 0, 0.5, 1]
    assert hypotheses(ImplicitOptions(d_size=4, interval_mm=0.5)) == [-1, -0.5, 0, 0.5]


def test_the_volume_stands_on_the_base(room, base, volume):
    grid = chart_grid(room.model, base.vertices_mm, SIZE)
    assert (np.isfinite(volume.position_mm[..., 0]) == grid.mask).all()
    np.testing.assert_array_equal(volume.position_mm[grid.mask], grid.position[grid.mask])
    np.testing.assert_array_equal(volume.normal, grid.normal)
    assert volume.response.shape == (13, SIZE, SIZE) and volume.interval_mm == 0.3
    assert volume.method == "matching"


def test_views_are_counted_where_they_see(volume):
    mask = np.isfinite(volume.position_mm[..., 0])
    assert not volume.n_compared[~mask].any() and not volume.centre_mm[~mask].any()
    assert volume.n_compared.max() == 5 and volume.n_compared[SIZE // 2, SIZE // 2] >= 4
    assert not volume.n_compared[:, [0, 1, -2, -1]].any()  # the back of the head
    alone = volume.n_compared < 2
    assert alone.mean() > 0.3
    assert not volume.response[:, ~mask].any()


def test_one_black_view_hardly_matters(room, base, volume):
    black = with_image(room.capture, 3, np.zeros_like(room.capture.image[3]))
    found = respond_capture(room.model, black, room.rig, base, OPTIONS)
    truth, front = true_distance(room, volume)
    with_all = np.median(np.abs(best(volume, front) - truth))
    assert np.median(np.abs(best(found, front) - truth)) < with_all + 0.06


def test_what_masks_leave_out_is_not_compared(room, base):
    masks = [np.zeros((280, 240), np.uint8)] * 5
    blind = room.capture.replace(mask=masks)
    options = ImplicitOptions(uv_size=64, d_size=5)
    found = respond_capture(room.model, blind, room.rig, base, options)
    assert not found.response.any() and not found.centre_mm.any()


def test_memory_changes_no_byte(room, base, volume):
    small = replace(OPTIONS, num_sample=250_000)
    strips = respond_capture(room.model, room.capture, room.rig, base, small)
    assert strips.response.tobytes() == volume.response.tobytes()
    assert strips.centre_mm.tobytes() == volume.centre_mm.tobytes()


@pytest.mark.slow
def test_any_number_of_threads_gives_the_same_bytes(room, base, volume):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if before == 1 else 1)
        again = respond_capture(room.model, room.capture, room.rig, base, OPTIONS)
    finally:
        torch.set_num_threads(before)
    assert again.response.tobytes() == volume.response.tobytes()
    assert again.centre_mm.tobytes() == volume.centre_mm.tobytes()


@pytest.mark.parametrize("uv_size", [65, 97])
def test_odd_sizes_do(room, base, uv_size):
    options = ImplicitOptions(uv_size=uv_size, d_size=3)
    found = respond_capture(room.model, room.capture, room.rig, base, options)
    assert found.response.shape == (3, uv_size, uv_size)
    assert np.isfinite(found.centre_mm).all() and found.response.max() > 200


def test_without_calibrated_views_there_are_no_hypotheses(room, base):
    rig = rig_of([camera(yaw) for yaw in YAWS], calibrated=False)
    found = respond_capture(room.model, room.capture, rig, base, OPTIONS)
    assert found.method == "none" and found.response.shape == (0, SIZE, SIZE)
    assert not found.n_compared.any() and np.isfinite(found.position_mm).any()


def test_numbers_have_not_changed(volume):
    """Raise `Volume.version` when they do."""
    seen = volume.n_compared >= 2
    found = [
        seen.sum(),
        volume.n_compared.sum(),
        np.abs(volume.centre_mm[seen]).mean(),
        volume.response[:, seen].mean(),
        volume.response.max(axis=0)[seen].mean(),
        (volume.response.argmax(axis=0)[seen] == 6).mean(),
    ]
    np.testing.assert_allclose(found, GOLDEN, rtol=3e-3)


GOLDEN = [7151, 25466, 0.1223902, 204.7797, 224.7010, 0.1609566]
