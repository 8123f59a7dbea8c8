"""Every derivative against central differences of its own cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.fitting import depth, landmarks, photometric
from lib.fitting.camera import Cameras, project_with_derivatives
from lib.fitting.optimise import _moved
from lib.fitting.options import FitOptions
from lib.fitting.pack import Layout, State
from lib.fitting.priors import make_priors
from lib.geometry import vertex_normals
from lib.render import SH_COSINE, sh_basis
from tests.fitting.conftest import CENTRE, FOCAL, points_of, pose, random_identity

CPU = torch.device("cpu")


def cameras_at(yaw_deg: float) -> Cameras:
    matrix = torch.tensor(pose(yaw_deg), dtype=torch.float32)
    depth_mm = float(matrix[2, 3])
    origin = torch.tensor(CENTRE) + FOCAL * matrix[:2, 3] / depth_mm
    return Cameras(
        matrix[None, :, :3].contiguous(),
        origin[None].float(),
        torch.tensor([FOCAL / depth_mm]).log(),
        torch.tensor([FOCAL]).log(),
        torch.tensor(CENTRE[None], dtype=torch.float32),
    )


@pytest.fixture
def state(model) -> State:
    light = torch.zeros(1, 9, 3)
    light[0, 0], light[0, 2], light[0, 3] = 3.0, 1.0, 0.5
    return State(
        cameras_at(12.0),
        torch.tensor(random_identity(model, 3)[None]),
        torch.zeros(1, model.n_albedo),
        torch.full((1, model.n_expression), 0.1),
        light,
        torch.zeros(1, dtype=torch.long),
    )


def priors_of(model, state):
    layout = Layout(model.n_identity, model.n_albedo, model.n_expression)
    mean, precision = photometric.light_prior(torch.ones(1))
    return make_priors(model, layout, torch.tensor([np.nan]), mean, precision, FitOptions())


def check_gradient(model, state, normal_of, unknowns, step, tolerance):
    """Analytic gradient of chosen unknowns against central differences of the cost."""
    priors = priors_of(model, state)
    layout = priors.layout
    gradient = normal_of(state, layout).gradient[0]
    for index in unknowns:
        costs = []
        for sign in (1, -1):
            move = torch.zeros(1, layout.size)
            move[0, index] = sign * step
            moved = _moved(state, move[:, : layout.n_shared], move[:, layout.n_shared :], priors)
            costs.append(float(normal_of(moved, layout).cost[0]))
        numeric = (costs[0] - costs[1]) / (2 * step)
        scale = float(gradient[list(unknowns)].abs().max())
        assert float(gradient[index]) == pytest.approx(numeric, abs=tolerance * scale), index


def test_projection_derivatives_match_autograd():
    cameras = cameras_at(20.0)
    points = torch.tensor([[[10.0, -20.0, 30.0], [-40.0, 5.0, -10.0]]], requires_grad=True)
    image, by_camera, by_point = project_with_derivatives(cameras, points)
    move = torch.zeros(1, 7, requires_grad=True)
    moved, _, _ = project_with_derivatives(cameras.moved(move), points)
    for p in range(2):
        for axis in range(2):
            wanted = torch.autograd.grad(moved[0, p, axis], move, retain_graph=True)[0][0]
            torch.testing.assert_close(by_camera[0, p, axis], wanted, rtol=2e-4, atol=2e-3)
            wanted = torch.autograd.grad(image[0, p, axis], points, retain_graph=True)[0][0, p]
            torch.testing.assert_close(by_point[0, p, axis], wanted, rtol=1e-4, atol=1e-4)


def test_projection_is_the_pinhole_of_its_own_matrix(model):
    truth = points_of(model, np.zeros(model.n_identity), np.zeros(model.n_expression), 25, "ibug68")
    points = model.landmarks["ibug68"].on(model.mean, model.triangles)
    image, _, _ = project_with_derivatives(cameras_at(25), torch.tensor(points[None]))
    np.testing.assert_allclose(image[0].numpy(), truth, atol=2e-3)
    np.testing.assert_allclose(cameras_at(25).world_to_camera()[0].numpy(), pose(25), atol=1e-3)


@pytest.fixture
def exact_weights(monkeypatch):
    """Weights that depend on the pose are constants of a step; switch them off to compare costs."""
    monkeypatch.setattr(landmarks, "TURNED", 1e6)
    monkeypatch.setattr(depth, "TURNED", 1e6)
    monkeypatch.setattr(photometric, "TURNED", 1e6)


def test_landmark_gradient_matches_its_cost(model, state, exact_weights):
    measured = points_of(
        model, np.zeros(model.n_identity), np.zeros(model.n_expression), 10, "ibug68"
    )
    term = landmarks.landmark_term(model, "ibug68", measured[None], np.full((1, 68), 5.0), 1.0, CPU)
    term = replace(term, model_sigma_mm=torch.zeros(68))
    layout = priors_of(model, state).layout
    unknowns = [0, 5, *range(layout.camera.start, layout.camera.stop), layout.expression.start + 3]
    check_gradient(
        model, state, lambda s, d: landmarks.landmark_normal(term, s, d), unknowns, 1e-2, 2e-2
    )


def test_depth_gradient_matches_its_cost(model, state, exact_weights, monkeypatch):
    measured = np.random.default_rng(0).normal(0, 20, (1, 68))
    term = depth.depth_term(model, "ibug68", measured, 1.0, CPU)
    start = priors_of(model, state).layout.camera.start
    unknowns = [0, 5, start, start + 1, start + 2]  # the scale also sets the weights: left out
    check_gradient(model, state, lambda s, d: depth.depth_normal(term, s, d), unknowns, 1e-2, 2e-2)


@pytest.mark.parametrize("encoding", ["linear", "srgb"])
def test_photometric_gradient_matches_its_cost(model, state, exact_weights, encoding):
    model = replace(model, albedo_encoding=encoding)
    samples = photometric.surface_samples(model, 300, 0, CPU)
    rows, columns = np.mgrid[:192, :192] / 192
    smooth = np.stack([rows, columns, 0.5 + 0.3 * np.sin(3 * rows + 2 * columns)])
    crops = photometric.FaceCrops(
        torch.tensor(smooth[None], dtype=torch.float32),
        torch.ones(1, 1, 192, 192),
        torch.tensor([[120.0, 40.0]]),
        torch.tensor([192 / 400]),
        torch.ones(1),
    )
    term = photometric.PhotometricTerm(samples, crops, torch.ones(1, 300), 1.0)
    layout = priors_of(model, state).layout
    unknowns = [0, 5, layout.albedo.start, layout.camera.start + 1, layout.camera.start + 3]
    unknowns += [layout.expression.start + 3, layout.light.start, layout.light.stop - 1]
    check_gradient(
        model, state, lambda s, d: photometric.photometric_normal(term, s, d), unknowns, 5e-3, 2e-2
    )


def test_prior_gradient_matches_its_cost(model, state):
    priors = priors_of(model, state)
    unknowns = [priors.layout.focal - 1, priors.layout.focal, priors.layout.expression.start + 9]
    unknowns += [priors.layout.light.start + 4]
    check_gradient(model, state, lambda s, d: priors.local(s), unknowns, 1e-3, 1e-3)


def test_the_light_basis_is_the_renderers():
    normals = np.random.default_rng(0).normal(size=(1, 50, 3))
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    mine, _ = photometric._cosine_basis(torch.tensor(normals))
    np.testing.assert_allclose(mine[0].numpy(), sh_basis(normals[0]) * SH_COSINE, atol=1e-6)


def test_tangents_cross_to_the_outward_normal(model):
    samples = photometric.surface_samples(model, 500, 0, CPU)
    normal = torch.linalg.cross(samples.tangent_u.mean, samples.tangent_v.mean)
    wanted = vertex_normals(model.mean.astype(np.float64), model.triangles)[samples.vertices]
    cosine = (torch.nn.functional.normalize(normal, dim=1).numpy() * wanted).sum(1)
    assert cosine.min() > 0
    assert np.median(cosine) > 0.99
