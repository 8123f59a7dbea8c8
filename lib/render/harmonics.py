"""Spherical-harmonic light: the one place of its constants, shared by fitting and texture."""

from __future__ import annotations

import numpy as np

# Real orthonormal harmonics of bands 0-2, order (l, m):
# 00, 1-1 (y), 10 (z), 11 (x), 2-2 (xy), 2-1 (yz), 20 (3z^2 - 1), 21 (xz), 22 (x^2 - y^2).
# Source: Ramamoorthi & Hanrahan 2001, An efficient representation for irradiance environment maps,
# eq. 3.
Y00 = 0.5 / np.sqrt(np.pi)
Y1 = np.sqrt(3 / (4 * np.pi))
Y2 = np.sqrt(15 / (4 * np.pi))
Y20 = np.sqrt(5 / (16 * np.pi))
Y22 = np.sqrt(15 / (16 * np.pi))

# What a Lambertian surface keeps of each band, over pi: A_l / pi with A = pi, 2 pi / 3, pi / 4 (the
# same source, eq. 8), so that light = (1 / Y00, 0, ...) shows the albedo itself.
SH_COSINE = np.array([1.0] + 3 * [2 / 3] + 5 * [1 / 4], np.float32)


def sh_basis(normals: np.ndarray) -> np.ndarray:
    """(..., 9) orthonormal real spherical harmonics of bands 0-2 at unit normals (..., 3)."""
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    return np.stack(
        [
            np.full_like(x, Y00),
            Y1 * y,
            Y1 * z,
            Y1 * x,
            Y2 * x * y,
            Y2 * y * z,
            Y20 * (3 * z * z - 1),
            Y2 * x * z,
            Y22 * (x * x - y * y),
        ],
        axis=-1,
    )


def irradiance(normals: np.ndarray, light: np.ndarray) -> np.ndarray:
    """(..., 3) what a white Lambertian surface reflects: sum_k SH_COSINE_k Y_k(n) light_k.

    Args:
        normals: (..., 3) unit, model frame.
        light: (9, 3) SH coefficients of the incoming light per channel, model frame.
    """
    return sh_basis(normals) @ (SH_COSINE[:, None] * light)


def irradiance_slope(normals: np.ndarray, light: np.ndarray) -> np.ndarray:
    """(..., 3 axes, 3 channels) derivative of `irradiance` by the components of the normal.

    The basis counts as polynomials of x, y and z; along the sphere, where normals move, it is the
    derivative of the harmonics.
    """
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    zero, one = np.zeros_like(x), np.ones_like(x)
    slopes = [
        [zero, zero, zero, Y1 * one, Y2 * y, zero, zero, Y2 * z, 2 * Y22 * x],
        [zero, Y1 * one, zero, zero, Y2 * x, Y2 * z, zero, zero, -2 * Y22 * y],
        [zero, zero, Y1 * one, zero, zero, Y2 * y, 6 * Y20 * z, Y2 * x, zero],
    ]
    weighted = SH_COSINE[:, None] * light
    return np.stack([np.stack(slope, axis=-1) @ weighted for slope in slopes], axis=-2)


def shade(albedo: np.ndarray, normals: np.ndarray, light: np.ndarray) -> np.ndarray:
    """(..., 3) linear colour of a Lambertian surface under `light`; see `irradiance`."""
    return albedo * irradiance(normals, light)


def ambient_light(colour: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> np.ndarray:
    """(9, 3) light from everywhere, under which a white surface shows `colour`."""
    light = np.zeros((9, 3), np.float32)
    light[0] = np.array(colour) / Y00
    return light


def distant_light(
    direction: np.ndarray, colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> np.ndarray:
    """(9, 3) light from one direction; facing it, a white surface shows about `colour`.

    Args:
        direction: (3,) towards the light, model frame.
        colour: linear RGB, irradiance over pi of a surface that faces the light.
    """
    unit = np.asarray(direction, np.float64) / np.linalg.norm(direction)
    return (np.pi * sh_basis(unit)[:, None] * np.array(colour)).astype(np.float32)
