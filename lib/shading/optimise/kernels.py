"""Compiled stencils of the relief's equations on a texel grid; zero beyond its border."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def forward(height, along_u, along_v, result):
    """result = along_u * dh/du + along_v * dh/dv by central differences, per texel."""
    rows, cols = height.shape
    half = np.float32(0.5)
    for i in range(1, rows - 1):
        for j in range(1, cols - 1):
            du = half * (height[i, j + 1] - height[i, j - 1])
            dv = half * (height[i + 1, j] - height[i - 1, j])
            result[i, j] = along_u[i, j] * du + along_v[i, j] * dv


@njit(cache=True, nogil=True)
def normal_matrix(
    height, shaded, along_u, along_v, uu, uv, vv, isotropic, pull, flux_u, flux_v, out
):
    """out = the gradient, by the height, of half the weighted squares.

    Args:
        height: (rows, cols).
        shaded: (rows, cols) weighted change of brightness by the height.
        along_u, along_v: response of the brightness to slopes.
        uu, uv, vv: weights of the products of slopes, of central differences.
        isotropic: weight of squared steps to the neighbours.
        pull: weight of the squared height.
        flux_u, flux_v: scratch.
    """
    rows, cols = height.shape
    half = np.float32(0.5)
    for i in range(1, rows - 1):
        for j in range(1, cols - 1):
            du = half * (height[i, j + 1] - height[i, j - 1])
            dv = half * (height[i + 1, j] - height[i - 1, j])
            flux_u[i, j] = along_u[i, j] * shaded[i, j] + uu[i, j] * du + uv[i, j] * dv
            flux_v[i, j] = along_v[i, j] * shaded[i, j] + uv[i, j] * du + vv[i, j] * dv
    for i in range(rows):
        for j in range(cols):
            value = pull[i, j] * height[i, j]
            if j > 0:
                step = half * (isotropic[i, j] + isotropic[i, j - 1])
                value += step * (height[i, j] - height[i, j - 1]) + half * flux_u[i, j - 1]
            if j < cols - 1:
                step = half * (isotropic[i, j] + isotropic[i, j + 1])
                value += step * (height[i, j] - height[i, j + 1]) - half * flux_u[i, j + 1]
            if i > 0:
                step = half * (isotropic[i, j] + isotropic[i - 1, j])
                value += step * (height[i, j] - height[i - 1, j]) + half * flux_v[i - 1, j]
            if i < rows - 1:
                step = half * (isotropic[i, j] + isotropic[i + 1, j])
                value += step * (height[i, j] - height[i + 1, j]) - half * flux_v[i + 1, j]
            out[i, j] = value
