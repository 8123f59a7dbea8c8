"""From the part of a head that was seen to the whole of it."""

from __future__ import annotations

import numpy as np

from lib.render import sample_texture
from lib.texture.chart import Chart
from lib.texture.judge import judge, skin_factor
from lib.texture.options import TextureOptions
from lib.texture.seen import Seen

STEP_MM = 3.0  # the step at the border of the seen part follows the photo down to this size
STEP_REACH_MM = 20.0  # how far it is carried into the unseen
SURE = (0.6, 0.9)  # trust of what is carried: not below, fully above; no hair is spread out
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
    tone, trusted = judge(chart, seen, weight, prior, options)
    base = prior + tone
    detail = (seen.log_rgb - base) * (trusted > 0)[:, None]
    surface = (chart.skin | chart.eye).astype(np.float32)
    fill, known = _mirrored(chart, detail, trusted * chart.skin * np.float32(options.mirror_weight))
    fill += _carried(chart, detail, trusted * surface) * ((1 - known) * surface)[:, None]
    fill += _carried(chart, detail - fill, trusted * surface) * surface[:, None]
    return base + fill + trusted[:, None] * (detail - fill), trusted.astype(np.float32)


def _carried(chart: Chart, detail: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(n, 3) smooth continuation of detail (n, 3) from where it is sure to where it is not."""
    step, share = chart.gather(detail, weight)
    sure = share * np.clip((share - SURE[0]) / (SURE[1] - SURE[0]), 0, 1)
    return chart.spread(chart.membrane.solve(step, sure, STEP_MM, np.zeros(3), STEP_REACH_MM))


def _mirrored(
    chart: Chart, detail: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Detail of the other side of the face (n, 3), faded out where that was not seen (n,)."""
    premultiplied = np.column_stack([detail * weight[:, None], weight])
    other = sample_texture(chart.picture(premultiplied), chart.mirror_uv)
    return other[:, :3], other[:, 3]
