"""Codes of the detail layer's coarse network: its square, its code, and fits of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lib.errors import CaptureFailure, ConfigError
from lib.facemodel import load_face_model
from lib.facemodel.object_frame import published_origin
from lib.figures.coded import draw_code
from lib.fitting import FitOptions, Subject, fit_faces
from lib.geometry.coded_camera import DETAIL_LAYER
from lib.geometry.orthographic import image_points, landmark_square, pose_matrix, square_crop
from lib.networks.aligned import cut_square
from lib.regression import RegressionOptions, Regressor, align_views, regress_capture
from lib.regression.__main__ import main
from tests.coded import (
    SIZE,
    capture_of,
    constant_coarse,
    faces_of,
    five_on,
    landmarks_of,
    random_coarse_code,
)

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def subject(model):
    return coded(model, random_coarse_code(model))


def marks_in(square, model, code):
    """(68, 2) px of the photo where the orthographic camera of a code sees the points."""
    corner, side = square
    n = model.n_identity
    vertices = model.vertices(code[:n], code[n : n + model.n_expression])
    marks = model.landmarks["ibug68"].on(vertices, model.triangles).astype(np.float64)
    matrix = pose_matrix(np.concatenate([code[-33:-30], code[-3:]]))
    published = marks - published_origin(model, DETAIL_LAYER)
    camera = published @ matrix[:, :3].T + matrix[:, 3]
    return image_points(camera) * side / 300 + corner - 0.5


def coded(model, code):
    image = np.full((*SIZE, 3), 128, np.uint8)
    measured = five_on()[[0]] + np.random.default_rng(0).uniform(-80, 80, (68, 2))
    faces, capture = faces_of(five_on()[None]), capture_of([image])
    regressor = Regressor(constant_coarse(model, code), "test", model.name, CPU)
    codes = regress_capture(
        capture, faces, landmarks_of(measured[None]), regressor, RegressionOptions()
    )
    seen = marks_in(landmark_square(measured), model, code)
    return Subject("anna", capture, faces, landmarks_of(seen[None]), None, None, codes)


def test_the_code_comes_in_our_order_with_its_square(model, subject):
    found, code = subject.regression, random_coarse_code(model)
    parts = [found.identity, found.expression, found.albedo, found.angles, found.light,
             found.translation]  # fmt: skip
    np.testing.assert_allclose(np.concatenate([part[0] for part in parts]), code, atol=1e-6)
    assert found.system == DETAIL_LAYER
    assert found.crop(0).side == 300


def test_a_code_becomes_a_fit_that_sees_what_its_camera_sees(model, subject):
    fit = fit_faces(model, [subject], FitOptions(method="detail_layer"))["anna"]
    expected = subject.landmarks.ibug68_px[0]
    side = 300 / subject.regression.scale[0]
    inner = fit.landmarks_px[0, 17:] - expected[17:]
    assert np.abs(inner).max() < 1e-3 * side
    assert fit.method == "detail_layer" and fit.reprojection_px[0] < 0.02 * side
    assert (fit.light[0, 0] > 0.5).all()


def test_the_optimiser_goes_on_from_a_code(model, subject):
    fit = fit_faces(model, [subject], FitOptions(method="detail_layer", refine=True))["anna"]
    assert fit.reprojection_px[0] < 0.01 * fit.interocular_px[0]


def test_the_picture_of_a_code_shows_its_square(model, subject):
    drawn = draw_code(model, subject.capture, subject.regression, 0)
    assert drawn.shape == (600, 600, 3)
    assert (drawn != 128).any()


def test_a_square_is_cut_as_published(model):
    chance = np.random.default_rng(0)
    image = chance.integers(0, 255, (400, 500, 3), np.uint8)
    whole = cut_square(image, square_crop((400, 500), (100, 50), 300))
    np.testing.assert_array_equal(whole, image[50:350, 100:400])
    beyond = cut_square(image, square_crop((400, 500), (-30, 200), 300))
    assert not beyond[:, :30].any() and not beyond[200:].any()
    np.testing.assert_array_equal(beyond[:200, 30:], image[200:400, :270])
    large = cut_square(np.full((1500, 1500), 90, np.uint8), square_crop((1500, 1500), (0, 0), 1500))
    assert large.shape == (300, 300) and (large == 90).all()


def test_a_face_without_points_is_not_aligned(model):
    nothing = landmarks_of(np.full((1, 68, 2), np.nan))
    views = align_views(
        capture_of([np.zeros((*SIZE, 3), np.uint8)]),
        faces_of(five_on()[None]),
        nothing,
        RegressionOptions(),
        DETAIL_LAYER,
    )
    assert views.crops == (None,)
    assert "landmarks are not all known" in views.reasons[0]


def test_a_picture_taken_as_it_is_must_have_300_pixels(model):
    options = RegressionOptions(crop=False)
    seen = faces_of(five_on()[None]), landmarks_of(np.full((1, 68, 2), np.nan))
    small = align_views(
        capture_of([np.zeros((300, 300, 3), np.uint8)]), *seen, options, DETAIL_LAYER
    )
    assert small.pictures[0].shape == (300, 300, 3)
    regressor = Regressor(constant_coarse(model, random_coarse_code(model)), "", model.name, CPU)
    with pytest.raises(CaptureFailure, match="crops of 300 x 300 px"):
        regress_capture(capture_of([np.zeros((224, 224, 3), np.uint8)]), *seen, regressor, options)


def test_files_are_known_by_their_keys(model, tmp_path):
    wrapped = constant_coarse(model, random_coarse_code(model))
    torch.save({"model": wrapped.network.state_dict(), "steps": 3}, tmp_path / "coarse.pt")
    regressor = Regressor.load(tmp_path / "coarse.pt", model, CPU)
    assert regressor.system == DETAIL_LAYER
    code = regressor.codes(np.zeros((1, 300, 300, 3), np.uint8))[0]
    np.testing.assert_allclose(code, random_coarse_code(model), atol=1e-6)
    state = wrapped.network.state_dict()
    state["heads.identity.weight"] = state["heads.identity.weight"][:-1]
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(ConfigError, match="Set face_model to the model"):
        Regressor.load(tmp_path / "other.pt", model, CPU)


def test_the_command_tells_a_coarse_network(model, tmp_path, capsys):
    network = constant_coarse(model, random_coarse_code(model)).network
    torch.save(network.state_dict(), tmp_path / "coarse.pt")
    assert main(["show", str(tmp_path / "coarse.pt")]) == 0
    told = capsys.readouterr().out
    assert "VggFace" in told and "crops of 300 px reduced to 32" in told
    assert main(["export-onnx", str(tmp_path / "coarse.pt"), str(tmp_path / "c.onnx")]) == 1
    assert "is a network of the detail layer" in capsys.readouterr().err
