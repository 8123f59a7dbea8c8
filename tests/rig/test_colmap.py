"""COLMAP's cameras: right, the same in every run, silent, without leftovers, and on the head."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace

import cv2
import numpy as np
import pytest

import lib.rig.motion as motion
from lib.geometry import align_points
from lib.geometry.pose import rotation_from_vector
from lib.rig import RigOptions, calibrate_rig
from lib.rig.bundle import Lenses
from lib.rig.cameras import Cameras
from lib.rig.colmap import ColmapError, Picture, Reconstruction, reconstruct
from tests.rig.conftest import CENTRE, SIZE, head_points, landmarks_of, ring
from tests.rig.test_bundle import turn_errors_deg
from tests.rig.test_motion import details, tracks_of, without_cameras

SIDE_MM = 130.0
TEXTURE_PX, BLOCK_PX = 240, 10
FOCAL = 1400.0
TOP, LEFT = 120, 60  # of what the pictures show of their views
KNOWN = Lenses(np.zeros(5, int), np.log([FOCAL]), np.array([0.001]))
UNKNOWN = Lenses(np.zeros(5, int), np.log([0.85 * FOCAL]), np.array([0.5]))
TRUTH = replace(ring((-24, -12, 0, 12, 24)), focal_px=np.full(5, FOCAL))


def corner_pictures() -> list[Picture]:
    """Views of three patterned squares that meet in a corner, which points at the viewer."""
    rng = np.random.default_rng(0)
    angle = np.radians([90, 210, 330])
    edges = np.stack([np.sqrt(2) * np.cos(angle), np.sqrt(2) * np.sin(angle), -np.ones(3)], 1)
    edges *= SIDE_MM / np.sqrt(3)
    images = np.full((len(TRUTH), *SIZE), 128, np.uint8)
    flat = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    for first, second in ((0, 1), (1, 2), (2, 0)):
        blocks = rng.integers(0, 255, (TEXTURE_PX // BLOCK_PX,) * 2).astype(np.uint8)
        texture = blocks.repeat(BLOCK_PX, 0).repeat(BLOCK_PX, 1)
        corners = flat @ edges[[first, second]] + [0, 0, 60.0]
        for image, px in zip(images, TRUTH.project(corners)):
            source = (TEXTURE_PX * flat - 0.5).astype(np.float32)
            shape = cv2.getPerspectiveTransform(source, px.astype(np.float32))
            drawn = cv2.warpPerspective(texture, shape, SIZE[::-1])
            where = cv2.warpPerspective(np.ones_like(texture), shape, SIZE[::-1])
            image[where > 0] = drawn[where > 0]
    shown = images[:, TOP:-TOP, LEFT:-LEFT]
    return [Picture(image, np.array([LEFT, TOP]), None, SIZE, CENTRE) for image in shown]


@pytest.fixture(scope="module")
def pictures():
    return corner_pictures()


@pytest.fixture(scope="module")
def found(pictures):
    return reconstruct(pictures, KNOWN)


def test_cameras_are_found_without_any_start(found):
    assert found.cameras.known.all()
    assert turn_errors_deg(found.cameras, TRUTH).max() < 0.4
    np.testing.assert_allclose(found.cameras.focal_px, FOCAL, rtol=1e-12)
    projected = found.cameras.project(found.points)[found.tracks.view, found.tracks.point]
    assert np.median(np.linalg.norm(projected - found.tracks.px, axis=1)) < 0.5


def test_an_unknown_focal_length_is_found(pictures):
    found = reconstruct(pictures, UNKNOWN)
    assert found.cameras.known.all()
    np.testing.assert_allclose(found.cameras.focal_px, FOCAL, rtol=0.02)


def test_two_runs_are_equal_silent_and_leave_nothing(pictures, found, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    one, other = found, reconstruct(pictures, KNOWN)
    assert one.cameras.world_to_camera.tobytes() == other.cameras.world_to_camera.tobytes()
    assert one.points.tobytes() == other.points.tobytes()
    assert one.tracks.px.tobytes() == other.tracks.px.tobytes()
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_details_off_the_mask_do_not_count(pictures):
    mask = np.zeros(pictures[0].grey.shape, bool)
    mask[:, : mask.shape[1] // 2] = True
    found = reconstruct([replace(picture, mask=mask) for picture in pictures], KNOWN)
    assert len(found.points) > 30
    assert found.tracks.px[:, 0].max() < LEFT + mask.shape[1] // 2


def test_blank_pictures_give_a_reason():
    blank = Picture(np.full((90, 90), 90, np.uint8), np.zeros(2), None, SIZE, CENTRE)
    with pytest.raises(ColmapError, match="no two views"):
        reconstruct([blank] * 5, KNOWN)


def test_without_the_package_auto_goes_on_and_says_so(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    marks = landmarks_of(ring().project(head_points(model)))
    capture = without_cameras(ring())
    rig = calibrate_rig(model, "a", capture, marks, RigOptions(motion="auto"))
    assert rig.source != "none"
    assert "COLMAP was tried before: the package pycolmap cannot be loaded" in rig.method
    alone = calibrate_rig(model, "a", capture, marks, RigOptions(motion="colmap"))
    assert alone.source == "none" and "cannot be loaded" in alone.method


def elsewhere(cameras: Cameras, points: np.ndarray) -> Reconstruction:
    """The truth in a frame and unit that nobody knows."""
    turn, shift, scale = rotation_from_vector(np.array([0.4, -1.0, 2.0])), np.ones(3), 0.03
    poses = cameras.world_to_camera
    moved = np.concatenate(
        [
            poses[:, :, :3] @ turn.T,
            (scale * poses[:, :, 3] - poses[:, :, :3] @ turn.T @ shift)[:, :, None],
        ],
        axis=2,
    )
    tracks = tracks_of(cameras, points, 0.3)
    return Reconstruction(replace(cameras, world_to_camera=moved), points, tracks)


def test_the_head_is_laid_into_the_world_of_colmap(model, monkeypatch):
    truth = ring()
    monkeypatch.setattr(motion, "reconstruct", lambda *_: elsewhere(truth, details()))
    marks = landmarks_of(truth.project(head_points(model)), 2.0)
    rig = calibrate_rig(model, "a", without_cameras(truth), marks, RigOptions(motion="colmap"))
    assert (rig.source, rig.scale_source) == ("structure_from_motion", "model")
    assert "details by COLMAP, which placed 5 of 5 views" in rig.method
    found = Cameras(rig.world_to_camera, rig.focal_px, rig.centre_px)
    assert turn_errors_deg(found, truth).max() < 0.4
    assert align_points(found.positions, truth.positions)[0] == pytest.approx(1.0, abs=0.02)


def test_a_view_that_colmap_did_not_place_is_left_out(model, monkeypatch):
    truth = ring()
    whole = elsewhere(truth, details())
    whole.cameras.world_to_camera[4] = np.nan
    monkeypatch.setattr(motion, "reconstruct", lambda *_: whole)
    marks = landmarks_of(truth.project(head_points(model)), 2.0)
    rig = calibrate_rig(model, "a", without_cameras(truth), marks, RigOptions(motion="colmap"))
    assert rig.used.tolist() == [1, 1, 1, 1, 0]
    assert rig.reason[4] == "its camera is not known."
    assert "placed 4 of 5 views" in rig.method


def test_cameras_that_show_no_head_are_refused(model, monkeypatch):
    """Such as those of the background, or a reversed relief."""
    truth = ring()
    away = ring((45, 20, 0, -20, -45))
    monkeypatch.setattr(motion, "reconstruct", lambda *_: elsewhere(away, details()))
    marks = landmarks_of(truth.project(head_points(model)), 1.0)
    options = RigOptions(motion="colmap")
    rig = calibrate_rig(model, "a", without_cameras(truth), marks, options)
    assert rig.source == "none" and "No cameras" in rig.method


def test_too_few_placed_views_are_refused(model, monkeypatch):
    truth = ring()
    whole = elsewhere(truth, details())
    whole.cameras.world_to_camera[2:] = np.nan
    monkeypatch.setattr(motion, "reconstruct", lambda *_: whole)
    marks = landmarks_of(truth.project(head_points(model)))
    rig = calibrate_rig(model, "a", without_cameras(truth), marks, RigOptions(motion="auto"))
    assert "COLMAP placed 2 of the 5 views" in rig.method and rig.source != "none"
