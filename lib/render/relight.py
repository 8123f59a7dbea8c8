"""Heads under any light: matte skin with shadows and a little light below it, and GGX highlights.

    colour = albedo * E(n) + sum over lamps of c * GGX + F * mirrored sky

with E the light that arrives, in shadows less, spread in skin by the width that its colour has.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from lib.errors import ShapeError
from lib.geometry import vertex_normals
from lib.imaging import linear_to_srgb
from lib.render.differentiable import ggx
from lib.render.harmonics import irradiance
from lib.render.light_sets import LightSet, softened
from lib.render.rasterise import Buffers, Camera, interpolate, render_buffers
from lib.render.shadows import lamp_share, light_transfer
from lib.render.texture import sample_texture

# How far light spreads in skin (mm, red green blue) and the share of it that does.
# Source: Jimenez et al. 2010, Real-time realistic skin translucency, widths of skin's profile.
SCATTER_MM = (1.3, 0.62, 0.36)
SCATTERED = (0.62, 0.5, 0.42)
SKY_ROUGHNESS = 0.35  # alpha at which the sky is seen mirrored in skin
GRAZING = 0.35  # most of the sky that rough skin mirrors at its rim, times 1 - roughness
SOFT_LAMP_DEG = 6.0  # wider lamps have shadows so soft that vertices tell them
SOFT_MAP_PX = 256

SoftShares = dict[int, np.ndarray]
LEAST_LIGHT = 0.02


@dataclass(frozen=True)
class Reflectance:
    """What a surface is made of, on its chart; row 0 is v = 1.

    Args:
        albedo: (rows, cols, 3) float32 linear RGB.
        specular: (rows, cols) float32, reflectance at normal incidence.
        roughness: (rows, cols) float32 of GGX; alpha is its square.
    """

    albedo: np.ndarray
    specular: np.ndarray
    roughness: np.ndarray


@dataclass(frozen=True)
class LitHead:
    """A head that can be looked at under any light.

    Args:
        vertices: (V, 3) mm, model frame.
        triangles: (T, 3)
        uv: (n_uv, 2)
        uv_triangles: (T, 3)
        reflectance: on that chart.
        skin: (T,) bool: triangles of skin, in which light spreads, and which casts the shadows.
        tilt: (rows, cols, 3) what relief adds to the unit normals of the skin, model frame; None =
            no relief.
        sky: (V, 9) of `light_transfer`.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    uv_triangles: np.ndarray
    reflectance: Reflectance
    skin: np.ndarray
    tilt: np.ndarray | None
    sky: np.ndarray


def lit_head(
    vertices: np.ndarray,
    triangles: np.ndarray,
    uv: np.ndarray,
    uv_triangles: np.ndarray,
    reflectance: Reflectance,
    skin: np.ndarray | None = None,
    tilt: np.ndarray | None = None,
) -> LitHead:
    """A head with the share of the sky that each vertex sees; arguments as in `LitHead`.

    Raises:
        ShapeError: maps or triangles do not fit together.
    """
    size = reflectance.albedo.shape[:2]
    for name in ("specular", "roughness"):
        found = getattr(reflectance, name).shape
        if found != size:
            raise ShapeError(name, found, f"{size}, as the albedo")
    if uv_triangles.shape != triangles.shape:
        raise ShapeError("uv_triangles", uv_triangles.shape, str(triangles.shape))
    skin = np.ones(len(triangles), bool) if skin is None else skin
    vertices = np.ascontiguousarray(vertices, np.float32)
    sky = light_transfer(vertices, triangles, skin)
    return LitHead(vertices, triangles, uv, uv_triangles, reflectance, skin, tilt, sky)


def soft_shares(head: LitHead, light: LightSet) -> SoftShares:
    """Index of a wide lamp -> (V,) share of it that the vertices see.

    Shadows of wide lamps are so soft that vertices tell them; those of others are looked for pixel
    by pixel.
    """
    normals, casting = vertex_normals(head.vertices, head.triangles), head.triangles[head.skin]
    return {
        k: lamp_share(head.vertices, normals, head.vertices, casting, lamp, map_px=SOFT_MAP_PX)
        for k, lamp in enumerate(light.lamps)
        if lamp.half_angle_deg > SOFT_LAMP_DEG
    }


def relight(
    head: LitHead,
    camera: Camera,
    size: tuple[int, int],
    light: LightSet,
    supersample: int = 2,
    background: tuple[float, float, float] | None = None,
    shares: SoftShares | None = None,
) -> np.ndarray:
    """What a camera sees of a head under a light.

    Args:
        head: the head.
        camera: where from.
        size: (h, w) px.
        light: lamps and sky, model frame.
        supersample: sub-pixels per pixel along each axis.
        background: linear RGB behind the head; None = the sky's mean colour, dimmed.
        shares: of `soft_shares`, to share them between cameras; None = work them out.

    Returns:
        (h, w, 4) float32: linear RGB, not limited to 1, and 0..1 covered; the background is laid
        below where that is less than 1.
    """
    shown = render_buffers(
        head.vertices, head.triangles, *camera, size=size, supersample=supersample
    )
    mask = shown.mask
    pixels = _pixels(head, shown, camera)
    received = np.zeros((*mask.shape, 3), np.float32)
    mirrored = np.zeros_like(received)
    shares = soft_shares(head, light) if shares is None else shares
    soft = {
        lamp: interpolate(shown, share[:, None], head.triangles)[mask][:, 0]
        for lamp, share in shares.items()
    }
    received[mask], mirrored[mask] = _light(head, pixels, light, soft)
    per_mm = camera.focal_px * supersample / max(float(np.median(shown.depth_mm[mask])), 1.0)
    on_skin = mask & head.skin[np.maximum(shown.triangle_id, 0)]
    received = _scattered(received, on_skin, per_mm)
    colour = mirrored
    colour[mask] += pixels.albedo * received[mask]
    behind = (0.35 * irradiance(np.array([0.0, 0.0, -1.0]), light.sky)).clip(0.01)
    behind = np.float32(behind if background is None else background)
    picture = np.dstack([np.where(mask[..., None], colour, behind), mask.astype(np.float32)])
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)


def developed(picture: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 sRGB of linear light; what is brighter than white rolls off softly."""
    linear = np.maximum(picture[..., :3], 0)
    knee = 0.8
    over = np.maximum(linear - knee, 0) / (1 - knee)
    soft = np.where(linear > knee, knee + (1 - knee) * (1 - np.exp(-over)), linear)
    return np.rint(255 * linear_to_srgb(soft)).astype(np.uint8)


@dataclass(frozen=True)
class _Pixels:
    """The surface at n pixels; see `LitHead`. `smooth` are normals without relief."""

    position: np.ndarray
    normal: np.ndarray
    smooth: np.ndarray
    to_eye: np.ndarray
    albedo: np.ndarray
    specular: np.ndarray
    roughness: np.ndarray
    sky: np.ndarray


def _pixels(head: LitHead, shown: Buffers, camera: Camera) -> _Pixels:
    mask = shown.mask
    normals = vertex_normals(head.vertices, head.triangles).astype(np.float32)
    values = np.concatenate([head.vertices, normals, head.sky], axis=1)
    at = interpolate(shown, values, head.triangles)[mask]
    uv = interpolate(shown, head.uv, head.uv_triangles)[mask]
    position, smooth = at[:, :3], _unit(at[:, 3:6])
    normal = smooth
    if head.tilt is not None:
        tilt = sample_texture(head.tilt, uv) * head.skin[shown.triangle_id[mask]][:, None]
        normal = _unit(smooth + tilt.astype(np.float32))
    eye = -camera.world_to_camera[:, :3].T @ camera.world_to_camera[:, 3]
    to_eye = _unit(eye.astype(np.float32) - position)
    maps = np.dstack([head.reflectance.albedo, head.reflectance.specular,
                      head.reflectance.roughness]).astype(np.float32)  # fmt: skip
    surface = sample_texture(maps, uv).astype(np.float32)
    return _Pixels(
        *(position, normal, smooth, to_eye, surface[:, :3], surface[:, 3], surface[:, 4]), at[:, 6:]
    )


def _light(
    head: LitHead, at: _Pixels, light: LightSet, soft: SoftShares
) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3) matte light that arrives, and (n, 3) mirrored light, at the pixels.

    Args:
        head: casts the shadows.
        at: the pixels.
        light: lamps and sky.
        soft: lamp -> (n,) share of it that arrives; of others it is looked for pixel by pixel.
    """
    open_sky = irradiance(at.smooth, light.sky)
    shaded = at.sky @ light.sky  # `at.sky` holds the bands' cosine already
    open_share = np.clip(shaded / np.maximum(open_sky, LEAST_LIGHT), 0, 1)
    received = np.maximum(irradiance(at.normal, light.sky), 0) * open_share
    mirrored = _mirrored_sky(at, light.sky) * open_share
    triangles = head.triangles[head.skin]
    for k, lamp in enumerate(light.lamps):
        cosine = np.maximum(at.normal @ lamp.direction.astype(np.float32), 0)
        if k in soft:
            share = soft[k]
        else:
            facing = np.flatnonzero(cosine > 0)
            share = np.zeros(len(cosine), np.float32)
            share[facing] = lamp_share(
                at.position[facing], at.smooth[facing], head.vertices, triangles, lamp
            )
        colour = lamp.colour.astype(np.float32)
        received += (share * cosine)[:, None] * colour
        mirrored += (share * _glint(at, lamp.direction, lamp.half_angle_deg))[:, None] * colour
    return received.astype(np.float32), mirrored.astype(np.float32)


def _glint(at: _Pixels, direction: np.ndarray, half_angle_deg: float) -> np.ndarray:
    """(n,) what a lamp of colour 1 shows mirrored; one with a size has a wider, lower lobe.

    Source: Karis 2013, Real shading in Unreal Engine 4, section on area lights, for its width; GGX
    of that width keeps the light.
    """
    wide = np.clip(at.roughness**2 + 0.5 * np.sin(np.radians(half_angle_deg)), 1e-3, 1)
    shown = ggx(
        torch.from_numpy(at.normal),
        torch.from_numpy(direction.astype(np.float32)).expand(len(at.normal), 3),
        torch.from_numpy(at.to_eye),
        torch.from_numpy(np.sqrt(wide)[:, None]),
        torch.from_numpy(at.specular[:, None]),
    )
    return shown.numpy()[:, 0]


def _mirrored_sky(at: _Pixels, sky: np.ndarray) -> np.ndarray:
    """(n, 3) sky seen in the mirror direction, by Schlick's Fresnel term.

    Source: Lazarov 2013, Getting more physical in Call of Duty: Black Ops II, for its strength at
    grazing angles; Lagarde & de Rousiers 2014, Moving Frostbite to physically based rendering, for
    surfaces that mirror less than anything does.
    """
    facing = np.clip((at.normal * at.to_eye).sum(axis=1), 0, 1)
    way = _unit(2 * facing[:, None] * at.normal - at.to_eye)
    seen = np.maximum(irradiance(way, softened(sky, SKY_ROUGHNESS)), 0)
    grazing = GRAZING * (1 - at.roughness) * np.minimum(1, 50 * at.specular)
    fresnel = at.specular + np.maximum(grazing - at.specular, 0) * (1 - facing) ** 5
    return seen * fresnel[:, None]


def _scattered(received: np.ndarray, skin: np.ndarray, px_per_mm: float) -> np.ndarray:
    """(h, w, 3) light (h, w, 3) after a share of it has spread below the skin (h, w)."""
    weight = skin.astype(np.float32)
    result = received.copy()
    for channel, (width, share) in enumerate(zip(SCATTER_MM, SCATTERED)):
        sigma = width * px_per_mm
        if sigma < 0.3:
            continue
        total = cv2.GaussianBlur(weight, (0, 0), sigma)
        soft = cv2.GaussianBlur(received[..., channel] * weight, (0, 0), sigma)
        mixed = received[..., channel] + share * (
            soft / np.maximum(total, 1e-6) - received[..., channel]
        )
        result[..., channel] = np.where(skin, mixed, received[..., channel])
    return result


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
