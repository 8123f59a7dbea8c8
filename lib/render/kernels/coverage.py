"""Compiled loops that decide which triangle each pixel shows.

Vertices are rounded to a grid of `2**shift` steps per pixel, pixel centres lie on that grid, and
edge functions are exact integers: neighbouring triangles share their edge without gap or overlap.
A pixel keeps the smallest of the keys (depth, then the higher triangle index) that reach it, so the
order of drawing, and with it the number of threads, cannot change the result.

Source: Pineda 1988, A parallel algorithm for polygon rasterization; Laine & Karras 2011,
High-performance software rasterization on GPUs.
"""

from __future__ import annotations

import numpy as np
from numba import njit

EMPTY = np.int64(2**63 - 1)  # key of a pixel that shows nothing
DEPTH_STEPS = np.float64(2**31 - 1)
LAST_ID = np.int64(2**31 - 1)
LIMIT = 2.0**29  # grid steps from the image's centre: products of two stay within int64
BLOCK = 512  # triangles that are judged together, in vectorised form
WIDE = 4  # px; in wider triangles the covered span of each row is solved for


@njit(cache=True, nogil=True, error_model="numpy")
def snap(clip, width, height, shift, slack, x, y, depth, outside):
    """Round projected vertices to the grid; returns how many cannot be drawn as they are.

    Args:
        clip: (V, 4) x, y, z, w.
        width: of the whole image, px.
        height: likewise.
        shift: log2 of the grid steps per pixel, at least 1.
        slack: share of w by which z may be out of range: rounding of clipped vertices.
        x: (V,) int32, out: grid column; the centre of pixel column c is at c << shift.
        y: (V,) int32, out: grid row.
        depth: (V,) float64, out: z / w, scaled to 0..DEPTH_STEPS.
        outside: (V,) bool, out: not between the near and far plane, or so far off that integers
            would not hold it.
    """
    steps = 1 << shift
    scale_x, scale_y = 0.5 * width * steps, 0.5 * height * steps
    start_x, start_y = ((width - 1) * steps) // 2, ((height - 1) * steps) // 2
    count = 0
    for i in range(len(clip)):
        z, w = clip[i, 2], clip[i, 3]
        inverse = 1.0 / w
        column, row = clip[i, 0] * inverse * scale_x, clip[i, 1] * inverse * scale_y
        reach = w * (1.0 + slack)
        good = w > 0 and abs(z) <= reach and abs(column) < LIMIT and abs(row) < LIMIT
        outside[i] = not good
        count += not good
        x[i] = np.int32(np.rint(column)) + start_x if good else 0
        y[i] = np.int32(np.rint(row)) + start_y if good else 0
        near = min(max(0.5 * (z * inverse) + 0.5, 0.0), 1.0)
        depth[i] = near * DEPTH_STEPS if good else 0.0
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def select(x, y, triangles, window, shift, kept):
    """Find the triangles whose bounding box holds a pixel centre; returns their number n.

    Args:
        x: (V,) int32 grid columns.
        y: (V,) int32 grid rows.
        triangles: (T, 3) uint32.
        window: (4,) int64 column and row of the first pixel, height, width.
        shift: log2 of the grid steps per pixel.
        kept: (T,) int32, out: the first n are the triangles' indices, ascending.
    """
    low_bits = np.int32((1 << shift) - 1)
    high_bits = np.int32(~low_bits)
    left, right = np.int32(window[0] << shift), np.int32((window[0] + window[3] - 1) << shift)
    top, bottom = np.int32(window[1] << shift), np.int32((window[1] + window[2] - 1) << shift)
    keep = np.empty(BLOCK, np.uint8)
    n = 0
    for start in range(0, len(triangles), BLOCK):
        block = triangles[start : start + BLOCK]
        for k in range(len(block)):
            a, b, c = block[k, 0], block[k, 1], block[k, 2]
            x0, x1 = min(x[a], min(x[b], x[c])), max(x[a], max(x[b], x[c]))
            y0, y1 = min(y[a], min(y[b], y[c])), max(y[a], max(y[b], y[c]))
            first_x = np.int32(np.int32(x0 + low_bits) & high_bits)
            first_y = np.int32(np.int32(y0 + low_bits) & high_bits)
            hit = (first_x <= x1) & (first_y <= y1)
            keep[k] = hit & (x1 >= left) & (x0 <= right) & (y1 >= top) & (y0 <= bottom)
        for k in range(len(block)):  # without a branch, which would be mispredicted
            kept[n] = start + k
            n += keep[k]
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def filter_drawable(x, y, outside, triangles, cull, kept, n):
    """Drop the triangles with a vertex outside, and those seen from behind; returns the new number.

    Args:
        x: (V,) int32 grid columns.
        y: (V,) int32 grid rows.
        outside: (V,) bool, see `snap`.
        triangles: (T, 3) uint32.
        cull: drop those clockwise in an image with row 0 on top.
        kept: (T,) int32 indices of triangles, first n; changed in place.
        n: how many.
    """
    m = 0
    for i in range(n):
        a, b, c = triangles[kept[i], 0], triangles[kept[i], 1], triangles[kept[i], 2]
        if outside[a] or outside[b] or outside[c]:
            continue
        if cull:
            ax, ay = np.int64(x[a]), np.int64(y[a])
            if (x[b] - ax) * (y[c] - ay) - (y[b] - ay) * (x[c] - ax) >= 0:
                continue
        kept[m] = kept[i]
        m += 1
    return m


@njit(cache=True, nogil=True, error_model="numpy")
def cover(x, y, depth, triangles, ids, drawn, column, row, shift, keys):
    """Lower the keys of the pixels that triangles cover.

    Args:
        x: (V,) int32 grid columns.
        y: (V,) int32 grid rows.
        depth: (V,) float64, 0..DEPTH_STEPS.
        triangles: (T, 3) uint32.
        ids: (T,) int32 what each triangle is known by; empty = its index.
        drawn: (n,) int32 indices of the triangles to draw.
        column: of the first pixel of `keys`.
        row: likewise.
        shift: log2 of the grid steps per pixel.
        keys: (h, w) int64, changed in place: DEPTH << 32 | LAST_ID - id.
    """
    height, width = keys.shape
    mask = (np.int64(1) << shift) - 1
    for n in range(len(drawn)):
        t = np.uint32(drawn[n])
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay = np.int64(x[a]), np.int64(y[a])
        bx, by = np.int64(x[b]), np.int64(y[b])
        cx, cy = np.int64(x[c]), np.int64(y[c])
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0:
            continue
        if area < 0:
            b, c = c, b
            bx, by, cx, cy = cx, cy, bx, by
            area = -area
        x0 = max((min(ax, min(bx, cx)) + mask) >> shift, column) - column
        x1 = min(max(ax, max(bx, cx)) >> shift, column + width - 1) - column
        y0 = max((min(ay, min(by, cy)) + mask) >> shift, row) - row
        y1 = min(max(ay, max(by, cy)) >> shift, row + height - 1) - row
        # Edge functions opposite to a, b and c at the first pixel, and what a step changes. An edge
        # that is neither top nor left does not cover its own points: its function is lowered by 1.
        px, py = (x0 + column) << shift, (y0 + row) << shift
        ux, uy, vx, vy, wx, wy = cx - bx, cy - by, ax - cx, ay - cy, bx - ax, by - ay
        lu = np.int64(not (uy < 0 or (uy == 0 and ux > 0)))
        lv = np.int64(not (vy < 0 or (vy == 0 and vx > 0)))
        lw = np.int64(not (wy < 0 or (wy == 0 and wx > 0)))
        u = ux * (py - by) - uy * (px - bx) - lu
        v = vx * (py - cy) - vy * (px - cx) - lv
        w = wx * (py - ay) - wy * (px - ax) - lw
        ux, uy, vx, vy = ux << shift, uy << shift, vx << shift, vy << shift
        wx, wy = wx << shift, wy << shift
        tail = LAST_ID - (ids[t] if len(ids) else t)
        if x1 - x0 < WIDE:
            for j in range(y0, y1 + 1):
                eu, ev, ew = u, v, w
                for i in range(x0, x1 + 1):
                    if (eu | ev | ew) >= 0:
                        z = (eu + lu) * depth[a] + (ev + lv) * depth[b] + (ew + lw) * depth[c]
                        key = (np.int64(z / area) << 32) | tail
                        if key < keys[j, i]:
                            keys[j, i] = key
                    eu, ev, ew = eu - uy, ev - vy, ew - wy
                u, v, w = u + ux, v + vx, w + wx
            continue
        za, zb, zc = depth[a], depth[b], depth[c]
        low, high = min(za, min(zb, zc)), max(za, max(zb, zc))
        scale = 1.0 / area
        slope = -(uy * za + vy * zb + wy * zc) * scale
        for j in range(y0, y1 + 1):
            start, end = _span(u, uy, np.int64(0), x1 - x0)
            start, end = _span(v, vy, start, end)
            start, end = _span(w, wy, start, end)
            z = ((u + lu) * za + (v + lv) * zb + (w + lw) * zc) * scale
            for i in range(start, end + 1):
                key = (np.int64(min(max(z + i * slope, low), high)) << 32) | tail
                keys[j, x0 + i] = min(key, keys[j, x0 + i])
            u, v, w = u + ux, v + vx, w + wx


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _span(edge, step, start, end):
    """The part of start..end where edge - i * step >= 0."""
    if step > 0:
        end = min(end, edge // step)
    elif step < 0:
        start = max(start, -(edge // -step))
    elif edge < 0:
        end = start - 1
    return start, end
