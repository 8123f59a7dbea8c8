"""Models whose expressions are N(0, 1): both signs, no bounds, no names that mean anything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.facemodel import FaceModel
from lib.fitting import FitOptions, average_identity, fit_faces
from lib.fitting.pack import Layout
from lib.fitting.photometric import light_prior
from lib.fitting.priors import make_priors
from tests.fitting.conftest import points_of, subject

SCHEME = "mesh468"
N_MODES = 8


@pytest.fixture(scope="module")
def normal_model(model) -> FaceModel:
    """The default head with the largest modes of its own expressions about their middle."""
    moves = model.expression_basis[model.free_expressions]
    flat = moves.reshape(len(moves), -1).astype(np.float64)
    values, turn = np.linalg.eigh(flat @ flat.T)
    modes = (turn[:, np.argsort(-values)[:N_MODES]].T @ flat).reshape(N_MODES, -1, 3)
    return replace(
        model,
        expression_basis=(0.3 * modes).astype(np.float32),
        expression_names=tuple(f"expression{k:03d}" for k in range(N_MODES)),
        free_expressions=np.ones(N_MODES, bool),
        expression_prior="normal",
    )


def test_coefficients_of_both_signs_and_beyond_one_are_found(normal_model):
    truth = np.array([1.6, -1.4, 1.2, -0.8, 0.0, 0.9, -1.1, 0.4], np.float32)
    person = average_identity(normal_model)
    views = [
        subject(
            f"v{yaw}", SCHEME, points_of(normal_model, person, truth, yaw, SCHEME), "anna",
            sigma_px=0.1,
        )
        for yaw in (-30, 0, 30)
    ]  # fmt: skip
    options = FitOptions(photometric_weight=0.0, landmark_weight=10.0)
    fits = fit_faces(normal_model, views, options)
    for fit in fits.values():
        moved, wanted = (
            np.tensordot(c, normal_model.expression_basis, 1) for c in (fit.expression[0], truth)
        )
        face = normal_model.parts["face_mask"]
        apart = np.linalg.norm((moved - wanted)[face], axis=1).mean()
        assert apart < 0.2 * np.linalg.norm(wanted[face], axis=1).mean()
        assert (np.sign(fit.expression[0])[:4] == np.sign(truth)[:4]).all()


def test_the_prior_of_such_a_model_is_its_own(normal_model):
    layout = Layout(normal_model.n_identity, normal_model.n_albedo, N_MODES)
    mean, precision = light_prior(torch.ones(1))
    options = FitOptions(expression_sigma=0.25)
    priors = make_priors(normal_model, layout, torch.tensor([np.nan]), mean, precision, options)
    np.testing.assert_array_equal(priors.expression, np.eye(N_MODES))
    assert not priors.sparsity.any()
    assert not priors.bounded
