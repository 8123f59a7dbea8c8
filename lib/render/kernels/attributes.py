"""Compiled loops that carry vertex attributes to pixels, and their gradients back."""

from __future__ import annotations

import numpy as np
from numba import njit

ZERO, ONE = np.float32(0), np.float32(1)  # typed: Python's integers would turn float32 to float64


@njit(cache=True, nogil=True, error_model="numpy")
def interpolate(packed, attributes, triangles, result):
    """Attributes of the visible surface, 0 on the background.

    Args:
        packed: (h, w, 4) u, v, z / w, id + 1.
        attributes: (V, C)
        triangles: (T, 3) uint32.
        result: (h, w, C) out.
    """
    height, width = packed.shape[:2]
    channels = attributes.shape[1]
    for row in range(height):
        for column in range(width):
            t = np.int64(packed[row, column, 3]) - 1
            if t < 0:
                result[row, column, :] = 0
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            u, v = packed[row, column, 0], packed[row, column, 1]
            s = ONE - u - v
            for k in range(channels):
                value = u * attributes[a, k] + v * attributes[b, k] + s * attributes[c, k]
                result[row, column, k] = value


@njit(cache=True, nogil=True, error_model="numpy")
def interpolate_backward(packed, attributes, triangles, grad, grad_packed, grad_attributes):
    """Gradients of `interpolate`.

    Args:
        packed: (h, w, 4)
        attributes: (V, C)
        triangles: (T, 3) uint32.
        grad: (h, w, C) of the result.
        grad_packed: (h, w, 4) out; empty = not wanted.
        grad_attributes: (V, C) changed in place; empty = not wanted.
    """
    height, width = packed.shape[:2]
    channels = attributes.shape[1]
    to_packed, to_attributes = grad_packed.size > 0, grad_attributes.size > 0
    for row in range(height):
        for column in range(width):
            t = np.int64(packed[row, column, 3]) - 1
            if to_packed:
                grad_packed[row, column, :] = 0
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            u, v = packed[row, column, 0], packed[row, column, 1]
            s = ONE - u - v
            gu = gv = ZERO * u
            for k in range(channels):
                g = grad[row, column, k]
                gu += g * (attributes[a, k] - attributes[c, k])
                gv += g * (attributes[b, k] - attributes[c, k])
                if to_attributes:
                    grad_attributes[a, k] += u * g
                    grad_attributes[b, k] += v * g
                    grad_attributes[c, k] += s * g
            if to_packed:
                grad_packed[row, column, 0] = gu
                grad_packed[row, column, 1] = gv


@njit(cache=True, nogil=True, error_model="numpy")
def differentiate(packed, derivatives, attributes, triangles, which, result):
    """Screen-space derivatives of attributes, 0 on the background.

    Args:
        packed: (h, w, 4)
        derivatives: (h, w, 4) du/dX, du/dY, dv/dX, dv/dY.
        attributes: (V, C)
        triangles: (T, 3) uint32.
        which: (K,) int64 attributes to differentiate.
        result: (h, w, 2 K) out: d/dX and d/dY of each.
    """
    height, width = packed.shape[:2]
    for row in range(height):
        for column in range(width):
            t = np.int64(packed[row, column, 3]) - 1
            if t < 0:
                result[row, column, :] = 0
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            ux, uy = derivatives[row, column, 0], derivatives[row, column, 1]
            vx, vy = derivatives[row, column, 2], derivatives[row, column, 3]
            for k in range(len(which)):
                by_u = attributes[a, which[k]] - attributes[c, which[k]]
                by_v = attributes[b, which[k]] - attributes[c, which[k]]
                result[row, column, 2 * k] = ux * by_u + vx * by_v
                result[row, column, 2 * k + 1] = uy * by_u + vy * by_v


@njit(cache=True, nogil=True, error_model="numpy")
def differentiate_backward(
    packed, derivatives, attributes, triangles, which, grad, grad_derivatives, grad_attributes
):
    """Gradients of `differentiate`.

    Args:
        packed: (h, w, 4)
        derivatives: (h, w, 4)
        attributes: (V, C)
        triangles: (T, 3) uint32.
        which: (K,) int64.
        grad: (h, w, 2 K) of the result.
        grad_derivatives: (h, w, 4) out; empty = not wanted.
        grad_attributes: (V, C) changed in place; empty = not wanted.
    """
    height, width = packed.shape[:2]
    to_derivatives, to_attributes = grad_derivatives.size > 0, grad_attributes.size > 0
    for row in range(height):
        for column in range(width):
            t = np.int64(packed[row, column, 3]) - 1
            if to_derivatives:
                grad_derivatives[row, column, :] = 0
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            ux, uy = derivatives[row, column, 0], derivatives[row, column, 1]
            vx, vy = derivatives[row, column, 2], derivatives[row, column, 3]
            for k in range(len(which)):
                gx, gy = grad[row, column, 2 * k], grad[row, column, 2 * k + 1]
                i = which[k]
                if to_derivatives:
                    by_u = attributes[a, i] - attributes[c, i]
                    by_v = attributes[b, i] - attributes[c, i]
                    grad_derivatives[row, column, 0] += gx * by_u
                    grad_derivatives[row, column, 1] += gy * by_u
                    grad_derivatives[row, column, 2] += gx * by_v
                    grad_derivatives[row, column, 3] += gy * by_v
                if to_attributes:
                    gu, gv = gx * ux + gy * uy, gx * vx + gy * vy
                    grad_attributes[a, i] += gu
                    grad_attributes[b, i] += gv
                    grad_attributes[c, i] -= gu + gv
