"""Compiled loops of `antialias`: colours blended over outlines, and the way back.

A pair with the outline at `crossing` (see `silhouettes`) leaves a share of one pixel to the other's
surface: below 0.5 the far colour reaches into the near pixel, above it the near colour into the far
one, by as much as the outline is away from the border between them. Crossings more than `slack`
outside 0..1 are saturated: they blend like one at that limit, and move nothing. All loops add up in
the order of the pairs.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lib.render.kernels.silhouettes import line_through


@njit(cache=True, nogil=True)
def blend(colour, pixels, crossing, slack, result):
    """Add to `result` (P, C), a copy of `colour` (P, C), what outlines bring from neighbours."""
    for n in range(len(pixels)):
        near, far = pixels[n, 0], pixels[n, 1]
        share = min(max(crossing[n], -slack), 1.0 + slack) - 0.5
        into = near if share < 0.0 else far
        for k in range(colour.shape[1]):
            result[into, k] += share * (colour[near, k] - colour[far, k])


@njit(cache=True, nogil=True)
def blend_colour_gradient(gradient, pixels, crossing, slack, result):
    """Add to `result` (P, C), a copy of `gradient` (P, C), what goes to neighbours."""
    for n in range(len(pixels)):
        near, far = pixels[n, 0], pixels[n, 1]
        share = min(max(crossing[n], -slack), 1.0 + slack) - 0.5
        into = near if share < 0.0 else far
        for k in range(gradient.shape[1]):
            change = share * gradient[into, k]
            result[near, k] += change
            result[far, k] -= change


@njit(cache=True, nogil=True)
def blend_position_gradient(
    colour, gradient, clip, ends, pixels, edge, crossing, slack, size, boost, result
):
    """Add to `result` (V, 4) the gradient of x, y, w of the ends of outlines; none to z.

    Args:
        colour, gradient: (P, C) colours before blending, gradient of those after it.
        clip: (V, 4).
        ends: (E, 2) int32.
        pixels, edge, crossing: of `walk_edges` or `compare_pixels`.
        size: (h, w).
        boost: factor on the gradient.
    """
    for n in range(len(pixels)):
        if not (-slack <= crossing[n] <= 1.0 + slack):  # saturated
            continue
        near, far = pixels[n, 0], pixels[n, 1]
        into = near if crossing[n] < 0.5 else far
        change = 0.0
        for k in range(colour.shape[1]):
            change += gradient[into, k] * (colour[near, k] - colour[far, k])
        if change == 0.0:
            continue
        axis = 0 if abs(far - near) == 1 and size[1] > 1 else 1
        pitch, lines = size[1 - axis], size[axis]
        row = near // size[1] if axis == 0 else near % size[1]
        # The line crosses at `at` = -(along * position + lw) / across of the normalised axis.
        position = (2 * row + 1) / lines - 1.0
        a, b = ends[edge[n], 0], ends[edge[n], 1]
        lx, ly, lw = line_through(clip, a, b)
        across, along = (lx, ly) if axis == 0 else (ly, lx)
        at = -(along * position + lw) / across
        pull = -change * boost * (0.5 * pitch) * (1.0 if far > near else -1.0) / across
        gw = pull
        gx, gy = (pull * at, pull * position) if axis == 0 else (pull * position, pull * at)
        _add_to_ends(clip, a, b, gx, gy, gw, result)


@njit(cache=True, nogil=True)
def _add_to_ends(clip, a, b, gx, gy, gw, result):
    """Gradient of a line a x b to its ends: b x g and g x a."""
    ax, ay, aw = np.float64(clip[a, 0]), np.float64(clip[a, 1]), np.float64(clip[a, 3])
    bx, by, bw = np.float64(clip[b, 0]), np.float64(clip[b, 1]), np.float64(clip[b, 3])
    result[a, 0] += by * gw - bw * gy
    result[a, 1] += bw * gx - bx * gw
    result[a, 3] += bx * gy - by * gx
    result[b, 0] += gy * aw - gw * ay
    result[b, 1] += gw * ax - gx * aw
    result[b, 3] += gx * ay - gy * ax
