"""Captures and rigs as calibrated views, and where the head stands among them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lib.uvspace.captures import (
    chosen_views,
    head_in_world,
    is_calibrated,
    matching_views,
    posed,
    rig_camera,
)
from lib.uvspace.channels import matching_channels
from tests.studio import YAWS, camera, rig_of, studio
from tests.synthetic_head import synthetic_case, synthetic_model


@pytest.fixture(scope="module")
def room():
    return studio()


def test_views_without_a_camera_or_left_out_take_no_part(room):
    pose, used = room.rig.world_to_camera.copy(), room.rig.used.copy()
    focal = room.rig.focal_px.copy()
    pose[0], used[2], focal[4] = np.nan, 0, np.nan
    rig = room.rig.replace(world_to_camera=pose, used=used, focal_px=focal)
    assert posed(rig).tolist() == [False, True, True, True, False]
    assert chosen_views(rig).tolist() == [1, 3] and is_calibrated(rig)
    views = matching_views(room.capture, rig)
    assert [view.name for view in views] == ["01", "03"]
    np.testing.assert_array_equal(views[1].image, matching_channels(room.capture.image[3]))
    assert views[1].camera is not None
    np.testing.assert_array_equal(rig_camera(rig, 3).world_to_camera, camera(YAWS[3])[0])


@pytest.mark.parametrize(("count", "calibrated"), [(0, False), (1, False), (2, True)])
def test_two_views_calibrate(room, count, calibrated):
    rig = room.rig.replace(used=(np.arange(5) < count).astype(np.uint8))
    assert is_calibrated(rig) == calibrated


def test_masks_of_the_user_come_along(room):
    mask = np.zeros((280, 240), np.uint8)
    mask[:, 100:] = 255
    masks = [mask] + [np.zeros((0, 0), np.uint8)] * 4
    views = matching_views(room.capture.replace(mask=masks), room.rig)
    assert views[0].mask.max() == 1 and views[0].mask[:, :100].max() == 0
    assert all(view.mask is None for view in views[1:])


def test_the_head_stands_where_rig_and_fit_say(room):
    model = synthetic_model()
    fit = synthetic_case(model, n_views=3).fit
    turn = Rotation.from_rotvec([0.3, -1.1, 0.2]).as_matrix()
    placed = np.column_stack([turn, [40.0, -700.0, 90.0]])
    poses = [camera(yaw).world_to_camera for yaw in (-30, 0, 30)]
    to_camera = [_after(pose, placed) for pose in poses]
    rig = rig_of([camera(yaw) for yaw in (-30, 0, 30)])
    found, vertices = head_in_world(model, rig, fit.replace(world_to_camera=to_camera))
    np.testing.assert_allclose(found, placed, atol=1e-9)
    neutral = model.vertices(fit.identity, fit.expression[0])
    np.testing.assert_allclose(vertices, neutral @ turn.T + placed[:, 3], atol=1e-3)


def test_views_that_were_not_fitted_do_not_say_where_the_head_stands(room):
    pose, expression = room.fit.world_to_camera.copy(), room.fit.expression.copy()
    pose[1], expression[1] = np.nan, np.nan
    placed, vertices = head_in_world(
        room.model, room.rig, room.fit.replace(world_to_camera=pose, expression=expression)
    )
    np.testing.assert_allclose(placed, np.eye(4)[:3], atol=1e-9)
    np.testing.assert_allclose(vertices, room.model.mean, atol=1e-5)


def test_without_a_rig_the_world_is_the_heads_own(room):
    rig = rig_of([camera(yaw) for yaw in YAWS], calibrated=False)
    assert not is_calibrated(rig)
    placed, vertices = head_in_world(room.model, rig, room.fit)
    assert (placed == np.eye(4)[:3]).all()
    np.testing.assert_array_equal(vertices, room.model.mean)


def _after(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    turn = second[:, :3] @ first[:, :3]
    return np.column_stack([turn, second[:, :3] @ first[:, 3] + second[:, 3]])
