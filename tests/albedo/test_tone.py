"""Skin of every class is told from photos of it, and dim light is not dark skin."""

import numpy as np
import pytest

from lib.albedo.tone import BY_TONE, REFERENCE, USUAL_LIGHT, Shown, tell_tone
from lib.facemodel.pigment import skin_colour, typology_angle
from lib.imaging import luminance

NO_WHITE = (np.ones(3), 0.12, "camera", False)


def usual_photo(melanin, dimmer=0.0):
    """Log colour of a skin under the light that its photos usually have, and its angle."""
    colour = skin_colour(np.array(melanin), np.array(0.042))
    light = USUAL_LIGHT + BY_TONE * (np.log(luminance(colour)) - np.log(REFERENCE))
    tint = np.array([light[1], 0.0, light[2]])
    log_rgb = np.log(colour) + tint
    log_rgb += light[0] + np.log(luminance(colour)) - np.log(luminance(np.exp(log_rgb))) - dimmer
    return log_rgb, float(typology_angle(colour))


@pytest.mark.parametrize("melanin", [0.08, 0.2, 0.35, 0.6, 0.9])
def test_a_usual_photo_tells_the_tone_within_its_sigma(melanin):
    log_rgb, angle = usual_photo(melanin)
    tone = tell_tone([Shown(log_rgb, *NO_WHITE)])
    assert abs(tone.angle_deg - angle) < tone.sigma_deg
    assert typology_angle(np.exp(tone.log_albedo)) == pytest.approx(tone.angle_deg, abs=3)


def test_darker_skin_is_told_darker():
    angles = [
        tell_tone([Shown(usual_photo(melanin)[0], *NO_WHITE)]).angle_deg
        for melanin in (0.08, 0.2, 0.35, 0.6, 0.9)
    ]
    assert (np.diff(angles) < -5).all()


def test_eyes_tell_dim_light_from_dark_skin():
    log_rgb, angle = usual_photo(0.15, dimmer=1.5)
    blind = tell_tone([Shown(log_rgb, *NO_WHITE)])
    seeing = tell_tone([Shown(log_rgb, *NO_WHITE, eyes=0.0, eye_px=90.0)])
    bright = tell_tone([Shown(log_rgb, *NO_WHITE, eyes=1.4, eye_px=90.0)])
    assert abs(seeing.angle_deg - angle) < abs(blind.angle_deg - angle)
    assert bright.angle_deg < blind.angle_deg < seeing.angle_deg


def test_more_photos_make_it_surer():
    log_rgb, _ = usual_photo(0.3)
    shown = Shown(log_rgb, *NO_WHITE)
    assert tell_tone([shown] * 4).sigma_deg < tell_tone([shown]).sigma_deg


def test_a_white_balance_that_was_told_counts():
    log_rgb, angle = usual_photo(0.3)
    cast = log_rgb + np.array([0.25, 0.0, -0.3])
    white = np.exp([0.25, 0.0, -0.3])
    told = tell_tone([Shown(cast, white / white.mean(), 0.02, "highlights", False)])
    guessed = tell_tone([Shown(cast, *NO_WHITE)])
    assert told.sigma_deg < guessed.sigma_deg
    assert abs(told.angle_deg - angle) < told.sigma_deg


@pytest.mark.parametrize("melanin", [0.15, 0.25])
def test_a_vivid_picture_style_is_not_darker_skin(melanin):
    log_rgb, angle = usual_photo(melanin)
    grey = log_rgb[1]
    vivid = grey + 1.3 * (log_rgb - grey)
    told = tell_tone([Shown(vivid, np.ones(3), 0.05, "eyes", False)])
    assert abs(told.angle_deg - angle) < told.sigma_deg
    by_rig = tell_tone([Shown(vivid, np.ones(3), 0.05, "eyes", True)])
    assert by_rig.angle_deg < told.angle_deg
