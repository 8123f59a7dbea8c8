"""The light of the detail layer's networks: plain real harmonics on encoded colour.

colour = clip(albedo * (Y(n) . coefficients), 0, 1), sRGB-encoded, with normals n of the posed frame
(x to the picture's right, y up, z to the viewer) and Y in an order of its own.

Source: Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP.
"""

from __future__ import annotations

import numpy as np

from lib.geometry.coded_camera import DETAIL_LAYER
from lib.geometry.crop_camera import rotation_of_angles
from lib.render.encoded_light import encoded_of, linear_light, linear_of

N_BANDS = 9
# Order: 1, z, x, y, 3 z^2 - 1, x z, y z, x^2 - y^2, x y.
FACTORS = np.array(
    [
        np.sqrt(1 / (4 * np.pi)),
        *3 * [np.sqrt(3 / (4 * np.pi))],
        np.sqrt(5 / (16 * np.pi)),
        *2 * [np.sqrt(15 / (4 * np.pi))],
        np.sqrt(15 / (16 * np.pi)),
        np.sqrt(15 / (4 * np.pi)),
    ]
)
FIRST = 0.3  # added to the first two of each channel: light from everywhere and from the viewer
N_FIRST = 2


def plain_basis(normals: np.ndarray) -> np.ndarray:
    """(..., 9) harmonics at normals (..., 3) of the posed frame."""
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    one = np.ones_like(x)
    terms = [one, z, x, y, 3 * z * z - 1, x * z, y * z, x * x - y * y, x * y]
    return np.stack(terms, -1) * FACTORS


def plain_shading(normals: np.ndarray, light: np.ndarray) -> np.ndarray:
    """(..., 3) factor on the encoded albedo at posed normals (..., 3), for 27 numbers.

    Args:
        normals: (..., 3) unit, posed frame.
        light: (27,), 9 of red, then of green, then of blue, without the first values.
    """
    bands = np.asarray(light, np.float64).reshape(3, N_BANDS).T.copy()
    bands[:N_FIRST] += FIRST
    return plain_basis(normals) @ bands


def linear_of_plain(light: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """(9, 3) light in the model frame, linear, nearest to published numbers.

    Args:
        light: (27,).
        rotation: (3, 3) R for row vectors: posed = model . R.
    """
    return linear_of(lambda normals: plain_shading(normals, light), rotation)


def plain_of_linear(light: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """(27,) published numbers nearest to a linear light (9, 3) in the model frame."""
    bands = encoded_of(light, rotation, plain_basis)
    bands[:N_FIRST] -= FIRST
    return bands.T.reshape(-1).astype(np.float32)


def light_of_code(system: str, light: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """(9, 3) linear light in the model frame of a network's code.

    Args:
        system: whose code it is.
        light: (27,) of it.
        angles: (3,) rad of it.
    """
    rotation = rotation_of_angles(angles)
    if system == DETAIL_LAYER:  # it turns columns by the matrix that turns rows there
        return linear_of_plain(light, rotation.T)
    return linear_light(light, rotation)
