"""Closed eyes that landmarks draw half open are shut; open ones are left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lib.fitting import FitOptions, fit_faces
from lib.fitting.eyelids import lid_evidence
from lib.geometry import vertex_normals
from lib.imaging import linear_to_srgb
from lib.render import interpolate, render_buffers
from tests.fitting.conftest import CENTRE, FOCAL, SIZE, points_of, pose, random_identity
from tests.fitting.test_known import YAWS, rig_capture

LANDMARKS_ONLY = FitOptions(photometric_weight=0.0, landmark_weight=1.0, landmark_iterations=6)
SKIN = np.array([0.5, 0.3, 0.2])
WHITE, IRIS = (0.75, 0.72, 0.7), (0.03, 0.02, 0.015)
IRIS_MM = 6.0


def blinking(model, right, left):
    expression = np.zeros(model.n_expression, np.float32)
    expression[model.expression_names.index("eyeBlinkRight")] = right
    expression[model.expression_names.index("eyeBlinkLeft")] = left
    return expression


def photo(model, identity, expression, yaw_deg, tint=(1.0, 1.0, 1.0)):
    """(h, w, 3) uint8: a head with eyeballs of white and a dark iris, lit from above."""
    vertices = model.vertices(identity, expression)
    colour = np.tile(SKIN, (model.n_vertices, 1))
    for name in ("eye_right", "eye_left"):
        ball = np.unique(model.triangles[model.region(name)])
        middle = vertices[ball].mean(axis=0)
        aside = np.linalg.norm((vertices[ball] - middle)[:, :2], axis=1)
        colour[ball] = np.where((aside < IRIS_MM)[:, None], IRIS, WHITE)
    normals = vertex_normals(vertices, model.triangles)
    colour = colour * (0.55 + 0.45 * normals @ np.array([0.2, 0.6, 0.77]))[:, None]
    buffers = render_buffers(vertices, model.triangles, pose(yaw_deg), FOCAL, CENTRE, SIZE)
    image = interpolate(buffers, colour.astype(np.float32), model.triangles)
    encoded = linear_to_srgb(np.clip(image * tint, 0, 1))
    return np.round(255 * encoded).astype(np.uint8)


def captured(model, shown, drawn, tint=(1.0, 1.0, 1.0)):
    """Photos of one expression, with the landmarks of another."""
    identity = random_identity(model, 1)
    item = rig_capture(model, identity, drawn)
    ibug = np.stack([points_of(model, identity, drawn, yaw, "ibug68") for yaw in YAWS])
    image = tuple(photo(model, identity, shown, yaw, tint) for yaw in YAWS)
    return replace(
        item,
        capture=item.capture.replace(image=image),
        landmarks=item.landmarks.replace(ibug68_px=ibug, ibug68_sigma_px=np.ones((len(YAWS), 68))),
    )


def blinks(model, item):
    """The fitted blink of the right and the left eye."""
    fit = fit_faces(model, [item], LANDMARKS_ONLY)[item.name]
    names = [model.expression_names.index(f"eyeBlink{side}") for side in ("Right", "Left")]
    return fit.expression[0, names]


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (0.5, 0.6, 0.3)])
def test_eyes_that_are_closed_in_the_pictures_are_closed_in_the_fit(model, tint):
    item = captured(model, blinking(model, 1, 1), blinking(model, 0.2, 0.2), tint)
    assert blinks(model, item).tolist() == [1, 1]


def test_open_eyes_are_left_to_the_landmarks(model):
    item = captured(model, blinking(model, 0, 0), blinking(model, 0.2, 0.2))
    no_crops = replace(
        item, landmarks=item.landmarks.replace(ibug68_px=item.landmarks.ibug68_px * np.nan)
    )
    found = blinks(model, item)
    assert found.tolist() == blinks(model, no_crops).tolist() and (found < 0.6).all()


def test_one_eye_may_be_closed(model):
    item = captured(model, blinking(model, 0, 1), blinking(model, 0.0, 0.3))
    right, left = blinks(model, item)
    assert left == 1 and right < 0.3


def test_grey_pictures_tell_nothing(model):
    item = captured(model, blinking(model, 1, 1), blinking(model, 0.2, 0.2))
    grey = tuple(
        np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
        for image in item.capture.image
    )
    item = replace(item, capture=item.capture.replace(image=grey))
    assert (blinks(model, item) < 1).all()


def test_eyes_of_a_single_photo_are_left_to_the_landmarks(model):
    item = captured(model, blinking(model, 1, 1), blinking(model, 0.2, 0.2))
    assert (blinks(model, replace(item, rig=None)) < 1).all()


def test_a_capture_with_closed_eyes_leaves_those_beside_it_alone(model):
    shut = captured(model, blinking(model, 1, 1), blinking(model, 0.2, 0.2))
    beside = captured(model, blinking(model, 0, 0), blinking(model, 0.1, 0.1))
    beside = replace(beside, name="b", capture=beside.capture.replace(subject="bert"))
    opened = captured(model, blinking(model, 0, 0), blinking(model, 0.2, 0.2))
    fits = [fit_faces(model, [one, beside], LANDMARKS_ONLY)["b"] for one in (shut, opened)]
    np.testing.assert_array_equal(fits[0].vertices, fits[1].vertices)
    np.testing.assert_array_equal(fits[0].expression, fits[1].expression)


def test_evidence_does_not_depend_on_exposure_and_white_balance():
    chance = np.random.default_rng(0)
    colour = SKIN * chance.uniform(0.7, 1.3, (40, 40, 1))
    opening, ring = np.zeros((2, 40, 40), bool)
    opening[15:25, 10:30], ring[:10] = True, True
    first, second = (lid_evidence(c, opening, ring) for c in (colour, colour * (0.2, 0.25, 0.15)))
    assert first.of_lid
    assert (first.spread, first.tint, first.darkest) == pytest.approx(
        (second.spread, second.tint, second.darkest)
    )
    colour[15:25, 10:20] = IRIS
    colour[15:25, 20:30] = WHITE
    assert not lid_evidence(colour, opening, ring).of_lid
