"""From the part of a head that was seen to the whole of it."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from lib.render import sample_texture
from lib.texture.chart import Chart
from lib.texture.judge import judge, skin_factor
from lib.texture.options import TextureOptions
from lib.texture.seen import Seen

STEP_MM = 3.0  # the step at the border of the seen part follows the photo down to this size
STEP_REACH_MM = 20.0  # how far it is carried into the unseen
LASHES = 0.5  # share of what is dark on lids that is not carried on to the skin around
SURE = (0.6, 0.9)  # trust of what is carried: not below, fully above; no hair is spread out
GAP_SHARE = 0.003  # of the chart's width; how far a gap at the eyes is closed from its sides
GAP_KNOWN = 0.15  # share of the surroundings that must be seen
CLIPPED = 0.97  # linear; brighter colours are not the skin's
LEAST_UNCLIPPED = 0.2  # of what is trusted; with less the clipped count, too
MEDIAN_ROUNDS = 3
EVERY = 16  # texels of the skin, of which one tells the median
FAR_CHANGE = 0.5  # log; how far the unseen may be brought to the median of the seen
LEAST_SEEN = 0.002  # share of the texels; with fewer the texture is the prior alone


def complete(
    chart: Chart, seen: Seen, prior: np.ndarray, options: TextureOptions
) -> tuple[np.ndarray, np.ndarray]:
    """Log colour (n, 3) of every texel and the share (n,) of it that comes from photos.

    Args:
        chart: of the head model.
        seen: the photos' part.
        prior: (n, 3) log colour of the fitted albedo under the fitted light.
        options: settings.

    Source: the step at the border is taken up as by Perez, Gangnet & Blake 2003, Poisson image
        editing, on the surface instead of the chart and in the logarithm.
    """
    weight = seen.weight * skin_factor(chart, seen, options)
    if (weight > 0.3).mean() < LEAST_SEEN:
        return prior, np.zeros(len(prior), np.float32)
    tone, far, trusted = judge(chart, seen, weight, prior, options)
    base = prior + tone
    detail = (seen.log_rgb - base) * (trusted > 0)[:, None]
    surface = (chart.skin | chart.eye).astype(np.float32)
    fill, known = _mirrored(chart, detail, trusted * chart.skin * np.float32(options.mirror_weight))
    told = detail * (1 - LASHES * chart.lids * chart.skin)[:, None]
    step, share = chart.gather(told, trusted * surface)
    carry = _carrier(chart, share)
    fill += carry(step) * ((1 - known) * surface)[:, None]
    fill += carry(chart.gather(told - fill, trusted * surface)[0]) * surface[:, None]
    _close_gaps(chart, fill, detail, trusted)
    log_rgb = base + fill + trusted[:, None] * (detail - fill)
    far *= 1 - trusted
    log_rgb += far[:, None] * _to_median(chart, seen.log_rgb, log_rgb, trusted, far)
    return log_rgb, trusted.astype(np.float32)


def _close_gaps(chart: Chart, fill: np.ndarray, detail: np.ndarray, weight: np.ndarray) -> None:
    """Close narrow gaps of fill (n, 3) at the eyes, such as the rims of the lids, on the chart.

    What is next to them, lashes, is seen; the skin further away would be a pale line.
    """
    of = np.flatnonzero(chart.eye | (chart.lids > 0))
    if not len(of):
        return
    row, column = np.divmod(chart.texel[of], chart.size[1])
    row, column = row - row.min(), column - column.min()
    picture = np.zeros((row.max() + 1, column.max() + 1, 4), np.float32)
    picture[row, column] = np.column_stack([detail[of] * weight[of, None], weight[of]])
    window = 2 * max(round(GAP_SHARE * chart.size[1]), 1) + 1
    around = cv2.blur(picture, (window, window))[row, column]
    near = np.clip(around[:, 3] / GAP_KNOWN, 0, 1) * np.where(chart.eye[of], 1, chart.lids[of])
    mean = around[:, :3] / np.maximum(around[:, 3:], 1e-6)
    fill[of] += near[:, None] * (mean - fill[of])


def _carrier(chart: Chart, share: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Carries steps (V, 3) smoothly on to texels (n, 3), from where their share (V,) is sure."""
    sure = share * np.clip((share - SURE[0]) / (SURE[1] - SURE[0]), 0, 1)
    solve = chart.membrane.solver(sure, STEP_MM, STEP_REACH_MM)
    return lambda step: chart.spread(solve(step, np.zeros(3)))


def _mirrored(
    chart: Chart, detail: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Detail of the other side of the face (n, 3), faded out where that was not seen (n,)."""
    premultiplied = np.column_stack([detail * weight[:, None], weight])
    other = sample_texture(chart.picture(premultiplied), chart.mirror_uv)
    return other[:, :3], other[:, 3]


def _to_median(
    chart: Chart, log_rgb: np.ndarray, made: np.ndarray, trusted: np.ndarray, far: np.ndarray
) -> np.ndarray:
    """(3,) what to add to the tone far from skin, so that the unseen has the median of the seen.

    Args:
        chart: of the head model.
        log_rgb: (n, 3) what the photos show.
        made: (n, 3) log colour so far.
        trusted: (n,) how far the photo shows the face's own.
        far: (n,) 0..1 how far it is a guess.
    """
    some = np.flatnonzero(chart.skin & (chart.feature < 0.1))[::EVERY]
    found = log_rgb[some[trusted[some] > 0.6]]
    unseen = some[trusted[some] < 0.02]
    if not len(found) or not len(unseen):
        return np.zeros(3, np.float32)
    full = found[found.max(axis=1) < np.log(CLIPPED)]
    if len(full) > LEAST_UNCLIPPED * len(found):
        found = full
    usual, share = np.median(found, axis=0), far[unseen, None]
    change = np.zeros(3)
    for _ in range(MEDIAN_ROUNDS):
        off = usual - np.median(made[unseen] + share * change, axis=0)
        change += off / max(float(share.mean()), 0.2)
    return np.clip(change, -FAR_CHANGE, FAR_CHANGE).astype(np.float32)
