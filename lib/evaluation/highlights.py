"""Scores of pictures without highlights, and of highlight masks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from lib.artefacts import PART_LABELS, Capture, Highlights, Truth
from lib.evaluation.measures import FIT, UNTOUCHED
from lib.evaluation.pictures import working_labels
from lib.evaluation.rows import Row
from lib.facemodel import PARTS
from lib.imaging import linear_to_srgb, luminance, srgb_to_linear
from lib.metrics import RemovalScore, score_mask, score_removal

FACE = [PART_LABELS.index(name) for name in PARTS]
BINS = 48  # of the tone curve that is read off a photo and the light that fell on it
SOFTNESS_PX = (0.0, 0.5, 0.8, 1.2, 1.8, 2.7, 4.0, 6.0, 9.0, 13.0)
FEWEST = 100  # pixels of the face that are scored
FEWEST_IN_BIN = 15
BRIGHTER = 1.8  # than the middle of the face: a highlight, as a mere threshold would have it


@dataclass(frozen=True)
class Matte:
    """The truth about one photo's highlights, at the pixels of its working image.

    Args:
        diffuse: (h, w, 3) float32 sRGB-encoded 0..1: the photo as it were without mirrored light.
        specular: (h, w, 3) float32 sRGB-encoded 0..1: mirrored light.
        highlight: (h, w) bool.
        face: (h, w) bool: pixels that are scored.
    """

    diffuse: np.ndarray
    specular: np.ndarray
    highlight: np.ndarray
    face: np.ndarray


def matte_truth(capture: Capture, truth: Truth, view: int) -> Matte:
    """What a synthetic photo would be without highlights, taken with the same camera.

    It is the photo less what the mirrored light added to it, so it has the photo's noise. A camera
    has a tone curve and a softness of its own: the curve is read off each channel of the photo and
    the light that fell on it, as medians over steps of light; the softness is what fits best.
    """
    image = capture.image[view]
    size = image.shape[1::-1]

    def working(picture: np.ndarray) -> np.ndarray:
        return cv2.resize(picture.astype(np.float32), size, interpolation=cv2.INTER_AREA)

    exposure = truth.exposure[view]
    diffuse, specular = (working(part[view]) * exposure for part in (truth.diffuse, truth.specular))
    photo = srgb_to_linear(image)
    face = np.isin(working_labels(capture, truth, view), FACE)
    whole, matte = np.empty_like(photo), np.empty_like(photo)
    for k in range(3):
        both = (diffuse + specular)[..., k]
        curve = _tone_curve(both, photo[..., k])
        whole[..., k], matte[..., k] = np.interp(both, *curve), np.interp(diffuse[..., k], *curve)
    added = _softened(whole - matte, _softness(whole, photo, face))
    return Matte(
        linear_to_srgb(np.clip(photo - added, 0, 1)),
        linear_to_srgb(np.clip(specular, 0, 1)),
        working(truth.highlight[view]) >= 0.5,
        face,
    )


def _softness(sharp: np.ndarray, photo: np.ndarray, face: np.ndarray) -> float:
    """Sigma in px that makes a sharp picture (h, w, 3) most like the photo on the face."""
    if not face.any():
        return 0.0
    errors = [
        float(np.square((_softened(sharp, sigma) - photo)[face]).mean()) for sigma in SOFTNESS_PX
    ]
    return SOFTNESS_PX[int(np.argmin(errors))]


def _softened(picture: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), sigma) if sigma > 0 else picture


def _tone_curve(light: np.ndarray, photo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Light (k,), and what the photo makes of it (k,), which never falls."""
    light, photo = light.ravel(), photo.ravel()
    edges = np.unique(np.quantile(light, np.linspace(0, 1, BINS + 1)))
    edges = np.unique(np.concatenate([edges, np.linspace(0, edges[-1], BINS)]))
    which = np.clip(np.searchsorted(edges, light, side="right") - 1, 0, len(edges) - 2)
    order = np.argsort(which, kind="stable")
    cut = np.searchsorted(which[order], np.arange(len(edges)))
    place, value = [0.0], [0.0]
    for first, last in pairwise(cut):
        rows = order[first:last]
        if len(rows) >= FEWEST_IN_BIN:
            place.append(float(np.median(light[rows])))
            value.append(float(np.median(photo[rows])))
    return np.array(place), np.maximum.accumulate(value)


def removal_of(picture: np.ndarray, truth: Matte) -> RemovalScore:
    """Of a picture (h, w, 3) uint8 sRGB, on the face."""
    found = picture.astype(np.float32) / 255
    return score_removal(found, truth.diffuse, truth.specular, truth.face)


def bright_mask(picture: np.ndarray, face: np.ndarray) -> np.ndarray:
    """(h, w) bool: what a mere threshold of brightness takes for highlights of a photo."""
    grey = luminance(srgb_to_linear(picture))
    return grey > BRIGHTER * np.median(grey[face])


def highlight_rows(capture: Capture, highlights: Highlights, truth: Truth) -> Iterator[Row]:
    """Of each view: the matte picture and the mask, and the same of the photo itself."""
    for view, image in enumerate(capture.image):
        if not np.isin(working_labels(capture, truth, view), FACE).sum() >= FEWEST:
            continue
        true = matte_truth(capture, truth, view)
        found = {
            FIT: (highlights.diffuse[view], highlights.probability[view] > 127),
            UNTOUCHED: (image, np.zeros(image.shape[:2], bool)),
        }
        for who, (picture, mask) in found.items():
            score = removal_of(picture, true)
            yield Row(who, "removal.psnr", score.face.psnr_db, view)
            yield Row(who, "removal.ssim", score.face.ssim, view)
            if score.highlight is not None:
                yield Row(who, "removal.highlight_psnr", score.highlight.psnr_db, view)
                yield Row(who, "removal.highlight_ssim", score.highlight.ssim, view)
            overlap = score_mask(mask, true.highlight, true.face)
            yield Row(who, "mask.ber", 100 * overlap.ber, view)
            yield Row(who, "mask.accuracy", 100 * overlap.accuracy, view)
