"""The fit on synthetic truth: what is there is found, what is not there is not invented."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lib.artefacts import FaceFit
from lib.errors import CaptureFailure, ConfigError
from lib.fitting import FitOptions, average_identity, average_person, fit_faces
from lib.fitting.pack import Layout
from lib.fitting.solve import Normal, solve_shared
from tests.fitting.conftest import FOCAL, face_error_mm, points_of, pose, random_identity, subject

LANDMARKS_ONLY = FitOptions(photometric_weight=0.0, landmark_weight=1.0)
SCHEME = "mesh468"


def neutral(model):
    return np.zeros(model.n_expression, np.float32)


def test_exact_landmarks_of_three_views_give_the_identity(model):
    truth = random_identity(model, 1)
    views = [
        subject(f"v{yaw}", SCHEME, points_of(model, truth, neutral(model), yaw, SCHEME), "anna")
        for yaw in (-35, 0, 35)
    ]
    fit = fit_faces(model, views, LANDMARKS_ONLY)["v0"]
    before = face_error_mm(model, average_person(model).mean, model.vertices(truth))
    assert face_error_mm(model, fit.vertices, model.vertices(truth)) < 0.45 * before


@pytest.mark.slow
def test_sharing_an_identity_makes_it_surer_and_better(model):
    truth = random_identity(model, 2)
    noise = np.random.default_rng(0)
    views = []
    for yaw in (-30, -10, 10, 30):
        points = points_of(model, truth, neutral(model), yaw, SCHEME)
        views.append(subject(f"v{yaw}", SCHEME, points + noise.normal(0, 2, points.shape), "anna"))
    shared = fit_faces(model, views, LANDMARKS_ONLY)
    alone = fit_faces(model, views, FitOptions(**{**vars(LANDMARKS_ONLY), "share_identity": False}))
    errors = {
        name: [face_error_mm(model, fit.vertices, model.vertices(truth)) for fit in fits.values()]
        for name, fits in (("shared", shared), ("alone", alone))
    }
    assert len({fit.identity.tobytes() for fit in shared.values()}) == 1
    assert np.mean(errors["shared"]) < 0.85 * np.mean(errors["alone"])
    assert shared["v10"].vertex_sigma_mm.mean() < 0.9 * alone["v10"].vertex_sigma_mm.mean()


def test_pose_and_expression_are_found(model):
    expression = neutral(model)
    jaw = model.expression_names.index("jawOpen")
    expression[jaw] = 0.6
    points = points_of(model, np.zeros(model.n_identity), expression, 15, SCHEME)
    fit = fit_faces(model, [subject("a", SCHEME, points)], LANDMARKS_ONLY)["a"]
    turn = fit.world_to_camera[0, :, :3] @ pose(15)[:, :3].T
    assert np.degrees(np.arccos((np.trace(turn) - 1) / 2)) < 2.0
    assert fit.expression[0, jaw] == pytest.approx(0.6, abs=0.2)
    assert abs(np.log(fit.focal_px[0] / FOCAL)) < 3 * fit.focal_sigma[0]
    assert (fit.expression >= 0).all() and (fit.expression <= 1).all()


def test_one_wild_landmark_moves_nothing(model):
    points = points_of(model, random_identity(model, 4), neutral(model), 5, SCHEME)
    wild = points.copy()
    wild[10] += 400
    fits = fit_faces(
        model, [subject("a", SCHEME, points), subject("b", SCHEME, wild)], LANDMARKS_ONLY
    )
    assert face_error_mm(model, fits["b"].vertices, fits["a"].vertices) < 0.3


def test_weak_evidence_stays_near_the_average_person_and_says_so(model):
    truth = random_identity(model, 5, 1.0)
    points = points_of(model, truth, neutral(model), 0, SCHEME)
    few = points.copy()
    few[20:] = np.nan
    fits = fit_faces(
        model,
        [subject("all", SCHEME, points), subject("few", SCHEME, few, sigma_px=6.0)],
        LANDMARKS_ONLY,
    )
    apart = {name: fit.identity - average_identity(model) for name, fit in fits.items()}
    assert np.linalg.norm(apart["few"]) < 0.5 * np.linalg.norm(apart["all"])
    assert fits["few"].vertex_sigma_mm.mean() > 1.2 * fits["all"].vertex_sigma_mm.mean()


@pytest.mark.slow
def test_nonsense_never_gives_a_monster(model):
    noise = np.random.default_rng(7).uniform(0, 480, (4, 468, 2))
    fits = fit_faces(
        model, [subject(f"n{i}", SCHEME, points) for i, points in enumerate(noise)], FitOptions()
    )
    for fit in fits.values():
        if isinstance(fit, FaceFit):
            assert np.abs(fit.identity - average_identity(model)).max() < 3.5
            assert face_error_mm(model, fit.vertices, average_person(model).mean) < 6.0
        else:
            assert fit.outcome == "fit_failed"


def test_three_landmarks_are_a_failure_with_a_reason(model):
    points = np.full((468, 2), np.nan)
    points[:3] = 100
    result = fit_faces(model, [subject("a", SCHEME, points)], FitOptions())["a"]
    assert isinstance(result, CaptureFailure)
    assert "3 measured landmarks" in result.reason


def test_an_unknown_scheme_is_refused_by_name(model):
    with pytest.raises(ConfigError, match="scheme 'points999'"):
        fit_faces(model, [subject("a", "points999", np.mgrid[:999, :2][0] * 1.0)], FitOptions())


def test_the_shared_solution_is_the_dense_one():
    layout = Layout(3, 2, 4)
    generator = torch.Generator().manual_seed(0)
    n, k = 3, layout.n_shared
    root = torch.randn(n, layout.size, 60, generator=generator, dtype=torch.float64)
    hessian = root @ root.transpose(1, 2)
    gradient = torch.randn(n, layout.size, generator=generator, dtype=torch.float64)
    prior, pull = torch.full((k,), 2.0, dtype=torch.float64), torch.ones(1, k, dtype=torch.float64)
    subject_of = torch.zeros(n, dtype=torch.long)
    normal = Normal(hessian, gradient, gradient[:, 0])
    shared, local = solve_shared(
        normal, prior, pull, subject_of, layout, torch.zeros(n, dtype=torch.float64)
    )
    size = k + n * layout.n_local
    dense, right = torch.zeros(size, size, dtype=torch.float64), torch.zeros(size).double()
    dense[:k, :k] += torch.diag(prior)
    right[:k] += pull[0]
    for view in range(n):
        rows = torch.cat(
            [torch.arange(k), k + view * layout.n_local + torch.arange(layout.n_local)]
        )
        dense[rows[:, None], rows] += hessian[view]
        right[rows] += gradient[view]
    wanted = -torch.linalg.solve(dense, right)
    torch.testing.assert_close(shared[0], wanted[:k])
    torch.testing.assert_close(local.flatten(), wanted[k:])


@pytest.mark.slow
def test_the_same_batch_gives_the_same_bytes(model):
    points = points_of(model, random_identity(model, 6), neutral(model), 10, SCHEME)
    image = np.random.default_rng(1).integers(0, 255, (480, 640, 3), np.uint8)
    runs = [
        fit_faces(model, [subject("a", SCHEME, points, image=image)], FitOptions())["a"]
        for _ in range(2)
    ]
    assert runs[0].identity.tobytes() == runs[1].identity.tobytes()
    assert runs[0].light.tobytes() == runs[1].light.tobytes()
