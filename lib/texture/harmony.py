"""Views brought to one exposure and one white: gains per view, and what varies slowly over it."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from lib.imaging import luminance
from lib.texture.chart import Chart

LEAST_OVERLAP = 300  # texels; with fewer in common two views tell nothing of each other
SURE = 0.25  # trust from which a texel counts
LIT = 0.02  # linear luminance; below it a ratio is mostly noise
FAR_OFF = 1.4  # log; a view that is this much brighter or darker than the others shows no face
PAIR_SCALE = 0.05  # log; a pair that disagrees this much with the others counts half
ROUNDS = 8
FIELD_MM, FIELD_REACH_MM = 15.0, 60.0  # the slow part follows a view down to this, holds so far
FIELD_SHARE = 0.3  # of the texels around a vertex that must be seen for it to count fully


def usable_views(rgb: list[np.ndarray], trust: list[np.ndarray]) -> np.ndarray:
    """(n_views,) bool: the view sees some of the head, and is not far darker or brighter.

    One is refused that differs from more than half of the others, over what both see.

    Args:
        rgb: (n, 3) linear colours of each view.
        trust: (n,) 0..1 of each view.
    """
    n_views = len(rgb)
    grey = [np.log(np.maximum(luminance(colour), 1e-4)) for colour in rgb]
    usable = np.array([(weight > SURE).sum() >= LEAST_OVERLAP for weight in trust])
    level = np.full((n_views, n_views), np.nan)
    for one, other in combinations(np.flatnonzero(usable), 2):
        both = np.minimum(trust[one], trust[other]) > SURE
        if both.sum() >= LEAST_OVERLAP:
            level[one, other] = np.median(grey[one][both] - grey[other][both])
            level[other, one] = -level[one, other]
    while True:
        known = np.isfinite(level) & usable & usable[:, None]
        far = (known & (np.abs(level) > FAR_OFF)).sum(axis=1)
        # With one other view alone, either may be at fault.
        odd = (known.sum(axis=1) > 1) & (2 * far > known.sum(axis=1))
        if not odd.any():
            return usable
        off = np.where(known, level, 0).sum(axis=1)
        view = int(np.lexsort((off, -far * odd))[0])  # of equals, the darkest
        usable[view] = False


def view_gains(rgb: list[np.ndarray], trust: list[np.ndarray]) -> np.ndarray:
    """(n_views, 3) log gains that bring views to their mean exposure and white.

    Least squares over all pairs that see the same skin, each by the median of its log ratios, which
    highlights do not move; pairs that disagree with the rest count less. Views that share nothing
    with others keep what they have.

    Args:
        rgb: (n, 3) linear colours of each view.
        trust: (n,) 0..1 of each view.
    """
    n_views = len(rgb)
    pairs, ratios, counts = [], [], []
    for one, other in combinations(range(n_views), 2):
        lit = np.minimum(luminance(rgb[one]), luminance(rgb[other])) > LIT
        both = lit & (np.minimum(trust[one], trust[other]) > SURE)
        if both.sum() < LEAST_OVERLAP:
            continue
        ratio = np.log(np.maximum(rgb[other][both], 1e-4) / np.maximum(rgb[one][both], 1e-4))
        pairs.append((one, other))
        ratios.append(np.median(ratio, axis=0))
        counts.append(both.sum())
    gains = np.zeros((n_views, 3))
    if not pairs:
        return gains
    difference = np.zeros((len(pairs), n_views))
    for row, (one, other) in enumerate(pairs):
        difference[row, [one, other]] = 1, -1
    ratios, counts = np.array(ratios), np.sqrt(np.array(counts, float))
    joined = np.abs(difference).sum(axis=0) > 0
    # Minimum norm: the gains of each connected group of views sum to zero.
    belief = np.ones(len(pairs))
    for _ in range(ROUNDS):
        weight = (counts * np.sqrt(belief))[:, None]
        gains[joined] = np.linalg.lstsq(
            weight * difference[:, joined], weight * ratios, rcond=1e-9
        )[0]
        off = np.abs(difference @ gains - ratios).max(axis=1) / PAIR_SCALE
        belief = 1 / (1 + off**2)
    return gains


def slow_part(chart: Chart, residual: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(V, 3) float32: what a view's log colours exceed the other views' by, smooth on the head.

    Args:
        chart: coarse chart.
        residual: (n, 3) log colours of the view less those of all.
        weight: (n,) 0..1 how far they are believed.
    """
    data, share = chart.gather(residual, weight)
    pinned = np.clip(share / FIELD_SHARE, 0, 1)
    return chart.membrane.solve(data, pinned, FIELD_MM, np.zeros(3), FIELD_REACH_MM)
