"""The person that a fit starts from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lib.errors import ConfigError
from lib.fitting import FitOptions, average_identity, average_person, fit_faces
from tests.fitting.conftest import points_of, subject

TIP, EYE_CORNERS = 30, (36, 45)


def relief_mm(model, vertices: np.ndarray) -> float:
    """How far the tip of the nose stands before the outer corners of the eyes."""
    points = model.landmarks["ibug68"].on(vertices, model.triangles)
    return float(points[TIP, 2] - points[list(EYE_CORNERS), 2].mean())


def test_the_nose_of_the_average_person_stands_further_out_than_that_of_the_mean(model):
    relief = relief_mm(model, average_person(model).mean)
    assert relief > relief_mm(model, model.mean) + 5


def test_a_fit_without_evidence_is_the_average_person(model):
    points = points_of(model, average_identity(model), np.zeros(model.n_expression), 0, "mesh468")
    seen = subject("a", "mesh468", points, sigma_px=1e4)
    fit = fit_faces(model, [seen], FitOptions(photometric_weight=0.0))["a"]
    np.testing.assert_allclose(fit.identity, average_identity(model), atol=0.02)
    np.testing.assert_allclose(fit.vertices, model.vertices(fit.identity), atol=1e-3)


def test_a_model_without_a_known_average_starts_from_its_mean(model):
    other = replace(model, name="other")
    assert not average_identity(other).any()
    np.testing.assert_array_equal(average_person(other).mean, other.mean)


def test_the_average_of_another_edition_is_refused(model):
    shorter = replace(model, identity_basis=model.identity_basis[:-1])
    with pytest.raises(ConfigError, match=f"has {model.n_identity - 1}"):
        average_identity(shorter)
