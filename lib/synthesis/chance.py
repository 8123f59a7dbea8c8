"""Where every random number comes from, smooth random fields, and sums that repeat to the bit."""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, index: int, purpose: str) -> np.random.Generator:
    """The generator of one purpose of one item: no item or purpose moves another's numbers."""
    return np.random.default_rng([seed, index, zlib.crc32(purpose.encode())])


def smooth_noise(
    points: np.ndarray, wavelength: float, chance: np.random.Generator, n_waves: int = 24
) -> np.ndarray:
    """(n,) values of mean 0 and variance about 1 at points (n, d): a sum of random plane waves.

    Args:
        points: in any unit.
        wavelength: typical, in the same unit.
        chance: source of random numbers.
        n_waves: more is nearer to a Gaussian field.
    """
    direction = chance.standard_normal((points.shape[1], n_waves))
    direction /= np.linalg.norm(direction, axis=0)
    frequency = 2 * np.pi / wavelength * chance.uniform(0.6, 1.6, n_waves)
    phase = chance.uniform(0, 2 * np.pi, n_waves)
    return np.sqrt(2 / n_waves) * np.sin(points @ (direction * frequency) + phase).sum(axis=1)


def mixed(weights: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """(..., *rest) the same sum to the last bit for any number of threads, unlike a matrix product.

    Args:
        weights: (..., n)
        fields: (n, *rest)
    """
    rest = "bcd"[: fields.ndim - 1]
    return np.einsum(f"...a,a{rest}->...{rest}", weights, fields, optimize=False)
