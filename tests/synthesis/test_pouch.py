"""What is inside the mouth stays behind the skin, in every face that is drawn."""

import numpy as np
import pytest

from lib.geometry import vertex_normals
from lib.synthesis import SynthesisOptions
from lib.synthesis.chance import generator, mixed
from lib.synthesis.people import _identity
from lib.synthesis.shape.expressions import draw_expression
from tests.poking import poking_px


def people(studio, count):
    """(tucked, untucked) drawn vertices of people with expressions."""
    model, options = studio.model, SynthesisOptions()
    cut = studio.tessellation(1)
    for row in range(count):
        identity = _identity(studio, options.identity_sigma, generator(11, row, "identity"))
        vertices = model.mean + mixed(identity, model.identity_basis)
        vertices = vertices + studio.free_form.draw(
            generator(11, row, "free form"), options.free_form_mm
        )
        weights = draw_expression(model, generator(11, row, "expression"))
        vertices = (vertices + mixed(weights, model.expression_basis)).astype(np.float32)
        normals = vertex_normals(vertices, model.triangles).astype(np.float32)
        yield cut.rounded(studio.pouch.tucked(vertices), normals), cut.rounded(vertices, normals)


def shares(studio, count):
    """Shares of people whose mouth comes through: as drawn, and as the model has it."""
    model, cut = studio.model, studio.tessellation(1)
    mesh = cut.triangles, cut.model_triangle
    through = [
        [poking_px(model, fine, *mesh) > 0 for fine in pair] for pair in people(studio, count)
    ]
    return np.mean(through, axis=0)


def test_the_mouths_pouch_never_comes_through_the_skin(studio):
    drawn, of_model = shares(studio, 6)
    assert drawn == 0 and of_model > 0.3


@pytest.mark.slow
def test_no_mouth_of_a_hundred_people_comes_through_the_skin(studio):
    drawn, of_model = shares(studio, 100)
    assert drawn == 0 and of_model > 0.4


def test_teeth_lips_and_skin_stay_where_the_model_has_them(studio):
    model = studio.model
    moved = np.any(studio.pouch.tucked(model.mean) != model.mean, axis=1)
    inside = np.unique(model.triangles[model.region("mouth")])
    assert set(np.flatnonzero(moved)) <= set(inside)
    assert not moved[model.triangles[~model.region("mouth")]].any()
