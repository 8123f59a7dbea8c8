"""The light of a photo is told by what is white on it, as surely as it says."""

from dataclasses import replace

import numpy as np
import pytest

from lib.artefacts import PART_LABELS
from lib.highlights import HighlightOptions, remove_highlights
from lib.highlights.illuminant import CAMERA, SCLERA, find_illuminant, log_ratios
from lib.highlights.separator import FacePhoto
from lib.imaging import srgb_to_linear
from tests.highlights.conftest import gloss

SKIN = np.array([0.42, 0.27, 0.2])
ROW, COLUMN = np.mgrid[:200, :160]


def round_spot(row, column, px):
    return np.exp(-((ROW - row) ** 2 + (COLUMN - column) ** 2) / px**2)


def face(light, eyes=True, glossy=True) -> FacePhoto:
    """Skin with two highlights, and eyes whose middle is an iris."""
    light = np.float32(light) / np.mean(light)
    noise = np.random.default_rng(2).normal(0, 0.03, (200, 160, 1))
    rgb = SKIN * np.exp(noise * [0.7, 1.0, 1.1])
    rgb += 0.25 * (glossy * (round_spot(60, 80, 9) + round_spot(120, 60, 6)))[..., None]
    part = np.full((200, 160), PART_LABELS.index("skin"), np.uint8)
    for name, column in (("right_eye", 50), ("left_eye", 110)) if eyes else ():
        eye = ((ROW - 90) / 7.0) ** 2 + ((COLUMN - column) / 15.0) ** 2 < 1
        iris = (ROW - 90) ** 2 + (COLUMN - column) ** 2 < 6**2
        rgb[eye] = 0.9 * SCLERA * (1 + noise[eye])
        rgb[eye & iris] = [0.10, 0.06, 0.03]
        part[eye] = PART_LABELS.index(name)
    inside = np.isin(part, PART_LABELS.index("skin")).astype(np.float32)
    rgb = (rgb * light).astype(np.float32)
    return FacePhoto(rgb, inside, np.ones(part.shape, bool), np.ones(3, np.float32), part)


def off(found, light):
    """Root mean square of both log ratios."""
    return float(np.sqrt(np.mean((log_ratios(found) - log_ratios(light)) ** 2)))


@pytest.mark.parametrize("light", [(1.12, 1.0, 0.9), (0.9, 1.0, 1.12), (1.0, 1.1, 1.0)])
@pytest.mark.parametrize("glossy", [True, False])
def test_the_eyes_tell_a_coloured_light_within_its_sigma(light, glossy):
    found = find_illuminant(face(light, glossy=glossy))
    assert off(found.rgb, light) < min(found.sigma, 0.7 * off(CAMERA.rgb, light))
    assert found.sigma < 0.8 * CAMERA.sigma
    assert found.rgb.mean() == pytest.approx(1, abs=1e-5)


def test_what_tells_most_is_named():
    assert find_illuminant(face((0.9, 1.0, 1.12), glossy=False)).source == "eyes"
    assert find_illuminant(face((1, 1, 1), eyes=False)).source == "camera"


@pytest.mark.parametrize("light", [(1.0, 1.1, 1.0), (1.1, 1.0, 1.1)])
def test_highlights_tell_a_light_that_is_off_across_the_colours_of_skin(light):
    found = find_illuminant(face(light, eyes=False))
    assert off(found.rgb, light) < min(found.sigma, 0.8 * off(CAMERA.rgb, light))
    assert found.sigma < CAMERA.sigma
    dull = find_illuminant(face(light, eyes=False, glossy=False))
    assert dull.source == "camera" and dull.sigma == CAMERA.sigma
    np.testing.assert_array_equal(dull.rgb, CAMERA.rgb)


def test_a_photo_without_colours_says_what_the_camera_says():
    photo = face((1.12, 1.0, 0.9))
    grey = replace(photo, rgb=np.repeat(photo.rgb[..., 1:2], 3, axis=2))
    assert find_illuminant(photo) is not CAMERA and find_illuminant(grey) is CAMERA


def test_a_light_that_was_set_wins_and_is_used(plain):
    """Highlights are grey to the method only under the light that was set."""
    light = np.array([1.3, 1.0, 0.7])
    case = gloss(plain, light)
    seen = case.model, case.capture, case.fit, case.skin
    found, given = (
        remove_highlights(*seen, HighlightOptions(illuminant=told))
        for told in ([], [2.6, 2.0, 1.4])
    )
    assert given.illuminant_source == ("setting",) and given.illuminant_sigma[0] == 0
    np.testing.assert_allclose(given.illuminant[0], light / light.mean(), rtol=1e-6)
    assert found.illuminant_source != ("setting",) and found.illuminant_sigma[0] > 0
    lit, truth = case.specular > 0.05, case.diffuse * light
    errors = [
        np.sqrt(np.mean((srgb_to_linear(made.diffuse[0]) - truth)[lit] ** 2))
        for made in (given, found)
    ]
    assert errors[0] < 0.6 * errors[1]
