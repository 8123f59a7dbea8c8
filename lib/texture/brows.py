"""Brows where a photo hides them: drawn as dark as the person's own, or as the person's lashes."""

from __future__ import annotations

import numpy as np

from lib.imaging import luminance
from lib.texture.chart import Chart
from lib.texture.seen import Seen

LEAST_DRAWN = 0.05  # log; with less the model draws no brows
SURE = 0.5  # trust from which a texel tells the colour
LEAST_TEXELS = 60  # of a brow or of lids; with fewer they tell nothing
OWN_QUANTILE = 0.4  # of a brow that is seen; between its hairs there is skin
LASH_QUANTILE = 0.15  # of the lids; what is darkest there are lashes
LASH_TO_BROW = 0.6  # brows are thinner than lashes
DARKEST, PALEST = -0.6, -0.25  # log; of a brow that was not seen, beside the skin
TINT = 0.08  # log; of a brow that was not seen


def recolour_brows(
    chart: Chart, seen: Seen, prior: np.ndarray, tone: np.ndarray, trusted: np.ndarray
) -> None:
    """Change a tone so that drawn brows have the person's colour.

    Args:
        chart: of the head model.
        seen: what the photos show.
        prior: (n, 3) log colour that the fit expects, brows drawn in.
        tone: (n, 3) log correction of the prior; changed at the brows.
        trusted: (n,) how far the photo shows the face's own.
    """
    brow = np.flatnonzero(chart.skin & (chart.brows > 0))
    above = np.flatnonzero(chart.skin & (chart.above_brows > 0.5))
    if not len(brow) or not len(above):
        return
    bare = np.median(prior[above], axis=0)
    depth = luminance(bare) - luminance(prior[brow])
    strongest = np.quantile(depth, 0.95)
    if strongest < LEAST_DRAWN:
        return
    drawn = np.clip(depth / strongest, 0, 1).astype(np.float32)
    expected = np.median(prior[brow[drawn > 0.7]] - bare, axis=0)
    skin = np.median(prior[above] + tone[above], axis=0)
    found = _depth(chart, seen, trusted, brow[drawn > 0.5], skin)
    if found is not None:
        tone[brow] += drawn[:, None] * (found - expected).astype(np.float32)


def _depth(
    chart: Chart, seen: Seen, trusted: np.ndarray, brow: np.ndarray, skin: np.ndarray
) -> np.ndarray | None:
    """(3,) log colour of the brows beside skin (3,): of texels `brow`, else of lashes or shades."""
    own = brow[trusted[brow] > SURE]
    if len(own) >= LEAST_TEXELS:
        return _dark(seen.log_rgb[own], OWN_QUANTILE) - skin
    lids = chart.skin & (chart.lids > 0.5)
    for known in (trusted, seen.weight):
        near = np.flatnonzero(lids & (known > SURE))
        if len(near) >= LEAST_TEXELS:
            break
    else:
        return None
    depth = LASH_TO_BROW * (_dark(seen.log_rgb[near], LASH_QUANTILE) - skin)
    grey = luminance(depth)
    return np.clip(grey, DARKEST, PALEST) + np.clip(depth - grey, -TINT, TINT)


def _dark(log_rgb: np.ndarray, quantile: float) -> np.ndarray:
    """(3,) mean of the darkest share of colours (k, 3)."""
    grey = luminance(log_rgb)
    return log_rgb[grey <= np.quantile(grey, quantile)].mean(axis=0)
