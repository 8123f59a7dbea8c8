"""The light of coefficient regressors, which multiplies sRGB-encoded colour, and ours beside it.

colour = albedo * (Y(n) . gamma), all sRGB-encoded, with n in the posed frame (x right, y up, z to
the viewer). Ours multiplies linear light in the model frame. Encoding is no product, so that one is
turned into the other by least squares over the directions that a camera sees.

Source: Deng et al. 2019, CVPRW; Ramamoorthi & Hanrahan 2001 for the bands.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.imaging import srgb_to_linear
from lib.render.harmonics import SH_COSINE, Y00, sh_basis

N_BANDS = 9
AMBIENT = 0.8  # added to the first band
A = (np.pi, 2 * np.pi / np.sqrt(3), 2 * np.pi / np.sqrt(8))
C = (1 / np.sqrt(4 * np.pi), np.sqrt(3 / (4 * np.pi)), 3 * np.sqrt(5 / (12 * np.pi)))
GAMMA = 2.2  # of the display, about
N_DIRECTIONS = 1024
UNSEEN = 0.03  # weight of directions that face away
BRIGHTEST = 8.0  # of shading, linear
CHUNK = 4096  # lights at a time
DARKEST = 1e-3  # of an encoded albedo by which is divided


def encoded_basis(normals: np.ndarray) -> np.ndarray:
    """(..., 9) basis of the published light at unit normals (..., 3) of the posed frame."""
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    first, second = A[1] * C[1], A[2] * C[2]
    return np.stack(
        [
            np.full_like(x, A[0] * C[0]),
            -first * y,
            first * z,
            -first * x,
            second * x * y,
            -second * y * z,
            second * (3 * z * z - 1) / (2 * np.sqrt(3)),
            -second * x * z,
            second * (x * x - y * y) / 2,
        ],
        axis=-1,
    )


def encoded_shading(normals: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    """(..., 3) factor on the encoded albedo at posed normals (..., 3), for 27 coefficients.

    Args:
        normals: (..., 3) unit, posed frame.
        gamma: (27,), 9 bands of red, then of green, then of blue.
    """
    return encoded_basis(normals) @ _bands(gamma)


def linear_light(gamma: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """(9, 3) light in the model frame, linear, nearest to published coefficients.

    Args:
        gamma: (27,).
        rotation: (3, 3) R for row vectors: posed = model . R.
    """
    return linear_of(lambda normals: encoded_shading(normals, gamma), rotation)


def encoded_light(light: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """(27,) published coefficients nearest to a linear light (9, 3) in the model frame."""
    bands = encoded_of(light, rotation, encoded_basis)
    bands[0] -= AMBIENT
    return bands.T.reshape(-1).astype(np.float32)


def linear_of(shading: Callable[[np.ndarray], np.ndarray], rotation: np.ndarray) -> np.ndarray:
    """(9, 3) linear light in the model frame nearest to a factor on encoded colour.

    Args:
        shading: (n, 3) factors at unit normals (n, 3) of the posed frame.
        rotation: (3, 3) R for row vectors: posed = model . R.
    """
    normals, weights = _directions()
    wanted = np.clip(shading(normals), 0, None) ** GAMMA
    basis = sh_basis(normals @ rotation.T) * SH_COSINE
    return _solve(basis, np.minimum(wanted, BRIGHTEST), weights).astype(np.float32)


def encoded_of(
    light: np.ndarray, rotation: np.ndarray, basis: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """(9, 3) coefficients on encoded colour nearest to a linear light (9, 3) in the model frame.

    Args:
        light: (9, 3).
        rotation: (3, 3) R for row vectors: posed = model . R.
        basis: (n, 9) at unit normals (n, 3) of the posed frame.
    """
    normals, weights = _directions()
    linear = (sh_basis(normals @ rotation.T) * SH_COSINE) @ light
    wanted = np.clip(linear, 0, BRIGHTEST) ** (1 / GAMMA)
    return _solve(basis(normals), wanted, weights)


def linear_lights(gammas: np.ndarray) -> np.ndarray:
    """(n, 9, 3) linear lights nearest to n published ones (n, 27) of the model frame itself."""
    normals, weights = _directions()
    root = np.sqrt(weights)[:, None]
    solve = (np.linalg.pinv(root * sh_basis(normals) * SH_COSINE) * root[:, 0]).astype(np.float32)
    basis = encoded_basis(normals).astype(np.float32)
    result = np.empty((len(gammas), N_BANDS, 3), np.float32)
    for start in range(0, len(gammas), CHUNK):
        bands = np.float32(gammas[start : start + CHUNK]).reshape(-1, 3, N_BANDS)
        shading = bands @ basis.T + np.float32(AMBIENT) * basis[:, 0]  # (k, 3, directions)
        wanted = np.minimum(np.clip(shading, 0, None) ** np.float32(GAMMA), BRIGHTEST)
        result[start : start + CHUNK] = np.swapaxes(wanted @ solve.T, 1, 2)
    return result


def linear_lights_on(albedo: np.ndarray, gammas: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """(n, 9, 3) linear lights under which n places look as under published ones of their own.

    A place's own normal shows the very colour, by its first band; other normals show nearly the
    colour, as `linear_lights` has it.

    Args:
        albedo: (n, 3) sRGB-encoded 0..1.
        gammas: (n, 27) of each place.
        normals: (n, 3) unit, model frame.
    """
    bands = np.asarray(gammas, np.float64).reshape(-1, 3, N_BANDS)
    basis = encoded_basis(np.asarray(normals, np.float64))
    shading = (bands * basis[:, None]).sum(2) + AMBIENT * basis[:, :1]
    albedo = np.maximum(np.asarray(albedo, np.float64), DARKEST)
    shown = srgb_to_linear(np.clip(albedo * shading, 0, None)) / srgb_to_linear(albedo)
    light = linear_lights(gammas).astype(np.float64)
    cosines = sh_basis(np.asarray(normals, np.float64)) * SH_COSINE
    found = (cosines[..., None] * light).sum(1)
    light[:, 0] += (shown - found) / Y00
    return light.astype(np.float32)


def _bands(gamma: np.ndarray) -> np.ndarray:
    """(9, 3) with the constant ambient part."""
    bands = np.asarray(gamma, np.float64).reshape(3, N_BANDS).T.copy()
    bands[0] += AMBIENT
    return bands


def _directions() -> tuple[np.ndarray, np.ndarray]:
    """Directions (n, 3) evenly over the sphere, and how much each counts: those of a face seen."""
    k = np.arange(N_DIRECTIONS) + 0.5
    z, angle = 1 - 2 * k / N_DIRECTIONS, np.pi * (1 + np.sqrt(5)) * k
    ring = np.sqrt(1 - z * z)
    normals = np.stack([ring * np.cos(angle), ring * np.sin(angle), z], -1)
    return normals, np.where(z > 0, 1.0, UNSEEN)


def _solve(basis: np.ndarray, wanted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    root = np.sqrt(weights)[:, None]
    return np.linalg.lstsq(root * basis, root * wanted, rcond=None)[0]
