"""Compiled loops between vertices and the visible point of each pixel: weights and gradients.

With p_i = (x_i - X w_i, y_i - Y w_i) for a pixel centre (X, Y) in -1..1, the perspective-correct
weight of corner 0 is u = a_0 / (a_0 + a_1 + a_2) with a_0 = p_1 x p_2, and cyclically; this holds
for corners behind the camera too.

Source: Olano & Greer 1997, Triangle scan conversion using 2D homogeneous coordinates.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lib.render.kernels.coverage import EMPTY, LAST_ID

ZERO, ONE = np.float32(0), np.float32(1)  # typed: Python's integers would turn float32 to float64


@njit(cache=True, nogil=True, error_model="numpy")
def resolve(keys, clip, triangles, centre_x, centre_y, step, first_id, packed, derivatives):
    """Weights, depth and id of the visible triangle of each pixel.

    Args:
        keys: (h, w) int64, see `coverage.cover`.
        clip: (V, 4)
        triangles: (T, 3) uint32.
        centre_x: (w,) pixel centres in -1..1, of clip's type.
        centre_y: (h,) likewise.
        step: (2,) width and height of a pixel in clip space.
        first_id: what is added to an id when it is stored.
        packed: (h, w, 4) out: u, v, z / w, id + 1.
        derivatives: (h, w, 4) out: du/dX, du/dY, dv/dX, dv/dY per pixel; empty = not wanted.
    """
    height, width = keys.shape
    wanted = derivatives.size > 0
    step_x, step_y = step[0], step[1]
    for row in range(height):
        for column in range(width):
            if keys[row, column] == EMPTY:
                packed[row, column, :] = 0
                if wanted:
                    derivatives[row, column, :] = 0
                continue
            t = LAST_ID - (keys[row, column] & LAST_ID)
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            x, y = centre_x[column], centre_y[row]
            aw, bw, cw = clip[a, 3], clip[b, 3], clip[c, 3]
            ax, ay = clip[a, 0] - x * aw, clip[a, 1] - y * aw
            bx, by = clip[b, 0] - x * bw, clip[b, 1] - y * bw
            cx, cy = clip[c, 0] - x * cw, clip[c, 1] - y * cw
            a0, a1, a2 = bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx
            total = a0 + a1 + a2
            inverse = ONE / total if total != ZERO else ZERO * total
            u, v = a0 * inverse, a1 * inverse
            if wanted:
                # d a_0 / dX = w_2 p_1y - w_1 p_2y, d a_0 / dY = w_1 p_2x - w_2 p_1x, cyclically
                a0x, a1x, a2x = cw * by - bw * cy, aw * cy - cw * ay, bw * ay - aw * by
                a0y, a1y, a2y = bw * cx - cw * bx, cw * ax - aw * cx, aw * bx - bw * ax
                tx, ty = a0x + a1x + a2x, a0y + a1y + a2y
                derivatives[row, column, 0] = (a0x - u * tx) * inverse * step_x
                derivatives[row, column, 1] = (a0y - u * ty) * inverse * step_y
                derivatives[row, column, 2] = (a1x - v * tx) * inverse * step_x
                derivatives[row, column, 3] = (a1y - v * ty) * inverse * step_y
            # Rounding to the grid can put a pixel centre just outside its triangle.
            u, v = min(max(u, ZERO), ONE), min(max(v, ZERO), ONE)
            over = max(u + v, ONE)
            u, v = u / over, v / over
            s = ONE - u - v
            z = u * clip[a, 2] + v * clip[b, 2] + s * clip[c, 2]
            w = u * aw + v * bw + s * cw
            packed[row, column, 0], packed[row, column, 1] = u, v
            packed[row, column, 2] = min(max(z / w, -ONE), ONE)
            packed[row, column, 3] = t + first_id + 1


@njit(cache=True, nogil=True, error_model="numpy")
def resolve_backward(
    packed, first_id, clip, triangles, centre_x, centre_y, step, stabiliser, grad, grad_step, out
):
    """Add the gradient of clip positions x, y and w; see `resolve`.

    Args:
        packed: (h, w, 4)
        first_id: what was added to ids.
        clip: (V, 4)
        triangles: (T, 3) uint32.
        centre_x: (w,)
        centre_y: (h,)
        step: (2,)
        stabiliser: 1 / a is taken as a / (a^2 + stabiliser^2).
        grad: (h, w, 4) of `packed`; only u and v count.
        grad_step: (h, w, 4) of `derivatives`; empty = none.
        out: (V, 4) changed in place.
    """
    height, width = packed.shape[:2]
    second_order = grad_step.size > 0
    step_x, step_y = step[0], step[1]
    square = stabiliser * stabiliser
    run, sums = np.int64(-1), np.zeros(9)  # of the pixels since the triangle last changed
    xa = ya = wa = xb = yb = wb = xc = yc = wc = ZERO * step_x
    for row in range(height):
        y = centre_y[row]
        for column in range(width):
            t = np.int64(packed[row, column, 3]) - 1 - first_id
            if t < 0:
                continue
            gu, gv = grad[row, column, 0], grad[row, column, 1]
            if gu == ZERO and gv == ZERO and not second_order:
                continue
            if t != run:
                _store(out, triangles, run, sums)
                run = t
                a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                xa, ya, wa = clip[a, 0], clip[a, 1], clip[a, 3]
                xb, yb, wb = clip[b, 0], clip[b, 1], clip[b, 3]
                xc, yc, wc = clip[c, 0], clip[c, 1], clip[c, 3]
            x = centre_x[column]
            ax, ay, bx, by = xa - x * wa, ya - y * wa, xb - x * wb, yb - y * wb
            cx, cy = xc - x * wc, yc - y * wc
            a0, a1, a2 = bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx
            total = a0 + a1 + a2
            if total == ZERO:
                continue
            r = total / (total * total + square)
            u, v = a0 * r, a1 * r
            gaw = gbw = gcw = gax = gay = gbx = gby = gcx = gcy = gt = ZERO * r
            if second_order:
                gux, guy = grad_step[row, column, 0] * step_x, grad_step[row, column, 1] * step_y
                gvx, gvy = grad_step[row, column, 2] * step_x, grad_step[row, column, 3] * step_y
                a0x, a1x, a2x = wc * by - wb * cy, wa * cy - wc * ay, wb * ay - wa * by
                a0y, a1y, a2y = wb * cx - wc * bx, wc * ax - wa * cx, wa * bx - wb * ax
                tx, ty = a0x + a1x + a2x, a0y + a1y + a2y
                ux, uy, vx, vy = a0x - u * tx, a0y - u * ty, a1x - v * tx, a1y - v * ty
                gt = -(gux * ux + guy * uy + gvx * vx + gvy * vy) * r * r
                gu = gu - (gux * tx + guy * ty) * r
                gv = gv - (gvx * tx + gvy * ty) * r
                g2x, g2y = -(gux * u + gvx * v) * r, -(guy * u + gvy * v) * r
                g0x, g1x, g0y, g1y = gux * r + g2x, gvx * r + g2x, guy * r + g2y, gvy * r + g2y
                gaw = g1x * cy - g2x * by - g1y * cx + g2y * bx
                gbw = g2x * ay - g0x * cy - g2y * ax + g0y * cx
                gcw = g0x * by - g1x * ay - g0y * bx + g1y * ax
                gax, gay = g1y * wc - g2y * wb, g2x * wb - g1x * wc
                gbx, gby = g2y * wa - g0y * wc, g0x * wc - g2x * wa
                gcx, gcy = g0y * wb - g1y * wa, g1x * wa - g0x * wb
            gt -= (gu * u + gv * v) * r
            g0, g1, g2 = gu * r + gt, gv * r + gt, gt
            gax, gay = gax - g1 * cy + g2 * by, gay + g1 * cx - g2 * bx
            gbx, gby = gbx + g0 * cy - g2 * ay, gby - g0 * cx + g2 * ax
            gcx, gcy = gcx - g0 * by + g1 * ay, gcy + g0 * bx - g1 * ax
            sums[0] += gax
            sums[1] += gay
            sums[2] += gaw - x * gax - y * gay
            sums[3] += gbx
            sums[4] += gby
            sums[5] += gbw - x * gbx - y * gby
            sums[6] += gcx
            sums[7] += gcy
            sums[8] += gcw - x * gcx - y * gcy
    _store(out, triangles, run, sums)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _store(out, triangles, t, sums):
    """Add the sums of triangle t to its corners and clear them; -1 = no triangle yet."""
    if t >= 0:
        for corner in range(3):
            vertex = triangles[t, corner]
            out[vertex, 0] += sums[3 * corner]
            out[vertex, 1] += sums[3 * corner + 1]
            out[vertex, 3] += sums[3 * corner + 2]
    sums[:] = 0
