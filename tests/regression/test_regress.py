"""Regression: codes of all views, their crops, and what cannot be aligned."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from lib.errors import CaptureFailure, ConfigError, MissingModelError
from lib.facemodel import load_face_model
from lib.figures.coded import ZOOM, draw_code
from lib.geometry.aligned_crop import align_face
from lib.networks.ahead import Ahead
from lib.networks.aligned import cut_aligned
from lib.networks.regressor import CodeLayout, CoefficientRegressor
from lib.regression import RegressionOptions, Regressor, align_views, regress_capture
from tests.coded import (
    capture_of,
    constant_network,
    faces_of,
    five_on,
    ibug68_around,
    landmarks_of,
    random_code,
)

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def regressor(model):
    return Regressor(constant_network(model, random_code(model)), "test", model.name, CPU)


def photos(count, size=(480, 640)):
    chance = np.random.default_rng(0)
    return [chance.integers(0, 255, (*size, 3), np.uint8) for _ in range(count)]


def test_every_view_has_its_code_and_its_crop(model, regressor):
    five = np.stack([five_on(), five_on() * 0.5])
    marks = np.stack([ibug68_around(points) for points in five])
    found = regress_capture(
        capture_of(photos(2)), faces_of(five), landmarks_of(marks), regressor, RegressionOptions()
    )
    code = random_code(model)
    for view in range(2):
        parts = [found.identity, found.expression, found.albedo, found.angles, found.light,
                 found.translation]  # fmt: skip
        np.testing.assert_allclose(np.concatenate([p[view] for p in parts]), code, atol=1e-6)
        assert found.crop(view) == align_face(five[view], (480, 640))


def test_a_view_without_points_is_a_row_of_nan_with_a_reason(regressor):
    marks = np.stack([np.full((68, 2), np.nan), ibug68_around(five_on())])
    found = regress_capture(
        capture_of(photos(2)),
        faces_of(np.stack([five_on()] * 2)),
        landmarks_of(marks),
        regressor,
        RegressionOptions(),
    )
    assert np.isnan(found.identity[0]).all() and np.isfinite(found.identity[1]).all()
    assert "view 1 lacks the 68 landmarks" in found.view_reason[0] and not found.view_reason[1]


def test_a_code_that_is_not_finite_is_a_view_without_one(model, regressor, monkeypatch):
    five = np.stack([five_on(), five_on() * 0.8, five_on() * 0.6])
    marks = np.stack([ibug68_around(points) for points in five])
    marks[0] = np.nan
    plain = regressor.codes

    def broken(crops, lost=(0,)):
        codes = plain(crops)
        codes[list(lost), 7] = np.nan
        return codes

    ask = (capture_of(photos(3)), faces_of(five), landmarks_of(marks))
    whole = regress_capture(*ask, regressor, RegressionOptions())
    other = Regressor(regressor.network, "test", model.name, CPU)
    monkeypatch.setattr(Regressor, "codes", lambda self, crops: broken(crops))
    found = regress_capture(*ask, other, RegressionOptions())
    assert np.isnan(found.scale[:2]).all() and np.isnan(found.identity[:2]).all()
    assert found.view_reason[1] == (
        "view 2: the network's code is not finite; are its weights damaged?"
    )
    assert not found.view_reason[2] and found.crop(2) == whole.crop(2)
    np.testing.assert_array_equal(found.identity[2], whole.identity[2])
    monkeypatch.setattr(Regressor, "codes", lambda self, crops: broken(crops, (0, 1)))
    with pytest.raises(CaptureFailure, match="fit_failed: the network's code is not finite"):
        regress_capture(*ask, other, RegressionOptions())


def test_a_face_behind_the_camera_is_drawn_without_its_points(model):
    code = random_code(model)
    code[-1] = 12.0  # decimetres: beyond the camera at 10
    behind = Regressor(constant_network(model, code), "test", model.name, CPU)
    capture, five = capture_of(photos(1)), five_on()[None]
    marks = landmarks_of(ibug68_around(five[0])[None])
    found = regress_capture(capture, faces_of(five), marks, behind, RegressionOptions())
    crop = cut_aligned(capture.image[0], found.crop(0))
    drawn = draw_code(model, capture, found, 0)
    np.testing.assert_array_equal(
        drawn, cv2.resize(crop, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
    )


def test_a_capture_without_any_points_fails(regressor):
    marks = np.full((1, 68, 2), np.nan)
    with pytest.raises(CaptureFailure, match="not_aligned: view 1 lacks the 68 landmarks"):
        regress_capture(
            capture_of(photos(1)),
            faces_of(five_on()[None]),
            landmarks_of(marks),
            regressor,
            RegressionOptions(),
        )


def test_the_detector_can_align_without_landmarks(regressor):
    nothing = landmarks_of(np.full((1, 68, 2), np.nan))
    options = RegressionOptions(points="detector", rounding="published")
    found = regress_capture(
        capture_of(photos(1)), faces_of(five_on()[None]), nothing, regressor, options
    )
    assert found.crop(0) == align_face(five_on(), (480, 640), "published")


def test_the_network_sees_the_crop_and_nothing_else(model):
    """A network whose code is the mean colour of what it sees."""

    class Mean(CoefficientRegressor):
        def forward(self, image):
            return image.mean((2, 3)).repeat(1, 100)[:, : self.layout.total]

    layout = CodeLayout(model.n_identity, model.n_expression, model.n_albedo)
    seeing = Regressor(Mean("mobilenet_v3", layout).eval(), "mean", model.name, CPU)
    images, five = photos(5), np.stack([five_on() + [8 * k, 0] for k in range(5)])
    marks = np.stack([ibug68_around(points) for points in five])
    found = regress_capture(
        capture_of(images),
        faces_of(five),
        landmarks_of(marks),
        seeing,
        RegressionOptions(),
    )
    for view, image in enumerate(images):
        crop = cut_aligned(image, align_face(five[view], image.shape[:2]))
        np.testing.assert_allclose(found.identity[view, :3], crop.mean((0, 1)) / 255, rtol=1e-5)


def test_codes_of_several_captures_at_once_are_those_of_each(model):
    """Captures of one view, of two, and of one that cannot be aligned."""
    torch.manual_seed(0)
    layout = CodeLayout(model.n_identity, model.n_expression, model.n_albedo)
    network = CoefficientRegressor("mobilenet_v3", layout).eval()
    torch.nn.init.normal_(network.final_layers[0].weight, std=0.1)
    seeing, options = Regressor(network, "net", model.name, CPU), RegressionOptions()
    lost = np.full((68, 2), np.nan)
    marks = {
        "a": [ibug68_around(five_on())],
        "b": [ibug68_around(five_on() + 9), lost, ibug68_around(five_on() - 7)],
        "c": [lost],
        "d": [ibug68_around(five_on() * 0.5)],
    }
    items = {
        name: (
            capture_of(photos(len(points)), name),
            faces_of(np.stack([five_on()] * len(points))),
            landmarks_of(np.stack(points)),
        )
        for name, points in marks.items()
    }
    ahead = Ahead(
        seeing.many, list(items), lambda name: align_views(*items[name], options).pictures
    )
    for name, item in items.items():
        if name == "c":
            with pytest.raises(CaptureFailure, match="not_aligned"):
                regress_capture(*item, seeing, options, ahead, name)
            continue
        found = regress_capture(*item, seeing, options, ahead, name)
        alone = regress_capture(*item, seeing, options)
        np.testing.assert_allclose(found.identity, alone.identity, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(found.corner, alone.corner)


def test_aligned_pictures_are_taken_as_they_are(regressor):
    options = RegressionOptions(crop=False)
    nothing = landmarks_of(np.full((1, 68, 2), np.nan))
    faces = faces_of(five_on()[None])
    found = regress_capture(capture_of(photos(1, (224, 224))), faces, nothing, regressor, options)
    np.testing.assert_array_equal(found.crop(0).to_crop(np.array([3.0, 5.0])), [3, 5])
    with pytest.raises(CaptureFailure, match="the picture is 640 x 480 px"):
        regress_capture(capture_of(photos(1)), faces, nothing, regressor, options)


def test_networks_for_other_heads_and_missing_files_are_refused(tmp_path, model):
    with pytest.raises(ConfigError, match="weights is empty"):
        Regressor.load("", model, CPU)
    with pytest.raises(MissingModelError, match="is not there"):
        Regressor.load(tmp_path / "none.pth", model, CPU)
    torch.save(CoefficientRegressor("mobilenet_v3").state_dict(), tmp_path / "bfm.pth")
    with pytest.raises(ConfigError, match=r"tells 80 \+ 64 \+ 80 coefficients"):
        Regressor.load(tmp_path / "bfm.pth", model, CPU)


def test_the_artefact_names_backbone_and_hash(tmp_path, model):
    network = constant_network(model, random_code(model))
    torch.save({"net_recon": network.state_dict()}, tmp_path / "w.pth")
    assert Regressor.load(tmp_path / "w.pth", model, CPU).name.startswith("MobileNetV3 ")
