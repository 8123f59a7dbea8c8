"""Which of the colours that a photo shows are the face's own: not hair, glasses, teeth on lips.

A smooth tone is learnt where hair seldom is, nose and cheeks, and grown from there over what fits
it. Other colours are kept where faces have them: eyes, brows, lips and beards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from lib.imaging import luminance
from lib.texture.brows import recolour_brows
from lib.texture.chart import Chart
from lib.texture.options import TextureOptions
from lib.texture.seen import Seen

TONE_MM = 14.0  # the tone follows the photo down to this size
TONE_REACH_MM = 60.0  # how far into the unseen the tone of the nearest skin holds
OUTLIER_LUMINANCE, OUTLIER_CHROMA = 0.8, 0.25  # log; a skin colour this far off counts half
COLD_GREEN, COLD_BLUE = 0.6, 1.1  # log; excess over red where even a brow or beard counts half
FOREHEAD_DARK, FOREHEAD_CHROMA = 0.55, 0.22  # the same outside the middle of the face
SHADE_LUMINANCE, SHADE_CHROMA = 1.1, 0.4  # the same where shadows and highlights are likelier
BEARD_CHROMA = 0.45  # the same of beards
OUTLIER_ROUNDS = 2
LEAST_SEED_MM2 = 400.0  # of sure skin; with less the tone starts from all that may be skin
AROUND_MM = 5.0  # over which texture is measured and strands are joined
BOTH = (0.6, 0.9)  # the same of a beard that the other side lacks
JOINS = (0.3, 0.8)  # fit to the tone: ignored below, followed above
ALIKE = (0.4, 0.7)  # share of the surroundings that fits: refused below, kept above
PLAUSIBLE = (0.55, 0.8)  # the same of what may be shaded skin
BRIGHT_NEAR = (0.25, 0.5)  # log; brighter than the skin near eyes and brows: hair
SUPPORT = (0.3, 0.6)  # share of skin around an eye or brow: refused below, kept above
TOO_PALE = (1.15, 1.5)  # of what a highlight does: kept below; above it is bleached hair
ROUGH = (0.28, 0.42)  # log, standard deviation: kept below, refused above
COVERED = 0.3  # skin around an eye; with less something hides it
COVERED_BELOW, COVERED_ABOVE = 0.5, 0.75  # the same of the cheek, and of a brow's forehead
SHADOW = 0.4  # of the usual brightness; what is darker counts less for the tone
WHITE_OF_EYE = 0.6  # linear; of eyes that are not seen, whatever light falls on their skin
LEAST_EYE = 100  # texels of the eyes; with fewer their light is the skin's
EYE_CHROMA = 0.1  # log; tint that their white may take from a photo
MOUTH_SHADE = 0.5  # light that reaches the inside of the mouth
EVERY = 16  # texels, of which one tells a median
LEAST_LIPS = 200  # texels; with fewer the lips' own colour is not known
TEETH_PALE, TEETH_BRIGHT = (0.12, 0.3), (0.0, 0.25)  # log; redness below the lips, brightness above
PARTED_MM = (0.7, 1.8)  # further than at rest: lips closed below, open above
GAP_DARK = (0.7, 1.2)  # log; darkness below the lips of a mouth that stands open


@dataclass(frozen=True)
class Surface:
    """What is seen of the skin, per vertex; eyes, brows and lips do not count.

    Args:
        data: (V, 3) log ratio of photo and prior.
        share: (V,) 0..1 how much of it may be skin.
        bare: (V,) skin mask.
        visible: (V,) 0..1 how much is seen, skin or not.
        white: (3,) how a highlight shifts the log hue of this skin, per log of brightness.
    """

    data: np.ndarray
    share: np.ndarray
    bare: np.ndarray
    visible: np.ndarray
    white: np.ndarray


def skin_factor(chart: Chart, seen: Seen, options: TextureOptions) -> np.ndarray:
    """(n,) 0..1: how far the skin mask lets a texel count.

    Inside the face brows, lips, beard and shadows are right although they are not bare skin.
    """
    is_skin = np.clip((seen.expected_skin - 0.15) / 0.4, 0, 1)
    allowed = np.maximum(chart.feature, chart.central)
    factor = is_skin + (1 - is_skin) * allowed
    factor = np.where(chart.skin, factor, 1)
    return 1 - options.skin_weight * (1 - factor)


def judge(
    chart: Chart, seen: Seen, weight: np.ndarray, prior: np.ndarray, options: TextureOptions
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Smooth log correction (n, 3) of the prior, how far it is a guess, what is the face's own.

    The guess is (n,) 0..1: share of the correction's value far from all skin that is seen. The
    last is the weight (n,), lowered where something else is seen.

    Args:
        chart: of the head model.
        seen: the photos' part.
        weight: (n,) its weight, skin mask included.
        prior: (n, 3) log colour that the fit expects.
        options: settings.
    """
    ratio = seen.log_rgb - prior
    plain = chart.skin * (1 - chart.feature)
    data, share = chart.gather(ratio, weight * _lit(seen.log_rgb, weight) * plain)
    bare, visible = chart.gather(seen.expected_skin[:, None], seen.weight * plain)
    some = np.flatnonzero(chart.skin & (weight > 0.3))[::EVERY]
    usual = np.median(seen.log_rgb[some] if len(some) else prior[chart.skin], axis=0)
    surface = Surface(data, share, bare[:, 0], visible, _towards_white(usual))
    tone, far, rest, inlier = _tone(chart, surface, options)
    base, far = np.split(chart.spread(np.column_stack([tone, far])), [3], axis=1)
    kept, own = _kept(chart, surface, data - tone, inlier, options)
    of = np.flatnonzero(weight > 0)
    trusted = weight.astype(np.float32)
    trusted[of] *= _fine(chart, of, ratio[of] - base[of], kept, options)
    whole = np.flatnonzero(chart.lids + chart.brows > 0)
    shown = seen.weight[whole] * (chart.weights[whole] @ own)
    trusted[whole] = np.maximum(trusted[whole], shown)
    _refuse_teeth(chart, seen, ratio - base, trusted, options)
    if seen.own is not None:
        trusted = np.maximum(trusted, weight * seen.own).astype(np.float32)
    recolour_brows(chart, seen, prior, base, trusted)
    inside = _inner_tone(chart, ratio, prior, trusted, rest)
    tone = np.where(chart.skin[:, None], base, inside).astype(np.float32)
    return tone, far[:, 0] * chart.skin, trusted


def _lit(log_rgb: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(n,) float32 how far a texel tells the tone: deep shadows tell little."""
    brightness = luminance(log_rgb)
    usual = np.median(brightness[weight > 0.3])
    return np.clip(np.exp(brightness - usual) / SHADOW, 0.02, 1).astype(np.float32)


def _tone(
    chart: Chart, surface: Surface, options: TextureOptions
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tone (V, 3), share of it (V,) that is its value far from skin, that (3,), and fit (V,) to it.

    It starts on nose and cheeks. What fits there is joined round by round.
    """
    data, share = surface.data, surface.share
    start = share * chart.zones.seed * np.clip((surface.bare - 0.5) / 0.4, 0, 1)
    if (start * chart.membrane.area).sum() < LEAST_SEED_MM2:
        start = share
    rest = _weighted_median(data, start)
    start = start * _fits(data - rest)
    rest = _weighted_median(data, start)
    tone = chart.membrane.solve(data, start, TONE_MM, rest, TONE_REACH_MM)
    inlier = np.ones(len(data))
    for _ in range(OUTLIER_ROUNDS if options.outlier_weight > 0 else 1):
        inlier = 1 - options.outlier_weight * (
            1 - _fits_there(_without_highlight(data - tone, surface.white), chart.zones.inside)
        )
        rest = _weighted_median(data, share * inlier)
        follows = share * _ramp(inlier, *JOINS)
        columns = np.column_stack([data, np.zeros(len(data))])  # the last: share of the rest
        solved = chart.membrane.solve(columns, follows, TONE_MM, np.append(rest, 1), TONE_REACH_MM)
        tone, far = solved[:, :3], solved[:, 3]
    return tone, far, rest, inlier


def _kept(
    chart: Chart,
    surface: Surface,
    residual: np.ndarray,
    inlier: np.ndarray,
    options: TextureOptions,
) -> tuple[np.ndarray, np.ndarray]:
    """How far each vertex is kept, (V, 4) and (V,), all 0..1.

    The four: shows skin; other colours are right; a covered eye or brow; inside. The last: an
    eye or brow that is open, and so the photo's as a whole.

    Hair has a grain that skin has not. A beard grows on both sides; what lies on one side alone
    where the other is bare is in front of the face.
    """
    zones = chart.zones
    is_skin = np.clip((surface.bare - 0.15) / 0.4, 0, 1)
    shaded = is_skin * _fits(residual, SHADE_LUMINANCE, SHADE_CHROMA)
    grey = luminance(residual)
    columns = np.column_stack([inlier * is_skin, shaded, grey, grey**2])
    nothing = np.zeros(4)
    mean = chart.membrane.solve(columns, surface.visible, AROUND_MM, nothing, TONE_REACH_MM)
    grain = np.sqrt(np.maximum(mean[:, 3] - mean[:, 2] ** 2, 0))
    whole = _ramp(mean[:, 0], *ALIKE) * (1 - (1 - zones.inside) * _ramp(grain, *ROUGH))
    whole = whole * np.maximum(_joined(chart, whole > 0.3), zones.below_brows)
    beside = chart.membrane.least_around(np.where(surface.visible > 0.5, whole, 1))
    whole = np.where(zones.inside < 0.5, np.minimum(whole, beside), whole)  # fringes of hair
    other_side = (whole * np.clip(surface.visible / 0.5, 0, 1))[chart.mirror]
    both = 1 - (1 - _ramp(mean[:, 0], *BOTH)) * other_side
    beard = zones.beard * both * _fits(residual, np.inf, BEARD_CHROMA)
    plausible = _ramp(mean[:, 1], *PLAUSIBLE)
    other = zones.middle * np.maximum(zones.below_brows * plausible, beard)
    open_eyes, open_brows = _open(chart, surface.visible, is_skin * shaded)
    support = _ramp(mean[:, :2].max(axis=1), *SUPPORT)
    near = np.maximum(zones.eyes @ open_eyes, zones.around_brows @ open_brows)
    near = near * support * (1 - _ramp(grey, *BRIGHT_NEAR))
    features = np.maximum(near, zones.nostrils)
    lids = zones.lids @ open_eyes
    own = lids + zones.brows @ open_brows
    hidden = zones.around_brows @ (1 - open_brows) * (1 - lids)
    hidden = np.maximum(hidden, zones.eyes @ (1 - open_eyes))
    strict = options.outlier_weight
    skin = 1 - strict * (1 - whole * inlier)
    other = np.maximum(other, features)
    return np.column_stack([skin, other, strict * hidden, zones.inside]), own


def _towards_white(log_rgb: np.ndarray) -> np.ndarray:
    """(3,) how added white light shifts the log hue of a colour (3,), per log of brightness."""
    shift = np.exp(-log_rgb)
    return shift / luminance(shift) - 1


def _without_highlight(residual: np.ndarray, white: np.ndarray) -> np.ndarray:
    """(k, 3) residual less the paling that goes with its being brighter: a highlight is white."""
    grey = np.maximum(luminance(residual), 0)
    paler = (residual - luminance(residual)[:, None]) @ white / max(float(white @ white), 1e-9)
    too_pale = _ramp(paler / np.maximum(grey, 1e-3), *TOO_PALE)
    return residual - (np.clip(paler, 0, grey) * (1 - too_pale))[:, None] * white


def _joined(chart: Chart, good: np.ndarray) -> np.ndarray:
    """(V,) bool: vertices that good ones join to nose or cheeks."""
    triangles = chart.membrane.triangles
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]]])
    edges = edges[good[edges].all(axis=1)]
    n = len(good)
    graph = sp.coo_matrix((np.ones(len(edges), np.int8), edges.T), shape=(n, n))
    label = connected_components(graph, directed=False)[1]
    seeded = np.zeros(n, bool)
    seeded[label[good & (chart.zones.seed > 0)]] = True
    return seeded[label]


def _open(chart: Chart, visible: np.ndarray, skin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2,) each, 0 or 1: nothing, such as glasses, hair or a cap, hides the eyes; the brows.

    A part is the photo's or painted, as a whole: half of each looks torn. What hides an eye lies
    on the cheek, too, where a cap's shadow does not reach; what hides a brow lies above it, too,
    or hides the eye.
    """
    zones = chart.zones

    def skin_of(places: np.ndarray) -> np.ndarray:
        mass = places * (chart.membrane.area * visible)[:, None]
        total = mass.sum(axis=0)
        return np.where(total > 1, skin @ mass / np.maximum(total, 1), 1)

    eyes = (skin_of(zones.rings) > COVERED) & (skin_of(zones.below_eyes) > COVERED_BELOW)
    brows = eyes & (skin_of(zones.above_brows) > COVERED_ABOVE)
    return eyes.astype(np.float32), brows.astype(np.float32)


def _fine(
    chart: Chart, of: np.ndarray, residual: np.ndarray, kept: np.ndarray, options: TextureOptions
) -> np.ndarray:
    """(k,) 0..1 how far texels `of` (k,) are kept, from what `_kept` says of the vertices."""
    skin, other, covered, inside = (chart.weights[of] @ kept.astype(np.float32)).T
    odd = options.outlier_weight * (1 - _fits_there(residual, inside))  # beside what is not skin
    skin = skin * (1 - (1 - skin) * odd)
    result = np.where(chart.skin[of], skin + (1 - skin) * other * _warm(residual), 1)
    return result * (1 - covered)


def _refuse_teeth(
    chart: Chart, seen: Seen, residual: np.ndarray, trusted: np.ndarray, options: TextureOptions
) -> None:
    """Lower trust (n,) to 0 where lips show teeth, paler and brighter than they, or a dark gap.

    Lips that are closed show neither.
    """
    parted = _ramp(np.array(seen.mouth_open_mm), *PARTED_MM)
    near = chart.spread(chart.zones.lips[:, None])[:, 0] * chart.skin
    of = np.flatnonzero((near > 0) & (trusted > 0))
    residual, near = residual[of], near[of]
    lips = (near > 0.9) & (chart.feature[of] > 0.5) & (trusted[of] > 0.3)
    if parted == 0 or lips.sum() < LEAST_LIPS:
        return
    redness, grey = residual[:, 0] - residual[:, 1], luminance(residual)
    red = np.quantile(redness[lips], 0.75)
    usual = np.median(grey[lips & (redness > np.median(redness[lips]))])
    teeth = _ramp(red - redness, *TEETH_PALE) * _ramp(grey - usual, *TEETH_BRIGHT)
    gap = _ramp(usual - grey, *GAP_DARK)
    trusted[of] *= 1 - options.outlier_weight * parted * near * np.maximum(teeth, gap)


def _inner_tone(
    chart: Chart, ratio: np.ndarray, prior: np.ndarray, weight: np.ndarray, skin_tone: np.ndarray
) -> np.ndarray:
    """(n, 3) log correction of eyes, by their white where seen, and of the mouth."""
    light = float(np.log(luminance(np.exp(skin_tone))))
    eyes = ratio[chart.eye & (weight > 0.5)]
    palest = np.quantile(luminance(prior[chart.eye]), 0.9) if chart.eye.any() else 0.0
    whites = np.full(3, min(light, np.log(WHITE_OF_EYE) - palest))
    if len(eyes) >= LEAST_EYE:
        whites = np.quantile(eyes, 0.8, axis=0)
        grey = luminance(whites)
        whites = np.minimum(grey + np.clip(whites - grey, -EYE_CHROMA, EYE_CHROMA), light)
    return np.where(chart.eye[:, None], whites, light + np.log(MOUTH_SHADE))


def _fits(
    residual: np.ndarray,
    dark: np.ndarray | float = OUTLIER_LUMINANCE,
    tint: np.ndarray | float = OUTLIER_CHROMA,
    bright: float = 1.25 * OUTLIER_LUMINANCE,
) -> np.ndarray:
    """(k,) 1 for no residual (k, 3), 1/2 at the outlier scales, towards 0 beyond."""
    grey = luminance(residual)
    chroma = np.linalg.norm(residual - grey[:, None], axis=1)
    off = (grey / np.where(grey < 0, dark, bright)) ** 2
    off += (chroma / (tint * (1 + np.clip(grey, 0, 0.5)))) ** 2  # highlights are white
    return 1 / (1 + off**2)


def _fits_there(residual: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(k,) `_fits`, stricter where hair may hang: where `inside` (k,) is 0, not 1."""
    dark = FOREHEAD_DARK + (OUTLIER_LUMINANCE - FOREHEAD_DARK) * inside
    return _fits(residual, dark, FOREHEAD_CHROMA + (OUTLIER_CHROMA - FOREHEAD_CHROMA) * inside)


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


def _ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
