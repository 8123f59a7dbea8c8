"""Compiled loops that look at boxes along rays; serial, so that equal inputs give equal bytes."""

from __future__ import annotations

import numpy as np
from numba import njit

NOTHING = np.float32(1e9)
ZERO, ONE = np.float32(0), np.float32(1)  # typed: Python's numbers would turn float32 to float64
SOFT, WRAP = np.float32(0.3), np.float32(0.15)
UP, DOWN, ASIDE, CEILING = (np.float32(v) for v in (1.12, 0.75, 1.0, 0.94))
EPSILON, ALMOST = np.float32(1e-3), np.float32(0.97)
FAINT = np.float32(0.04)  # lamps that give less light throw no shadow
FAR_REACHES = np.float32(4.5)


@njit(cache=True, nogil=True, error_model="numpy")
def hit(origin, ray, lows, highs, room, chosen):
    """Distance to the first box along a ray, and which box; (NOTHING, -1) where there is none."""
    depth, which = NOTHING, -1
    inverse_x, inverse_y, inverse_z = ONE / ray[0], ONE / ray[1], ONE / ray[2]
    for k in range(len(chosen)):
        box = chosen[k]
        one = (lows[box, 0] - origin[0]) * inverse_x
        two = (highs[box, 0] - origin[0]) * inverse_x
        enter, leave = min(one, two), max(one, two)
        one = (lows[box, 1] - origin[1]) * inverse_y
        two = (highs[box, 1] - origin[1]) * inverse_y
        enter, leave = max(enter, min(one, two)), min(leave, max(one, two))
        one = (lows[box, 2] - origin[2]) * inverse_z
        two = (highs[box, 2] - origin[2]) * inverse_z
        enter, leave = max(enter, min(one, two)), min(leave, max(one, two))
        at = leave if box == room else enter
        if enter < leave and at > 1 and at < depth:
            depth, which = at, box
    return depth, which


@njit(cache=True, nogil=True, error_model="numpy")
def blocked(origin, ray, lows, highs, chosen, farthest):
    """Whether a box stands in the way between a point and `farthest` times a ray."""
    inverse_x, inverse_y, inverse_z = ONE / ray[0], ONE / ray[1], ONE / ray[2]
    for k in range(len(chosen)):
        box = chosen[k]
        one = (lows[box, 0] - origin[0]) * inverse_x
        two = (highs[box, 0] - origin[0]) * inverse_x
        enter, leave = min(one, two), max(one, two)
        if leave < 0 or enter > farthest:
            continue
        one = (lows[box, 1] - origin[1]) * inverse_y
        two = (highs[box, 1] - origin[1]) * inverse_y
        enter, leave = max(enter, min(one, two)), min(leave, max(one, two))
        one = (lows[box, 2] - origin[2]) * inverse_z
        two = (highs[box, 2] - origin[2]) * inverse_z
        enter, leave = max(enter, min(one, two)), min(leave, max(one, two))
        if enter < leave and enter > 0 and enter < farthest:
            return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def look(
    origin, rays, lows, highs, room, chosen, casters,
    albedos, glows, textures, starts, sides_px, repeats, tops,
    lamp_places, lamp_colours, lamp_reaches, ambient, sun, sun_colour, shade, dark, dark_mm,
    image, depths,
):  # fmt: skip
    """Radiance and depth of boxes under lamps and sun.

    Args:
        origin: (3,) mm.
        rays: (n, 3) no component is 0.
        lows, highs: (b, 3) mm.
        room: the box that is seen from inside, or -1.
        chosen: (k,) boxes that may be seen.
        casters: (m,) boxes that throw shadows.
        albedos: (b, 3)
        glows: (b,)
        textures: (t, 3) all texels, row by row.
        starts: (b,) first texel of each box, or -1.
        sides_px: (b,) texels along a side.
        repeats: (b, 2) mm; 0 = once over the side.
        tops: (b,) bool: floors and ceilings have the texture too.
        lamp_places, lamp_colours, lamp_reaches: (l, 3), (l, 3), (l,)
        ambient: (3,)
        sun, sun_colour: (3,) direction and colour.
        shade: share of a lamp's light that a shadow takes.
        dark: share of light lost in corners.
        dark_mm: how far from them.
        image: (n, 3) out.
        depths: (n,) out.
    """
    point, towards, light = (
        np.empty(3, np.float32),
        np.empty(3, np.float32),
        np.empty(3, np.float32),
    )
    for p in range(len(rays)):
        depth, box = hit(origin, rays[p], lows, highs, room, chosen)
        depths[p] = depth
        image[p, :] = ZERO
        if box < 0:
            continue
        side, closest = 0, NOTHING
        for k in range(3):
            point[k] = origin[k] + depth * rays[p, k]
            gap = min(abs(point[k] - lows[box, k]), abs(point[k] - highs[box, k]))
            if gap < closest:
                side, closest = k, gap
        facing = -ONE if rays[p, side] > 0 else ONE
        tilt = ASIDE if side == 0 else CEILING
        if side == 1:
            tilt = UP if facing > 0 else DOWN
        for c in range(3):
            light[c] = tilt * ambient[c]
        point[side] += facing  # 1 mm before the surface
        for k in range(len(lamp_places)):
            square = ZERO
            for c in range(3):
                towards[c] = lamp_places[k, c] - point[c]
                square += towards[c] * towards[c]
            cosine = facing * towards[side] / np.sqrt(square + ONE)
            reach = lamp_reaches[k] * lamp_reaches[k]
            arrives = max((ONE - WRAP) * cosine + WRAP, ZERO) * reach / (square + SOFT * reach)
            if arrives > FAINT and cosine > 0:
                for c in range(3):
                    towards[c] = (
                        towards[c] if abs(towards[c]) > np.float32(1e-3) else np.float32(1e-3)
                    )
                if blocked(point, towards, lows, highs, casters, ALMOST):
                    arrives *= ONE - shade
            for c in range(3):
                light[c] += arrives * lamp_colours[k, c]
        cosine = facing * sun[side]
        lit = cosine > 0 and sun_colour[1] > 0
        if lit and not blocked(point, sun, lows, highs, casters, NOTHING):
            for c in range(3):
                light[c] += cosine * sun_colour[c]
        share = corners(point, box, lows, highs, room, casters, dark, dark_mm)
        start = starts[box]
        if start >= 0 and (side != 1 or tops[box]):
            sample(point, side, lows[box], highs[box], textures, start, sides_px[box], repeats[box],
                   towards)  # fmt: skip
        else:
            for c in range(3):
                towards[c] = albedos[box, c]
        for c in range(3):
            image[p, c] = towards[c] * (light[c] * share + glows[box])


@njit(cache=True, nogil=True, error_model="numpy")
def corners(point, box, lows, highs, room, casters, dark, dark_mm):
    """Share of light that is left near other surfaces."""
    share = ONE
    if room >= 0:
        first, second = NOTHING, NOTHING  # the nearest is the surface itself
        for k in range(3):
            for gap in (point[k] - lows[room, k], highs[room, k] - point[k]):
                if gap < first:
                    first, second = gap, first
                elif gap < second:
                    second = gap
        reach = dark_mm + dark_mm
        if second < FAR_REACHES * reach:
            share *= ONE - dark * np.exp(-max(second, ZERO) / reach)
    for n in range(len(casters)):
        other = casters[n]
        if other == box:
            continue
        square, low, middle, high = ZERO, NOTHING, NOTHING, ZERO
        for k in range(3):
            gap = max(max(lows[other, k] - point[k], point[k] - highs[other, k]), ZERO)
            square += gap * gap
            size = highs[other, k] - lows[other, k]
            high = max(high, size)
            if size < low:
                low, middle = size, low
            elif size < middle:
                middle = size
        reach = min(dark_mm, np.float32(0.35) * min(middle, high))
        if square < FAR_REACHES * FAR_REACHES * reach * reach:
            share *= ONE - dark * np.exp(-np.sqrt(square) / reach)
    return share


@njit(cache=True, nogil=True, error_model="numpy")
def sample(point, side, low, high, textures, start, n, repeat, result):
    """The texture of a box at a point of one of its sides, between texels."""
    across = 2 if side == 0 else 0
    up = 2 if side == 1 else 1
    wide = repeat[0] if repeat[0] > 0 else high[across] - low[across]
    tall = repeat[1] if repeat[1] > 0 else high[up] - low[up]
    x = (point[across] - low[across]) / wide * n - np.float32(0.5)
    y = (high[up] - point[up]) / tall * n - np.float32(0.5)
    column, row = np.int64(np.floor(x)), np.int64(np.floor(y))
    u, v = np.float32(x - column), np.float32(y - row)
    left, right, top, bottom = column % n, (column + 1) % n, row % n, (row + 1) % n
    for c in range(3):
        above = (ONE - u) * textures[start + top * n + left, c] + u * textures[
            start + top * n + right, c]  # fmt: skip
        below = (ONE - u) * textures[start + bottom * n + left, c] + u * textures[
            start + bottom * n + right, c]  # fmt: skip
        result[c] = (ONE - v) * above + v * below
