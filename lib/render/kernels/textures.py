"""Compiled loops of texture sampling and of its gradients, one image a call.

Texels are (N, C) rows. Level 0 of `pyramid` (L + 1, 3) int64, which has width, height and first row
of each mip level, is an image; the texels of the levels above lie one after another in an array of
their own. A call with `low`, `high` does its part for levels low..high - 1, those in `texels`.
P pixels have `uv` (P, 2) and, with mip maps, `level` (P,), not clamped; otherwise `level` is (0,).
NaN in either makes the pixel 0, without gradient. Helpers take no arrays: that would count
references for every pixel.
"""

from __future__ import annotations

import numpy as np
from numba import njit

WRAP, CLAMP, ZERO = 0, 1, 2
BLOCK = 128  # pixels whose taps are found before any texel is read, so that many reads overlap
NOTHING = np.uint32(2**32 - 1)


@njit(cache=True, nogil=True)
def _taps(coordinate, size, boundary):
    """The two texels around a coordinate, their weights, and the slopes of these weights.

    Texel i has its centre at (i + 0.5) / size. All weights are 0 where nothing is.
    """
    x = np.float64(coordinate)
    if boundary == WRAP:
        x = (x - np.floor(x)) * size - 0.5
        if not x >= -0.5:  # not finite
            return 0, 0, 0.0, 0.0, 0.0, 0.0
        low = int(x + 1.0) - 1
        part = x - low
        high = low + 1
        if low < 0:
            low = size - 1
        if high == size:
            high = 0
        return low, high, 1.0 - part, part, -float(size), float(size)
    x = x * size - 0.5
    if boundary == CLAMP:
        if x <= 0.0:
            return 0, 0, 1.0, 0.0, 0.0, 0.0
        if x >= size - 1.0:
            return size - 1, size - 1, 1.0, 0.0, 0.0, 0.0
    if not (x > -1.0 and x < size):
        return 0, 0, 0.0, 0.0, 0.0, 0.0
    low = int(x + 1.0) - 1
    part = x - low
    slope = float(size)
    if low < 0:
        return 0, 0, 0.0, part, 0.0, slope
    if low == size - 1:
        return low, low, 1.0 - part, 0.0, -slope, 0.0
    return low, low + 1, 1.0 - part, part, -slope, slope


@njit(cache=True, nogil=True)
def _nearest(coordinate, size, boundary):
    """The texel that a coordinate lies in, -1 where nothing is."""
    x = np.float64(coordinate)
    if boundary == WRAP:
        x -= np.floor(x)
    elif boundary == CLAMP:
        x = min(max(x, 0.0), 1.0) if x == x else x
    elif not (x >= 0.0 and x < 1.0):
        return -1
    return min(int(x * size), size - 1) if x >= 0.0 else -1


@njit(cache=True, nogil=True)
def _pair(level, last, blend):
    """The finer of the two mip levels around a level, and the share of the coarser one."""
    level = min(max(np.float64(level), 0.0), float(last))
    if not blend:
        return int(level + 0.5), 0.0
    fine = int(level)
    return fine, level - fine


@njit(cache=True, nogil=True)
def _find_taps(pyramid, low, high, uv, level, boundary, blend, coarser, texel, factor):
    """Find where the pixels of a block look at the finer or coarser of their two mip levels.

    Args:
        pyramid: (L + 1, 3).
        low: first level.
        high: last level + 1.
        uv: (P, 2).
        level: (P,), or (0,): no mip maps.
        boundary: WRAP, CLAMP or ZERO.
        blend: whether two levels are blended.
        coarser: 1 = the coarser level, 0 = the finer one.
        texel: (P, 4) uint32 rows of the texels at (x0, y0), (x1, y0), (x0, y1), (x1, y1); changed
            in place. NOTHING first if the pixel shows none of levels low..high - 1.
        factor: (P, 9) share of the level, weights of x0, x1, y0, y1, and the slopes of these
            weights; changed in place.
    """
    last = len(pyramid) - 1
    for p in range(len(uv)):
        texel[p, 0] = NOTHING
        at, part = 0, 1.0
        if len(level) > 0:
            if level[p] != level[p]:
                continue
            at, share = _pair(level[p], last, blend)
            part = 1.0 - share
            if coarser == 1:
                if level[p] < 0.0 or at == last or not blend:
                    continue
                at, part = at + 1, share
        if at < low or at >= high:
            continue
        width = pyramid[at, 0]
        x0, x1, u0, u1, du0, du1 = _taps(uv[p, 0], width, boundary)
        y0, y1, v0, v1, dv0, dv1 = _taps(uv[p, 1], pyramid[at, 1], boundary)
        if (u0 == 0.0 and u1 == 0.0) or (v0 == 0.0 and v1 == 0.0):
            continue
        above, below = pyramid[at, 2] + y0 * width, pyramid[at, 2] + y1 * width
        texel[p, 0], texel[p, 1] = above + x0, above + x1
        texel[p, 2], texel[p, 3] = below + x0, below + x1
        factor[p, 0] = part
        factor[p, 1], factor[p, 2], factor[p, 3], factor[p, 4] = u0, u1, v0, v1
        factor[p, 5], factor[p, 6], factor[p, 7], factor[p, 8] = du0, du1, dv0, dv1


@njit(cache=True, nogil=True)
def sample_linear(texels, pyramid, low, high, uv, level, boundary, blend, result):
    """Add to `result` the bilinear values of these levels, weighted by their share in each pixel.

    Args:
        texels: (N, C) of levels low..high - 1.
        pyramid: (L + 1, 3).
        low: first level.
        high: last level + 1.
        uv: (P, 2).
        level: (P,), or (0,): no mip maps.
        boundary: WRAP, CLAMP or ZERO.
        blend: whether two levels are blended; otherwise the nearer one counts.
        result: (P, C); changed in place, set to 0 first if low = 0.
    """
    channels, cast = result.shape[1], texels.dtype.type
    texel, factor = np.empty((BLOCK, 4), np.uint32), np.empty((BLOCK, 9))
    for start in range(0, len(uv), BLOCK):
        stop = min(start + BLOCK, len(uv))
        if low == 0:
            result[start:stop] = 0.0
        for coarser in range(2 if blend and high > 1 else 1):
            block = uv[start:stop], level[start:stop]
            _find_taps(pyramid, low, high, *block, boundary, blend, coarser, texel, factor)
            for p in range(start, stop):
                q = p - start
                if texel[q, 0] == NOTHING:
                    continue
                t00, t01, t10, t11 = texel[q, 0], texel[q, 1], texel[q, 2], texel[q, 3]
                u0, u1 = factor[q, 0] * factor[q, 1], factor[q, 0] * factor[q, 2]
                v0, v1 = factor[q, 3], factor[q, 4]
                w00, w01, w10, w11 = cast(v0 * u0), cast(v0 * u1), cast(v1 * u0), cast(v1 * u1)
                if channels == 3:
                    for k in range(3):
                        mixed = w00 * texels[t00, k] + w01 * texels[t01, k]
                        result[p, k] += mixed + w10 * texels[t10, k] + w11 * texels[t11, k]
                else:
                    for k in range(channels):
                        mixed = w00 * texels[t00, k] + w01 * texels[t01, k]
                        result[p, k] += mixed + w10 * texels[t10, k] + w11 * texels[t11, k]


@njit(cache=True, nogil=True)
def sample_nearest(image, pyramid, uv, boundary, result):
    """Values of the texels that uv lies in, into `result` (P, C)."""
    width, height, channels = pyramid[0, 0], pyramid[0, 1], result.shape[1]
    for p in range(len(uv)):
        x = _nearest(uv[p, 0], width, boundary)
        y = _nearest(uv[p, 1], height, boundary)
        inside = x >= 0 and y >= 0
        texel = np.uintp(y * width + x) if inside else np.uintp(0)
        if channels == 3:
            for k in range(3):
                result[p, k] = image[texel, k] if inside else 0.0
        else:
            for k in range(channels):
                result[p, k] = image[texel, k] if inside else 0.0


@njit(cache=True, nogil=True)
def spread_nearest(gradient, uv, boundary, pyramid, owner, task, texels):
    """Add the gradient (P, C) of the pixels to the texels that they show, of this task's rows."""
    width, height = pyramid[0, 0], pyramid[0, 1]
    for p in range(len(uv)):
        y = _nearest(uv[p, 1], height, boundary)
        if y < 0 or owner[0, y] != task:
            continue
        x = _nearest(uv[p, 0], width, boundary)
        if x < 0:
            continue
        texel = np.uintp(y * width + x)
        for k in range(gradient.shape[1]):
            texels[texel, k] += gradient[p, k]


@njit(cache=True, nogil=True)
def spread_linear(gradient, uv, level, boundary, blend, pyramid, low, high, owner, task, texels):
    """Add the gradient of the pixels to the texels of these levels that they were mixed from.

    Args:
        gradient: (P, C) of the result.
        uv: (P, 2).
        level: (P,), or (0,): no mip maps.
        boundary: WRAP, CLAMP or ZERO.
        blend: whether two levels are blended.
        pyramid: (L + 1, 3).
        low: first level.
        high: last level + 1.
        owner: (L + 1, rows) the task that each row of each level belongs to.
        task: this task; the texels of the others are left, so that the order in which a texel
            is added to does not depend on the number of tasks.
        texels: (N, C) of levels low..high - 1; changed in place.
    """
    last, channels, cast = len(pyramid) - 1, gradient.shape[1], gradient.dtype.type
    for p in range(len(uv)):
        fine, share = 0, 0.0
        if len(level) > 0:
            if level[p] != level[p]:
                continue
            fine, share = _pair(level[p], last, blend)
        for at in range(max(fine, low), min(fine + 2, high)):
            part = 1.0 - share if at == fine else share
            y0, y1, v0, v1, _, _ = _taps(uv[p, 1], pyramid[at, 1], boundary)
            v0 = v0 * part if owner[at, y0] == task else 0.0
            v1 = v1 * part if owner[at, y1] == task else 0.0
            if v0 == 0.0 and v1 == 0.0:
                continue
            width, first = pyramid[at, 0], pyramid[at, 2]
            x0, x1, u0, u1, _, _ = _taps(uv[p, 0], width, boundary)
            if u0 == 0.0 and u1 == 0.0:
                continue
            if v0 != 0.0:
                w0, w1, row = cast(v0 * u0), cast(v0 * u1), first + y0 * width
                t0, t1 = np.uintp(row + x0), np.uintp(row + x1)
                if channels == 3:
                    for k in range(3):
                        texels[t0, k] += w0 * gradient[p, k]
                        texels[t1, k] += w1 * gradient[p, k]
                else:
                    for k in range(channels):
                        texels[t0, k] += w0 * gradient[p, k]
                        texels[t1, k] += w1 * gradient[p, k]
            if v1 != 0.0:
                w0, w1, row = cast(v1 * u0), cast(v1 * u1), first + y1 * width
                t0, t1 = np.uintp(row + x0), np.uintp(row + x1)
                if channels == 3:
                    for k in range(3):
                        texels[t0, k] += w0 * gradient[p, k]
                        texels[t1, k] += w1 * gradient[p, k]
                else:
                    for k in range(channels):
                        texels[t0, k] += w0 * gradient[p, k]
                        texels[t1, k] += w1 * gradient[p, k]


@njit(cache=True, nogil=True)
def slopes_linear(
    texels, pyramid, low, high, uv, level, boundary, blend, gradient, uv_slope, level_slope
):
    """Add what these levels contribute to the gradient of uv, and of the mip level.

    Args:
        texels: (N, C) of levels low..high - 1.
        pyramid: (L + 1, 3).
        low: first level.
        high: last level + 1.
        uv: (P, 2).
        level: (P,), or (0,): no mip maps.
        boundary: WRAP, CLAMP or ZERO.
        blend: whether two levels are blended.
        gradient: (P, C) of the result.
        uv_slope: (P, 2); changed in place, set to 0 first if low = 0.
        level_slope: (P,), or (0,) without mip maps; likewise. Stays 0 where the level was below
            0, at or above the last, and where levels are not blended.
    """
    last, channels, zero = len(pyramid) - 1, gradient.shape[1], gradient.dtype.type(0.0)
    texel, factor = np.empty((BLOCK, 4), np.uint32), np.empty((BLOCK, 9))
    if low == 0:
        uv_slope[:] = 0.0
        level_slope[:] = 0.0
    for start in range(0, len(uv), BLOCK):
        stop = min(start + BLOCK, len(uv))
        for coarser in range(2 if blend and high > 1 else 1):
            block = uv[start:stop], level[start:stop]
            _find_taps(pyramid, low, high, *block, boundary, blend, coarser, texel, factor)
            for p in range(start, stop):
                q = p - start
                if texel[q, 0] == NOTHING:
                    continue
                t00, t01, t10, t11 = texel[q, 0], texel[q, 1], texel[q, 2], texel[q, 3]
                d00 = d01 = d10 = d11 = zero
                if channels == 3:
                    for k in range(3):
                        value = gradient[p, k]
                        d00 += value * texels[t00, k]
                        d01 += value * texels[t01, k]
                        d10 += value * texels[t10, k]
                        d11 += value * texels[t11, k]
                else:
                    for k in range(channels):
                        value = gradient[p, k]
                        d00 += value * texels[t00, k]
                        d01 += value * texels[t01, k]
                        d10 += value * texels[t10, k]
                        d11 += value * texels[t11, k]
                part, u0, u1, v0, v1 = (
                    factor[q, 0],
                    factor[q, 1],
                    factor[q, 2],
                    factor[q, 3],
                    factor[q, 4],
                )
                du0, du1, dv0, dv1 = factor[q, 5], factor[q, 6], factor[q, 7], factor[q, 8]
                above, below = u0 * d00 + u1 * d01, u0 * d10 + u1 * d11
                rise = v0 * (du0 * d00 + du1 * d01) + v1 * (du0 * d10 + du1 * d11)
                uv_slope[p, 0] += part * rise
                uv_slope[p, 1] += part * (dv0 * above + dv1 * below)
                if blend and len(level) > 0 and level[p] >= 0.0 and level[p] < last:
                    value = v0 * above + v1 * below
                    level_slope[p] += value if coarser == 1 else -value
