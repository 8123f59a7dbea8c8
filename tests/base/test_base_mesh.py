"""The base mesh: drawn to a known surface, left alone where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lib.base import BaseOptions, fit_base_mesh
from lib.base.extend import extend_movement
from lib.base.free_form import COARSE, COARSE_NORMALS, FINE, FINE_NORMALS
from lib.errors import ShapeError
from lib.facemodel import load_face_model
from lib.render import uv_to_texel
from lib.uvspace.grid import chart_grid, outer_skin
from tests.studio import YAWS, camera, median_mm, rig_of, studio, with_image
from tests.synthetic_head import synthetic_model


@pytest.fixture(scope="module")
def room():
    return studio()


@pytest.fixture(scope="module")
def base(room):
    return fit_base_mesh(room.model, room.capture, room.rig, room.fit)


def test_millimetres_off_become_a_tenth(room, base):
    assert median_mm(room, room.model.mean) > 1.5
    front = base.vertices_mm[room.in_front(base.vertices_mm)]
    off = room.distance_mm(front)
    assert np.median(off) < 0.13
    assert np.quantile(off, 0.95) < 0.4
    assert base.source == "views" and base.model == room.model.name


def test_it_tells_how_far_it_moved_and_what_was_seen(room, base):
    moved = np.linalg.norm(base.vertices_mm - room.model.mean, axis=1)
    np.testing.assert_allclose(base.free_form_mm, moved, atol=1e-5)
    assert np.median(base.observed[room.in_front(room.model.mean)]) > 0.5
    behind = room.model.mean[:, 2] < -110
    assert base.observed[behind].max() < 0.02
    assert base.observed.min() >= 0 and base.observed.max() <= 1


def test_what_no_view_sees_does_not_run_away(room, base):
    behind = room.model.mean[:, 2] < -110
    assert base.free_form_mm[behind].max() < 5


def test_one_black_view_hardly_matters(room, base):
    black = with_image(room.capture, 1, np.zeros_like(room.capture.image[1]))
    found = fit_base_mesh(room.model, black, room.rig, room.fit)
    assert median_mm(room, found.vertices_mm) < 1.5 * median_mm(room, base.vertices_mm)


def test_two_views_do(room):
    used = np.array([0, 1, 0, 1, 0])
    found = fit_base_mesh(room.model, room.capture, room.rig.replace(used=used), room.fit)
    near = np.abs(room.model.mean[:, 0]) < 35
    front = near & room.in_front(room.model.mean)
    assert np.median(room.distance_mm(found.vertices_mm[front])) < 0.25


@pytest.mark.slow
def test_any_number_of_threads_gives_the_same_bytes(room, base):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if before == 1 else 1)
        again = fit_base_mesh(room.model, room.capture, room.rig, room.fit)
    finally:
        torch.set_num_threads(before)
    assert again.vertices_mm.tobytes() == base.vertices_mm.tobytes()
    assert again.observed.tobytes() == base.observed.tobytes()


def test_numbers_have_not_changed(base):
    """Raise `BaseMesh.version` when they do."""
    seen = base.observed > 0.1
    found = [
        base.free_form_mm[seen].mean(),
        base.free_form_mm.max(),
        base.observed.mean(),
        seen.sum(),
        *base.vertices_mm[seen].mean(axis=0),
    ]
    np.testing.assert_allclose(found, GOLDEN, rtol=2e-3)


GOLDEN = [1.915338, 4.976628, 0.1840192, 1629, -0.7569857, -21.21618, -21.84401]


def test_no_search_goes_along_a_slit_and_opens_it():
    """Normals of a lid's edge point up or down, those of the face about it forwards."""
    model = load_face_model("makehuman")
    lids = model.landmarks["ibug68"]
    uv = model.uv[model.uv_triangles[lids.triangle]]
    uv = (uv * lids.barycentric[..., None]).sum(axis=1)[[37, 38, 40, 41, 43, 44, 46, 47]]
    for size, smooth in ((COARSE, COARSE_NORMALS), (FINE, FINE_NORMALS)):
        grid = chart_grid(model, model.mean, size, smooth)
        column, row = np.rint(uv_to_texel(uv, grid.mask.shape)).astype(int).T
        assert grid.normal[row, column, 2].min() > 0.5
        sharp = chart_grid(model, model.mean, size)
        assert sharp.normal[row, column, 2].min() < 0.35


def test_without_calibrated_views_it_is_the_fit(room):
    rig = rig_of([camera(yaw) for yaw in YAWS], calibrated=False)
    found = fit_base_mesh(room.model, room.capture, rig, room.fit)
    assert found.source == "fit"
    assert (found.vertices_mm == room.model.mean).all()
    assert not found.observed.any() and not found.free_form_mm.any()
    assert (found.head_to_world == np.eye(4)[:3]).all()


def test_a_fit_of_another_model_is_refused(room):
    with pytest.raises(ShapeError, match=r"fit\.vertices"):
        fit_base_mesh(synthetic_model(), room.capture, room.rig, room.fit)


@pytest.mark.slow
def test_less_is_left_to_the_mesh_the_longer_its_smoothing(room, base):
    smooth = fit_base_mesh(room.model, room.capture, room.rig, room.fit, BaseOptions(smooth_mm=150))
    bend = [
        np.abs(_bend(room.model, found.vertices_mm - room.model.mean)).mean()
        for found in (base, smooth)
    ]
    assert bend[1] < 0.5 * bend[0]


def _bend(model, movement):
    """(n_vertices, 3) movement less the mean of its neighbours."""
    edges = np.concatenate([model.triangles[:, [0, 1]], model.triangles[:, [1, 0]]])
    total = np.zeros_like(movement)
    np.add.at(total, edges[:, 0], movement[edges[:, 1]])
    count = np.bincount(edges[:, 0], minlength=len(movement))
    return movement - total / np.maximum(count, 1)[:, None]


@pytest.fixture(scope="module")
def head():
    return synthetic_model()


def test_what_is_joined_follows_like_a_soap_film(head):
    skin = np.unique(head.triangles[outer_skin(head)])
    known = np.zeros(head.n_vertices, bool)
    known[skin] = True
    patch = skin[np.linalg.norm(head.mean[skin] - head.mean[skin[150]], axis=1) < 45]
    known[patch] = False
    moved = 0.1 * head.mean
    moved[~known] = 1e6  # must not be read
    found = extend_movement(head, head.mean, moved, known)
    assert (found[known] == moved[known]).all()
    edges = head.triangles[:, [0, 1, 1, 2]].reshape(-1, 2)
    near = known & np.isin(np.arange(len(known)), edges[np.isin(edges, patch).any(axis=1)])
    low, high = moved[near].min(axis=0), moved[near].max(axis=0)
    assert len(patch) > 5
    assert (found[patch] >= low).all() and (found[patch] <= high).all()  # no bump of its own


def test_loose_parts_keep_their_shape_and_go_along(head):
    known = np.zeros(head.n_vertices, bool)
    known[np.unique(head.triangles[outer_skin(head)])] = True
    moved = np.where(head.mean[:, :1] > 0, [3.0, 0.0, 1.0], [0.0, -2.0, 0.0])
    found = extend_movement(head, head.mean, moved, known)
    for name in ("eye_right", "eye_left"):
        ball = found[np.unique(head.triangles[head.region(name)])]
        assert np.ptp(ball, axis=0).max() < 1e-12
        assert 0.3 < np.linalg.norm(ball[0]) < 3.2


def test_a_shift_of_all_that_is_known_shifts_everything(head):
    known = np.zeros(head.n_vertices, bool)
    known[np.unique(head.triangles[outer_skin(head)])[::2]] = True
    found = extend_movement(head, head.mean, np.full(head.mean.shape, 2.5), known)
    np.testing.assert_allclose(found, 2.5, atol=1e-9)
