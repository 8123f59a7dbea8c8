"""How bright the whites of the eyes are beside skin: they tell dark skin from dim light."""

from __future__ import annotations

import cv2
import numpy as np

from lib.artefacts import Capture, FaceFit, SkinMask
from lib.imaging import luminance, srgb_to_linear

EYES = (slice(36, 42), slice(42, 48))  # of the 68 iBUG points
AROUND = 1.3  # widths of an eye: so far its skin is compared
BRIGHT = 85.0  # percentile of the eye's pixels that is its white; a catchlight is smaller
FEWEST_PX = 12
DARKEST = 0.003  # linear


def eye_contrast(capture: Capture, fit: FaceFit, skin: SkinMask, view: int) -> tuple[float, float]:
    """Log luminance of the whites of the eyes over that of skin around, and the eyes' width in px.

    The brighter eye counts; NaN and 0 where none shows enough.
    """
    image = srgb_to_linear(capture.image[view])
    bare = skin.probability[view] > 127
    contrast, width = [], [0.0]
    for eye in EYES:
        found = _contrast(image, bare, fit.landmarks_px[view, eye])
        if found is not None:
            contrast.append(found)
            width.append(float(np.ptp(fit.landmarks_px[view, eye, 0])))
    return (max(contrast) if contrast else float("nan")), max(width)


def _contrast(image: np.ndarray, bare: np.ndarray, points: np.ndarray) -> float | None:
    """Of one eye, by its six points (6, 2) px; None where it shows too little."""
    if not np.isfinite(points).all():
        return None
    middle = points.mean(axis=0)
    reach = AROUND * float(np.linalg.norm(points[0] - points[3])) + 1
    low = np.maximum(np.floor(middle - reach).astype(int), 0)
    high = np.minimum(np.ceil(middle + reach).astype(int) + 1, image.shape[1::-1])
    if (high - low < 3).any():
        return None
    window = slice(low[1], high[1]), slice(low[0], high[0])
    bright = luminance(image[window])
    inside = np.zeros(bright.shape, np.uint8)
    cv2.fillPoly(inside, [np.rint(points - low).astype(np.int32)], 1)
    around = bare[window] & (inside == 0)
    if inside.sum() < FEWEST_PX or around.sum() < FEWEST_PX:
        return None
    white = max(float(np.percentile(bright[inside > 0], BRIGHT)), DARKEST)
    return float(np.log(white / max(float(np.median(bright[around])), DARKEST)))
