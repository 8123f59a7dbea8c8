"""From the part of a head that was seen to the whole of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.imaging import luminance
from lib.render import sample_texture
from lib.texture.chart import Chart
from lib.texture.options import TextureOptions

TONE_MM = 14.0  # the tone follows the photo down to this size
STEP_MM = 3.0  # the step at the border of the seen part likewise
TONE_REACH_MM = 60.0  # how far into the unseen the tone of the nearest skin holds
STEP_REACH_MM = 20.0
OUTLIER_LUMINANCE, OUTLIER_CHROMA = 0.8, 0.25  # log; a skin colour this far off counts half
COLD_GREEN, COLD_BLUE = 0.6, 1.1  # log; excess over red where even a brow or beard counts half
OUTLIER_ROUNDS = 3
SHADOW = 0.4  # of the usual brightness; what is darker counts less for the tone
LEAST_SEEN = 0.002  # share of the texels; with fewer the texture is the prior alone
LEAST_EYE = 100  # texels of the eyes; with fewer their light is the skin's
EYE_CHROMA = 0.1  # log; tint that their white may take from a photo
MOUTH_SHADE = 0.5  # light that reaches the inside of the mouth


@dataclass(frozen=True)
class Seen:
    """What all views together show.

    Args:
        log_rgb: (n, 3) float32.
        weight: (n,) 0..1: how far it is known to belong to the texel.
        expected_skin: (n,) 0..1 skin mask.
    """

    log_rgb: np.ndarray
    weight: np.ndarray
    expected_skin: np.ndarray


def log_colour(rgb: np.ndarray, offset: float) -> np.ndarray:
    """(..., 3) float32 logarithm of linear RGB plus an offset, which keeps noise in black small."""
    return np.log(np.maximum(rgb, 0) + np.float32(offset)).astype(np.float32)


def linear_colour(log_rgb: np.ndarray, offset: float) -> np.ndarray:
    """Inverse of `log_colour`, not below black."""
    return np.maximum(np.exp(log_rgb) - np.float32(offset), 0)


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
    weight = seen.weight * _skin_factor(chart, seen, options)
    if (weight > 0.3).mean() < LEAST_SEEN:
        return prior, np.zeros(len(prior), np.float32)
    ratio = seen.log_rgb - prior
    tone, trusted = _tone(chart, ratio, weight, _lit(seen.log_rgb, weight), options)
    base = prior + tone
    detail = (seen.log_rgb - base) * (trusted > 0)[:, None]
    fill = _mirrored(chart, detail, trusted * chart.skin) * np.float32(options.mirror_weight)
    surface = (chart.skin | chart.eye).astype(np.float32)
    step, share = chart.gather(detail - fill, trusted * surface)
    carried = chart.membrane.solve(step, share, STEP_MM, np.zeros(3), STEP_REACH_MM)
    fill += chart.spread(carried) * surface[:, None]
    return base + fill + trusted[:, None] * (detail - fill), trusted.astype(np.float32)


def _lit(log_rgb: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(n,) float32 how far a texel tells the tone: deep shadows tell little."""
    brightness = luminance(log_rgb)
    usual = np.median(brightness[weight > 0.3])
    return np.clip(np.exp(brightness - usual) / SHADOW, 0.02, 1).astype(np.float32)


def _skin_factor(chart: Chart, seen: Seen, options: TextureOptions) -> np.ndarray:
    """(n,) 0..1: how far the skin mask lets a texel count.

    Inside the face brows, lips, beard and shadows are right although they are not bare skin.
    """
    is_skin = np.clip((seen.expected_skin - 0.15) / 0.4, 0, 1)
    allowed = np.maximum(chart.feature, chart.central)
    factor = is_skin + (1 - is_skin) * allowed
    factor = np.where(chart.skin, factor, 1)
    return 1 - options.skin_weight * (1 - factor)


def _tone(
    chart: Chart,
    ratio: np.ndarray,
    weight: np.ndarray,
    lit: np.ndarray,
    options: TextureOptions,
) -> tuple[np.ndarray, np.ndarray]:
    """Smooth log correction (n, 3) of the prior, and weights (n,) without what is not skin.

    Colours that the smooth correction cannot explain, such as hair, background or a hand, lose
    weight, and the correction is found again without them.
    """
    on_skin = weight * lit * chart.skin * (1 - chart.feature)
    data, share = chart.gather(ratio, on_skin)
    known = share > 0.05
    if not known.any():
        known = share > 0
    rest = np.median(data[known], axis=0) if known.any() else np.zeros(3)
    tone, inlier = np.tile(rest, (len(data), 1)), np.ones(len(data))
    for _ in range(OUTLIER_ROUNDS if options.outlier_weight > 0 else 1):
        inlier = 1 - options.outlier_weight * (1 - _fits(data - tone))
        rest = _weighted_median(data, share * inlier)
        tone = chart.membrane.solve(data, share * inlier, TONE_MM, rest, TONE_REACH_MM)
    base = chart.spread(tone)
    kept = chart.spread(chart.membrane.least_around(inlier)[:, None])[:, 0]
    odd = options.outlier_weight * (1 - _fits(ratio - base))  # fine: beside what is not skin
    kept = kept * (1 - (1 - kept) * odd)
    allowed = np.maximum(chart.feature, 0.9 * chart.central) * _warm(ratio - base)
    kept = np.where(chart.skin, kept + (1 - kept) * allowed, 1)
    inside = _inner_tone(chart, ratio, weight, rest)
    return np.where(chart.skin[:, None], base, inside).astype(np.float32), weight * kept


def _inner_tone(
    chart: Chart, ratio: np.ndarray, weight: np.ndarray, skin_tone: np.ndarray
) -> np.ndarray:
    """(n, 3) log correction of eyes, by their white where seen, and of the mouth."""
    light = float(np.log(luminance(np.exp(skin_tone))))
    eyes = ratio[chart.eye & (weight > 0.5)]
    whites = np.full(3, light)
    if len(eyes) >= LEAST_EYE:
        whites = np.quantile(eyes, 0.8, axis=0)
        grey = luminance(whites)
        whites = np.minimum(grey + np.clip(whites - grey, -EYE_CHROMA, EYE_CHROMA), light)
    return np.where(chart.eye[:, None], whites, light + np.log(MOUTH_SHADE))


def _fits(residual: np.ndarray) -> np.ndarray:
    """(k,) 1 for no residual (k, 3), 1/2 at the outlier scales, towards 0 beyond."""
    grey = luminance(residual)
    chroma = np.linalg.norm(residual - grey[:, None], axis=1)
    off = (grey / OUTLIER_LUMINANCE) ** 2 + (chroma / OUTLIER_CHROMA) ** 2
    return 1 / (1 + off**2)


def _warm(residual: np.ndarray) -> np.ndarray:
    """(n,) 1 where a colour has not much less red than skin, as hair, lips, teeth and shadows do.

    Grey hair beside red skin is still let through; the blue of a cap or the green of a leaf is not.
    """
    green, blue = residual[:, 1] - residual[:, 0], residual[:, 2] - residual[:, 0]
    cold = np.maximum(np.maximum(green / COLD_GREEN, blue / COLD_BLUE), 0)
    return 1 / (1 + cold**4)


def _weighted_median(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(C,) median of (V, C) values with weights (V,)."""
    result = np.empty(values.shape[1])
    for channel, column in enumerate(values.T):
        order = np.argsort(column, kind="stable")
        running = np.cumsum(weight[order])
        result[channel] = column[order[np.searchsorted(running, running[-1] / 2)]]
    return result


def _mirrored(chart: Chart, detail: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(n, 3) detail of the other side of the face, faded out where that was not seen."""
    premultiplied = np.column_stack([detail * weight[:, None], weight])
    other = sample_texture(chart.picture(premultiplied), chart.mirror_uv)
    return other[:, :3]
