"""The colour of the light on a photo, with how sure it is and what told it.

Three things tell something, as Gaussians over log(R/G) and log(B/G): the camera, whose white
balance has mostly been right; the whites of the eyes; and highlights, whose difference to the skin
around is light mirrored mixed with light scattered, so that they tell the light's colour across
the direction of the skin's, and hardly along it. The sigmas were chosen on 24 made-up people: the
light that is told is off by 0.9 of its sigma there (root mean square).

Source: Tominaga & Wandell 1989, Standard surface-reflectance model and illuminant estimation
(JOSA A 6(4)), for highlights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lib.highlights.dichromatic import cut, face_window, is_part, skin_weight
from lib.highlights.separator import FacePhoto
from lib.highlights.smooth import around
from lib.uvspace.shown import ramp

CAMERA_SIGMA = 0.10  # of a camera's own white balance; 0.08 among made-up photos
EYES = ("right_eye", "left_eye")
SCLERA = np.array([0.62, 0.57, 0.54])  # linear, of the white of an eye
EYES_SIGMA = (0.05, 0.2)  # and per saturation of what was taken for the white of an eye
ACROSS_SIGMA, ALONG_SIGMA = 0.12, 0.4  # of highlights, to the direction of the skin's colour
MIXED = 0.5  # of the way from the light's colour to the skin's, where highlights lie
GREY = 0.2  # of the brightness: skin whose channels differ less is that of a toned photo
FEWEST = 40  # pixels
AROUND_MM = 4.0
BRIGHTER = 0.12  # than the skin around, of a highlight
DARK, CLIPPED = (0.015, 0.045), (0.85, 0.97)


@dataclass(frozen=True)
class Illuminant:
    """The colour that a white sheet would have on a photo.

    Args:
        rgb: (3,) float32 linear RGB of mean 1.
        sigma: standard deviation of log(R/G) and log(B/G).
        source: highlights, eyes, camera or setting.
    """

    rgb: np.ndarray
    sigma: float
    source: str


CAMERA = Illuminant(np.ones(3, np.float32), CAMERA_SIGMA, "camera")


@dataclass(frozen=True)
class _Evidence:
    """What one source says: (2,) log ratios, and the (2, 2) inverse of their covariance."""

    source: str
    logs: np.ndarray
    information: np.ndarray


def given_illuminant(rgb: Sequence[float]) -> Illuminant | None:
    """The light that the user told; None where they told none."""
    if not len(rgb):
        return None
    colour = np.asarray(rgb, np.float32)
    return Illuminant(colour / colour.mean(), 0.0, "setting")


def find_illuminant(photo: FacePhoto) -> Illuminant:
    """The light of a photo, by all that tells it; its source is what tells most."""
    photo = cut(photo, face_window(photo))
    colour = photo.rgb[photo.skin > 0.5]
    if len(colour) < FEWEST or np.ptp(np.median(colour, axis=0)) < GREY * np.median(colour):
        return CAMERA
    found = [_Evidence("camera", np.zeros(2), np.eye(2) / CAMERA_SIGMA**2)]
    found += [told for told in (_of_highlights(photo), _of_eyes(photo)) if told is not None]
    total = np.sum([told.information for told in found], axis=0)
    covariance = np.linalg.inv(total)
    logs = covariance @ np.sum([told.information @ told.logs for told in found], axis=0)
    most = max(found, key=lambda told: float(np.trace(told.information)))
    rgb = np.exp([logs[0], 0.0, logs[1]])
    sigma = float(np.sqrt(np.trace(covariance) / 2))
    return Illuminant((rgb / rgb.mean()).astype(np.float32), sigma, most.source)


def _of_highlights(photo: FacePhoto) -> _Evidence | None:
    """By how pixels that are brighter than the skin around differ from it."""
    bright = photo.rgb.mean(axis=2)
    clear = 1 - ramp(photo.rgb.max(axis=2), *CLIPPED)
    known = (skin_weight(photo) * clear * ramp(bright, *DARK)).astype(np.float32)
    if (known > 0.8).sum() < FEWEST:
        return None
    mean = around(photo.rgb, known, AROUND_MM * photo.px_per_mm)
    more = bright - mean.mean(axis=2)
    chosen = (known > 0.8) & (more > BRIGHTER * np.maximum(mean.mean(axis=2), 0.02))
    if chosen.sum() < FEWEST:
        return None
    weight = np.minimum(more[chosen], 0.3)[:, None]
    added = ((photo.rgb - mean)[chosen] * weight).sum(axis=0) / weight.sum()
    skin = np.median(photo.rgb[known > 0.8], axis=0)
    if min(added.min(), skin.min()) <= 1e-4:
        return None
    logs, towards = log_ratios(added), log_ratios(skin)
    along = towards / max(float(np.linalg.norm(towards)), 1e-3)
    across = np.array([-along[1], along[0]])
    information = np.outer(across, across) / ACROSS_SIGMA**2
    information += np.outer(along, along) / ALONG_SIGMA**2
    return _Evidence("highlights", logs - MIXED * towards, information)


def _of_eyes(photo: FacePhoto) -> _Evidence | None:
    """By the least coloured of what is bright in the eyes, catch-lights aside."""
    inside = cv2.erode(is_part(photo, EYES).astype(np.uint8), np.ones((3, 3))) > 0
    if inside.sum() < FEWEST:
        return None
    colour = photo.rgb[inside]
    bright = colour.mean(axis=1)
    white = (bright > np.quantile(bright, 0.5)) & (bright < np.quantile(bright, 0.97))
    colour = colour[white & (colour.max(axis=1) < CLIPPED[1]) & (bright > DARK[0])]
    if len(colour) < FEWEST // 2:
        return None
    saturation = 1 - colour.min(axis=1) / np.maximum(colour.max(axis=1), 1e-3)
    chosen = saturation <= np.quantile(saturation, 0.4)
    white_of_eye = np.median(colour[chosen], axis=0) / SCLERA
    sigma = EYES_SIGMA[0] + EYES_SIGMA[1] * float(np.median(saturation[chosen]))
    if white_of_eye.min() <= 1e-4:
        return None
    return _Evidence("eyes", log_ratios(white_of_eye), np.eye(2) / sigma**2)


def log_ratios(rgb: np.ndarray) -> np.ndarray:
    """(2,) log(R/G) and log(B/G)."""
    return np.array([np.log(rgb[0] / rgb[1]), np.log(rgb[2] / rgb[1])])
