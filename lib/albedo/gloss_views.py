"""Gloss of skin by what calibrated views show mirrored: roughness and reflectance beside usual.

The light is what explains the views with the usual gloss; then, around each place, how sharply and
how strongly skin mirrors it. A common strength or roughness of all skin cannot be told from the
light's level and sharpness, so that the medians over the skin stay what is usual.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.interpolate import CubicSpline

from lib.albedo.chart import HeadChart
from lib.albedo.mirrored import (
    MirroredLight,
    Places,
    differences,
    fit_mirrored_light,
    mirrored,
    with_gloss,
)
from lib.albedo.photo import Source
from lib.albedo.places import FEWEST, Lattice, skin_places

logger = logging.getLogger(__name__)

TRIED = np.linspace(-0.6, 0.6, 7)  # log factors on the usual roughness
ROUGHNESS = np.linspace(-0.6, 0.6, 37)  # what is told of it: sums between those tried are splines
BETWEEN = CubicSpline(TRIED, np.eye(len(TRIED)))(ROUGHNESS)
STRENGTH = np.linspace(-1.2, 1.2, 25)
ROUGHNESS_SIGMA = 0.25  # of its logarithm beside the region's
REFLECTANCE_SIGMA = 0.15  # Weyrich et al. 2006 and refractive indices of 1.38 to 1.46
HIDDEN_SIGMA = 0.3  # of the mirrored light's strength, by what hides light and is not modelled
STRENGTH_SIGMA = float(np.hypot(REFLECTANCE_SIGMA, HIDDEN_SIGMA))
AROUND_MM = 4.0  # Gaussian neighbourhood in which gloss is one
ALIKE_MM = 4.0  # within which errors of views and normals are alike
FLOOR, TEXTURE, SHARP = 0.004, 0.05, 0.3  # errors: linear light, shares of matte and mirrored light
OUTLIER = 4.0  # times the variance, beyond which a difference counts less
FEWEST_PLACES = 300
FOLDS = 3
LEAST = 1e-12
LEAST_FREE = 1.0  # independent differences; of fewer nothing is told
CHUNK = 2048


@dataclass(frozen=True)
class ToldGloss:
    """What views tell of the gloss beside what is usual.

    Args:
        log_factor: (rows, cols, 2) float32 on reflectance and roughness; 0 = usual.
        weight: (rows, cols, 2) float32 0..1: 1 - posterior over prior variance.
    """

    log_factor: np.ndarray
    weight: np.ndarray


def gloss_of_views(
    chart: HeadChart, sources: Sequence[Source], usual: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Reflectance and roughness that all captures of one person agree on, and how far views told.

    Args:
        chart: of the head.
        sources: captures of one person; those of calibrated views with highlights apart count.
        usual: (rows, cols, 2) of `usual_gloss`.

    Returns:
        (rows, cols, 2) float32 gloss; (rows, cols) float32 0..1: mean weight of both maps.
    """
    precision = np.ones_like(usual)
    pull = np.zeros_like(usual)
    for source in sources:
        if source.measured and source.highlights is not None:
            told = _told(chart, source, usual)
            own = 1 / (1 - np.minimum(told.weight, 0.99))
            precision += own - 1
            pull += own * told.log_factor
    gloss = usual * np.exp(pull / precision)
    return gloss.astype(np.float32), (1 - 1 / precision).mean(axis=2).astype(np.float32)


def _told(chart: HeadChart, source: Source, usual: np.ndarray) -> ToldGloss:
    """Of one capture, on the chart; nothing where too little skin is seen by several views."""
    places, lattice = skin_places(chart, source, usual)
    if len(places) < FEWEST_PLACES:
        logger.info("Gloss: %d places of skin in several views; it stays as usual.", len(places))
        return ToldGloss(np.zeros_like(usual), np.zeros_like(usual))
    told = told_gloss(places, lattice)
    bare = np.clip(chart.fields.bare * (1 - chart.hair) * chart.outer, 0, 1)[..., None]
    side = chart.size[::-1]
    wide = [cv2.resize(plane, side, interpolation=cv2.INTER_LINEAR) * bare for plane in
            (told.log_factor, told.weight)]  # fmt: skip
    return ToldGloss(*wide)


def told_gloss(places: Places, lattice: Lattice) -> ToldGloss:
    """What views tell of the gloss of places, as far as it foresees views that had no say in it.

    Every third view is kept out in turn. Of what the others tell, the share is taken by which the
    brightness of those kept out is foreseen best, the least of the three.
    """
    told = _around(places, lattice)
    share = min(_foreseen(places, lattice, first) for first in range(FOLDS))
    logger.info("Gloss: of what views tell, %.2f foresees others.", share)
    return ToldGloss(share * told.log_factor, share * told.weight)


def _around(places: Places, lattice: Lattice) -> ToldGloss:
    """The gloss around every place of a lattice that explains the views best.

    With B the light that the places mirror with the usual gloss but r times its roughness, M what
    differs between the views, and RSS their squares around a place by the weights of the errors,

        log p(s, r) = -n/2 log RSS(M - s B_r) - (log s)^2 / 2 sigma_s^2 - (log r)^2 / 2 sigma_r^2,

    n being how many differences are independent, times the square of the share that mirrored light
    explains: where hair, shadows or a wrong shape make more of them, they tell little. Of the
    strength s, the share of reflectance's own variance is believed.
    """
    sums = _squares(places, fit_mirrored_light(places))
    around = AROUND_MM / lattice.pitch_mm
    spread = cv2.GaussianBlur(lattice.laid_out(sums), (0, 0), around)
    spread *= 2 * np.pi * around**2
    spread[..., -1] *= min(1.0, (lattice.pitch_mm / ALIKE_MM) ** 2)
    mean, weight = _posterior(spread.reshape(-1, sums.shape[1]).astype(np.float64))
    mean -= np.median(mean[lattice.cell], axis=0)
    share = np.array([(REFLECTANCE_SIGMA / STRENGTH_SIGMA) ** 2, 1])
    size = (*lattice.shape, 2)
    return ToldGloss(
        (mean * share * (weight > 0)).reshape(size).astype(np.float32),
        (weight * share).reshape(size).astype(np.float32),
    )


def _foreseen(places: Places, lattice: Lattice, first: int) -> float:
    """0..1: the share of what other views tell that foresees every third view best."""
    out = np.arange(len(places.bright)) % FOLDS == first
    rows = np.flatnonzero((places.weight[~out] > 0).sum(axis=0) >= FEWEST)
    known, kept_out = places.at(rows).of_views(~out), places.at(rows).of_views(out)
    if len(rows) < FEWEST_PLACES or not kept_out.weight.any():
        return 0.0
    part = replace(lattice, cell=lattice.cell[rows])
    factor = _around(known, part).log_factor.reshape(-1, 2)[part.cell]
    usual, told = (_brightness(known, kept_out, known.gloss * how) for how in (1, np.exp(factor)))
    step, left = told - usual, kept_out.bright - usual
    variance = FLOOR**2 + (TEXTURE * usual) ** 2
    weight = kept_out.weight / (variance + left**2 / OUTLIER)
    best = (weight * left * step).sum() / max((weight * step**2).sum(), LEAST)
    return float(np.clip(best, 0, 1))


def _brightness(known: Places, others: Places, gloss: np.ndarray) -> np.ndarray:
    """(k, n) brightness of places in other views, by their gloss and the light on known views."""
    known, others = with_gloss(known, gloss), with_gloss(others, gloss)
    light = fit_mirrored_light(known)
    made, wanted = (
        gloss[:, 0] * lobe + rim for lobe, rim in (mirrored(of, light) for of in (known, others))
    )
    matte = (known.weight * (known.bright - made)).sum(axis=0)
    return wanted + matte / np.maximum(known.weight.sum(axis=0), LEAST)


def _squares(places: Places, light: MirroredLight) -> np.ndarray:
    """(n, 3 r + 1) sums over the views, by which RSS is a square of s; and how many differ.

    For each roughness: B B, B M and M M, B being mirrored with the usual reflectance and M what is
    left without the rim. A view counts less where more is wrong, and more where it fits.
    """
    usual = places.gloss
    lobe, rim = mirrored(places, light)
    made = usual[:, 0] * lobe + rim
    seen = np.maximum(places.weight.sum(axis=0), LEAST)
    matte = (places.weight * (places.bright - made)).sum(axis=0) / seen
    variance = FLOOR**2 + (TEXTURE * matte) ** 2 + (SHARP * made) ** 2
    off = differences(places.bright - made, places.weight)
    weight = places.weight / (variance + off**2 / OUTLIER)
    columns = []
    for log_roughness in TRIED:
        tried = usual * np.array([1, np.exp(log_roughness)])
        lobe, rim = mirrored(with_gloss(places, tried), light)
        one = differences(usual[:, 0] * lobe, weight)
        left = differences(places.bright - rim, weight)
        columns += [(weight * pair).sum(axis=0) for pair in (one * one, one * left, left * left)]
    free = np.maximum((places.weight > 0).sum(axis=0) - 2, 0)
    return np.stack([*columns, free], axis=1).astype(np.float32)


def _posterior(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) mean log strength and roughness of `told_gloss`, and (n, 2) how far they are told.

    Args:
        sums: (n, 3 r + 1) of `_squares` around every place of a lattice.
    """
    mean, weight = np.zeros((len(sums), 2)), np.zeros((len(sums), 2))
    near = np.flatnonzero(sums[:, -1] > LEAST_FREE)
    prior = (
        -0.5 * (STRENGTH / STRENGTH_SIGMA) ** 2 - 0.5 * (ROUGHNESS[:, None] / ROUGHNESS_SIGMA) ** 2
    )
    _, usual = _moments(prior[None])
    for rows in np.array_split(near, len(near) // CHUNK + 1):
        one, both, left = ((sums[rows, first:-1:3] @ BETWEEN.T)[..., None] for first in range(3))
        squares = one * np.exp(2 * STRENGTH) - 2 * both * np.exp(STRENGTH) + left
        squares = np.maximum(squares, LEAST)
        explained = 1 - squares.min(axis=(1, 2)) / np.maximum(left[:, :, 0].max(axis=1), LEAST)
        free = (sums[rows, -1] * np.clip(explained, 0, 1) ** 2)[:, None, None]
        mean[rows], variance = _moments(prior - 0.5 * free * np.log(squares))
        weight[rows] = 1 - np.minimum(variance / usual, 1)
    return mean, weight


def _moments(log_density: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (n, 2) and variance (n, 2) of log strength and roughness, of (n, r, s) log densities."""
    density = np.exp(log_density - log_density.max(axis=(1, 2), keepdims=True))
    density /= density.sum(axis=(1, 2), keepdims=True)
    sides = (density.sum(axis=1), STRENGTH), (density.sum(axis=2), ROUGHNESS)
    mean = np.stack([share @ value for share, value in sides], axis=1)
    square = np.stack([share @ value**2 for share, value in sides], axis=1)
    return mean, square - mean**2
