"""The colour that several views agree on, texel by texel, and which of them do not agree."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.imaging import luminance
from lib.texture.chart import Chart
from lib.texture.harmony import slow_part
from lib.uvspace.shown import ramp

BLOCK = 1 << 16  # texels at a time
OUTLIER = 0.22  # log; a view that is this far off over `AROUND` counts half
AROUND = 0.004  # of the chart's width: about two millimetres of a face
STRAY = 0.1  # log; a texel that is this far off counts half where the views agree
STRAY_SPREAD = 2.0  # times the views' own disagreement around is added to that
STRAY_AROUND = 0.0008  # of the chart's width: less than half a millimetre
HIGHLIGHT = (0.04, 0.2)  # log; brighter than the others: kept below, held back above
HIGHLIGHT_LEFT = 0.05  # weight of a highlight where nothing else is seen
FOCUS_GRAIN = 1.5  # texels; finer structure tells how sharp a view is
FOCUS_CLIP = 0.1  # log; lashes, hair and edges of highlights are not focus
FOCUS_AROUND = 0.05  # of the chart's width
FOCUS = (0.3, 0.6)  # sharpness beside the sharpest: held back below, kept above
FOCUS_LEFT = 0.05
SEEN = 1e-3  # trust from which a texel is seen


@dataclass(frozen=True)
class Consensus:
    """What views agree on, on a coarse chart.

    Args:
        log_rgb: (n, 3) float32 robust mean of the harmonised views; 0 where nothing is seen.
        inlier: (n_views, n) float32 0..1: how far a view agrees.
        quality: (n_views, n) float32: the weight of a view among others, agreement included.
        slow: (n_views, V, 3) float32 log: what each view exceeds the others by, per vertex.
    """

    log_rgb: np.ndarray
    inlier: np.ndarray
    quality: np.ndarray
    slow: np.ndarray


def agree(chart: Chart, log_rgb: np.ndarray, trust: np.ndarray, quality: np.ndarray) -> Consensus:
    """Robust mean of views: medians tell outliers, then slow differences are taken out.

    Args:
        chart: coarse chart.
        log_rgb: (n_views, n, 3) log colours, exposures made equal.
        trust: (n_views, n) 0..1 how far a pixel shows the texel.
        quality: (n_views, n) 0..1 weight of a view among others.
    """
    votes = np.sqrt(quality)  # so that one view, however good, does not outvote all others
    middle = weighted_median(log_rgb, votes)
    inlier, dull = _judged(chart, log_rgb - middle, trust)
    quality = quality * focus(chart, luminance(log_rgb), trust * inlier)
    mean = _mean(log_rgb, quality * inlier * dull, middle)
    slow = np.stack(
        [
            slow_part(chart, colour - mean, weight)
            for colour, weight in zip(log_rgb, trust * inlier, strict=True)
        ]
    )
    level = np.stack(
        [colour - chart.spread(field) for colour, field in zip(log_rgb, slow, strict=True)]
    )
    middle = weighted_median(level, votes)
    inlier, dull = _judged(chart, level - middle, trust)
    weight = quality * inlier * dull
    seen = (trust > SEEN).any(axis=0)
    return Consensus(_mean(level, weight, middle) * seen[:, None], inlier, weight, slow)


def weighted_median(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(n, C) float32 median of (n_views, n, C) values with weights (n_views, n), per channel.

    Between the two middle values it moves with the weights, so that it has no steps.
    """
    result = np.zeros(values.shape[1:], np.float32)
    for start in range(0, values.shape[1], BLOCK):
        part, share = values[:, start : start + BLOCK], weight[:, start : start + BLOCK, None]
        order = np.argsort(part, axis=0, kind="stable")
        part = np.take_along_axis(part, order, axis=0)
        share = np.take_along_axis(np.broadcast_to(share, part.shape), order, axis=0)
        result[start : start + BLOCK] = _middle(part, share)
    return result


def _middle(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(k, C) medians of sorted (n_views, k, C) values: mean over the middle third of the weight."""
    total = weight.sum(axis=0)
    end = np.cumsum(weight, axis=0)
    low, high = total / 3, total * 2 / 3
    within = np.minimum(end, high) - np.maximum(end - weight, low)
    within = np.maximum(within, 0)
    return (values * within).sum(axis=0) / np.maximum(within.sum(axis=0), 1e-12)


def _mean(values: np.ndarray, weight: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """(n, 3) weighted means; `otherwise` (n, 3) where no weight is left."""
    total, mean = np.zeros(values.shape[1], np.float32), np.zeros(values.shape[1:], np.float32)
    for part, share in zip(values, weight, strict=True):
        mean += part * share[:, None]
        total += share
    known = total > 1e-9
    return np.where(known[:, None], mean / np.maximum(total, 1e-9)[:, None], otherwise)


def _judged(chart: Chart, residual: np.ndarray, trust: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n_views, n) 0..1 each: agreement with the others, and absence of a highlight.

    A view is an outlier where it is off as a whole, as by a hand, and in single texels that are off
    where views otherwise agree, such as a lash before a cheek; brows differ between all views.
    """
    agreeing, dull, stray = np.ones_like(trust), np.ones_like(trust), np.zeros_like(trust)
    for view, (off, weight) in enumerate(zip(residual, trust, strict=True)):
        of = np.flatnonzero(weight > SEEN)
        near = around(chart, off, weight, AROUND)[of]
        size = np.abs(near).max(axis=1) / OUTLIER
        agreeing[view, of] = 1 / (1 + size**4)
        dull[view, of] = 1 - (1 - HIGHLIGHT_LEFT) * ramp(luminance(near), *HIGHLIGHT)
        stray[view, of] = np.abs(around(chart, off, weight, STRAY_AROUND)[of]).max(axis=1)
    usual = weighted_median(stray[..., None], np.where(trust > SEEN, trust, 0))
    usual = around(chart, usual, trust.max(axis=0), AROUND)[:, 0]
    agreeing /= 1 + (stray / (STRAY + STRAY_SPREAD * usual)) ** 4
    return agreeing, dull


def around(chart: Chart, values: np.ndarray, weight: np.ndarray, share: float) -> np.ndarray:
    """(n, C) weighted means over texels nearby on the chart, 0 where nothing is."""
    sigma = max(share * chart.size[1], 0.5)
    picture = chart.picture(np.column_stack([values * weight[:, None], weight]))
    blurred = cv2.GaussianBlur(picture, (0, 0), sigma).reshape(-1, picture.shape[2])[chart.texel]
    return blurred[:, :-1] / np.maximum(blurred[:, -1:], 1e-6)


def focus(chart: Chart, grey: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """(n_views, n) 0..1: lower where a view is less sharp than the sharpest, noise aside.

    With three views or more the second sharpest is the measure: a noisy view looks sharp.

    Args:
        chart: coarse chart.
        grey: (n_views, n) log luminance.
        trust: (n_views, n) 0..1.
    """
    sharpness = np.zeros_like(trust)
    for view, (values, weight) in enumerate(zip(grey, trust, strict=True)):
        smooth = around(chart, values[:, None], weight, FOCUS_GRAIN / chart.size[1])
        fine = np.minimum(np.abs(values - smooth[:, 0]), FOCUS_CLIP)
        sharpness[view] = around(chart, fine[:, None], weight, FOCUS_AROUND)[:, 0]
        sharpness[view] *= weight > SEEN
    rank = 2 if len(trust) > 2 else 1
    best = np.sort(sharpness, axis=0)[-rank]
    ratio = sharpness / np.maximum(best, 1e-6)
    return (FOCUS_LEFT + (1 - FOCUS_LEFT) * ramp(ratio, *FOCUS)).astype(np.float32)
