"""Colours of skin looked up fast: (melanin, blood, oxygenation) -> linear sRGB."""

from __future__ import annotations

import functools

import numpy as np
from numba import njit

from lib.facemodel.pigment import skin_colour, typology_angle

MELANIN, BLOOD, OXYGEN = (0.03, 4.0), (0.004, 0.4), (0.35, 0.85)
COUNTS = (72, 56, 6)


@functools.lru_cache(maxsize=1)
def _table() -> np.ndarray:
    """(72, 56, 6, 3) float32 colours on a grid, logarithmic in melanin and blood."""
    melanin, blood = np.geomspace(*MELANIN, COUNTS[0]), np.geomspace(*BLOOD, COUNTS[1])
    oxygen = np.linspace(*OXYGEN, COUNTS[2])
    colour = skin_colour(melanin[:, None, None], blood[:, None], oxygen)
    return np.ascontiguousarray(colour, np.float32)


def pigment_colour(
    log_melanin: np.ndarray, log_blood: np.ndarray, oxygen: np.ndarray, inside: np.ndarray
) -> np.ndarray:
    """(h, w, 3) float32 linear sRGB of maps (h, w), 0 outside.

    Args:
        log_melanin: natural logarithm of the epidermis' depth.
        log_blood: natural logarithm of the dermis' blood fraction.
        oxygen: 0..1.
        inside: (h, w) bool.
    """
    colour = np.zeros((*inside.shape, 3), np.float32)
    low = np.float32([np.log(MELANIN[0]), np.log(BLOOD[0]), OXYGEN[0]])
    high = np.float32([np.log(MELANIN[1]), np.log(BLOOD[1]), OXYGEN[1]])
    per_unit = (np.float32(COUNTS) - 1) / (high - low)
    _look_up(log_melanin, log_blood, oxygen, inside, _table(), low, per_unit, colour)
    return colour


def melanin_for(angle_deg: float, blood: float, oxygen: float) -> float:
    """Melanin of skin with that typology angle, at that blood."""
    melanin = np.geomspace(*MELANIN, 400)
    angle = typology_angle(skin_colour(melanin, blood, oxygen))
    last = int(angle.argmin()) + 1  # beyond the darkest the angle turns back
    return float(np.interp(angle_deg, angle[:last][::-1], melanin[:last][::-1]))


@njit(cache=True, nogil=True)
def _look_up(log_melanin, log_blood, oxygen, inside, table, low, per_unit, colour):
    nm, nb, no = table.shape[0], table.shape[1], table.shape[2]
    zero, one = np.float32(0), np.float32(1)
    for row in range(inside.shape[0]):
        for column in range(inside.shape[1]):
            if not inside[row, column]:
                continue
            a = (log_melanin[row, column] - low[0]) * per_unit[0]
            b = (log_blood[row, column] - low[1]) * per_unit[1]
            c = (oxygen[row, column] - low[2]) * per_unit[2]
            a = min(max(a, zero), np.float32(nm - 1.001))
            b = min(max(b, zero), np.float32(nb - 1.001))
            c = min(max(c, zero), np.float32(no - 1.001))
            i, j, k = int(a), int(b), int(c)
            fa, fb, fc = a - i, b - j, c - k
            for channel in range(3):
                value = zero
                for di in range(2):
                    wi = fa if di else one - fa
                    for dj in range(2):
                        wj = wi * (fb if dj else one - fb)
                        near = table[i + di, j + dj, k, channel]
                        far = table[i + di, j + dj, k + 1, channel]
                        value += wj * (near * (one - fc) + far * fc)
                colour[row, column, channel] = value
