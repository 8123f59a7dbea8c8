"""How surfaces answer light: skin, eyes, cloth and hair, on tensors of any device.

Colours of lamps are irradiance over pi: a white matte surface that faces one shows its colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lib.render.differentiable import ggx, unit
from lib.synthesis.lighting import Lighting

SKIN, EYE, MOUTH, HAIR, OTHER = range(5)
SECOND_LOBE, SECOND_SHARE = 0.6, 0.22  # roughness of skin's sharper lobe over the first; weight
WRAP = (0.16, 0.06, 0.03)  # how far light creeps past the edge of a shadow in skin, by colour
HAIR_LOBES = ((0.06, 90.0, 0.16), (-0.09, 22.0, 0.42))  # shift, sharpness, strength
WHITE_LOBE = 0  # of HAIR_LOBES: reflected at the surface, without the hair's colour
DOME_GLOSS = 0.6  # share of the dome's light that gloss sees sharply enough to matter


@dataclass(frozen=True)
class Fragments:
    """The surface at n pixels.

    Args:
        kind: (n,) SKIN, EYE, ...
        position: (n, 3) mm.
        normal: (n, 3) unit, as light sees it.
        to_eye: (n, 3) unit.
        tangent: (n, 3) unit along hairs; anything elsewhere.
        albedo: (n, 3) linear.
        roughness: (n, 1)
        reflectance: (n, 1) at normal incidence.
        dome: (n, 4, 3) see `transport.Received`.
        lamps: (n, k) likewise.
    """

    kind: torch.Tensor
    position: torch.Tensor
    normal: torch.Tensor
    to_eye: torch.Tensor
    tangent: torch.Tensor
    albedo: torch.Tensor
    roughness: torch.Tensor
    reflectance: torch.Tensor
    dome: torch.Tensor
    lamps: torch.Tensor

    def __getitem__(self, rows: torch.Tensor) -> Fragments:
        return Fragments(**{name: value[rows] for name, value in vars(self).items()})


def shade(
    fragments: Fragments, lighting: Lighting, middle: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """What surfaces send to the eye.

    Args:
        fragments: of any kinds.
        lighting: the lights.
        middle: (3,) mm, the point that lamps' directions and distances count from.

    Returns:
        (n, 3) irradiance over pi, which the albedo multiplies; (n, 3) specular reflection.
    """
    irradiance = torch.zeros_like(fragments.albedo)
    specular = torch.zeros_like(fragments.albedo)
    hair = fragments.kind == HAIR
    for rows, method in ((hair.nonzero()[:, 0], _hair), ((~hair).nonzero()[:, 0], _surface)):
        if len(rows):
            irradiance[rows], specular[rows] = method(fragments[rows], lighting, middle)
    return irradiance, specular


def _surface(
    at: Fragments, lighting: Lighting, middle: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lambert with a soft terminator in skin, and one or two GGX lobes."""
    irradiance = dome_irradiance(at.dome, at.normal)
    wrap = at.normal.new_tensor(WRAP) * (at.kind == SKIN)[:, None]
    specular = _dome_gloss(at)
    two_lobes = SECOND_SHARE * (at.kind == SKIN)[:, None]
    for k, lamp in enumerate(lighting.lamps):
        to_lamp, falloff = _from_lamp(at.position, lamp, middle)
        colour = at.normal.new_tensor(lamp.colour) * (falloff * at.lamps[:, k : k + 1])
        widest = float(torch.sin(torch.tensor(lamp.half_angle)))
        cosine = (at.normal * to_lamp).sum(-1, keepdim=True)
        soft = wrap + 0.5 * widest
        irradiance += colour * ((cosine + soft) / (1 + soft)).clamp_min(0)
        lobe = _area_lobe(at, to_lamp, at.roughness, widest)
        sharp = _area_lobe(at, to_lamp, at.roughness * SECOND_LOBE, widest)
        specular += colour * (lobe + two_lobes * (sharp - lobe))
    return irradiance, specular


def dome_irradiance(dome: torch.Tensor, normal: torch.Tensor) -> torch.Tensor:
    """(n, 3) what a matte white surface shows of (n, 4, 3) dome light, from bands 0 and 1.

    The clamped cosine is 1/4 + cos/2 + ...; see Ramamoorthi & Hanrahan 2001.
    """
    directional = (dome[:, 1:] * normal[:, :, None]).sum(1)
    return (0.25 * dome[:, 0] + 0.5 * directional).clamp_min(0)


def _from_lamp(
    position: torch.Tensor, lamp, middle: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, 3) unit direction to a lamp; (n, 1) its strength relative to that at the middle."""
    direction = position.new_tensor(lamp.direction)
    if lamp.distance_mm == float("inf"):
        return direction.expand_as(position), torch.ones_like(position[:, :1])
    way = middle + direction * lamp.distance_mm - position
    square = (way * way).sum(-1, keepdim=True)
    return way * square.rsqrt(), lamp.distance_mm**2 / square


def _area_lobe(
    at: Fragments, to_lamp: torch.Tensor, roughness: torch.Tensor, widest: float
) -> torch.Tensor:
    """(n, 1) GGX of a lamp with a size: a wider and so a lower lobe.

    Source: Karis 2013, Real shading in Unreal Engine 4, section on area lights.
    """
    alpha = roughness**2
    wide = (alpha + 0.5 * widest).clamp_max(1.0)
    lower = (alpha / wide) ** 0.5  # the lamp fills the lobe's middle where it is wider than it
    return lower * ggx(at.normal, to_lamp, at.to_eye, wide.sqrt(), at.reflectance)


def _dome_gloss(at: Fragments) -> torch.Tensor:
    """(n, 3) mirrored dome light: what is seen in the mirror direction, by Schlick's Fresnel.

    Source: Lazarov 2013, Getting more physical in Call of Duty: Black Ops II, for its strength.
    """
    facing = (at.normal * at.to_eye).sum(-1, keepdim=True).clamp(0, 1)
    mirrored = 2 * facing * at.normal - at.to_eye
    seen = dome_irradiance(at.dome, unit(mirrored))
    grazing = (1 - at.roughness).clamp_min(0.25)
    fresnel = at.reflectance + (grazing - at.reflectance).clamp_min(0) * (1 - facing) ** 5
    return DOME_GLOSS * seen * fresnel


def _hair(
    at: Fragments, lighting: Lighting, middle: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Kajiya-Kay's cylinder with two shifted highlights, the second one coloured.

    Source: Kajiya & Kay 1989, Rendering fur with three dimensional textures; shifts after Marschner
    et al. 2003 in the form of Scheuermann 2004 (SIGGRAPH sketches).
    """
    irradiance = 0.25 * at.dome[:, 0] + 0.25 * (at.dome[:, 1:] * at.normal[:, :, None]).sum(1)
    irradiance = 0.8 * irradiance.clamp_min(0)
    specular = torch.zeros_like(irradiance)
    tinted = at.albedo / at.albedo.amax(-1, keepdim=True).clamp_min(1e-3)
    for k, lamp in enumerate(lighting.lamps):
        to_lamp, falloff = _from_lamp(at.position, lamp, middle)
        colour = at.normal.new_tensor(lamp.colour) * (falloff * at.lamps[:, k : k + 1])
        along = (at.tangent * to_lamp).sum(-1, keepdim=True)
        across = (1 - along**2).clamp_min(0).sqrt()
        wrap = ((at.normal * to_lamp).sum(-1, keepdim=True) + 0.5).clamp(0, 1)
        irradiance += colour * (0.6 * across * wrap)
        half = unit(to_lamp + at.to_eye)
        for row, (shift, sharpness, strength) in enumerate(HAIR_LOBES):
            turned = unit(at.tangent + shift * at.normal)
            cosine = (turned * half).sum(-1, keepdim=True)
            lobe = strength * (1 - cosine**2).clamp_min(0) ** (sharpness / 2) * wrap
            if row == WHITE_LOBE:
                specular += 0.35 * colour * lobe
            else:
                specular += colour * lobe * tinted * at.albedo.mean(-1, keepdim=True).sqrt() * 0.6
    return irradiance, specular
