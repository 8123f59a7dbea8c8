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
GROUP = 128  # small triangles whose pixels are judged together
LANES = 8  # pixels of a row that are judged together
WIDE = 32  # px; in wider triangles the covered span of each row is solved for

i32, u32 = np.int32, np.uint32


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

    The depth of a triangle at a pixel is computed in one way, whatever part of it is drawn with
    what others: from the first column of its bounding box along the row, clamped to its corners'.

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
        keys: (h, w) int64, contiguous, changed in place: DEPTH << 32 | LAST_ID - id.
    """
    height, width = keys.shape
    window = column, row, height, width
    corner, near = np.zeros(6 * GROUP, np.int32), np.zeros(3 * GROUP)
    tail, place = np.zeros(GROUP, np.int64), np.zeros(3 * GROUP, np.int32)
    found = np.zeros(4 * GROUP, np.int64)
    others = np.empty(len(drawn) + 1, np.int32)
    m = 0
    for start in range(0, len(drawn), GROUP):
        group = drawn[start : start + GROUP]
        for n in range(len(group)):
            t = u32(group[n])
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            corner[n], corner[GROUP + n], corner[2 * GROUP + n] = x[a], x[b], x[c]
            corner[3 * GROUP + n], corner[4 * GROUP + n], corner[5 * GROUP + n] = y[a], y[b], y[c]
            near[n], near[GROUP + n], near[2 * GROUP + n] = depth[a], depth[b], depth[c]
            tail[n] = LAST_ID - (ids[t] if len(ids) else t)
        _judge_small(corner, near, tail, window, shift, place, found)
        m = _lower(group, place, found, keys.reshape(-1), others, m)
    _cover_rows(x, y, depth, triangles, ids, others[:m], column, row, shift, keys)


@njit(cache=True, nogil=True, error_model="numpy")
def _judge_small(corner, near, tail, window, shift, place, found):
    """Keys at the up to 2 x 2 pixels of small triangles' bounding boxes, in vectorised form.

    All casts keep numbers at 32 bits, of which a vector holds twice as many as of 64.

    Args:
        corner: (6 * GROUP,) int32 grid columns of the three corners, then rows.
        near: (3 * GROUP,) float64 depth of the corners.
        tail: (GROUP,) int64 low part of the keys.
        window: column and row of the first pixel, height, width.
        shift: log2 of the grid steps per pixel.
        place: (3 * GROUP,) int32, out: index of the first pixel, step to the right, step down; the
            index is -1 for a triangle with a larger box, or not wholly in the window.
        found: (4 * GROUP,) int64, out: keys at the first pixel, right, below, below right.
    """
    mask, bits = i32((1 << shift) - 1), i32(shift)
    left, top, height, width = i32(window[0]), i32(window[1]), i32(window[2]), i32(window[3])
    right, bottom = i32(left + width - 1), i32(top + height - 1)
    for n in range(GROUP):
        ax, ay = corner[n], corner[3 * GROUP + n]
        bx, by = corner[GROUP + n], corner[4 * GROUP + n]
        cx, cy = corner[2 * GROUP + n], corner[5 * GROUP + n]
        za, zb, zc = near[n], near[GROUP + n], near[2 * GROUP + n]
        area = i32((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
        turn = area < 0
        bx, cx = (cx if turn else bx), (bx if turn else cx)
        by, cy = (cy if turn else by), (by if turn else cy)
        zb, zc = (zc if turn else zb), (zb if turn else zc)
        x0, x1 = i32(min(ax, min(bx, cx)) + mask) >> bits, max(ax, max(bx, cx)) >> bits
        y0, y1 = i32(min(ay, min(by, cy)) + mask) >> bits, max(ay, max(by, cy)) >> bits
        small = (x1 - x0 < 2) & (y1 - y0 < 2)
        small &= (x0 >= left) & (x1 <= right) & (y0 >= top) & (y1 <= bottom)
        place[n] = (y0 - top) * width + x0 - left if small else -1
        place[GROUP + n], place[2 * GROUP + n] = x1 - x0, (y1 - y0) * width
        px, py = i32(x0 << bits), i32(y0 << bits)
        ux, uy, vx, vy = i32(cx - bx), i32(cy - by), i32(ax - cx), i32(ay - cy)
        wx, wy = i32(bx - ax), i32(by - ay)
        u = i32(ux * i32(py - by) - uy * i32(px - bx))
        v = i32(vx * i32(py - cy) - vy * i32(px - cx))
        w = i32(wx * i32(py - ay) - wy * i32(px - ax))
        lu, lv, lw = i32(_exclusive(ux, uy)), i32(_exclusive(vx, vy)), i32(_exclusive(wx, wy))
        ux, uy, vx, vy = i32(ux << bits), i32(uy << bits), i32(vx << bits), i32(vy << bits)
        wx, wy = i32(wx << bits), i32(wy << bits)
        low, high = min(za, min(zb, zc)), max(za, max(zb, zc))
        scale = 1.0 / abs(area)
        slope = -(uy * za + vy * zb + wy * zc) * scale
        for below in range(2):
            z = (u * za + v * zb + w * zc) * scale
            eu, ev, ew = i32(u - lu), i32(v - lv), i32(w - lw)
            key = _key(z, low, high, tail[n])
            found[2 * below * GROUP + n] = key if (eu | ev | ew) >= 0 else EMPTY
            eu, ev, ew = i32(eu - uy), i32(ev - vy), i32(ew - wy)
            key = _key(z + slope, low, high, tail[n])
            found[(2 * below + 1) * GROUP + n] = key if (eu | ev | ew) >= 0 else EMPTY
            u, v, w = i32(u + ux), i32(v + vx), i32(w + wx)


@njit(cache=True, nogil=True, error_model="numpy")
def _lower(group, place, found, pixels, others, m):
    """Lower keys to those of small triangles, list the others; returns the number of these."""
    for k in range(len(group)):
        others[m] = group[k]
        if place[k] < 0:
            m += 1
            continue
        first, right, down = u32(place[k]), u32(place[GROUP + k]), u32(place[2 * GROUP + k])
        pixels[first] = min(pixels[first], found[k])
        pixels[first + right] = min(pixels[first + right], found[GROUP + k])
        pixels[first + down] = min(pixels[first + down], found[2 * GROUP + k])
        last = first + right + down
        pixels[last] = min(pixels[last], found[3 * GROUP + k])
    return m


@njit(cache=True, nogil=True, error_model="numpy")
def _cover_rows(x, y, depth, triangles, ids, drawn, column, row, shift, keys):
    """Like `cover`, row by row of each triangle."""
    height, width = keys.shape
    pixels = keys.reshape(-1)
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
        x0, x1 = (min(ax, min(bx, cx)) + mask) >> shift, max(ax, max(bx, cx)) >> shift
        y0, y1 = (min(ay, min(by, cy)) + mask) >> shift, max(ay, max(by, cy)) >> shift
        start, end = max(column - x0, 0), min(x1, column + width - 1) - x0
        first, last = max(y0, row) - row, min(y1, row + height - 1) - row
        # Edge functions opposite to a, b and c at the start of a row, and what a step changes. An
        # edge that is neither top nor left does not cover its own points: it is lowered by 1.
        px, py = x0 << shift, (first + row) << shift
        ux, uy, vx, vy, wx, wy = cx - bx, cy - by, ax - cx, ay - cy, bx - ax, by - ay
        lu, lv, lw = _exclusive(ux, uy), _exclusive(vx, vy), _exclusive(wx, wy)
        u = ux * (py - by) - uy * (px - bx) - lu
        v = vx * (py - cy) - vy * (px - cx) - lv
        w = wx * (py - ay) - wy * (px - ax) - lw
        ux, uy, vx, vy = ux << shift, uy << shift, vx << shift, vy << shift
        wx, wy = wx << shift, wy << shift
        tail = LAST_ID - (ids[t] if len(ids) else t)
        za, zb, zc = depth[a], depth[b], depth[c]
        low, high = min(za, min(zb, zc)), max(za, max(zb, zc))
        scale = 1.0 / abs(area)
        slope = -(uy * za + vy * zb + wy * zc) * scale
        count = (end - start + LANES) & -LANES  # whole vectors; beyond `end` nothing is changed
        narrow = end - start < WIDE and last * width + x0 + start - column + count <= len(pixels)
        for j in range(first, last + 1):
            z = ((u + lu) * za + (v + lv) * zb + (w + lw) * zc) * scale
            begin = np.uint64(j * width + x0 + start - column)
            if narrow:
                for k in range(count):
                    i, pixel = start + k, begin + np.uint64(k)
                    key = _key(z + i * slope, low, high, tail)
                    covered = (i <= end) & (((u - i * uy) | (v - i * vy) | (w - i * wy)) >= 0)
                    pixels[pixel] = min(key if covered else EMPTY, pixels[pixel])
            else:
                left, right = _span(u, uy, start, end)
                left, right = _span(v, vy, left, right)
                left, right = _span(w, wy, left, right)
                for i in range(left, right + 1):
                    pixel = begin + np.uint64(i - start)
                    key = _key(z + i * slope, low, high, tail)
                    pixels[pixel] = min(key, pixels[pixel])
            u, v, w = u + ux, v + vx, w + wx


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _exclusive(dx, dy):
    """1 for an edge that does not cover its own points, being neither top nor left; else 0."""
    return np.int64((dy > 0) | ((dy == 0) & (dx <= 0)))


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _key(z, low, high, tail):
    """Depth clamped to low..high, above the low part of the key."""
    return (np.int64(i32(min(max(z, low), high))) << 32) | tail


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
