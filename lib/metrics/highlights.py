"""Errors of highlight removal and of highlight masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.errors import ShapeError
from lib.metrics.distances import NothingToScore
from lib.metrics.images import ImageScore, score_image

BRIGHT = 0.25  # sRGB-encoded specular above this, about 0.05 of linear light, is a highlight
FEWEST_PIXELS = 50  # of a highlight area that is scored
BLACK = 0.02  # sum of channels of true pixels that are background


@dataclass(frozen=True)
class RemovalScore:
    """Differences of a highlight-free picture to the true one.

    Args:
        face: inside the mask.
        highlight: inside the mask where the truth has a highlight; None without a true specular
            picture, or where it has hardly one.
    """

    face: ImageScore
    highlight: ImageScore | None


@dataclass(frozen=True)
class MaskScore:
    """Overlap of a highlight mask with the true one.

    Args:
        accuracy: share 0..1 of pixels that are right.
        ber: balanced error rate 0..1, the mean of the error rates of highlight and of the rest;
            NaN where the truth lacks either. Published tables have it in percent.
        iou: intersection over union of the highlight; NaN where neither has any.
        precision: share of found highlight that is true; NaN where none is found.
        recall: share of true highlight that is found; NaN where there is none.
    """

    accuracy: float
    ber: float
    iou: float
    precision: float
    recall: float


def score_removal(
    found: np.ndarray,
    true: np.ndarray,
    specular: np.ndarray | None = None,
    mask: np.ndarray | None = None,
) -> RemovalScore:
    """PSNR, SSIM and mean error of a highlight-free picture.

    The score of doing nothing is that of the input picture in place of `found`.

    Args:
        found: (h, w, 3) sRGB-encoded 0..1.
        true: (h, w, 3) the diffuse truth.
        specular: (h, w, 3) the true specular part, sRGB-encoded; a highlight is where its largest
            channel exceeds 0.25.
        mask: (h, w) bool; None = where the truth is not black.

    Raises:
        ShapeError: arrays do not fit together.
        NothingToScore: the mask is empty.
    """
    if mask is None:
        mask = np.asarray(true, np.float64).sum(axis=2) > BLACK
    face = score_image(found, true, mask)
    if specular is None:
        return RemovalScore(face, None)
    bright = (np.asarray(specular).max(axis=2) > BRIGHT) & mask
    some = bright.sum() > FEWEST_PIXELS
    return RemovalScore(face, score_image(found, true, bright) if some else None)


def score_mask(found: np.ndarray, true: np.ndarray, mask: np.ndarray | None = None) -> MaskScore:
    """Accuracy, balanced error rate and overlap of a highlight mask.

    Args:
        found: (h, w) bool, or a probability that counts from 0.5 on.
        true: (h, w) likewise.
        mask: (h, w) bool: pixels that count; None = all.

    Raises:
        ShapeError: arrays do not fit together.
        NothingToScore: no pixel counts.

    Source: Fu et al. 2020, Learning to detect specular highlights from real-world images (ACM MM),
    for the balanced error rate and accuracy.
    """
    if np.shape(found) != np.shape(true):
        raise ShapeError("found", np.shape(found), f"{np.shape(true)} as true")
    chosen = np.ones(np.shape(true), bool) if mask is None else np.asarray(mask, bool)
    if not chosen.any():
        raise NothingToScore("The mask is empty, expected at least one pixel that counts.")
    here, there = (_as_bool(picture)[chosen] for picture in (found, true))
    hit, right_rest = int((here & there).sum()), int((~here & ~there).sum())
    n_true, n_found, n_all = int(there.sum()), int(here.sum()), len(there)
    recall, rest = _share(hit, n_true), _share(right_rest, n_all - n_true)
    return MaskScore(
        accuracy=(hit + right_rest) / n_all,
        ber=1 - (recall + rest) / 2,
        iou=_share(hit, n_true + n_found - hit),
        precision=_share(hit, n_found),
        recall=recall,
    )


def _as_bool(picture: np.ndarray) -> np.ndarray:
    picture = np.asarray(picture)
    return picture if picture.dtype == bool else picture >= 0.5


def _share(count: int, of: int) -> float:
    return count / of if of else float("nan")
