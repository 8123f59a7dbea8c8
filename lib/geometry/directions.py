"""Directions spread over the sphere."""

from __future__ import annotations

import numpy as np


def sphere_directions(count: int) -> np.ndarray:
    """(count, 3) unit vectors spread evenly over the sphere: a Fibonacci lattice about y.

    Source: Swinbank & Purser 2006, Fibonacci grids: A novel approach to global modelling
    (Quarterly Journal of the Royal Meteorological Society), half a step off the poles.
    """
    index = np.arange(count)
    height = 1 - (2 * index + 1) / count
    turn = np.pi * (1 + np.sqrt(5)) * index
    ring = np.sqrt(1 - height**2)
    return np.stack([ring * np.cos(turn), height, ring * np.sin(turn)], axis=1)
