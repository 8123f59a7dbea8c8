"""Light on surfaces, on tensors: harmonics, lamps, GGX highlights and normal maps.

Colours are linear. A surface of albedo 1 that faces a lamp of colour c shows c: colours of lamps
are irradiance over pi, as in `lib.render.harmonics`, whose constants are used here.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lib.errors import ShapeError
from lib.render import harmonics

EPSILON = 1e-8
FACING = 1e-4  # cosines below it count as it in divisions


@dataclass(frozen=True)
class DirectionalLight:
    """A lamp infinitely far away.

    Args:
        direction: (..., 3) towards the lamp; any length.
        colour: (..., 3) linear RGB.
    """

    direction: torch.Tensor
    colour: torch.Tensor

    def at(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Unit direction to the lamp and colour that arrives, for (..., 3) positions."""
        return unit(self.direction).expand_as(positions), self.colour.expand_as(positions)


@dataclass(frozen=True)
class PointLight:
    """A small lamp; its light falls with the square of the distance.

    Args:
        position: (..., 3) mm.
        colour: (..., 3) linear RGB, as it arrives at `reference_mm`.
        reference_mm: distance at which a facing white surface shows `colour`.
    """

    position: torch.Tensor
    colour: torch.Tensor
    reference_mm: float = 1000.0

    def at(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Unit direction to the lamp and colour that arrives, for (..., 3) positions."""
        way = self.position - positions
        square = (way * way).sum(-1, keepdim=True).clamp_min(EPSILON)
        return way * square.rsqrt(), self.colour * (self.reference_mm**2 / square)


Light = DirectionalLight | PointLight


def unit(vectors: torch.Tensor) -> torch.Tensor:
    """Vectors (..., 3) of length 1; zero stays zero, and its gradient finite."""
    return vectors * (vectors * vectors).sum(-1, keepdim=True).clamp_min(EPSILON**2).rsqrt()


def sh_basis(normals: torch.Tensor) -> torch.Tensor:
    """(..., 9) orthonormal real harmonics of bands 0-2, see `lib.render.sh_basis`."""
    x, y, z = normals.unbind(-1)
    terms = [
        torch.full_like(x, harmonics.Y00),
        harmonics.Y1 * y,
        harmonics.Y1 * z,
        harmonics.Y1 * x,
        harmonics.Y2 * x * y,
        harmonics.Y2 * y * z,
        harmonics.Y20 * (3 * z * z - 1),
        harmonics.Y2 * x * z,
        harmonics.Y22 * (x * x - y * y),
    ]
    return torch.stack(terms, dim=-1)


def irradiance(normals: torch.Tensor, light: torch.Tensor) -> torch.Tensor:
    """What a white Lambertian surface reflects: sum_k SH_COSINE_k Y_k(n) light_k.

    Args:
        normals: (B, ..., 3) unit.
        light: (9, 3) SH coefficients of the incoming light per channel, in the normals' frame; or
            (B, 9, 3), one light per image.

    Returns:
        (B, ..., 3) linear; negative where the harmonics are.

    Raises:
        ShapeError: `light` has another shape.
    """
    if light.shape[-2:] != (9, 3) or light.ndim not in (2, 3):
        raise ShapeError("light", tuple(light.shape), "(9, 3) or (B, 9, 3)")
    scaled = light * light.new_tensor(harmonics.SH_COSINE)[:, None]
    if light.ndim == 2:
        return sh_basis(normals) @ scaled
    return torch.einsum("b...k,bkc->b...c", sh_basis(normals), scaled)


def ggx(
    normals: torch.Tensor,
    to_light: torch.Tensor,
    to_eye: torch.Tensor,
    roughness: torch.Tensor | float,
    reflectance: torch.Tensor | float,
) -> torch.Tensor:
    """(..., 1) specular reflection of a lamp, times the cosine and pi: what colour 1 shows.

    pi D G F / (4 cos_l cos_v) cos_l with the distribution D of GGX for alpha = roughness^2, the
    height-correlated masking G of Smith and the Fresnel term F of Schlick.

    Args:
        normals: (..., 3) unit.
        to_light: (..., 3) unit.
        to_eye: (..., 3) unit.
        roughness: (..., 1) or a number, 0..1.
        reflectance: (..., 1) or a number: F at normal incidence, about 0.028 for skin.

    Source: Walter et al. 2007, Microfacet models for refraction through rough surfaces, eq. 33;
    Heitz 2014, Understanding the masking-shadowing function, eq. 99; Schlick 1994.
    """
    half = unit(to_light + to_eye)
    cos_l = (normals * to_light).sum(-1, keepdim=True)
    cos_v = (normals * to_eye).sum(-1, keepdim=True).clamp_min(FACING)
    cos_h = (normals * half).sum(-1, keepdim=True).clamp(0, 1)
    cos_d = (half * to_light).sum(-1, keepdim=True).clamp(0, 1)
    lit = cos_l.clamp_min(FACING)
    square = torch.as_tensor(roughness, dtype=normals.dtype, device=normals.device).clamp(0.03, 1)
    square = square**4
    distribution = square / (torch.pi * (cos_h**2 * (square - 1) + 1) ** 2)
    masking = 2 * lit * cos_v / (
        cos_v * (square + (1 - square) * lit**2).sqrt()
        + lit * (square + (1 - square) * cos_v**2).sqrt()
    )  # fmt: skip
    fresnel = reflectance + (1 - reflectance) * (1 - cos_d) ** 5
    return torch.where(
        cos_l > 0, torch.pi * distribution * masking * fresnel / (4 * cos_v), torch.zeros_like(lit)
    )


def illuminate(
    albedo: torch.Tensor,
    normals: torch.Tensor,
    positions: torch.Tensor,
    eye: torch.Tensor,
    lights: list[Light],
    ambient: torch.Tensor | None = None,
    roughness: torch.Tensor | float = 0.5,
    reflectance: torch.Tensor | float = 0.0,
) -> torch.Tensor:
    """(B, ..., 3) linear colour of a surface: Lambertian plus GGX, without cast shadows.

    Args:
        albedo: (B, ..., 3) linear.
        normals: (B, ..., 3) unit.
        positions: (B, ..., 3) mm.
        eye: (3,) centre of the camera, mm; or (B, 3).
        lights: lamps.
        ambient: (9, 3) or (B, 9, 3) SH light; see `irradiance`.
        roughness: (B, ..., 1) or a number, of the highlights.
        reflectance: (B, ..., 1) or a number; 0 = no highlights.
    """
    eye = eye.reshape(-1, *(1,) * (positions.ndim - 2), 3)
    to_eye = unit(eye - positions)
    diffuse, specular = torch.zeros_like(albedo), torch.zeros_like(albedo)
    if ambient is not None:
        diffuse = diffuse + irradiance(normals, ambient)
    glossy = not (isinstance(reflectance, float | int) and reflectance == 0)
    for lamp in lights:
        to_light, colour = lamp.at(positions)
        cosine = (normals * to_light).sum(-1, keepdim=True).clamp_min(0)
        diffuse = diffuse + colour * cosine
        if glossy:
            specular = specular + colour * ggx(normals, to_light, to_eye, roughness, reflectance)
    return albedo * diffuse + specular


def uv_tangents(
    positions_by_pixel: torch.Tensor, uv_by_pixel: torch.Tensor, normals: torch.Tensor
) -> torch.Tensor:
    """(..., 3, 3) frames of a surface with columns along u, along v, and the normal.

    Args:
        positions_by_pixel: (..., 6) d/dX and d/dY of x, y and z, as `interpolate` gives them.
        uv_by_pixel: (..., 4) du/dX, du/dY, dv/dX, dv/dY.
        normals: (..., 3) unit.

    Source: Mikkelsen 2010, Bump mapping unparametrized surfaces on the GPU: tangents from
    screen-space derivatives.
    """
    by_x, by_y = positions_by_pixel[..., 0::2], positions_by_pixel[..., 1::2]
    ux, uy, vx, vy = (uv_by_pixel[..., k : k + 1] for k in range(4))
    flip = torch.sign(ux * vy - uy * vx)
    along_u, along_v = flip * (by_x * vy - by_y * vx), flip * (by_y * ux - by_x * uy)
    across_u = along_u - normals * (normals * along_u).sum(-1, keepdim=True)
    across_v = along_v - normals * (normals * along_v).sum(-1, keepdim=True)
    return torch.stack([unit(across_u), unit(across_v), normals], dim=-1)


def apply_normal_map(frames: torch.Tensor, normal_map: torch.Tensor) -> torch.Tensor:
    """(..., 3) unit normals of a surface with detail.

    Args:
        frames: (..., 3, 3) of `uv_tangents`.
        normal_map: (..., 3) tangent-space normals in -1..1: along u, along v, outward.
    """
    return unit((frames @ normal_map[..., None])[..., 0])
