"""How surfaces answer light: skin, eyes, cloth and hair, on tensors of any device.

Colours of lamps are irradiance over pi: a white matte surface that faces one shows its colour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from lib.synthesis.rendering.lighting import Lamp, Lighting

SKIN, EYE, MOUTH, HAIR, OTHER = range(5)
SECOND_LOBE, SECOND_SHARE = 0.6, 0.22  # roughness of skin's sharper lobe over the first; weight
WRAP = (0.16, 0.06, 0.03)  # how far light creeps past the edge of a shadow in skin, by colour
# Shift; log2 of the exponent of the sine of the angle between hair and half vector; strength. The
# second highlight has been inside the hair and has its colour.
HAIR_LOBES = ((0.06, 6, 0.05), (-0.09, 4, 0.25))
HAIR_DOME, HAIR_MATTE = 0.8, 0.6
FACING = 1e-4  # cosines below it count as it in divisions
CHUNK = 32_768  # pixels shaded together, so that intermediate rows stay in the processor's cache
DOME_GLOSS = 0.6  # share of the dome's light that gloss sees sharply enough to matter


@dataclass(frozen=True)
class Fragments:
    """The surface at n pixels. Components come first, so that each is one long row in memory.

    Args:
        kind: (n,) SKIN, EYE, ...
        position: (3, n) mm.
        normal: (3, n) unit, as light sees it.
        to_eye: (3, n) unit.
        tangent: (3, n) unit along hairs; anything elsewhere.
        albedo: (3, n) linear.
        gloss: (2, n) roughness, and reflectance at normal incidence.
        dome: (12, n) dome light; band and direction, then colour, as in `transport.Received`.
        lamps: (k, n) share of each lamp that is seen.
    """

    kind: torch.Tensor
    position: torch.Tensor
    normal: torch.Tensor
    to_eye: torch.Tensor
    tangent: torch.Tensor
    albedo: torch.Tensor
    gloss: torch.Tensor
    dome: torch.Tensor
    lamps: torch.Tensor

    def at(self, rows: torch.Tensor) -> Fragments:
        """Some of the pixels."""
        return Fragments(**{name: value[..., rows] for name, value in vars(self).items()})


def shade(
    fragments: Fragments, lighting: Lighting, middle: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """What surfaces send to the eye.

    Args:
        fragments: of any kinds.
        lighting: the lights.
        middle: (3,) mm, the point that lamps' directions and distances count from.

    Returns:
        (3, n) irradiance over pi, which the albedo multiplies; (3, n) specular reflection.
    """
    irradiance = torch.zeros_like(fragments.albedo)
    specular = torch.zeros_like(fragments.albedo)
    hair = fragments.kind == HAIR
    for rows, method in ((hair.nonzero()[:, 0], _hair), ((~hair).nonzero()[:, 0], _surface)):
        for part in rows.split(CHUNK):
            irradiance[:, part], specular[:, part] = method(fragments.at(part), lighting, middle)
    return irradiance, specular


def _surface(
    at: Fragments, lighting: Lighting, middle: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lambert with a soft terminator in skin, and one or two GGX lobes."""
    irradiance = dome_irradiance(at.dome, at.normal)
    skin = (at.kind == SKIN).to(at.albedo.dtype)
    specular = _dome_gloss(at)
    cos_eye = dot(at.normal, at.to_eye).clamp_min(FACING)
    for lamp, seen in zip(lighting.lamps, at.lamps):
        to_lamp, strength = _from_lamp(at.position, lamp, middle)
        strength = strength * seen
        widest = math.sin(lamp.half_angle)
        cosine = dot(at.normal, to_lamp)
        lobe = _skin_lobes(at, skin, to_lamp, cosine, cos_eye, widest) * strength
        for channel, colour in enumerate(lamp.colour.tolist()):
            soft = WRAP[channel] * skin + 0.5 * widest
            lit = ((cosine + soft) / (1 + soft)).clamp_min(0)
            irradiance[channel] += lit * strength * colour
            specular[channel] += lobe * colour
    return irradiance, specular


def _skin_lobes(
    at: Fragments,
    skin: torch.Tensor,
    to_lamp: torch.Tensor,
    cosine: torch.Tensor,
    cos_eye: torch.Tensor,
    widest: float,
) -> torch.Tensor:
    """(n,) GGX of a lamp with a size: one lobe, and in skin a part of it sharper.

    pi D G F / (4 cos_l cos_v) cos_l as `lib.render.differentiable.ggx` has it. A lamp with a size
    makes the lobe wider and so lower.

    Source: Karis 2013, Real shading in Unreal Engine 4, section on area lights.
    """
    half = unit(to_lamp + at.to_eye)
    cos_half = dot(at.normal, half).clamp(0, 1)
    cos_lamp = cosine.clamp_min(FACING)
    reflectance = at.gloss[1]
    fresnel = reflectance + (1 - reflectance) * _fifth(1 - dot(half, to_lamp).clamp(0, 1))
    total = torch.zeros_like(cosine)
    for scale, weight in ((1.0, 1 - SECOND_SHARE * skin), (SECOND_LOBE, SECOND_SHARE * skin)):
        alpha = (at.gloss[0] * scale) ** 2
        wide = (alpha + 0.5 * widest).clamp(1e-3, 1.0)
        square = wide * wide
        bump = cos_half * cos_half * (square - 1) + 1
        distribution = square / (bump * bump)  # times pi, which the light's unit divides by
        masking = 2 * cos_lamp / (
            cos_eye * (square + (1 - square) * cos_lamp * cos_lamp).sqrt()
            + cos_lamp * (square + (1 - square) * cos_eye * cos_eye).sqrt()
        )  # fmt: skip
        total += weight * (alpha / wide).sqrt() * distribution * masking * 0.25
    return total * fresnel * (cosine > 0)


def dome_irradiance(dome: torch.Tensor, normal: torch.Tensor) -> torch.Tensor:
    """(3, n) what a matte white surface shows of (12, n) dome light, from bands 0 and 1.

    The clamped cosine is 1/4 + cos/2 + ...; see Ramamoorthi & Hanrahan 2001.
    """
    shown = [
        0.25 * dome[channel]
        + 0.5
        * (
            dome[3 + channel] * normal[0]
            + dome[6 + channel] * normal[1]
            + dome[9 + channel] * normal[2]
        )
        for channel in range(3)
    ]
    return torch.stack(shown).clamp_min(0)


def dot(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    """(n,) scalar products of (3, n) vectors."""
    return one[0] * two[0] + one[1] * two[1] + one[2] * two[2]


def unit(vectors: torch.Tensor) -> torch.Tensor:
    """(3, n) vectors of length 1; zero stays zero."""
    return vectors * dot(vectors, vectors).clamp_min(1e-16).rsqrt()


def _fifth(value: torch.Tensor) -> torch.Tensor:
    square = value * value
    return square * square * value


def _from_lamp(
    position: torch.Tensor, lamp: Lamp, middle: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(3, n) unit direction to a lamp; (n,) its strength relative to that at the middle."""
    direction = position.new_tensor(lamp.direction)[:, None]
    if math.isinf(lamp.distance_mm):
        return direction.expand_as(position), torch.ones_like(position[0])
    way = middle[:, None] + direction * lamp.distance_mm - position
    square = dot(way, way)
    return way * square.rsqrt(), lamp.distance_mm**2 / square


def _dome_gloss(at: Fragments) -> torch.Tensor:
    """(3, n) mirrored dome light: what is seen in the mirror direction, by Schlick's Fresnel.

    Source: Lazarov 2013, Getting more physical in Call of Duty: Black Ops II, for its strength.
    """
    roughness, reflectance = at.gloss
    facing = dot(at.normal, at.to_eye).clamp(0, 1)
    mirrored = unit(2 * facing * at.normal - at.to_eye)
    seen = dome_irradiance(at.dome, mirrored)
    grazing = (1 - roughness).clamp_min(0.25)
    fresnel = reflectance + (grazing - reflectance).clamp_min(0) * _fifth(1 - facing)
    return DOME_GLOSS * seen * fresnel


def _hair(
    at: Fragments, lighting: Lighting, middle: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Kajiya-Kay's cylinder with two shifted highlights, the second one coloured.

    Source: Kajiya & Kay 1989, Rendering fur with three dimensional textures; shifts after Marschner
    et al. 2003 in the form of Scheuermann 2004 (SIGGRAPH sketches).
    """
    irradiance = HAIR_DOME * dome_irradiance(at.dome, 0.5 * at.normal)
    specular = torch.zeros_like(irradiance)
    tinted = at.albedo / at.albedo.amax(0).clamp_min(1e-3) * at.albedo.mean(0).sqrt()
    for lamp, seen in zip(lighting.lamps, at.lamps):
        to_lamp, strength = _from_lamp(at.position, lamp, middle)
        strength = strength * seen
        along = dot(at.tangent, to_lamp)
        wrap = (dot(at.normal, to_lamp) + 0.5).clamp(0, 1)
        lit = HAIR_MATTE * (1 - along * along).clamp_min(0).sqrt() * wrap * strength
        half = unit(to_lamp + at.to_eye)
        lobes = []
        for shift, doublings, height in HAIR_LOBES:
            cosine = dot(unit(at.tangent + shift * at.normal), half)
            lobe = (1 - cosine * cosine).clamp_min(0)
            for _ in range(doublings - 1):
                lobe = lobe * lobe
            lobes.append(height * lobe)
        white, coloured = lobes[0] * wrap * strength, lobes[1] * wrap * strength
        for channel, colour in enumerate(lamp.colour.tolist()):
            irradiance[channel] += lit * colour
            specular[channel] += (white + coloured * tinted[channel]) * colour
    return irradiance, specular
