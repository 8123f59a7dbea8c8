"""From the skin that photos show to the whole chart: no hole, no seam, no light."""

from __future__ import annotations

import cv2
import numpy as np

from lib.albedo.chart import HeadChart
from lib.uvspace.heads import at_vertices
from lib.uvspace.masked import masked_gaussian

DARKEST = 0.004  # linear
STEP_MM, REACH_MM = 6.0, 60.0  # the tone follows what was seen to this size, reaches this far
LIPS, LIPS_KNOWN = 0.012, 0.05  # of the chart's side; share that must be seen around
SURE = 0.3  # weight from which a texel tells the tone around


def complete(
    chart: HeadChart, rgb: np.ndarray, weight: np.ndarray, usual: np.ndarray
) -> np.ndarray:
    """(rows, cols, 3) float32 linear albedo of the skin, free of holes.

    The usual albedo times a tone that is smooth on the surface, times detail that is taken from the
    other side of the face where only that was seen.

    Args:
        chart: of the head model.
        rgb: (rows, cols, 3) albedo that was seen.
        weight: (rows, cols) 0..1.
        usual: (rows, cols, 3) albedo of the fitted head.
    """
    base = np.log(np.maximum(usual, DARKEST))
    weight = weight * chart.skin
    off = (np.log(np.maximum(rgb, DARKEST)) - base) * (weight > 0)[..., None]
    sure = (weight > SURE) & (chart.feature < SURE) & chart.outer
    if not sure.any():
        return np.exp(base).astype(np.float32)
    tone = _with_lips(chart, off, weight, _carried(chart, off, sure))
    detail = (off - tone) * weight[..., None]
    other = chart.mirrored(np.dstack([detail, weight]))
    filled = tone + other[..., :3] * (1 - weight)[..., None] + detail
    return np.exp(base + filled).astype(np.float32)


def _with_lips(
    chart: HeadChart, off: np.ndarray, weight: np.ndarray, tone: np.ndarray
) -> np.ndarray:
    """(rows, cols, 3) the tone of the skin, and on lips the tone of lips that were seen near."""
    sigma = LIPS * chart.size[0]
    seen = (weight * chart.fields.lips).astype(np.float32)
    share = np.clip(cv2.GaussianBlur(seen, (0, 0), sigma) / LIPS_KNOWN, 0, 1) * chart.fields.lips
    near = masked_gaussian(off, seen, sigma)
    return tone + share[..., None] * (near - tone)


def _carried(chart: HeadChart, off: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """(rows, cols, 3) smooth tone on the surface that is `off` (rows, cols, 3) where sure."""
    value, _ = at_vertices(chart.model, off, sure)
    share = at_vertices(chart.model, np.where(sure, 1.0, 0.0)[..., None], chart.outer)[0][:, 0]
    rest = np.median(off[sure], axis=0)
    solve = chart.surface.solver(np.clip(share, 0, 1), STEP_MM, REACH_MM)
    return chart.spread(solve(value, rest))
