"""Pigments, albedo and the base texture."""

import numpy as np
import pytest

from lib.facemodel import base_texture, model_skin_fields, random_skin
from lib.facemodel.pigment import lab, reflectance, skin_colour, typology_angle
from lib.facemodel.skin_fields import ITA_CLASSES, melanin_of_tone

MELANIN = np.geomspace(0.05, 1.5, 25)
BLOOD = np.linspace(0.01, 0.3, 25)


def test_more_melanin_is_darker_in_every_channel():
    colour = skin_colour(MELANIN, 0.045)
    assert (np.diff(colour, axis=0) < 0).all()


def test_more_blood_is_redder_and_darker():
    colour = lab(skin_colour(0.2, BLOOD))
    assert (np.diff(colour[:, 1]) > 0).all()
    assert (np.diff(colour[:, 0]) < 0).all()


def test_reflectance_is_a_share_of_light():
    value = reflectance(MELANIN[:, None], BLOOD)
    assert value.min() >= 0
    assert value.max() < 1


def test_white_has_the_lab_of_white():
    np.testing.assert_allclose(lab(np.ones(3)), [100, 0, 0], atol=0.01)


def test_average_colours_are_near_published_ones():
    # Han, Choi & Son 2006, Skin Res Technol 12: Korean skin, mean of 12 places: 61.7, 9.6, 17.1
    found = lab(skin_colour(melanin_of_tone(np.array(38.0)), 0.038))
    assert np.linalg.norm(found - [61.7, 9.6, 17.1]) < 5


def test_every_class_of_the_typology_angle_is_reached():
    for low, high in ITA_CLASSES:
        wanted = np.linspace(low, high, 5)
        found = typology_angle(skin_colour(melanin_of_tone(wanted), 0.045))
        np.testing.assert_allclose(found, wanted, atol=1.0)


def test_the_first_albedo_mode_runs_from_dark_to_very_light_skin(makehuman):
    smooth = makehuman.parts["skin_smooth"]
    angles = []
    for amount in (-2.2, 2.2):
        coefficients = np.zeros(makehuman.n_albedo)
        coefficients[0] = amount
        colour = makehuman.albedo(coefficients)[smooth]
        angles.append(np.median(typology_angle(colour)))
    assert min(angles) < -35
    assert max(angles) > 55


def test_lips_are_redder_and_brows_darker_than_the_skin(makehuman):
    albedo = lab(makehuman.albedo())
    skin = np.median(albedo[makehuman.parts["skin_smooth"]], axis=0)
    for lip in ("upper_lip", "lower_lip"):
        assert np.median(albedo[makehuman.parts[lip], 1]) > skin[1] + 3
    for brow in ("right_eyebrow", "left_eyebrow"):
        assert np.median(albedo[makehuman.parts[brow], 0]) < skin[0] - 8


def test_random_skin_has_the_tone_that_was_asked_for(makehuman):
    fields = model_skin_fields(makehuman)
    rng = np.random.default_rng(0)
    for tone in (60.0, 20.0, -40.0):
        colour = random_skin(makehuman, tone, rng, fields)
        found = np.median(typology_angle(colour[makehuman.parts["skin_smooth"]]))
        assert abs(found - tone) < 12
        brow = colour[makehuman.parts["right_eyebrow"]].mean()
        assert brow < colour[makehuman.parts["skin_smooth"]].mean()


@pytest.fixture(scope="module")
def texture(makehuman):
    return base_texture(makehuman, 256, iris="blue")


def _texel(makehuman, texture, region, vertex_of):
    """Colour at the uv corner of the region's vertex that is greatest by a key."""
    rows = np.flatnonzero(makehuman.region(region))
    corners = makehuman.triangles[rows].ravel()
    charts = makehuman.uv_triangles[rows].ravel()
    u, v = makehuman.uv[charts[vertex_of(makehuman.mean[corners])]]
    return texture[int((1 - v) * len(texture)), int(u * len(texture))]


def test_the_texture_is_full(texture):
    assert texture.shape == (256, 256, 3)
    assert texture.dtype == np.float32
    assert (texture.max(axis=2) > 0).all()
    assert texture.max() <= 1


def test_the_pupil_is_dark_and_the_sclera_light(makehuman, texture):
    for eye in ("eye_right", "eye_left"):
        pupil = _texel(makehuman, texture, eye, lambda p: p[:, 2].argmax())
        assert pupil.max() < 0.05
        sclera = _texel(makehuman, texture, eye, lambda p: (p[:, 1] + 0.9 * p[:, 2]).argmax())
        assert sclera.min() > 0.3


def test_a_blue_iris_is_blue(makehuman, texture):
    blue = texture[..., 2] - texture[..., 0]
    brown = base_texture(makehuman, 256, iris="brown")
    assert blue.max() > 0.05
    assert (brown[..., 2] - brown[..., 0]).max() < 0.02


def test_vertex_colours_can_replace_the_albedo(makehuman):
    grey = np.full((makehuman.n_vertices, 3), 0.25, np.float32)
    texture = base_texture(makehuman, 128, vertex_albedo=grey)
    np.testing.assert_allclose(texture[10:80], 0.25, atol=1e-5)
