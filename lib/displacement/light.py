"""How a slope of the skin changes its brightness, learnt from the measured shape and its texture.

All views are taken under one light. Skin that looks towards it is brighter, everywhere on the face:
brightness as a smooth function of the normal follows by regression over the whole face, and what a
small tilt does at each place is its derivative.
"""

from __future__ import annotations

import numpy as np

from lib.artefacts import Surface
from lib.uvspace.bands import blur_mm

SMOOTH_MM = 1.5  # of the shape, so that its errors do not count as light
ROUNDS = 8
ROBUST = 2.0  # residuals of so many robust deviations count half
RIDGE = (0.0, 1e-3, 1e-3, 1e-3, 0.05, 0.05, 0.05, 0.05, 0.05)
LEAST_LIGHT = 0.25  # of the usual brightness: in shadow a tilt says little
MOST_RESPONSE = 1.5
PLACES = 40_000


def slope_response(
    surface: Surface, brightness: np.ndarray, weight: np.ndarray, mm_per_texel: np.ndarray
) -> np.ndarray:
    """(rows, cols, 2) change of log brightness per unit slope, towards +u and towards +v.

    Args:
        surface: the measured surface; sets rows and cols.
        brightness: (rows, cols) log brightness of its texture.
        weight: (rows, cols) 0..1, bare skin that photos show.
        mm_per_texel: (rows, cols).

    Source: Ramamoorthi & Hanrahan 2001, On the Relationship between Radiance and Irradiance: nine
        numbers say how matte brightness depends on the normal.
    """
    used = (weight > 0) & np.isfinite(surface.points_mm).all(axis=2)
    if not used.any():
        return np.zeros((*used.shape, 2), np.float32)
    points = np.where(used[..., None], surface.points_mm, 0).astype(np.float32)
    points = blur_mm(points, used.astype(np.float32), mm_per_texel, SMOOTH_MM)
    along_u, along_v = np.gradient(points, axis=1), -np.gradient(points, axis=0)
    normal = _unit(np.cross(along_u, along_v))
    level = np.exp(brightness - np.median(brightness[used]))
    light = _fitted_light(normal[used], level[used], weight[used])
    shade = np.maximum(_terms(normal) @ light, LEAST_LIGHT)
    gradient = _gradient(normal, light)
    # A slope h_u turns the normal by -h_u along u.
    response = [-(gradient * _unit(t)).sum(axis=2) / shade for t in (along_u, along_v)]
    limited = MOST_RESPONSE * np.tanh(np.stack(response, axis=2) / MOST_RESPONSE)
    return (limited * used[..., None]).astype(np.float32)


def _fitted_light(normal: np.ndarray, level: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(9,) brightness over the terms of `_terms`; spots and shadows are held back."""
    step = max(1, len(level) // PLACES)
    terms, level, weight = _terms(normal[::step]), level[::step], weight[::step]
    ridge = np.diag(RIDGE) * weight.sum()
    counts = weight.astype(np.float64)
    for _ in range(ROUNDS):
        weighted = terms * counts[:, None]
        light = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ level)
        error = np.abs(level - terms @ light)
        spread = max(1.4826 * float(np.median(error)), 1e-6)
        counts = weight / (1 + (error / (ROBUST * spread)) ** 2)
    return light


def _terms(normal: np.ndarray) -> np.ndarray:
    """(..., 9) polynomials of (..., 3) normals."""
    x, y, z = np.moveaxis(normal.astype(np.float64), -1, 0)
    square = [x * y, y * z, x * z, x * x - y * y, 3 * z * z - 1]
    return np.stack([np.ones_like(x), x, y, z, *square], axis=-1)


def _gradient(normal: np.ndarray, light: np.ndarray) -> np.ndarray:
    """(..., 3) derivative of the brightness by the normal."""
    x, y, z = np.moveaxis(normal.astype(np.float64), -1, 0)
    _, ax, ay, az, xy, yz, xz, xx, zz = light
    by_x = ax + xy * y + xz * z + 2 * xx * x
    by_y = ay + xy * x + yz * z - 2 * xx * y
    by_z = az + yz * y + xz * x + 6 * zz * z
    return np.stack([by_x, by_y, by_z], axis=-1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
