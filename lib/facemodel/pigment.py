"""Skin colour from two pigments: (melanin, blood) -> linear sRGB under D65, numpy alone.

R = exp(-2 m (wavelength / 550 nm)^-p) R_inf: an absorbing epidermis (Beer-Lambert) over a deep
scattering dermis (Kubelka-Munk), after Preece & Claridge 2004 (PAMI 26(7)), Donner & Jensen 2006
(EGSR) and Alotaibi & Smith 2017 (ICCVW). Effective constants: see docs/face_models.md.
"""

from __future__ import annotations

import numpy as np

WAVELENGTH_NM = np.arange(400.0, 701.0, 10.0)

# Molar extinction of oxygenated and deoxygenated haemoglobin, 1/(cm M), every 10 nm from 400 nm;
# compiled by S. Prahl, Oregon Medical Laser Center, from Gratzer and Kollias.
OXYGENATED = np.array([
    266232, 466840, 480360, 246072, 102580, 62816, 44480, 33209.2, 26629.2, 23684.4, 20932.8,
    20035.2, 24202.4, 39956.8, 53236, 43016, 32613.2, 44496, 50104, 14400.8, 3200, 1506, 942,
    610, 442, 368, 319.6, 294, 277.6, 276, 290,
])  # fmt: skip
DEOXYGENATED = np.array([
    223296, 303956, 407560, 528600, 413280, 103292, 23388.8, 16156.4, 14550, 16684, 20862,
    25773.6, 31589.6, 39036.4, 46592, 53412, 53788, 45072, 37020, 28324.4, 14677.2, 9443.6,
    6509.6, 5148.8, 4345.2, 3750.12, 3226.56, 2795.12, 2407.92, 2051.96, 1794.28,
])  # fmt: skip
D65 = np.array([
    82.75, 91.49, 93.43, 86.68, 104.86, 117.01, 117.81, 114.86, 115.92, 108.81, 109.35, 107.80,
    104.79, 107.69, 104.41, 104.05, 100, 96.33, 95.79, 88.69, 90.01, 89.60, 87.70, 83.29, 83.70,
    80.03, 80.21, 82.28, 78.28, 69.72, 71.61,
])  # fmt: skip

HAEMOGLOBIN_G_PER_L, HAEMOGLOBIN_G_PER_MOL = 150.0, 64500.0
MELANIN_SLOPE = 1.0  # flatter than pure eumelanin (3.3): scattering saturates it in vivo
SCATTERING_GAIN = 2.06
BLOOD_GAIN = 5.0
OXYGENATION = 0.7

MELANIN_RANGE = (0.05, 1.5)  # optical depth at 550 nm: very light .. dark
BLOOD_RANGE = (0.005, 0.35)  # effective volume fraction

XYZ_TO_SRGB = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)


def _observer(wavelength: np.ndarray) -> np.ndarray:
    """(n, 3) CIE 1931 observer; Source: Wyman, Sloan & Shirley 2013, JCGT 2(2), table 1."""

    def lobe(height: float, centre: float, below: float, above: float) -> np.ndarray:
        slope = np.where(wavelength < centre, below, above)
        return height * np.exp(-0.5 * ((wavelength - centre) * slope) ** 2)

    x = lobe(0.362, 442.0, 0.0624, 0.0374) + lobe(1.056, 599.8, 0.0264, 0.0323)
    x = x + lobe(-0.065, 501.1, 0.0490, 0.0382)
    y = lobe(0.821, 568.8, 0.0213, 0.0247) + lobe(0.286, 530.9, 0.0613, 0.0322)
    z = lobe(1.217, 437.0, 0.0845, 0.0278) + lobe(0.681, 459.0, 0.0385, 0.0725)
    return np.stack([x, y, z], axis=1)


_WEIGHTS = _observer(WAVELENGTH_NM) * D65[:, None]
_WEIGHTS = _WEIGHTS / _WEIGHTS[:, 1].sum()
_WHITE_XYZ = _WEIGHTS.sum(axis=0)


def reflectance(
    melanin: np.ndarray, blood: np.ndarray, oxygenation: np.ndarray | float = OXYGENATION
) -> np.ndarray:
    """(..., 31) diffuse reflectance of skin at 400..700 nm.

    Args:
        melanin: (...,) optical depth of the epidermis at 550 nm, one way.
        blood: (...,) effective blood fraction of the dermis.
        oxygenation: (...,) share of oxygenated haemoglobin.
    """
    m, b, oxygen = (
        np.asarray(value, np.float64)[..., None]
        for value in np.broadcast_arrays(melanin, blood, oxygenation)
    )
    haemoglobin = 2.303 * HAEMOGLOBIN_G_PER_L / HAEMOGLOBIN_G_PER_MOL / 10  # 1/mm per 1/(cm M)
    absorbed = b * BLOOD_GAIN * haemoglobin * (oxygen * OXYGENATED + (1 - oxygen) * DEOXYGENATED)
    absorbed = absorbed + 0.0244 + 8.53 * np.exp(-(WAVELENGTH_NM - 154) / 66.2)
    scattered = SCATTERING_GAIN * (14.74 * WAVELENGTH_NM**-0.22 + 2.2e11 * WAVELENGTH_NM**-4.0)
    ratio = absorbed / scattered
    dermis = 1 + ratio - np.sqrt(ratio**2 + 2 * ratio)
    return np.exp(-2 * m * (WAVELENGTH_NM / 550) ** -MELANIN_SLOPE) * dermis


def skin_colour(
    melanin: np.ndarray, blood: np.ndarray, oxygenation: np.ndarray | float = OXYGENATION
) -> np.ndarray:
    """(..., 3) linear sRGB albedo, 0..1; arguments as in `reflectance`."""
    xyz = reflectance(melanin, blood, oxygenation) @ _WEIGHTS
    return np.clip(xyz @ XYZ_TO_SRGB.T / (XYZ_TO_SRGB @ _WHITE_XYZ), 0, 1)


def lab(rgb: np.ndarray) -> np.ndarray:
    """(..., 3) CIELAB under D65 of linear sRGB."""
    xyz = np.asarray(rgb, np.float64) @ np.linalg.inv(XYZ_TO_SRGB).T
    ratio = xyz / np.linalg.inv(XYZ_TO_SRGB).sum(axis=1)
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def typology_angle(rgb: np.ndarray) -> np.ndarray:
    """(...,) individual typology angle in degrees of linear sRGB skin colours.

    Above 55 very light, 41 light, 28 intermediate, 10 tan, -30 brown, below dark.

    Source: Chardon, Cretois & Hourseau 1991, Int J Cosmet Sci 13.
    """
    colour = lab(rgb)
    return np.rad2deg(np.arctan2(colour[..., 0] - 50, colour[..., 2]))
