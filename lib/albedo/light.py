"""The distant light that explains a photo of a head whose albedo is roughly known."""

from __future__ import annotations

import numpy as np

from lib.imaging import luminance
from lib.render.harmonics import SH_COSINE, sh_basis

ROUNDS = 5
MISFIT = 0.15  # log; cast shadows and what is no skin miss the model by more
GREY_RIDGE = np.array([1e-4] + [7e-4] * 3 + [4e-3] * 5)  # per unit of weight, of the mean squared
COLOUR_RIDGE = np.array([1e-3] + [7e-3] * 3 + [4e-2] * 5)
BOUNCED = 0.3  # share of the hidden light that comes back from the skin around
DIMMEST = 0.15  # of the mean light: no place is darker
LEAST = 1e-3


def received(normal: np.ndarray, smooth: np.ndarray, transfer: np.ndarray) -> np.ndarray:
    """(k, 9) float32: dot a light, what a matte white place receives on a head that is in its way.

    Args:
        normal: (k, 3) unit, with relief.
        smooth: (k, 3) unit, those of the mean head.
        transfer: (k, 9) of the mean head, see `light_transfer`.
    """
    hidden = sh_basis(smooth) * SH_COSINE - transfer
    return (sh_basis(normal) * SH_COSINE - (1 - BOUNCED) * hidden).astype(np.float32)


def shine(basis: np.ndarray, light: np.ndarray) -> np.ndarray:
    """(k, 3) float32 light (9, 3) that arrives by a basis (k, 9), never quite nothing."""
    least = DIMMEST * np.maximum(light[0] * SH_COSINE[0] * 0.28, LEAST)
    return np.maximum(basis @ light, least).astype(np.float32)


def fit_light(
    rgb: np.ndarray, albedo: np.ndarray, basis: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """(9, 3) light by which albedo shows the colours, mostly grey in its changes.

    Args:
        rgb: (k, 3) linear colours.
        albedo: (k, 3) linear.
        basis: (k, 9) of `received`.
        weight: (k,) 0..1.
    """
    ratio = (rgb / np.maximum(albedo, LEAST)).astype(np.float64)
    basis = basis.astype(np.float64)
    grey = luminance(ratio)
    robust = weight.astype(np.float64)
    light = np.zeros((9, 3))
    for _ in range(ROUNDS):
        normal = (basis * robust[:, None]).T @ basis
        ridge = robust.sum() * np.diag(GREY_RIDGE)
        common = np.linalg.solve(normal + ridge, (basis * robust[:, None]).T @ grey)
        tint = (robust @ ratio) / max(float(robust @ grey), LEAST)
        rest = ratio - (basis @ common)[:, None] * tint
        ridge = robust.sum() * np.diag(COLOUR_RIDGE)
        light = common[:, None] * tint + np.linalg.solve(
            normal + ridge, (basis * robust[:, None]).T @ rest
        )
        made = luminance(shine(basis, light.astype(np.float32)))
        off = np.log(np.maximum(grey, LEAST)) - np.log(np.maximum(made, LEAST))
        robust = weight / (1 + (off / MISFIT) ** 2)
    return light.astype(np.float32)
