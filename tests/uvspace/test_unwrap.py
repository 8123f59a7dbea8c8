"""What a photo shows of a head lies on the chart where it belongs, and nothing else does."""

from dataclasses import replace

import numpy as np
import pytest

from lib.artefacts import SkinMask, digest
from lib.errors import CaptureFailure
from lib.facemodel import load_face_model
from lib.imaging import linear_to_srgb, save_png
from lib.render import interpolate, render_buffers
from lib.uvspace.unwrap import chart_fields, unwrap_face
from tests.posed_head import FOCAL, SIZE, make_case

SIDE = 256
LOW, HIGH = np.array([-120.0, -160.0, -180.0]), np.array([120.0, 180.0, 60.0])


def colour_of(points):
    """A colour per place of the model's frame, so that a texel's colour tells where it was seen."""
    return 0.1 + 0.8 * (points - LOW) / (HIGH - LOW)


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def fields(model):
    return chart_fields(model, SIDE)


@pytest.fixture(scope="module")
def case(model, tmp_path_factory):
    """The head turned by 35 degrees, painted with its own coordinates; a photo of twice the size of
    its working image."""
    made = make_case(model, yaw_deg=35.0)
    centre = (made.fit.centre_px[0] + 0.5) * 2 - 0.5
    size = (2 * SIZE[0], 2 * SIZE[1])
    camera = made.fit.world_to_camera[0], 2 * FOCAL, centre
    buffers = render_buffers(model.mean, model.triangles, *camera, size=size, supersample=2)
    colour = colour_of(interpolate(buffers, model.mean, model.triangles))
    colour = np.where(buffers.mask[..., None], colour, 0)
    mean = colour.reshape(size[0], 2, size[1], 2, 3).mean(axis=(1, 3))
    path = str(tmp_path_factory.mktemp("photo") / "head.png")
    save_png(path, np.rint(linear_to_srgb(np.clip(mean, 0, 1)) * 255).astype(np.uint8))
    capture = made.capture.replace(
        path=[path],
        sha256=[digest(path)],
        original_size=[size],
        working_to_original=[[2.0, 2.0]],
    )
    return replace(made, capture=capture)


@pytest.fixture(scope="module")
def face(model, case, fields):
    return unwrap_face(model, case.capture, case.fit, None, 0, SIDE, fields)


def test_every_texel_that_counts_has_the_colour_of_its_own_place(face):
    seen = face.weight > 0.5
    assert seen.mean() > 0.1
    error = np.abs(face.rgb - colour_of(face.position))[seen].max(axis=1)
    assert np.quantile(error, 0.99) < 0.01  # 0.01 = 3 mm across, most are far below
    assert np.median(error) < 0.003


def test_the_far_side_and_grazing_skin_do_not_count(face):
    cosine = (face.normal * face.to_camera).sum(axis=2)
    assert not face.weight[cosine < np.cos(np.radians(75))].any()
    assert not face.rgb[face.weight == 0].any()
    right, left = face.position[..., 0] < -45, face.position[..., 0] > 45
    assert face.weight[right].mean() > 5 * face.weight[left].mean()  # turned to its left


def test_steps_lead_to_the_next_texel(face):
    inner = (
        face.mask[1:-1, 1:-1]
        & face.mask[1:-1, 2:]
        & face.mask[2:, 1:-1]
        & (face.weight[1:-1, 1:-1] > 0)
    )
    across = np.diff(face.position, axis=1)[1:-1, 1:][inner]
    down = np.diff(face.position, axis=0)[1:, 1:-1][inner]
    for found, true in ((face.across, across), (face.down, down)):
        error = np.linalg.norm(found[1:-1, 1:-1][inner] - true, axis=1)
        assert np.median(error) < 0.1 * np.median(np.linalg.norm(true, axis=1))


def test_a_pixel_is_as_large_as_the_original_has_it(face):
    front = (face.weight > 0) & ((face.normal * face.to_camera).sum(axis=2) > 0.98)
    np.testing.assert_allclose(face.pixel_mm[front], 740 / (2 * FOCAL), rtol=0.12)


def test_only_skin_of_the_mask_is_trusted(model, case, fields):
    half = np.zeros(SIZE, np.uint8)
    half[: SIZE[0] // 2] = 255
    face = unwrap_face(model, case.capture, case.fit, SkinMask(probability=[half]), 0, SIDE, fields)
    row = np.where(face.mask, face.place_px[..., 1], 0)
    assert not face.trust[row > SIZE[0] // 2 + 3].any()
    assert face.trust[(row > 1) & (row < SIZE[0] // 2 - 3)].max() > 0.99


def test_a_head_out_of_the_picture_gives_nothing(model, case, fields):
    pose = case.fit.world_to_camera.copy()
    pose[0, 0, 3] += 2000
    face = unwrap_face(
        model, case.capture, case.fit.replace(world_to_camera=pose), None, 0, SIDE, fields
    )
    assert not face.weight.any() and not face.rgb.any()


def test_a_missing_original_is_told(model, case, fields):
    capture = case.capture.replace(path=["/nowhere/head.png"])
    with pytest.raises(CaptureFailure, match="cannot be read"):
        unwrap_face(model, capture, case.fit, None, 0, SIDE, fields)
