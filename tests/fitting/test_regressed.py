"""Codes of a network as fits, and as starts of the optimiser."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from lib.artefacts import Regression
from lib.errors import ArtefactError, CaptureFailure
from lib.facemodel.object_frame import object_origin
from lib.fitting import FitOptions, Subject, average_identity, fit_faces
from lib.fitting.average import average_person
from lib.fitting.camera import Cameras
from lib.fitting.pack import State
from lib.fitting.regressed import started
from lib.fitting.views import read_views
from lib.geometry import project
from lib.geometry.crop_camera import image_up, posed, to_object
from lib.regression import RegressionOptions, Regressor, regress_capture
from tests.coded import (
    SIZE,
    capture_of,
    constant_network,
    faces_of,
    five_on,
    ibug68_around,
    landmarks_of,
    random_code,
)
from tests.fitting.conftest import random_identity
from tests.fitting.test_known import rig_capture


def coded_subject(model, code, name="anna", five=None, measured=None):
    """A capture with codes, whose measured landmarks are those of the code, or given ones."""
    five = five_on() if five is None else five
    capture = capture_of([np.full((*SIZE, 3), 128, np.uint8)], name)
    marks = landmarks_of(ibug68_around(five)[None])
    network = Regressor(constant_network(model, code), "test", model.name, torch.device("cpu"))
    faces = faces_of(five[None])
    codes = regress_capture(capture, faces, marks, network, RegressionOptions())
    measured = expected_px(model, code, codes.crop(0)) if measured is None else measured
    return Subject(name, capture, faces, landmarks_of(measured[None]), None, None, codes)


def expected_px(model, code, crop):
    """(68, 2) image px of the code's points, by the published formulas and half a pixel."""
    identity = code[: model.n_identity]
    expression = code[model.n_identity : model.n_identity + model.n_expression]
    angles, translation = code[-33:-30], code[-3:]
    vertices = model.vertices(identity, expression)
    marks = model.landmarks["ibug68"].on(vertices, model.triangles)
    world = posed(to_object(marks, object_origin(model))[None], angles[None], translation[None])
    return crop.to_image(image_up(world)[0] * [1, -1] + [-0.5, 223.5])


def fitted(model, subjects, **options):
    return fit_faces(model, subjects, FitOptions(method="learned", **options))


def test_codes_become_a_fit_that_projects_as_they_do(model):
    code = random_code(model)
    item = coded_subject(model, code)
    fit = fitted(model, [item])["anna"]
    inner = fit.landmarks_px[0, 17:] - expected_px(model, code, item.regression.crop(0))[17:]
    assert np.abs(inner).max() < 0.01
    assert fit.method == "learned" and fit.reprojection_px[0] < 0.01
    assert np.isnan(fit.vertex_sigma_mm).all() and np.isnan(fit.expression_sigma).all()
    np.testing.assert_allclose(fit.identity, code[: model.n_identity], atol=1e-6)
    assert (fit.light[0, 0] > 1).all()  # the 0.8 that codes leave out is there


def test_photos_of_one_subject_share_the_mean_of_their_codes(model):
    first, second = random_code(model, 0), random_code(model, 1)
    items = [coded_subject(model, code, name) for code, name in ((first, "a"), (second, "b"))]
    items = [replace(i, capture=replace(i.capture, subject="anna")) for i in items]
    shared = fitted(model, items)
    np.testing.assert_allclose(
        shared["a"].identity, (first + second)[: model.n_identity] / 2, atol=1e-6
    )
    apart = fitted(model, items, share_identity=False)
    np.testing.assert_allclose(apart["b"].identity, second[: model.n_identity], atol=1e-6)
    assert not np.allclose(shared["a"].expression, shared["b"].expression)


def test_weights_beyond_their_range_are_cut(model):
    code = random_code(model)
    code[model.n_identity] = -0.4
    code[model.n_identity + 1] = 1.7
    fit = fitted(model, [coded_subject(model, code)])["anna"]
    assert fit.expression[0, 0] == 0 and fit.expression[0, 1] == 1


def test_codes_that_miss_the_measured_face_are_a_failure(model):
    item = coded_subject(model, random_code(model), measured=ibug68_around(five_on() + 150))
    found = fitted(model, [item])["anna"]
    assert isinstance(found, CaptureFailure) and found.outcome == "fit_failed"


def test_codes_of_another_head_are_refused(model):
    item = coded_subject(model, random_code(model))
    other = replace(item, regression=replace(item.regression, model="bfm09"))
    with pytest.raises(ArtefactError, match="codes are of head model 'bfm09'"):
        fitted(model, [other])


def test_the_optimiser_starts_where_the_code_is(model):
    code, average = random_code(model, 3), average_identity(model)
    item = coded_subject(model, code)
    views = read_views(item, 64)
    blank = State(
        Cameras(
            torch.tensor([[[1.0, 0, 0], [0, -1, 0], [0, 0, -1]]]),
            torch.zeros(1, 2),
            torch.zeros(1),
            torch.tensor([7.0]),
            torch.tensor(item.capture.centre_px, dtype=torch.float32),
        ),
        torch.zeros(1, model.n_identity),
        torch.zeros(1, model.n_albedo),
        torch.zeros(1, model.n_expression),
        torch.zeros(1, 9, 3),
        torch.zeros(1, dtype=torch.int64),
    )
    state = started(average_person(model), views, blank, average, {"deep3d": object_origin(model)})
    np.testing.assert_allclose(state.identity[0], code[: model.n_identity] - average, atol=1e-5)
    np.testing.assert_allclose(state.albedo[0], item.regression.albedo[0], atol=1e-6)
    vertices = average_person(model).vertices(
        state.identity[0].numpy(), state.expression[0].numpy()
    )
    marks = model.landmarks["ibug68"].on(vertices, model.triangles).astype(float)
    focal = state.cameras.log_focal.exp().double().numpy()
    pose = state.cameras.world_to_camera().double().numpy()
    seen = project(marks[None], pose, focal, item.capture.centre_px)[0]
    away = np.linalg.norm(seen - item.landmarks.ibug68_px[0], axis=1)[17:]
    assert focal[0] == pytest.approx(np.exp(7.0), rel=1e-5)
    assert np.sqrt((away**2).mean()) < 1.5  # another perspective than the crop's


def test_views_of_known_cameras_begin_with_one_expression(model):
    """Codes of single photos say a face of each; the rig shows one face at one moment."""
    rig = rig_capture(model, random_identity(model, 1), np.zeros(model.n_expression, np.float32))
    one = coded_subject(model, random_code(model)).regression
    every = {f.name: getattr(one, f.name) for f in fields(one)}
    every = {
        name: np.repeat(value, 4, axis=0) if isinstance(value, np.ndarray) else value
        for name, value in every.items()
    }
    chance = np.random.default_rng(5)
    expression = chance.uniform(0, 1, (4, model.n_expression)).astype(np.float32)
    every |= {"expression": expression, "view_reason": ("",) * 4}
    apart = Regression(**every)
    same = Regression(**every | {"expression": np.tile(expression.mean(0), (4, 1))})
    one, other = (
        fitted(model, [replace(rig, regression=codes)], photometric_weight=0.0)["a"]
        for codes in (apart, same)
    )
    np.testing.assert_allclose(one.vertices, other.vertices, atol=1e-3)
    np.testing.assert_allclose(one.expression, other.expression, atol=1e-4)
    assert (np.ptp(one.expression, axis=0) == 0).all()


def test_refinement_keeps_the_camera_of_the_photo(model):
    item = coded_subject(model, random_code(model))
    fit = fitted(model, [item], refine=True, photometric_weight=0.0)["anna"]
    np.testing.assert_array_equal(fit.centre_px[0], item.capture.centre_px[0])
    seen = project(fit.landmarks_mm, fit.world_to_camera, fit.focal_px, fit.centre_px)
    away = np.linalg.norm(seen - item.landmarks.ibug68_px, axis=-1)[:, 17:]
    assert away.mean() < 1.0
