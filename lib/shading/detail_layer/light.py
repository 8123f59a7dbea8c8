"""The detail layer's light on tensors: plain harmonics that multiply encoded colour.

Constants and the way to this project's light are those of `lib.render.plain_light`.
"""

from __future__ import annotations

import torch

from lib.errors import ShapeError
from lib.render.plain_light import FACTORS, FIRST, N_BANDS, N_FIRST


def plain_basis(normals: torch.Tensor) -> torch.Tensor:
    """(..., 9) harmonics at normals (..., 3) of the camera's frame."""
    x, y, z = normals.unbind(-1)
    one = torch.ones_like(x)
    terms = [one, z, x, y, 3 * z * z - 1, x * z, y * z, x * x - y * y, x * y]
    return torch.stack(terms, -1) * normals.new_tensor(FACTORS)


def plain_bands(light: torch.Tensor) -> torch.Tensor:
    """(B, 9, 3) coefficients with the first values, of the network's numbers (B, 27).

    Raises:
        ShapeError: `light` is not (B, 27).
    """
    if light.ndim != 2 or light.shape[1] != 3 * N_BANDS:
        raise ShapeError("light", tuple(light.shape), f"(B, {3 * N_BANDS})")
    first = light.new_zeros(N_BANDS)
    first[:N_FIRST] = FIRST
    return (light.reshape(-1, 3, N_BANDS) + first).transpose(1, 2)


def plain_shading(normals: torch.Tensor, light: torch.Tensor) -> torch.Tensor:
    """(B, ..., 3) factor on the encoded albedo at normals (B, ..., 3), for numbers (B, 27)."""
    return torch.einsum("b...k,bkc->b...c", plain_basis(normals), plain_bands(light))


def lit(albedo: torch.Tensor, normals: torch.Tensor, light: torch.Tensor) -> torch.Tensor:
    """(B, ..., 3) colours 0..255 of albedo 0..255 under light (B, 27)."""
    return 255 * (plain_shading(normals, light) * albedo / 255).clamp(0, 1)
