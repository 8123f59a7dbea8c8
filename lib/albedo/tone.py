"""How light skin is, and how strong and what colour its light: what no single photo says by itself.

A photo gives the product of both. Four things tell them apart. Skin has two pigments, so that its
colour says how dark it is (`lib.facemodel.pigment`). Photographers and cameras let a dark face be
darker on the photo than a light one, yet less than its albedo says. And the light after white
balance is near white, somewhat warmer on a face than on a sheet, because walls and the face itself
add to it. The whites of eyes are much brighter than dark skin, and hardly brighter than light skin.
All classes of skin are equally likely beforehand: the average person is nobody's answer. Of what is
likely afterwards the median is told, for it leans less to the middle than the mean. What tells the
light's colour, the whites of eyes or highlights, is near white: a picture style that makes colours
stronger changes skin and not them, so that how strong it is stays open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lib.facemodel.pigment import skin_colour, typology_angle
from lib.imaging import luminance

REFERENCE = 0.36  # luminance of the albedo of light skin
# Log light of a photo, highlights included: of its luminance, and of its ratios R/G and B/G; for
# skin as light as the reference, and by log luminance of darker skin. Measured on 64 single photos
# of made-up people (worlds of seeds 500 and 501), what highlights add on 32 of them; the spread is
# raised by an eighth, after which sigmas are right.
USUAL_LIGHT = np.array([0.081, 0.006, -0.038])
BY_TONE = np.array([-0.399, -0.034, -0.034])
SPREAD = np.array([0.195, 0.133, 0.148])
TOGETHER = np.array([[1, -0.16, -0.16], [-0.16, 1, -0.77], [-0.16, -0.77, 1]])  # correlations
# The cameras of a rig are set once for whoever sits in it, so that light does not follow the skin.
RIG_LIGHT, RIG_SPREAD = np.array([-0.1, 0.03, -0.07]), np.array([0.35, 0.06, 0.08])
# A share of real photos is no camera's choice: underexposed, coloured lamps, vivid picture styles.
ODD_SHARE, ODD_LIGHT = 0.3, np.array([-0.45, 0.12, -0.05])
ODD_SPREAD = np.array([0.6, 0.28, 0.30])
# The whites of eyes reflect some 0.6, of which lids and lashes leave about half.
EYE_LEVEL, EYE_SLOPE, EYE_SPREAD = 0.33, 0.75, 0.40
EYE_PX = 80.0  # in narrower eyes, white and lids run into one another
EYE_ODD_SHARE, EYE_ODD = 0.15, 3.0  # of eyes that are shut or shaded, and how far they are off
UNCHECKED = "camera"  # source of a white balance that nobody checked: in the spread already
BOUNCED_SIGMA = 0.06  # of log ratios: light that walls and skin add to the lamp's
# Picture styles make colours stronger: they multiply log ratios of skin, but hardly those of white.
STYLE, STYLE_SIGMA = 1.1, 0.25
BLOOD, BLOOD_SPREAD = 0.042, 0.25  # effective fraction, and of its logarithm
MELANIN, BLOODS = np.geomspace(0.03, 1.6, 160), np.geomspace(0.018, 0.10, 21)
# Borders of the six classes of skin; each class is as likely as any other.
CLASSES_DEG, ANGLE_SOFT_DEG = (-58.0, -30.0, 10.0, 28.0, 41.0, 55.0, 68.0), 4.0
ABOUT_DEG = 3.0  # so near to the median, colours are averaged
SAME_CAMERA = 0.5  # share of the variance that photos of one subject have in common


@dataclass(frozen=True)
class Tone:
    """What is known of a subject's skin.

    Args:
        log_albedo: (3,) log of its mean linear albedo.
        angle_deg: median of the typology angle.
        sigma_deg: its root mean square error.
    """

    log_albedo: np.ndarray
    angle_deg: float
    sigma_deg: float


@dataclass(frozen=True)
class Shown:
    """The mean colour of bare skin on one photo.

    Args:
        log_rgb: (3,) log of the mean linear colour, highlights included.
        white: (3,) what is known of the light's colour; mean 1.
        white_sigma: of the logarithms of its ratios.
        white_source: what told it.
        rig: whether exposure knows nothing of the skin.
        eyes: log luminance of the whites of the eyes over that of skin around; NaN = not seen.
        eye_px: how wide the eyes are.
    """

    log_rgb: np.ndarray
    white: np.ndarray
    white_sigma: float
    white_source: str
    rig: bool
    eyes: float = float("nan")
    eye_px: float = 0.0


def tell_tone(shown: Sequence[Shown]) -> Tone:
    """The skin that photos of one subject show, by all that is likely beforehand.

    Args:
        shown: at least one photo.
    """
    colours, angles, log_prior = _people()
    score = np.zeros(len(colours))
    for one in shown:
        score += _log_likelihood(one, colours)
    crowd = 1 + SAME_CAMERA * (len(shown) - 1)
    score = score / crowd + log_prior
    weight = np.exp(score - score.max())
    weight /= weight.sum()
    order = np.argsort(angles, kind="stable")
    middle = np.searchsorted(np.cumsum(weight[order]), 0.5)
    angle = float(angles[order[min(middle, len(order) - 1)]])
    sigma = float(np.sqrt(weight @ (angles - angle) ** 2))
    near = weight * np.exp(-0.5 * ((angles - angle) / ABOUT_DEG) ** 2)
    return Tone(near @ colours / near.sum(), angle, sigma)


def _log_likelihood(shown: Shown, colours: np.ndarray) -> np.ndarray:
    """(n,) of skins with log albedos (n, 3)."""
    light = _contrasts(shown.log_rgb - colours)
    light[:, 0] = _brightness(shown.log_rgb[None])[0] - _brightness(colours)
    if shown.rig:
        usual, spread = np.tile(RIG_LIGHT, (len(colours), 1)), RIG_SPREAD
    else:
        darker = _brightness(colours) - np.log(REFERENCE)
        usual, spread = USUAL_LIGHT + darker[:, None] * BY_TONE, SPREAD
    off = light - usual
    score = np.logaddexp(
        np.log(1 - ODD_SHARE) + _normal(off, spread),
        np.log(ODD_SHARE) + _normal(light - ODD_LIGHT, ODD_SPREAD),
    )
    score = score + _by_eyes(shown, colours)
    if shown.white_source == UNCHECKED:
        return score
    told = _contrasts(np.log(np.maximum(shown.white, 1e-3))[None])[0]
    ratios = _contrasts(colours)[:, 1:]
    style, style_sigma = (1, 0) if shown.rig else (STYLE, STYLE_SIGMA)
    off = light[:, 1:] - told[1:] - (style - 1) * ratios
    variance = shown.white_sigma**2 + BOUNCED_SIGMA**2 + (style_sigma * ratios) ** 2
    return score - 0.5 * (off**2 / variance + np.log(variance)).sum(axis=1)


def _normal(off: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """(n,) log density of (n, 3) about 0."""
    inverse = np.linalg.inv(TOGETHER * np.outer(spread, spread))
    return -0.5 * np.einsum("ni,ij,nj->n", off, inverse, off) - np.log(spread).sum()


def _by_eyes(shown: Shown, colours: np.ndarray) -> np.ndarray:
    """(n,) log likelihood of the eyes' contrast for skins with log albedos (n, 3)."""
    if not np.isfinite(shown.eyes):
        return np.zeros(len(colours))
    expected = EYE_SLOPE * (np.log(EYE_LEVEL) - _brightness(colours))
    spread = EYE_SPREAD * np.sqrt(1 + (EYE_PX / max(shown.eye_px, 1.0)) ** 2)
    off = 0.5 * ((shown.eyes - expected) / spread) ** 2
    odd = np.log(EYE_ODD_SHARE / EYE_ODD) - off / EYE_ODD**2
    return np.logaddexp(np.log(1 - EYE_ODD_SHARE) - off, odd)


def _contrasts(log_rgb: np.ndarray) -> np.ndarray:
    """(n, 3) mean, log R/G and log B/G of log colours (n, 3)."""
    red, green, blue = log_rgb.T
    return np.stack([log_rgb.mean(axis=1), red - green, blue - green], axis=1)


def _brightness(log_rgb: np.ndarray) -> np.ndarray:
    return np.log(luminance(np.exp(log_rgb)))


@lru_cache(maxsize=1)
def _people() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log albedos (n, 3) of skins, their angles (n,) and log prior (n,)."""
    melanin, blood = np.meshgrid(MELANIN, BLOODS, indexing="ij")
    colour = skin_colour(melanin, blood)
    angle = typology_angle(colour)
    per_step = np.abs(np.gradient(angle, axis=0))
    low, high = CLASSES_DEG[0], CLASSES_DEG[-1]
    of_class = np.clip(np.digitize(angle, CLASSES_DEG) - 1, 0, len(CLASSES_DEG) - 2)
    outside = np.maximum(np.maximum(low - angle, angle - high), 0) / ANGLE_SOFT_DEG
    blood_off = np.log(blood / BLOOD) / BLOOD_SPREAD
    log_prior = np.log(per_step / np.diff(CLASSES_DEG)[of_class] + 1e-12)
    log_prior -= 0.5 * (outside**2 + blood_off**2)
    return np.log(colour).reshape(-1, 3), angle.ravel(), log_prior.ravel()
