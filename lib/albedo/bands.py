"""What of a colour's deviation is skin and what is light, band by band.

Skin and light differ in their statistics: pigments change colour, light changes brightness, and
light changes more over centimetres. In every band of sizes both are Gaussian, with the covariances
of `statistics`; how strong either is, is told by the place itself.

Source: Wainwright & Simoncelli 2000, Scale mixtures of Gaussians (NIPS), for the local variance;
Tsumura et al. 2003, Image-based skin color and texture analysis/synthesis (SIGGRAPH), for pigments
and shading as directions of log colour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lib.albedo.statistics import LIGHT, SIZES, SKIN
from lib.uvspace.masked import masked_gaussian

ROUNDS = 3
WINDOW = 1.5  # of the band's size: where strength is measured
STRENGTH = (0.3, 200.0)  # of the usual variance


def split(values: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    """Bands (rows, cols, 3) of values, finest first, whose sum they are.

    Args:
        values: (rows, cols, 3).
        weight: (rows, cols): where they are known.
    """
    side = values.shape[0]
    smooth = [values, *(masked_gaussian(values, weight, size * side) for size in SIZES)]
    pairs = zip(smooth, [*smooth[1:], None], strict=True)
    return [fine if coarse is None else fine - coarse for fine, coarse in pairs]


def skin_of(values: np.ndarray, weight: np.ndarray, photos: np.ndarray | float = 1.0) -> np.ndarray:
    """(rows, cols, 3) float32: the skin's part of deviations of log colour.

    Args:
        values: (rows, cols, 3) deviation from what is expected, of mean 0.
        weight: (rows, cols) 0..1: bare skin that was seen.
        photos: how many photos under lights of their own the values are the mean of; (rows, cols).
    """
    result = np.zeros(values.shape, np.float32)
    for band, size, skin, light in zip(
        split(values, weight), (*SIZES, SIZES[-1]), SKIN, LIGHT, strict=True
    ):
        result += _skin_of_band(band, weight, size * len(values), (skin, light), photos)
    return result


def _skin_of_band(
    band: np.ndarray,
    weight: np.ndarray,
    sigma: float,
    covariances: Sequence[np.ndarray],
    photos: np.ndarray | float,
) -> np.ndarray:
    """The expectation of one band's skin, given its sum with light."""
    skin, light = covariances
    whiten = np.linalg.inv(np.linalg.cholesky(light))
    ratio, turn = np.linalg.eigh(whiten @ skin @ whiten.T)
    ratio = np.maximum(ratio, 1e-4).astype(np.float32)
    axes = (whiten.T @ turn).astype(np.float32)
    seen = band @ axes
    own = np.ones(weight.shape, np.float32)
    other = own.copy()
    for rest in reversed(range(ROUNDS)):
        strength = ratio * own[..., None]
        noise = (other / np.maximum(photos, 1.0))[..., None]
        found = strength / (strength + noise) * seen
        if not rest:
            break
        unsure = strength * noise / (strength + noise)
        energy = np.dstack([
            ((found**2 + unsure) / ratio).mean(axis=2),
            ((seen - found) ** 2 + unsure).mean(axis=2),
        ])  # fmt: skip
        around = masked_gaussian(energy, weight, max(WINDOW * sigma, 1.5))
        own, other = np.moveaxis(np.clip(around, *STRENGTH), 2, 0)
    return found @ np.linalg.inv(axes)
