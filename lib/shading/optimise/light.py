"""The light of a photo, from the brightness of its skin over the normals of the fitted head."""

from __future__ import annotations

import numpy as np

from lib.render import SH_COSINE, irradiance, sh_basis
from lib.uvspace.unwrap import UnwrappedFace

ROUNDS = 8
ROBUST = 2.0  # residuals of so many robust deviations count half
PLACES = 40_000
LEAST_ALBEDO = 0.02
PRIOR = np.array([0.0] + 3 * [0.01] + 5 * [0.1])  # how many of all texels the fit's light is worth
LEAST_TRUST = 0.3
FEWEST = 200  # texels


def photo_light(face: UnwrappedFace) -> np.ndarray:
    """(9, 3) SH light under which the fitted head's own colours look most like the photo.

    The fit's light, scaled to the photo, is the prior. Spots, hair, shadows and highlights count
    little.
    """
    seen = np.flatnonzero(face.trust.ravel() > LEAST_TRUST)
    if len(seen) < FEWEST:
        return face.light.astype(np.float64)
    seen = seen[:: max(1, len(seen) // PLACES)]
    trust = face.trust.ravel()[seen].astype(np.float64)
    albedo = np.maximum(face.albedo.reshape(-1, 3)[seen].astype(np.float64), LEAST_ALBEDO)
    normals = face.normal.reshape(-1, 3)[seen].astype(np.float64)
    level = face.rgb.reshape(-1, 3)[seen] / albedo
    terms = sh_basis(normals) * SH_COSINE
    prior = irradiance(normals, face.light)
    result = np.empty((9, 3))
    for channel in range(3):
        scale = np.median(level[:, channel]) / max(np.median(prior[:, channel]), 1e-6)
        start = face.light[:, channel].astype(np.float64) * scale
        result[:, channel] = _robust(terms, level[:, channel], trust, start)
    return result


def _robust(
    terms: np.ndarray, level: np.ndarray, trust: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """(9,) light of one channel: terms (n, 9), brightness over albedo (n,), prior (9,)."""
    light, ridge = start, np.diag(PRIOR) * trust.sum()
    for _ in range(ROUNDS):
        error = level - terms @ light
        spread = max(1.4826 * float(np.median(np.abs(error))), 1e-6)
        counts = trust / (1 + (error / (ROBUST * spread)) ** 2)
        weighted = terms * counts[:, None]
        light = start + np.linalg.solve(
            weighted.T @ terms + ridge, weighted.T @ (level - terms @ start)
        )
    return light
